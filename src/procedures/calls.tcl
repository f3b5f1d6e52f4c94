# Who serves the semihosting calls of a target, and what others do to the target meanwhile.

# Claims: a dictionary from targets to {SERVER LEFT RESTORES}. A server that lives renews its claim
# all the time. Of one that was killed LEFT gets 0: it counts seconds as the pauses of polling do.
# RESTORES: OpenOCD served the calls before.

proc _openocd_rs_1_claim {target} {
    if {![info exists ::_openocd_rs_1_claims] || ![dict exists $::_openocd_rs_1_claims $target]} { return {{} 0 0} }
    return [dict get $::_openocd_rs_1_claims $target]
}

# Makes `server` the one who serves the current target's calls, and OpenOCD no more: name, type, and
# whether another server does, which then goes on. OpenOCD serves none of a type whose calls nobody
# here knows.
proc _openocd_rs_1_semihosting_claim {server} {
    set target [_openocd_rs_1_current]
    set type [$target cget -type]
    if {[_openocd_rs_1_core_kind $type] eq {other}} { return [list $target $type 0] }
    lassign [_openocd_rs_1_claim $target] other left restores
    if {$other ne $server && $left > 0} { return [list $target $type 1] }
    set is_enabled [_openocd_rs_1_semihosting_is_enabled]
    if {$is_enabled} { _openocd_rs_1_semihosting_turn disable }
    dict set ::_openocd_rs_1_claims $target [list $server 3 [expr {$restores || $is_enabled}]]
    _openocd_rs_1_start_ticks
    unset -nocomplain ::_openocd_rs_1_handed_out($target)
    return [list $target $type 0]
}

# Turns OpenOCD's own semihosting on or off.
proc _openocd_rs_1_semihosting_turn {what} {
    arm semihosting $what
    set is_enabled [_openocd_rs_1_semihosting_is_enabled]
    if {$is_enabled != ($what eq {enable})} { error "OpenOCD did not $what semihosting" }
}

# The same for a user. `served TARGET`, with nothing done, where it would serve the calls beside
# somebody else; and whoever serves them leaves it off at the end if it is turned off.
proc _openocd_rs_1_semihosting_set {what} {
    set target [_openocd_rs_1_current]
    if {[_openocd_rs_1_is_served $target]} {
        if {$what eq {enable}} { return "served $target" }
        lassign [_openocd_rs_1_claim $target] server left
        dict set ::_openocd_rs_1_claims $target [list $server $left 0]
    }
    return [uplevel #0 [list arm semihosting $what]]
}

# Renews the claim of a server: 1 if it has one.
proc _openocd_rs_1_renew_claim {target server} {
    lassign [_openocd_rs_1_claim $target] owner - restores
    if {$owner ne $server} { return 0 }
    dict set ::_openocd_rs_1_claims $target [list $server 3 $restores]
    return 1
}

proc _openocd_rs_1_semihosting_renew {server} { return [_openocd_rs_1_renew_claim [_openocd_rs_1_current] $server] }

# Ends the claim of a server, if it has one, and what it held. OpenOCD serves the calls again if it
# did before: in one step, so that no other server begins in between.
#
# `goes_on`: OpenOCD also serves the call at which the target waits. A run has told that its target
# is halted.
proc _openocd_rs_1_semihosting_release {server goes_on} {
    if {[lindex [_openocd_rs_1_claim [_openocd_rs_1_current]] 0] eq $server} { _openocd_rs_1_end_claim $goes_on }
    return
}

# The same for all claims of a client, whose names begin with `client`.
proc _openocd_rs_1_semihosting_release_all {client} {
    if {![info exists ::_openocd_rs_1_claims]} return
    foreach {target claim} $::_openocd_rs_1_claims {
        if {[string match "$client-*" [lindex $claim 0]]} { _openocd_rs_1_of $target _openocd_rs_1_end_claim 1 }
    }
}

# Ends the claim on the current target.
proc _openocd_rs_1_end_claim {goes_on} {
    set target [target current]
    set restores [lindex [_openocd_rs_1_claim $target] 2]
    set waits {}
    if {$restores} {
        set waits [_openocd_rs_1_unanswered_call $target]
        _openocd_rs_1_leave_held_call $target
    }
    dict unset ::_openocd_rs_1_claims $target
    unset -nocomplain ::_openocd_rs_1_handed_out($target)
    unset -nocomplain ::_openocd_rs_1_held($target)
    if {!$restores} return
    _openocd_rs_1_semihosting_turn enable
    # OpenOCD would exit, too.
    if {!$goes_on || $waits eq {} || [_openocd_rs_1_is_exit]} return
    # OpenOCD serves a call when it sees the core halt at it.
    set ::_openocd_rs_1_resumed_from($target) $waits
    set halted [_openocd_rs_1_other_halted $target]
    if {[_openocd_rs_1_core_kind [$target cget -type]] eq {cortex_m}} {
        _openocd_rs_1_resume_at_breakpoint $waits
    } else {
        resume
    }
    _openocd_rs_1_note_group $target $halted
}

# Whether the call at which the current target is halted is SYS_EXIT or SYS_EXIT_EXTENDED.
proc _openocd_rs_1_is_exit {} {
    set register r0
    if {[_openocd_rs_1_core_kind [[target current] cget -type]] eq {riscv}} { set register a0 }
    return [expr {[regexp {: (0x[0-9a-fA-F]+)} [reg $register] - number] && ($number == 0x18 || $number == 0x20)}]
}

# For the next `resume` of a target that a `halt` holds at a call: the call is made then, and
# OpenOCD serves it. A hart makes it in any case.
proc _openocd_rs_1_leave_held_call {target} {
    if {![info exists ::_openocd_rs_1_held($target)]} return
    set pc $::_openocd_rs_1_held($target)
    if {[_openocd_rs_1_core_kind [$target cget -type]] ne {cortex_m} || ![_openocd_rs_1_is_held $target $pc]} return
    # Written to OpenOCD's copy alone, until the target runs.
    reg pc $pc
    set ::_openocd_rs_1_reason($target) [list debug-request [$target get_reg {r0 r1 pc}]]
}

# The program counter of a call at which the target waits for its answer, or {}.
proc _openocd_rs_1_unanswered_call {target} {
    set status [_openocd_rs_1_status]
    if {[lindex $status 1] ne {halted} || ![regexp {0x[0-9a-fA-F]+} [lindex $status 3] pc]} return
    if {![_openocd_rs_1_is_made $target $status $pc] || ![llength [_openocd_rs_1_semihosting_call $pc]]} return
    return $pc
}

# A second has passed. A claim that nobody renews ends.
proc _openocd_rs_1_count_claims {} {
    foreach {target claim} $::_openocd_rs_1_claims {
        lassign $claim server left restores
        if {$left > 1} {
            dict set ::_openocd_rs_1_claims $target [list $server [incr left -1] $restores]
            continue
        }
        # With the claim, for what a `halt` holds.
        if {[catch {_openocd_rs_1_of $target _openocd_rs_1_end_claim 1} message]} {
            echo "semihosting of $target is not restored: $message"
            dict unset ::_openocd_rs_1_claims $target
        }
    }
}

proc _openocd_rs_1_is_served {target} { return [expr {[lindex [_openocd_rs_1_claim $target] 1] > 0}] }

# After `halt`: holds the current target if it is at a call that somebody serves. OpenOCD takes the
# call for the reason of the halt, and whoever serves it would resume the target. The hold lasts
# until the target runs, which the mark of new_halt_mark tells on a Cortex-M, or until nobody
# serves.
proc _openocd_rs_1_hold_at_call {} {
    set target [target current]
    if {![_openocd_rs_1_is_served $target]} return
    set pc [_openocd_rs_1_unanswered_call $target]
    if {$pc ne {}} { _openocd_rs_1_hold $target $pc }
}

proc _openocd_rs_1_hold {target pc} {
    set ::_openocd_rs_1_held($target) $pc
    if {[_openocd_rs_1_core_kind [$target cget -type]] eq {cortex_m}} _openocd_rs_1_new_halt_mark
}

# Whether a `halt` holds the current target at this program counter.
proc _openocd_rs_1_is_held {target pc} {
    if {![info exists ::_openocd_rs_1_held($target)] || $::_openocd_rs_1_held($target) != $pc} { return 0 }
    if {![_openocd_rs_1_is_served $target]} { return 0 }
    return [expr {[_openocd_rs_1_core_kind [$target cget -type]] ne {cortex_m} || [_openocd_rs_1_halt_mark] eq {dirty}}]
}
