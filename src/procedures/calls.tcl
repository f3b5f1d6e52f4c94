# Who serves the semihosting calls of a target, and what others do to the target meanwhile.

# Claims: a dictionary from targets to {SERVER LEFT RESTORES}. A server that lives renews its claim
# all the time. Of one that was killed LEFT gets 0: it counts seconds as the pauses of polling do.
# RESTORES: OpenOCD served the calls before.

proc _openocd_rs_1_claim {target} {
    if {![info exists ::_openocd_rs_1_claims] || ![dict exists $::_openocd_rs_1_claims $target]} { return {{} 0 0} }
    return [dict get $::_openocd_rs_1_claims $target]
}

# Makes `server` the one who serves the current target's calls: name, type, whether OpenOCD serves
# them, and whether another server does, which then goes on. OpenOCD serves none of a type whose
# calls nobody here knows.
proc _openocd_rs_1_semihosting_claim {server} {
    set target [_openocd_rs_1_current]
    set type [$target cget -type]
    if {[_openocd_rs_1_core_kind $type] eq {other}} { return [list $target $type 0 0] }
    lassign [_openocd_rs_1_claim $target] other left restores
    if {$other ne $server && $left > 0} { return [list $target $type 0 1] }
    set is_enabled [_openocd_rs_1_semihosting_is_enabled]
    dict set ::_openocd_rs_1_claims $target [list $server 3 [expr {$restores || $is_enabled}]]
    _openocd_rs_1_start_ticks
    unset -nocomplain ::_openocd_rs_1_handed_out($target)
    return [list $target $type $is_enabled 0]
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
proc _openocd_rs_1_semihosting_release {server} {
    set target [_openocd_rs_1_current]
    lassign [_openocd_rs_1_claim $target] owner - restores
    if {$owner ne $server} return
    dict unset ::_openocd_rs_1_claims $target
    unset -nocomplain ::_openocd_rs_1_handed_out($target)
    unset -nocomplain ::_openocd_rs_1_held($target)
    if {!$restores} return
    arm semihosting enable
    if {![_openocd_rs_1_semihosting_is_enabled]} { error {OpenOCD reports that semihosting is disabled} }
    return
}

# A second has passed.
proc _openocd_rs_1_count_claims {} {
    foreach {target claim} $::_openocd_rs_1_claims {
        lassign $claim server left restores
        if {$left > 0} { dict set ::_openocd_rs_1_claims $target [list $server [incr left -1] $restores] }
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
    set status [_openocd_rs_1_status]
    if {[lindex $status 1] ne {halted} || ![regexp {0x[0-9a-fA-F]+} [lindex $status 3] pc]} return
    if {![_openocd_rs_1_is_made $target $status $pc] || ![llength [_openocd_rs_1_semihosting_call $pc]]} return
    _openocd_rs_1_hold $target $pc
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
