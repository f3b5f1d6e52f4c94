# Notifications.

# Turns the notifications of this connection on, and with trace its trace data: 1 if they are on. `tcl notifications` came with
# newer code, which warns of the old name. Of a target whose state is not known yet, as right after `init`, OpenOCD does not notify that it halts
# (`src/target/cortex_m.c`: cortex_m_poll), hence the look at those.
proc _openocd_rs_1_notify {trace} {
    foreach target [target names] {
        if {[$target was_examined] && [$target curstate] eq {unknown}} { catch {$target arp_poll} }
    }
    set is_on 1
    set commands notifications
    if {$trace} { lappend commands trace }
    foreach command $commands {
        # What it says is its result or in the log, depending on version and caller.
        set answer [capture {if {[catch {tcl $command on} answer]} { tcl_$command on } else { set answer }}]
        if {![string match *enabled* $answer]} { set is_on 0 }
    }
    return $is_on
}

# RTT. OpenOCD has one setup for all targets and clients, so it is kept here, where all clients see it: target, address, size, id. The block is the
# address of the control block, empty while RTT is stopped.

# Runs a command with its informative log, which a `debug_level` below 2 would keep from `capture`: {code result log}.
proc _openocd_rs_1_informed {command} {
    set level 2
    regexp {[-0-9]+} [debug_level] level
    if {$level < 2} { debug_level 2 }
    set log [capture {set code [catch {uplevel 1 $command} result]; list}]
    if {$level < 2} { debug_level $level }
    return [list $code $result $log]
}

# Looks at every target that can be looked at, between OpenOCD's own polls: 1 if that failed for one. Not while calls of this crate have polling held
# off; `poll off` of somebody else's is about OpenOCD's own polls.
proc _openocd_rs_1_look_at_all {} {
    if {[info exists ::_openocd_rs_1_pauses] && $::_openocd_rs_1_pauses > 0} { return 0 }
    set failed 0
    foreach target [target names] {
        if {![$target was_examined]} continue
        if {[catch {$target arp_poll} message] && ![string match {*TAP is disabled*} $message]} { set failed 1 }
    }
    return $failed
}
