# Notifications.

# Turns the notifications of this connection on, and with `trace` its trace data: 1 if they are on.
# `tcl notifications` came with newer code, which warns of the old name. As long as OpenOCD does not
# know a target's state, as right after `init`, it does not notify that the target halts
# (`src/target/cortex_m.c`: cortex_m_poll). So those targets are polled.
proc _openocd_rs_1_notify {trace} {
    foreach target [target names] {
        if {[$target was_examined] && [$target curstate] eq {unknown}} { catch {$target arp_poll} }
    }
    set is_on 1
    set commands notifications
    if {$trace} { lappend commands trace }
    foreach command $commands {
        # The answer is in the result or in the log, depending on version and caller.
        lassign [_openocd_rs_1_informed {if {[catch {tcl $command on} answer]} { tcl_$command on } else { set answer }}] code result log
        # Before `init`, OpenOCD refuses.
        if {$code != 0} { error $result$log }
        if {![string match *enabled* $result$log]} { set is_on 0 }
    }
    return $is_on
}

# Polls every target that can be polled, between OpenOCD's own polls: `done`, `failed` if the poll
# of a target failed, or `paused` during a pause of polling. Another client's `poll off` has no
# effect here: it stops only OpenOCD's own polls.
proc _openocd_rs_1_poll_all {} {
    if {[_openocd_rs_1_is_polling_paused]} { return paused }
    set result done
    foreach target [target names] {
        if {![$target was_examined]} continue
        if {[catch {_openocd_rs_1_poll $target} message] && ![string match {*TAP is disabled*} $message]} { set result failed }
    }
    return $result
}
