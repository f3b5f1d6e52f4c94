# Leaving a target: it runs as if no debugger had ever been there.

# The targets that are being left, or were: until they are resumed in another way. What `before_run`
# returns for the current target, which is one of them from now on.
proc _openocd_rs_1_begin_to_leave {} {
    set before [_openocd_rs_1_before_run]
    set ::_openocd_rs_1_left([target current]) 1
    return $before
}

# Resumes the halted current target as `from_halt` does, and returns the same. An `ebreak` of a
# RISC-V program traps from then on, as it does without a debugger: `resume` writes dcsr.ebreak… as
# OpenOCD is set. It does so to each hart of an SMP group, also to one that was left before.
# OpenOCD's setting is then as before, which is also why this is one step. 0.12.0 does not tell the
# setting; there it is on, as OpenOCD has it by default.
proc _openocd_rs_1_resume_and_leave {runs} {
    set target [_openocd_rs_1_current]
    if {[_openocd_rs_1_core_kind [$target cget -type]] ne {riscv}} { return [_openocd_rs_1_from_halt resume {} $runs] }
    set left [array names ::_openocd_rs_1_left]
    set settings {}
    foreach one $left {
        if {![catch {$one cget -ebreak} modes]} { lappend settings $one $modes }
    }
    set commands {set_ebreakm set_ebreaks set_ebreaku}
    if {[llength $settings]} {
        foreach {one -} $settings { $one configure -ebreak exception }
    } else {
        foreach command $commands { riscv $command off }
    }
    set code [catch {_openocd_rs_1_from_halt resume {} $runs} answer options]
    if {[llength $settings]} {
        foreach {one modes} $settings {
            foreach {mode action} $modes { $one configure -ebreak $mode $action }
        }
    } else {
        foreach command $commands { riscv $command on }
    }
    foreach one $left { set ::_openocd_rs_1_left($one) 1 }
    if {$code} { return {*}$options $answer }
    return $answer
}

# Turns debug mode off on a running Cortex-M. Returns name and state of the target, whatever it is.
# The breakpoint comparators come first: without debug mode a match is a fault (ARM DDI
# 0403, C1.11). OpenOCD has cleared its own; these are what another debugger left. A comparator that
# remaps belongs to the firmware.
proc _openocd_rs_1_debug_off {} {
    set target [_openocd_rs_1_current]
    if {[_openocd_rs_1_core_kind [$target cget -type]] ne {cortex_m}} { return [list $target [_openocd_rs_1_state]] }
    set control [read_memory 0xe0002000 32 1]
    set count [expr {($control >> 4 & 0xf) | ($control >> 8 & 0x70)}]
    set has_kinds [expr {$control >> 28 == 0}]
    for {set i 0} {$i < $count} {incr i} {
        set address [expr {0xe0002008 + 4 * $i}]
        set comparator [read_memory $address 32 1]
        if {$comparator & 1 && (!$has_kinds || $comparator & 0xc0000000)} { write_memory $address 32 0 }
    }
    # Only the key: C_DEBUGEN, C_HALT, C_STEP and C_MASKINTS become 0.
    write_memory 0xe000edf0 32 0xa05f0000
    _openocd_rs_1_check_write
    set state [_openocd_rs_1_state]
    set dhcsr [read_memory 0xe000edf0 32 1]
    if {$dhcsr & 1} { error "debug mode stays on: DHCSR is [format 0x%08x $dhcsr]" }
    return [list $target $state]
}

# Ends polling, deactivates the debug modules of RISC-V harts, and withdraws the request to power
# the debug domain of each DAP (CTRL/STAT, ARM IHI 0031, B2.2.2). OpenOCD can do nothing with its
# targets after this. A high-level adapter keeps its own requests.
proc _openocd_rs_1_power_down {} {
    if {![llength [target names]]} return
    poll off
    set daps {}
    foreach target [target names] {
        if {![$target was_examined]} continue
        if {[_openocd_rs_1_core_kind [$target cget -type]] eq {riscv}} {
            set base 0
            catch {set base [$target cget -dbgbase]}
            $target riscv dmi_write [expr {$base + 0x10}] 0
        }
        if {![string match *hla* [transport select]] && ![catch {$target cget -dap} dap] && $dap ni $daps} {
            lappend daps $dap
        }
    }
    foreach dap $daps {
        $dap dpreg 4 0
        set status [$dap dpreg 4]
        if {$status & 0x50000000} { error "the debug port of $dap keeps its power: CTRL/STAT is [format 0x%08x $status]" }
    }
}
