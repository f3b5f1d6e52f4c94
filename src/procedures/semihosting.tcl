# Semihosting.

# Redirects the current target's semihosting to a free port: {port PORT CAN_END}, {busy TARGET {}}, or {none LOG {}}.
# CAN_END: OpenOCD survives the end of a redirection, at which it freed its memory twice before 5ff384be0 (October 2025). Nothing shows that without a crash;
# error codes in -errorcode came shortly after it (d2aeb5fcc), so who has them has it.
proc _openocd_rs_1_redirect {what} {
    global _openocd_rs_1_redirected
    set target [target current]
    set options {}
    catch {sleep} usage options
    set can_end [expr {[dict exists $options -errorcode] && [lindex [dict get $options -errorcode] 0] eq {OpenOCD}}]
    if {!$can_end && [info exists _openocd_rs_1_redirected($target)]} { return [list busy $target {}] }
    set all_logs {}
    # A redirection that can't be: said without a port.
    if {![string match {*is enabled*} [capture {set said [arm semihosting]; set said}]]} { arm semihosting_redirect disable }
    for {set try 0} {$try < 8} {incr try} {
        # As for an RTT server, which shows a free port without being used.
        lassign [_openocd_rs_1_informed [list rtt server start 0x0 0]] code result log
        if {$code != 0 || ![regexp {Listening on port ([0-9]+) for rtt} $log all port]} { append all_logs $result $log; break }
        rtt server stop 0x0
        lassign [_openocd_rs_1_informed [list arm semihosting_redirect tcp $port $what]] code result log
        if {$code == 0} {
            set _openocd_rs_1_redirected($target) $port
            return [list port $port $can_end]
        }
        append all_logs $result $log
    }
    return [list none $all_logs {}]
}
