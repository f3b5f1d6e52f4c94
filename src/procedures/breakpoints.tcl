# Breakpoints and watchpoints.

# The breakpoints of all targets but the current one. On 0.12.0 a software breakpoint of an SMP group belongs to the group's first
# target, whichever it was set on (breakpoint_add in src/target/breakpoints.c).
proc _openocd_rs_1_other_breakpoints {} {
    set current [target current]
    set found {}
    set code [catch {
        foreach target [target names] {
            if {$target ne $current && ![catch {targets $target}]} { append found [bp] "\n" }
        }
    } result options]
    targets $current
    if {$code != 0} { return {*}$options $result }
    return $found
}

# What has to be known before a breakpoint or a watchpoint is set or removed:
# name, type, whether it is a RISC-V hart, examined and state of the current target, its breakpoints, those of the others, its watchpoints.
proc _openocd_rs_1_breakpoint_survey {} {
    set target [target current]
    set type [$target cget -type]
    return [list $target $type [_openocd_rs_1_is_riscv $type] [$target was_examined] [_openocd_rs_1_state] \
        [bp] [_openocd_rs_1_other_breakpoints] [wp]]
}

# Whether the memory holds a breakpoint instruction that OpenOCD writes: `bkpt 0x11` on Cortex-M, `ebreak` and `c.ebreak` on RISC-V.
proc _openocd_rs_1_is_breakpoint_instruction {bytes} {
    return [expr {$bytes in {{0x11 0xbe} {0x73 0x0 0x10 0x0} {0x2 0x90}}}]
}

# Whether the breakpoint unit of a Cortex-M has this comparator enabled (FP_CTRL and FP_COMPn, ARM DDI 0403, C1.11).
proc _openocd_rs_1_is_comparator_enabled {number} {
    set unit [read_memory 0xe0002000 32 1]
    set comparator [read_memory [expr {0xe0002008 + 4 * $number}] 32 1]
    return [expr {$unit & $comparator & 1}]
}

# Whether the watchpoint unit of a Cortex-M has a comparator that watches this address (DWT_CTRL, DWT_COMPn, DWT_FUNCTIONn, C1.8).
# Reading a function register clears its MATCHED bit, so only those of this address are read.
proc _openocd_rs_1_is_watched {address} {
    set count [expr {[read_memory 0xe0001000 32 1] >> 28}]
    for {set i 0} {$i < $count} {incr i} {
        set registers [expr {0xe0001020 + 16 * $i}]
        if {[read_memory $registers 32 1] == $address && [read_memory [expr {$registers + 8}] 32 1] & 0xf} { return 1 }
    }
    return 0
}

# Sets a breakpoint and looks whether the target has it: {1 own others} if so, {0 own others} if not, and then it is removed again.
# evidence: `memory` for a breakpoint instruction, `comparator` for a Cortex-M's breakpoint unit, `none` where there is no way to
# tell. OpenOCD looks at neither: it does not read back the instruction, which flash ignores, and cortex_m_set_breakpoint ignores
# whether the comparator could be written (src/target/cortex_m.c).
proc _openocd_rs_1_add_breakpoint {evidence address length args} {
    if {$evidence eq {memory}} { set before [list {*}[read_memory $address 8 $length]] }
    bp {*}$args
    set there 1
    if {$evidence ne {none}} {
        set there 0
        catch {
            if {$evidence eq {memory}} {
                set after [list {*}[read_memory $address 8 $length]]
                set there [expr {$after ne $before || [_openocd_rs_1_is_breakpoint_instruction $after]}]
            } else {
                # The line of this breakpoint ends with its comparator's number. Mainline lists it last, Espressif's build first.
                foreach line [split [bp] "\n"] {
                    if {[regexp {(0x[0-9a-f]+), .*[ =]([0-9]+)$} $line all at number] && $at == $address} {
                        set there [_openocd_rs_1_is_comparator_enabled $number]
                    }
                }
            }
        }
        if {!$there} { catch {rbp $address} }
    }
    return [list $there [bp] [_openocd_rs_1_other_breakpoints]]
}

# Removes a breakpoint and looks whether the target still has it: {1 own others before} if not, {0 own others before} if it has,
# where before is the list {own others} as it was right before: those of other targets may change at any other time.
# 0.12.0 forgets a breakpoint also when it could not take it out of the target (breakpoint_free in src/target/breakpoints.c).
proc _openocd_rs_1_remove_breakpoint {evidence address length number} {
    if {$evidence eq {memory}} { set before [list {*}[read_memory $address 8 $length]] }
    set listed [list [bp] [_openocd_rs_1_other_breakpoints]]
    rbp $address
    set gone 1
    if {$evidence eq {memory}} {
        set after [list {*}[read_memory $address 8 $length]]
        # Unchanged and no breakpoint instruction: the program was written anew meanwhile.
        set gone [expr {$after ne $before || ![_openocd_rs_1_is_breakpoint_instruction $after]}]
    } elseif {$evidence eq {comparator}} {
        set gone [expr {![_openocd_rs_1_is_comparator_enabled $number]}]
    }
    return [list $gone [bp] [_openocd_rs_1_other_breakpoints] {*}$listed]
}

# Removes a watchpoint: {1 watchpoints} if the target watches the address no more, {0 watchpoints} if it still does.
proc _openocd_rs_1_remove_watchpoint {evidence address} {
    rwp $address
    set gone 1
    if {$evidence eq {comparator}} { set gone [expr {![_openocd_rs_1_is_watched $address]}] }
    return [list $gone [wp]]
}
