# Resets.

# Resets everything, and returns the status of the current target. After a loss of power the first
# access is refused, with which newer OpenOCD has lost the target: it is examined then, and reset once
# more.
proc _openocd_rs_1_reset {command} {
    set reset { _openocd_rs_1_command $command; _openocd_rs_1_status }
    set code [catch $reset status options]
    if {$code && ![[target current] was_examined] && ![catch _openocd_rs_1_examine is_examined] && $is_examined} {
        set code [catch $reset status options]
    }
    if {$code} { return {*}$options $status }
    return $status
}

# Resets everything, and returns of every target whether it is examined, and its status. A target
# that was not examined before and is not now has a row like the others. It is a failure if the
# reset has lost a target, or if none answers.
proc _openocd_rs_1_reset_all {command} {
    _openocd_rs_1_current
    set examined {}
    foreach target [target names] {
        if {[$target was_examined]} { lappend examined $target }
    }
    _openocd_rs_1_with_errors_logged { _openocd_rs_1_command $command }
    set previous [target current]
    set code [catch {_openocd_rs_1_all_statuses} rows options]
    targets $previous
    if {$code != 0} { return {*}$options $rows }
    set answering 0
    foreach row $rows {
        lassign $row is_examined status
        if {$is_examined} { set answering 1 } elseif {[lindex $status 1] eq {unknown}} { lappend lost [lindex $status 0] }
    }
    if {[info exists lost]} {
        foreach target $lost {
            if {!$answering || $target in $examined} { return {*}[_openocd_rs_1_not_examined $target] }
        }
    }
    return $rows
}

# Whether it is examined, and the status, of every target; another target is current after it.
proc _openocd_rs_1_all_statuses {} {
    set rows {}
    foreach target [target names] {
        set state [$target curstate]
        if {[catch {targets $target}]} {
            # OpenOCD refuses that for a disabled TAP only (find_target in src/target/target.c).
            lappend rows [list 0 [list $target tap-disabled {} {} {}]]
        } elseif {[$target was_examined]} {
            lappend rows [list 1 [_openocd_rs_1_status]]
        } else {
            # Of any other state see _openocd_rs_1_state.
            if {$state ni {{examine deferred} unavailable}} { set state unknown }
            lappend rows [list 0 [list $target $state {} {} {}]]
        }
    }
    return $rows
}
