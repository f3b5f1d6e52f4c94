# SMP groups: OpenOCD halts and resumes the targets of a group together.

# The other targets of an SMP group, as far as is known: OpenOCD lists the groups nowhere, but a
# `resume` of one target lets the others run.
proc _openocd_rs_1_group {target} {
    if {![info exists ::_openocd_rs_1_groups($target)]} { return {} }
    return $::_openocd_rs_1_groups($target)
}

# Before a resume of a target, which ends the holds of its group. Returns the other targets that are
# halted.
proc _openocd_rs_1_begin_of_group_resume {target} {
    foreach other [_openocd_rs_1_group $target] {
        unset -nocomplain ::_openocd_rs_1_held($other)
        unset -nocomplain ::_openocd_rs_1_handed_out($other)
    }
    set halted {}
    foreach other [target names] {
        if {$other ne $target && [$other curstate] eq {halted}} { lappend halted $other }
    }
    return $halted
}

# After it: of the targets that were halted, those that run are of the same group.
proc _openocd_rs_1_note_group {target halted} {
    foreach other $halted {
        if {[$other curstate] ne {running}} continue
        foreach {one two} [list $target $other $other $target] {
            if {$two ni [_openocd_rs_1_group $one]} { lappend ::_openocd_rs_1_groups($one) $two }
        }
    }
}

# Polls the other targets that OpenOCD does not know to be halted, if the current one is a Cortex-M
# of an SMP group. OpenOCD sets breakpoints, and resumes the group, only if it has seen each halted;
# and a halt of one target halts the others unseen. From a `resume` of the group that it refuses,
# the current target alone goes on.
proc _openocd_rs_1_see_group {} {
    if {[llength [target names]] < 2 || [catch {cortex_m smp} smp] || ![string match *on* $smp]} return
    _openocd_rs_1_for_others {
        if {[[target current] was_examined] && [[target current] curstate] ne {halted}} { catch {[target current] arp_poll} }
    }
}

# Before a `resume`: OpenOCD would resume the other cores of an SMP group, too, and pass the
# semihosting calls at which they wait for an answer. They make them again instead.
proc _openocd_rs_1_keep_calls_of_group {} {
    if {[llength [target names]] < 2 || [catch {cortex_m smp} smp] || ![string match *on* $smp]} return
    _openocd_rs_1_for_others _openocd_rs_1_keep_call
}

proc _openocd_rs_1_keep_call {} {
    set target [target current]
    if {![_openocd_rs_1_is_served $target] || [$target curstate] ne {halted}} return
    if {![regexp {0x[0-9a-fA-F]+} [reg pc] pc] || ![_openocd_rs_1_is_at_bkpt $pc]} return
    if {![llength [_openocd_rs_1_semihosting_call $pc]]} return
    _openocd_rs_1_make_executable $pc
    set ::_openocd_rs_1_resumed_from($target) $pc
    # Its server may be about to answer: that answer is for the call when it is made again.
    if {[info exists ::_openocd_rs_1_handed_out($target)]} { set ::_openocd_rs_1_made_again($target) $pc }
}
