# Breakpoints and watchpoints.

# Runs a script with each target but the current one as the current target: {name result name result
# ...}. OpenOCD makes no target current whose TAP is disabled; those are left out.
proc _openocd_rs_1_for_others {script} {
    set current [target current]
    set found {}
    set code [catch {
        foreach target [target names] {
            if {$target ne $current && ![catch {targets $target}]} { lappend found $target [uplevel #0 $script] }
        }
    } result options]
    targets $current
    if {$code != 0} { return {*}$options $result }
    return $found
}

# Whether the memory holds a breakpoint instruction that OpenOCD writes: `bkpt 0x11` on Cortex-M,
# `ebreak` and `c.ebreak` on RISC-V.
proc _openocd_rs_1_is_breakpoint_instruction {bytes} {
    return [expr {$bytes in {{0x11 0xbe} {0x73 0x0 0x10 0x0} {0x2 0x90}}}]
}

# The software breakpoints of other targets that stop the current target too: {target address ...},
# where {target listing ...} are the others' listings. They are in memory that the two share:
# OpenOCD lists such a breakpoint for the target that it was set on, or of an SMP group on 0.12.0
# for the first target of the group (breakpoint_add in src/target/breakpoints.c).
proc _openocd_rs_1_shared_breakpoints {others} {
    set type [[target current] cget -type]
    if {[_openocd_rs_1_state] ne {halted} && $type ni {cortex_m hla_target}} { return {} }
    set shared {}
    foreach {target listing} $others {
        set line {^(?:IVA breakpoint: |Software breakpoint\(IVA\): addr=)(0x[0-9a-f]+), (?:len=)?(0x[0-9a-f]+),}
        foreach {- address length} [regexp -all -inline -line $line $listing] {
            if {![catch {_openocd_rs_1_read_memory $address 8 [expr {$length + 0}]} bytes] && [_openocd_rs_1_is_breakpoint_instruction [list {*}$bytes]]} {
                lappend shared $target $address
            }
        }
    }
    return $shared
}

# Returns what a caller must know before it sets, removes or lists a breakpoint or a watchpoint:
# name, type, whether it is a RISC-V hart, whether its comparators have numbers, examined and state
# of the current target, its breakpoints, those of the others ({target listing ...}), which of these
# it shares, its watchpoints, and if `checked` which of its breakpoints are in effect.
proc _openocd_rs_1_breakpoint_survey {checked} {
    set target [target current]
    set type [$target cget -type]
    set others [_openocd_rs_1_for_others bp]
    set is_riscv [expr {[_openocd_rs_1_core_kind $type] eq {riscv}}]
    # 0.12.0, which lacks this command, leaves the number of a hart's comparator as it was
    # allocated.
    set numbers_comparators [expr {!$is_riscv || [llength [info commands {riscv exec_progbuf}]]}]
    set own [bp]
    set in_effect {}
    if {$checked} { set in_effect [_openocd_rs_1_in_effect $own] }
    return [list $target $type $is_riscv $numbers_comparators [$target was_examined] [_openocd_rs_1_state] \
        $own $others [_openocd_rs_1_shared_breakpoints $others] [wp] $in_effect]
}

# Whether the current target has each of its breakpoints in OpenOCD's listing: 1, 0, or {} where
# nothing tells. OpenOCD goes on listing a breakpoint that a program was written over, or that went
# with the power of the core.
proc _openocd_rs_1_in_effect {listing} {
    set kind [_openocd_rs_1_core_kind [[target current] cget -type]]
    set is_readable [expr {$kind eq {cortex_m} || ($kind eq {riscv} && [_openocd_rs_1_state] eq {halted})}]
    set software {^(?:IVA breakpoint: |Software breakpoint\(IVA\): addr=)(0x[0-9a-f]+), (?:len=)?(0x[0-9a-f]+),}
    set hardware {^(?:Breakpoint\(IVA\): |Hardware breakpoint\(IVA\): addr=)(0x[0-9a-f]+), [^ ]+ (?:num=)?([0-9]+)$}
    set found {}
    foreach line [split [string trim $listing] "\n"] {
        # The second line of a hybrid breakpoint.
        if {[string match {*|--->*} $line]} continue
        set has {}
        if {$is_readable && [regexp $software $line - address length]} {
            catch {set has [_openocd_rs_1_is_breakpoint_instruction [list {*}[_openocd_rs_1_read_memory $address 8 [expr {$length + 0}]]]]}
        } elseif {$kind eq {cortex_m} && [regexp $hardware $line - address number]} {
            catch {set has [_openocd_rs_1_has_comparator $address $number]}
        }
        lappend found $has
    }
    return $found
}

# Whether this comparator of a Cortex-M's breakpoint unit is enabled, for this address: revision 1
# has the upper or the lower half of a word, revision 2 the address (FP_CTRL, FP_COMPn, ARM DDI
# 0403, C1.11, and ARM DDI 0553).
proc _openocd_rs_1_has_comparator {address number} {
    if {![_openocd_rs_1_is_comparator_enabled $number]} { return 0 }
    set comparator [read_memory [expr {0xe0002008 + 4 * $number}] 32 1]
    if {[read_memory 0xe0002000 32 1] >> 28} { return [expr {($comparator & 0xfffffffe) == ($address & 0xfffffffe)}] }
    set half [expr {$address & 2 ? 0x80000000 : 0x40000000}]
    return [expr {($comparator & 0x1ffffffc) == ($address & 0x1ffffffc) && ($comparator & $half)}]
}

# Whether the breakpoint unit of a Cortex-M has this comparator enabled (FP_CTRL and FP_COMPn, ARM
# DDI 0403, C1.11).
proc _openocd_rs_1_is_comparator_enabled {number} {
    set unit [read_memory 0xe0002000 32 1]
    set comparator [read_memory [expr {0xe0002008 + 4 * $number}] 32 1]
    return [expr {$unit & $comparator & 1}]
}

# Whether the watchpoint unit of a Cortex-M has a comparator that watches this address (DWT_CTRL,
# DWT_COMPn, DWT_FUNCTIONn, C1.8). Reading a function register clears its MATCHED bit, so only those
# of this address are read.
proc _openocd_rs_1_is_watched {address} {
    set count [expr {[read_memory 0xe0001000 32 1] >> 28}]
    for {set i 0} {$i < $count} {incr i} {
        set registers [expr {0xe0001020 + 16 * $i}]
        if {[read_memory $registers 32 1] == $address && [read_memory [expr {$registers + 8}] 32 1] & 0xf} { return 1 }
    }
    return 0
}

# Sets the hardware breakpoints of a Cortex-M anew if the core has lost one of them, as with its
# power. After an examination OpenOCD takes each comparator for free (cortex_m_examine in
# src/target/cortex_m.c). A new breakpoint would share one with a lost breakpoint, and end with it.
proc _openocd_rs_1_renew_lost_breakpoints {} {
    if {[_openocd_rs_1_core_kind [[target current] cget -type]] ne {cortex_m}} return
    set line {^(?:Breakpoint\(IVA\): |Hardware breakpoint\(IVA\): addr=)(0x[0-9a-f]+), (?:len=)?(0x[0-9a-f]+), (?:num=)?([0-9]+)$}
    set all {}
    set is_lost 0
    foreach {- address length number} [regexp -all -inline -line $line [bp]] {
        lappend all $address $length
        if {![_openocd_rs_1_has_comparator $address $number]} { set is_lost 1 }
    }
    if {!$is_lost} return
    foreach {address -} $all { rbp $address }
    foreach {address length} $all { bp $address $length hw }
}

# The same for watchpoints, which OpenOCD removes while the core is halted only. One that is new, and
# not in the core before the next `resume`, stays so.
proc _openocd_rs_1_renew_lost_watchpoints {} {
    if {[_openocd_rs_1_core_kind [[target current] cget -type]] ne {cortex_m} || [_openocd_rs_1_state] ne {halted}} return
    set line {^address: (0x[0-9a-f]+), len: (0x[0-9a-f]+), r/w/a: ([012rwa]),}
    set all {}
    set is_lost 0
    foreach {- address length access} [regexp -all -inline -line $line [wp]] {
        lappend all $address $length [string map {0 r 1 w 2 a} $access]
        if {![_openocd_rs_1_is_watched $address]} { set is_lost 1 }
    }
    if {!$is_lost} return
    foreach {address - -} $all { rwp $address }
    foreach {address length access} $all { wp $address $length $access }
}

# Sets a watchpoint, and returns all; `first` if it would only watch the first address. A hart whose
# triggers compare single addresses gets such a one from OpenOCD, with one warning for them all.
proc _openocd_rs_1_add_watchpoint {args} {
    _openocd_rs_1_renew_lost_watchpoints
    # OpenOCD counts the free comparators, and counts those of lost watchpoints twice. DWT_CTRL has
    # their number.
    if {[_openocd_rs_1_core_kind [[target current] cget -type]] eq {cortex_m}} {
        set listed [llength [regexp -all -inline -line {^address: } [wp]]]
        if {$listed >= [read_memory 0xe0001000 32 1] >> 28} {
            return -code error -errorcode {OpenOCD -308} "all comparators of [target current] are in use"
        }
    }
    _openocd_rs_1_see_group
    wp {*}$args
    lassign $args address length
    if {$length > 1 && [_openocd_rs_1_core_kind [[target current] cget -type]] eq {riscv}
        && ![catch {_openocd_rs_1_has_equality_trigger $address} has_one] && $has_one} {
        rwp $address
        return first
    }
    return [wp]
}

# Sets a breakpoint and checks that the target has it: {1 own others} if so; if not it is removed
# again, and the list begins with 0. It begins with `taken` if another target has set a software
# breakpoint there since the caller looked: OpenOCD would take that for the program. evidence: `memory` for a breakpoint instruction, `comparator`
# for the breakpoint unit of a Cortex-M, `none` if neither can be checked. OpenOCD checks neither:
# it does not read back the instruction, which flash ignores, and cortex_m_set_breakpoint ignores
# whether the comparator could be written (src/target/cortex_m.c).
proc _openocd_rs_1_add_breakpoint {evidence address length args} {
    switch -- $evidence {
        memory {
            set before [list {*}[_openocd_rs_1_read_memory $address 8 $length]]
            if {[_openocd_rs_1_is_breakpoint_instruction $before]} {
                foreach {- at} [_openocd_rs_1_shared_breakpoints [_openocd_rs_1_for_others bp]] {
                    if {$at == $address} { return {taken {} {}} }
                }
            }
        }
        comparator _openocd_rs_1_renew_lost_breakpoints
    }
    _openocd_rs_1_see_group
    bp {*}$args
    set there 1
    if {$evidence ne {none}} {
        set there 0
        catch {
            if {$evidence eq {memory}} {
                set after [list {*}[_openocd_rs_1_read_memory $address 8 $length]]
                set there [expr {$after ne $before || [_openocd_rs_1_is_breakpoint_instruction $after]}]
            } else {
                # The line of this breakpoint ends with the number of its comparator. Mainline lists
                # it last, Espressif's build first.
                foreach line [split [bp] "\n"] {
                    if {[regexp {(0x[0-9a-f]+), .*[ =]([0-9]+)$} $line all at number] && $at == $address} {
                        set there [_openocd_rs_1_has_comparator $address $number]
                    }
                }
            }
        }
        if {!$there} { catch {rbp $address} }
    }
    return [list $there [bp] [_openocd_rs_1_for_others bp]]
}

# The current target's breakpoint at an address: {LENGTH} or {LENGTH hw} as `bp` takes them, or {}.
proc _openocd_rs_1_breakpoint_at {address} {
    set number {(addr=)?(0x[0-9a-fA-F]+), (len=)?(0x[0-9a-fA-F]+)}
    foreach line [split [bp] "\n"] {
        if {![regexp "^(.*\[Bb\]reakpoint\\(IVA\\)|IVA breakpoint): $number" $line - kind - at - length]} continue
        if {$at != $address} continue
        if {[string match -nocase {*software*} $kind] || $kind eq {IVA breakpoint}} { return [list $length] }
        return [list $length hw]
    }
    return {}
}

# Runs `rbp` with the owner of a breakpoint as the current target. breakpoint: what `breakpoint_at`
# returns for it. OpenOCD writes back the instruction that a software breakpoint replaced, also if
# the memory holds another program by then (cortex_m_unset_breakpoint in src/target/cortex_m.c,
# riscv_remove_breakpoint in src/target/riscv/riscv.c). This procedure writes that program again,
# through the current target. It does so only where it knows the breakpoint instruction.
proc _openocd_rs_1_rbp {owner address breakpoint} {
    set kind [_openocd_rs_1_core_kind [[target current] cget -type]]
    set length 0
    if {[llength $breakpoint] == 1 && $kind in {cortex_m riscv}} { set length [expr {$breakpoint + 0}] }
    if {$length} { set program [list {*}[_openocd_rs_1_read_memory $address 8 $length]] }
    _openocd_rs_1_of $owner rbp $address
    if {!$length || [_openocd_rs_1_is_breakpoint_instruction $program]} return
    if {[list {*}[_openocd_rs_1_read_memory $address 8 $length]] eq $program} return
    write_memory $address 8 $program
    _openocd_rs_1_check_write
    if {[list {*}[_openocd_rs_1_read_memory $address 8 $length]] ne $program} {
        error "the memory held another program, and OpenOCD wrote the earlier instruction over it"
    }
}

# Sets the current target's own software breakpoint at an address anew if the program was written
# over it. Otherwise OpenOCD would execute the earlier instruction when a Cortex-M runs from there:
# it removes the breakpoint, makes a step and sets the breakpoint again (cortex_m_restore_one and
# cortex_m_step in src/target/cortex_m.c).
proc _openocd_rs_1_renew_overwritten {address} {
    set own [_openocd_rs_1_breakpoint_at $address]
    if {[llength $own] != 1} return
    if {[catch {_openocd_rs_1_read_memory $address 8 [expr {$own + 0}]} program]} return
    if {[_openocd_rs_1_is_breakpoint_instruction [list {*}$program]]} return
    _openocd_rs_1_rbp [target current] $address $own
    bp $address $own
}

# Removes a breakpoint that OpenOCD lists for `owner`, and checks that the current target no longer
# has it: {1 own others own_before others_before}; if the target still has it, the list begins with
# 0. The `before` lists are read in the same command: other clients may change breakpoints at any
# other time. 0.12.0 forgets a breakpoint also if it could not take it out of the target
# (breakpoint_free in src/target/breakpoints.c).
proc _openocd_rs_1_remove_breakpoint {evidence owner address length number} {
    set breakpoint {}
    if {$evidence eq {memory}} {
        set breakpoint [list $length]
        set before [list {*}[_openocd_rs_1_read_memory $address 8 $length]]
    }
    set listed [list [bp] [_openocd_rs_1_for_others bp]]
    if {$evidence eq {comparator}} _openocd_rs_1_renew_lost_breakpoints
    _openocd_rs_1_rbp $owner $address $breakpoint
    set gone 1
    if {$evidence eq {memory}} {
        set after [list {*}[_openocd_rs_1_read_memory $address 8 $length]]
        # Unchanged and not a breakpoint instruction: the program was written anew meanwhile.
        set gone [expr {$after ne $before || ![_openocd_rs_1_is_breakpoint_instruction $after]}]
    } elseif {$evidence eq {comparator}} {
        set gone [expr {![_openocd_rs_1_is_comparator_enabled $number]}]
    }
    return [list $gone [bp] [_openocd_rs_1_for_others bp] {*}$listed]
}

# Removes a watchpoint: {1 watchpoints} if the target no longer watches the address, {0 watchpoints}
# if it still does.
proc _openocd_rs_1_remove_watchpoint {evidence address} {
    _openocd_rs_1_renew_lost_watchpoints
    rwp $address
    set gone 1
    if {$evidence eq {comparator}} { set gone [expr {![_openocd_rs_1_is_watched $address]}] }
    return [list $gone [wp]]
}
