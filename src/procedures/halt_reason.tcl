# Why a core is halted, where OpenOCD's own reason is wrong or says less than is known. Saves a
# round trip for each halt.

# The current target's name and state, for the error of a target that is not halted. `lost`: a
# RISC-V hart that does not answer, of which OpenOCD may say that it is not halted.
proc _openocd_rs_1_name_and_state {} {
    set target [_openocd_rs_1_current]
    if {[catch _openocd_rs_1_state state]} {
        set state [expr {[_openocd_rs_1_core_kind [$target cget -type]] eq {riscv} ? {lost} : {unknown}}]
    }
    return [list $target $state]
}

# The reason, or OpenOCD's own.
proc _openocd_rs_1_cortex_m_reason {target reason log pc} {
    if {![regexp {0x[0-9a-fA-F]+} $pc pc]} { return $reason }
    # The program counter in lockup (ARM DDI 0403, B1.5.15; with the Security Extension 0xeffffffe).
    # OpenOCD calls it debug-request, because it halts the core itself.
    if {$pc in {0xfffffffe 0xeffffffe}} { return lockup }
    # OpenOCD keeps the reason that it saw first.
    if {[_openocd_rs_1_is_held $target $pc]} { return debug-request }
    # OpenOCD keeps debug-request from a reset, and single-step from before it, also if the core
    # then runs into a breakpoint.
    set is_of_reset [expr {($reason in {debug-request single-step}
            || [string match {*due to debug-request*} $log] || [string match {*due to single-step*} $log])
            && [_openocd_rs_1_is_run_by_reset $target]}]
    # OpenOCD calls vector catch a breakpoint (cortex_m_examine_debug_reason in
    # src/target/cortex_m.c).
    if {!$is_of_reset && $reason ne {breakpoint} && ![string match {*due to breakpoint*} $log]} { return $reason }
    if {[llength [_openocd_rs_1_breakpoint_at $pc]]} { return breakpoint }
    if {!$is_of_reset} {
        set kept [_openocd_rs_1_kept_reason $target]
        if {$kept ne {}} { return $kept }
    }
    if {[catch {_openocd_rs_1_is_caught $pc} is_caught]} {
        _openocd_rs_1_clear_errors
    } elseif {$is_caught} {
        return exception-catch
    }
    # A BKPT of the firmware, which OpenOCD has in no list. 0xab is a semihosting call, for which
    # OpenOCD has no reason of its own.
    if {[catch {read_memory $pc 16 1} code]} {
        _openocd_rs_1_clear_errors
    } elseif {$code == 0xbeab} {
        return semihosting
    } elseif {$is_of_reset && ($code & 0xff00) == 0xbe00 && ![_openocd_rs_1_is_behind_sleep $target $pc]} {
        return breakpoint
    }
    return $reason
}

# Whether the instruction before `pc` puts the core to sleep, or each exception does at its end:
# then a core that a request has halted may have slept, and has not reached `pc`.
proc _openocd_rs_1_is_behind_sleep {target pc} {
    if {$pc < 4} { return 0 }
    set slept 0
    if {[catch {
        switch [_openocd_rs_1_core_kind [$target cget -type]] {
            cortex_m {
                # SLEEPONEXIT in SCR; WFE and WFI (ARM DDI 0403, A7.7.261).
                set slept [expr {[read_memory 0xe000ed10 32 1] & 2}]
                set code [read_memory [expr {$pc - 2}] 16 1]
                if {$code in {0xbf20 0xbf30}} { set slept 1 }
                if {$code in {0x8002 0x8003} && [read_memory [expr {$pc - 4}] 16 1] == 0xf3af} { set slept 1 }
            }
            riscv {
                lassign [read_memory [expr {$pc - 4}] 16 2] low high
                set slept [expr {$low == 0x73 && $high == 0x1050}]
            }
        }
    }]} { _openocd_rs_1_clear_errors }
    return [expr {$slept != 0}]
}

# Keeps the reason in a status of a halted target, which a program that OpenOCD runs in the target
# changes to `breakpoint`: for as long as the registers have these values and are not in the target
# yet, so until it runs. OpenOCD has put them into its copy alone.
proc _openocd_rs_1_keep_reason {status registers} {
    lassign $status target - reason - log
    if {$reason eq {}} { regexp {due to ([-a-z]+)} $log - reason }
    if {$reason ne {}} { set ::_openocd_rs_1_reason($target) [list $reason $registers] }
}

# Whether `resume` would pass a BKPT at `pc` that was never executed, as OpenOCD does where the halt
# is the end of a program of its own (armv7m_maybe_skip_bkpt_inst in src/target/armv7m.c).
proc _openocd_rs_1_would_pass_breakpoint {target pc} {
    if {[_openocd_rs_1_kept_reason $target] in {{} breakpoint}} { return 0 }
    return [_openocd_rs_1_is_at_bkpt $pc]
}

# Whether a BKPT of the program is at `pc`, and no breakpoint that OpenOCD knows.
proc _openocd_rs_1_is_at_bkpt {pc} {
    if {[llength [_openocd_rs_1_breakpoint_at $pc]]} { return 0 }
    if {[catch {read_memory $pc 16 1} code]} {
        _openocd_rs_1_clear_errors
        return 0
    }
    return [expr {($code & 0xff00) == 0xbe00}]
}

# Has the next `resume` execute the BKPT at `pc`: OpenOCD passes one if it takes it for the reason
# of the halt. A step of OpenOCD's there executes nothing, moves the program counter behind it, and
# is the reason from then on (cortex_m_step in src/target/cortex_m.c). Elsewhere it would execute
# something.
proc _openocd_rs_1_make_executable {pc} {
    reg pc $pc
    step
    reg pc $pc
}

proc _openocd_rs_1_resume_at_breakpoint {pc} {
    _openocd_rs_1_make_executable $pc
    resume
}

# The reason that was kept for a target, or {}.
proc _openocd_rs_1_kept_reason {target} {
    if {![info exists ::_openocd_rs_1_reason($target)]} return
    lassign $::_openocd_rs_1_reason($target) reason registers
    if {[$target get_reg [dict keys $registers]] ne $registers} return
    if {![regexp -line {^\([0-9]+\) pc \(/32\): 0x[0-9a-f]+ \(dirty\)} [_openocd_rs_1_of $target reg]]} return
    return $reason
}

# The reason of a RISC-V hart, or OpenOCD's own: `semihosting` at the `ebreak` of a semihosting
# call. OpenOCD 0.12.0 knows no reason of a hart, so there is none to make better.
proc _openocd_rs_1_riscv_reason {target reason pc} {
    if {![regexp {0x[0-9a-fA-F]+} $pc pc]} { return $reason }
    if {[_openocd_rs_1_is_held $target $pc]} { return debug-request }
    # OpenOCD's own reason is the step of _openocd_rs_1_run_hart.
    if {[info exists ::_openocd_rs_1_stopped_behind($target)] && $pc == $::_openocd_rs_1_stopped_behind($target)} {
        set reason breakpoint
    }
    if {$reason eq {breakpoint} && ![llength [_openocd_rs_1_breakpoint_at $pc]]
        && [_openocd_rs_1_is_riscv_call $pc]} { return semihosting }
    return $reason
}

# Whether the `ebreak` at `pc` is between the two shifts of register zero that make it a semihosting
# call (RISC-V Semihosting, 1.2).
proc _openocd_rs_1_is_riscv_call {pc} {
    if {$pc < 4 || [catch {read_memory [expr {$pc - 4}] 16 6} code]} { return 0 }
    foreach found $code expected {0x1013 0x01f0 0x0073 0x0010 0x5013 0x4070} {
        if {$found != $expected} { return 0 }
    }
    return 1
}

# Whether the current target, a Cortex-M, is halted at the first instruction of the handler of an
# exception that vector catch catches. DFSR would say it, but OpenOCD has cleared it by now. Vector
# catch halts the core before anything of the handler is executed, so also before a BKPT there.
# DEMCR comes first: nearly always it says that nothing is caught.
proc _openocd_rs_1_is_caught {pc} {
    set caught [expr {[read_memory 0xe000edfc 32 1] & 0xff1}]
    if {!$caught} { return 0 }
    set xpsr [_openocd_rs_1_xpsr]
    if {$xpsr eq {}} { return 0 }
    set exception [expr {$xpsr & 0x1ff}]
    # A reset leaves the core in thread mode; its vector is number 1.
    set number [expr {$exception ? $exception : 1}]
    if {!($caught & [_openocd_rs_1_catching_bits $exception $caught])} { return 0 }
    # Firmware jumps to a reset handler, too, as a bootloader does. Then a BKPT there is executed.
    if {!$exception && ([read_memory $pc 16 1] & 0xff00) == 0xbe00} { return 0 }
    set tables [read_memory 0xe000ed08 32 1]
    # With the Security Extension, the other table is that of the non-secure state.
    if {[regexp -line {^\([0-9]+\) msp_ns } [reg]]} { lappend tables [read_memory 0xe002ed08 32 1] }
    foreach table $tables {
        if {([read_memory [format 0x%x [expr {$table + 4 * $number}]] 32 1] & ~1) == $pc} { return 1 }
    }
    return 0
}

# xPSR of the current target, which is halted; empty if it has none. 0.12.0 calls it `xPSR`, newer
# versions `xpsr`.
proc _openocd_rs_1_xpsr {} {
    set xpsr {}
    if {[regexp -line -nocase {^\([0-9]+\) (xpsr) \(/32\)} [reg] - name]} { regexp {0x[0-9a-fA-F]+} [reg $name] xpsr }
    return $xpsr
}

# The bits of DEMCR that halt the core at the exception that it is in (ARM DDI 0403, B1.5.14 and
# C1.6.5): those for the kinds of fault that CFSR has, also if they became a HardFault, and those
# for the exception itself. ARMv6-M cores have no CFSR, and no bits that would need it.
proc _openocd_rs_1_catching_bits {exception caught} {
    switch $exception {
        0 { return 0x1 }
        3 { set kinds 0xffffffff }
        4 { set kinds 0xff }
        5 { set kinds 0xff00 }
        6 { set kinds 0xffff0000 }
        7 { return 0x800 }
        default { return 0 }
    }
    set bits 0
    if {$exception == 3} {
        if {$caught & 0x400} { return 0x400 }
        set hfsr [read_memory 0xe000ed2c 32 1]
        # The vector could not be read: VC_INTERR.
        if {$hfsr & 0x2} { set bits 0x200 }
        if {!($hfsr & 0x40000000)} { return $bits }
        # A SecureFault that became a HardFault.
        set bits [expr {$bits | 0x800}]
    }
    set cfsr [expr {[read_memory 0xe000ed28 32 1] & $kinds}]
    foreach {faults bit} {
        0x00000023 0x010
        0x00080000 0x020
        0x03000000 0x040
        0x00170000 0x080
        0x00002700 0x100
        0x00101818 0x200
    } {
        if {$cfsr & $faults} { set bits [expr {$bits | $bit}] }
    }
    return $bits
}

proc _openocd_rs_1_is_run_by_reset {target} {
    return [expr {[info exists ::_openocd_rs_1_run_by_reset] && $target in $::_openocd_rs_1_run_by_reset}]
}

# After an examination: a core that runs then does so by itself, as after a loss of power, and
# OpenOCD's reason of its next halt is that of an earlier one, as after a reset.
proc _openocd_rs_1_note_if_running {} {
    if {[catch _openocd_rs_1_state state] || $state eq {halted}} return
    if {[_openocd_rs_1_is_run_by_reset [target current]]} return
    lappend ::_openocd_rs_1_run_by_reset [target current]
}

# Before `halt`: if the current target still runs, then it is this `halt` that stops it.
proc _openocd_rs_1_forget_reset_if_running {} {
    set target [target current]
    if {![_openocd_rs_1_is_run_by_reset $target]} return
    if {[catch {_openocd_rs_1_state} state] || $state eq {halted}} return
    set others {}
    foreach name $::_openocd_rs_1_run_by_reset { if {$name ne $target} { lappend others $name } }
    set ::_openocd_rs_1_run_by_reset $others
}

# Makes the next `halt` send a request to halt. OpenOCD sends none to a core that it believes to be
# halted, which a reset by somebody else has made run. And 0.12.0 sends none to a core whose reset
# was the last thing that it saw: it takes it for its own `reset halt`, which has arranged for that
# (cortex_m_halt in src/target/cortex_m.c). Then the core of a firmware that resets itself again and
# again never halts. What is written is C_DEBUGEN and C_HALT in DHCSR. A failure comes to light in
# the `halt` behind this.
proc _openocd_rs_1_before_halt {} {
    set target [target current]
    if {[$target curstate] eq {halted}} { catch {$target arp_poll} }
    if {[$target curstate] eq {reset} && [_openocd_rs_1_core_kind [$target cget -type]] eq {cortex_m}} {
        catch {mww 0xe000edf0 0xa05f0003}
    }
}

# Asks the current target to halt, and does not wait for it.
proc _openocd_rs_1_begin_to_halt {} {
    _openocd_rs_1_current
    _openocd_rs_1_before_halt
    uplevel #0 {halt 0}
}
