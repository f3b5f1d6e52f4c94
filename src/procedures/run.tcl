# Resume and step.

# Runs step or resume, which need a halted target. Returns outcome, status, type of the target, the
# program counter from which it was to run, and what was logged meanwhile. The outcome is `done` if
# OpenOCD says that the target ran, `running` if it was not halted, and `before` if it has run since
# `before_run` returned `runs`.
proc _openocd_rs_1_from_halt {command address {runs {}}} {
    set target [_openocd_rs_1_current]
    set type [$target cget -type]
    set kind [_openocd_rs_1_core_kind $type]
    _openocd_rs_1_with_errors_logged {
        if {$runs ne {} && $runs != [_openocd_rs_1_runs $target]} { return [list before [_openocd_rs_1_status] $type {} {}] }
        if {[_openocd_rs_1_state] ne {halted}} { return [list running [_openocd_rs_1_status] $type {} {}] }
        set pc {}
        catch {set pc [reg pc]}
        if {$address ne {}} {
            # Bit 0 marks Thumb code in the address of a function. OpenOCD would write it to the
            # program counter.
            if {$kind eq {cortex_m}} { set address [format 0x%x [expr {$address & ~1}]] }
            set pc [format {pc (/64): 0x%016lx} $address]
        }
        if {$kind eq {cortex_m} && [regexp {0x[0-9a-fA-F]+} $pc at]} {
            _openocd_rs_1_renew_overwritten $at
            if {$command eq {resume} && [_openocd_rs_1_is_served $target] && [_openocd_rs_1_is_at_bkpt $at]
                && ([_openocd_rs_1_is_held $target $at] || [_openocd_rs_1_unanswered_call $target] eq $at)} {
                # Whoever serves the calls answers this one. OpenOCD would pass the BKPT; executed,
                # it would halt the core again. So the end of a hold is all that there is to do.
                unset -nocomplain ::_openocd_rs_1_held($target)
                # The reason that a program in the target has kept is the hold's.
                unset -nocomplain ::_openocd_rs_1_reason($target)
                set ::_openocd_rs_1_resumed_from($target) $at
                return [list done [_openocd_rs_1_status] $type $pc {}]
            }
            if {$command eq {resume} && [_openocd_rs_1_would_pass_breakpoint $target $at]} {
                lassign [list _openocd_rs_1_resume_at_breakpoint $at] command address
            }
            unset -nocomplain ::_openocd_rs_1_reason($target)
        }
        unset -nocomplain ::_openocd_rs_1_held($target)
        unset -nocomplain ::_openocd_rs_1_handed_out($target)
        # For _openocd_rs_1_is_halted_before.
        unset -nocomplain ::_openocd_rs_1_resumed_from($target)
        if {$command eq {resume} && [regexp {0x[0-9a-fA-F]+} $pc at]} { set ::_openocd_rs_1_resumed_from($target) $at }
        if {[info exists ::_openocd_rs_1_run_by_reset]} {
            set others {}
            foreach name $::_openocd_rs_1_run_by_reset { if {$name ne $target} { lappend others $name } }
            set ::_openocd_rs_1_run_by_reset $others
        }
        if {$command ne {step}} {
            _openocd_rs_1_see_group
            _openocd_rs_1_keep_calls_of_group
        }
        set halted [_openocd_rs_1_begin_of_group_resume $target]
        set log [capture {
            set code [catch {
                if {$kind eq {riscv}} {
                    _openocd_rs_1_run_hart $command $address $pc
                } else {
                    {*}$command {*}$address
                }
            } text options]
            list
        }]
        _openocd_rs_1_note_group $target $halted
        if {$code} { return {*}$options $text }
        return [list done [_openocd_rs_1_status] $type $pc $log]
    }
}

# Runs step or resume of a RISC-V hart, past a breakpoint at its program counter. OpenOCD 0.12.0
# executes nothing there; newer ones resume past it only if the hart halted because of it. No
# OpenOCD knows of a software breakpoint that another hart has in memory that the two share. The
# same for each hart of an SMP group that a `resume` lets run, too. Here, so that no poll and no
# other client sees the program without the breakpoint.
proc _openocd_rs_1_run_hart {command address pc} {
    array unset ::_openocd_rs_1_stopped_behind
    set current [target current]
    if {$command ne {resume}} {
        if {![_openocd_rs_1_step_past $address $pc]} { {*}$command {*}$address }
        return
    }
    set others [_openocd_rs_1_group_at_breakpoints]
    set stepped {}
    if {[_openocd_rs_1_step_past $address $pc]} {
        lappend stepped $current
    } elseif {$address ne {}} {
        # `resume ADDRESS` would have all harts of an SMP group run from there.
        reg pc $address
    }
    foreach {other at} $others {
        if {[_openocd_rs_1_of $other _openocd_rs_1_step_past {} $at]} { lappend stepped $other }
    }
    # Of a breakpoint right behind, `resume` would make 0.12.0 halt without a reason, and newer ones
    # pass it.
    foreach hart $stepped {
        if {[catch {_openocd_rs_1_of $hart reg pc} now] || ![regexp {0x[0-9a-fA-F]+} $now at]} continue
        set breakpoint [_openocd_rs_1_of $hart _openocd_rs_1_breakpoint_at $at]
        if {![llength $breakpoint]} continue
        set ::_openocd_rs_1_stopped_behind($hart) $at
        _openocd_rs_1_learn_group $hart $at $breakpoint
    }
    if {![array size ::_openocd_rs_1_stopped_behind]} resume
}

# Steps the current hart if a breakpoint stops it at its program counter, or at the address from
# which it is to run: 1 if it did.
proc _openocd_rs_1_step_past {address pc} {
    if {![regexp {0x[0-9a-fA-F]+} $pc at]} { return 0 }
    set removed {}
    set code [catch {_openocd_rs_1_remove_breakpoints_at $at} text options]
    if {!$code} {
        if {![llength $removed]} { return 0 }
        set code [catch {step {*}$address} text options]
    }
    foreach {target breakpoint} $removed { _openocd_rs_1_set_again $target $at $breakpoint }
    if {$code} { return {*}$options $text }
    return 1
}

proc _openocd_rs_1_set_again {target address breakpoint} {
    if {[catch {_openocd_rs_1_of $target bp $address {*}$breakpoint} message]} {
        error "the breakpoint at $address could not be set again: $message"
    }
}

# Removes what stops the current target at an address: its own breakpoint, and software breakpoints
# that other targets have in memory that they share with it. Adds each to the caller's list
# `removed`, which is {target breakpoint ...}. OpenOCD 0.12.0 forgets a breakpoint of a running hart
# and leaves its instruction in memory, so that is a failure before anything is removed from there.
proc _openocd_rs_1_remove_breakpoints_at {address} {
    upvar 1 removed removed
    set own [_openocd_rs_1_breakpoint_at $address]
    if {[llength $own]} {
        _openocd_rs_1_rbp [target current] $address $own
        lappend removed [target current] $own
    }
    set others [_openocd_rs_1_for_others bp]
    if {![llength $others]} return
    foreach {target at} [_openocd_rs_1_shared_breakpoints $others] {
        if {$at != $address} continue
        if {[_openocd_rs_1_of $target _openocd_rs_1_state] ne {halted}} {
            error "$target has a breakpoint at $address in memory that both share, and is running: halt it first"
        }
        set breakpoint [_openocd_rs_1_of $target _openocd_rs_1_breakpoint_at $address]
        _openocd_rs_1_rbp $target $address $breakpoint
        lappend removed $target $breakpoint
    }
}

# After a step that did not move: moves the target behind the breakpoint instruction at its program
# counter. {passed STATUS} if it did, {foreign STATUS} if another target has a breakpoint there,
# {other STATUS} if there is no breakpoint instruction, or the target's own breakpoint.
proc _openocd_rs_1_pass_breakpoint_instruction {pc} {
    set length 0
    switch [_openocd_rs_1_core_kind [[_openocd_rs_1_current] cget -type]] {
        cortex_m {
            if {![catch {read_memory $pc 16 1} code] && ($code & 0xff00) == 0xbe00} { set length 2 }
        }
        riscv {
            if {![catch {read_memory $pc 16 2} code]} {
                if {[lindex $code 0] == 0x9002} { set length 2 }
                if {[lindex $code 0] == 0x0073 && [lindex $code 1] == 0x0010} { set length 4 }
            }
        }
    }
    if {!$length || [llength [_openocd_rs_1_breakpoint_at $pc]]} { return [list other [_openocd_rs_1_status]] }
    set current [target current]
    set foreign 0
    foreach target [target names] {
        if {$target eq $current || [catch {targets $target}]} continue
        if {[catch {_openocd_rs_1_breakpoint_at $pc} found] || [llength $found]} { set foreign 1 }
    }
    targets $current
    if {$foreign} { return [list foreign [_openocd_rs_1_status]] }
    reg pc [format 0x%x [expr {$pc + $length}]]
    return [list passed [_openocd_rs_1_status]]
}
