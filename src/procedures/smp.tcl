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
    return [_openocd_rs_1_other_halted $target]
}

proc _openocd_rs_1_other_halted {target} {
    set halted {}
    foreach other [target names] {
        if {$other ne $target && [$other curstate] eq {halted}} { lappend halted $other }
    }
    return $halted
}

# After it: of the targets that were halted, those that run are of the same group. Counts for each
# that it was let run. Where a breakpoint is right behind that of a hart, the group ran as well.
proc _openocd_rs_1_note_group {target halted} {
    set ran $target
    set group [_openocd_rs_1_group $target]
    foreach one [list $target {*}$group] {
        if {[info exists ::_openocd_rs_1_stopped_behind($one)]} { set ran [list $target {*}$group] }
    }
    foreach other $halted {
        if {[$other curstate] eq {running} && $other ni $ran} { lappend ran $other }
    }
    foreach one $ran {
        set ::_openocd_rs_1_runs($one) [expr {[_openocd_rs_1_runs $one] + 1}]
        unset -nocomplain ::_openocd_rs_1_left($one)
    }
    foreach other $halted {
        if {[$other curstate] ne {running}} continue
        _openocd_rs_1_note_pair $target $other
    }
}

proc _openocd_rs_1_note_pair {target other} {
    foreach {one two} [list $target $other $other $target] {
        if {$two ni [_openocd_rs_1_group $one]} { lappend ::_openocd_rs_1_groups($one) $two }
    }
}

# How often this crate has resumed or stepped a target, alone or with its group. Another client's
# `resume` does not count.
proc _openocd_rs_1_runs {target} {
    if {![info exists ::_openocd_rs_1_runs($target)]} { return 0 }
    return $::_openocd_rs_1_runs($target)
}

# The status of the current target, and what tells later whether it has run since: also with its
# group, and if it is halted again by then, at the same place.
proc _openocd_rs_1_before_run {} {
    set status [_openocd_rs_1_status]
    return [list $status [_openocd_rs_1_runs [target current]]]
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

# Whether another target of the group of the current one has halted the group meanwhile: at a
# breakpoint, a watchpoint or what vector catch catches, and not at a call that somebody answers.
proc _openocd_rs_1_has_group_stopped {target} {
    set group [_openocd_rs_1_group $target]
    if {[llength $group]} _openocd_rs_1_see_group
    foreach other $group {
        if {[$other curstate] eq {halted} && [_openocd_rs_1_of $other _openocd_rs_1_has_stopped]} { return 1 }
    }
    return 0
}

proc _openocd_rs_1_has_stopped {} {
    set target [target current]
    if {![regexp {0x[0-9a-fA-F]+} [reg pc] pc]} { return 0 }
    if {![_openocd_rs_1_is_served $target] || ![llength [_openocd_rs_1_semihosting_call $pc]]} {
        # One that another has halted has the reason debug-request.
        if {[llength [info commands "$target debug_reason"]]
            && [$target debug_reason] in {breakpoint watchpoint watchpoint-and-breakpoint exception-catch}} { return 1 }
        if {[_openocd_rs_1_core_kind [$target cget -type]] eq {cortex_m} && [_openocd_rs_1_is_at_bkpt $pc]} { return 1 }
    }
    foreach {owner -} [list $target {} {*}[_openocd_rs_1_for_others bp]] {
        if {[llength [_openocd_rs_1_stops $target $pc $owner]]} { return 1 }
    }
    return 0
}

# The halted harts that a `resume` of the current hart would let run, too, and that are at a
# breakpoint: {hart pc ...}.
proc _openocd_rs_1_group_at_breakpoints {} {
    set current [target current]
    set listings [list $current [bp] {*}[_openocd_rs_1_for_others bp]]
    if {[llength $listings] <= 2 || ![string match *0x* $listings]} { return {} }
    set found {}
    foreach hart [target names] {
        if {$hart eq $current || ![$hart was_examined] || [$hart curstate] ne {halted}} continue
        if {[_openocd_rs_1_core_kind [$hart cget -type]] ne {riscv}} continue
        if {[catch {_openocd_rs_1_of $hart reg pc} pc] || ![regexp {0x[0-9a-fA-F]+} $pc at]} continue
        foreach {owner -} $listings {
            if {[_openocd_rs_1_is_stopped_with $current $hart $at $owner]} {
                lappend found $hart $at
                break
            }
        }
    }
    return $found
}

# Whether the breakpoint of `owner` at an address stops a halted hart, and the hart is of the
# current one's group. OpenOCD tells no groups. But it removes a breakpoint through every target of
# the group of its owner, and through no other target.
proc _openocd_rs_1_is_stopped_with {current hart address owner} {
    set breakpoint [_openocd_rs_1_stops $hart $address $owner]
    if {![llength $breakpoint]} { return 0 }
    if {$hart in [_openocd_rs_1_group $current]} { return 1 }
    foreach remover [list $current $hart] {
        if {$remover ne $owner && ![_openocd_rs_1_is_of_group_of $remover $owner $address $breakpoint]} { return 0 }
    }
    _openocd_rs_1_note_pair $current $hart
    return 1
}

# The breakpoint of `owner` that stops a halted target at an address, as of `breakpoint_at`, or {}.
proc _openocd_rs_1_stops {target address owner} {
    set breakpoint [_openocd_rs_1_of $owner _openocd_rs_1_breakpoint_at $address]
    if {[llength $breakpoint] == 1} {
        # A program may have been written over it.
        if {[catch {_openocd_rs_1_of $target _openocd_rs_1_read_memory $address 8 [expr {$breakpoint + 0}]} bytes]
            || ![_openocd_rs_1_is_breakpoint_instruction [list {*}$bytes]]} { return {} }
    } elseif {$owner ne $target} {
        return {}
    }
    return $breakpoint
}

# Finds the group of a hart that has a breakpoint at an address.
proc _openocd_rs_1_learn_group {hart address breakpoint} {
    foreach other [target names] {
        if {$other eq $hart || $other in [_openocd_rs_1_group $hart] || [$other curstate] ne {halted}} continue
        if {[_openocd_rs_1_core_kind [$other cget -type]] ne {riscv}} continue
        if {[_openocd_rs_1_is_of_group_of $other $hart $address $breakpoint]} { _openocd_rs_1_note_pair $hart $other }
    }
}

# Whether `owner`, which has a breakpoint at an address, is of the group of `remover`. Sets what it
# removes again.
proc _openocd_rs_1_is_of_group_of {remover owner address breakpoint} {
    set own [_openocd_rs_1_of $remover _openocd_rs_1_breakpoint_at $address]
    set level 0
    regexp {[-0-9]+} [debug_level] level
    # Otherwise OpenOCD logs as an error that there is none.
    debug_level -1
    catch {_openocd_rs_1_of $remover rbp $address}
    debug_level $level
    if {![llength [_openocd_rs_1_of $owner _openocd_rs_1_breakpoint_at $address]]} {
        _openocd_rs_1_set_again $owner $address $breakpoint
        return 1
    }
    if {[llength $own]} { _openocd_rs_1_set_again $remover $address $own }
    return 0
}
