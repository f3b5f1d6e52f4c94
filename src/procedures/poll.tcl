# The state of a target.

# Polls a target. That of a RISC-V hart fails if the hart does not answer, which most OpenOCDs only
# log: for 0.12.0 such a hart runs (riscv013_is_halted in src/target/riscv/riscv-013.c; poll_target
# in riscv-011.c), with those of Espressif it stays in its last state (riscv_openocd_poll in
# riscv.c). A hart that is just being reset may not answer for a moment, so there are several
# attempts, unless the first takes long: a chain that reads as busy makes OpenOCD wait for seconds.
proc _openocd_rs_1_poll {target} {
    if {[_openocd_rs_1_core_kind [$target cget -type]] ne {riscv}} {
        $target arp_poll
        return
    }
    set begun [clock milliseconds]
    while 1 {
        set log [_openocd_rs_1_with_errors_logged {capture {
            set code [catch {$target arp_poll} message options]
            list
        }}]
        if {$code} { return {*}$options $message }
        if {![_openocd_rs_1_tells_no_answer $log]} return
        if {[clock milliseconds] - $begun > 100} { return -code error -errorcode {OpenOCD -4} "$target does not answer" }
        sleep 40 busy
    }
}

# Whether what OpenOCD logged while it polled a RISC-V hart says that it could not read its state.
proc _openocd_rs_1_tells_no_answer {log} {
    foreach text {
        {*polling failed*}
        {*OpenOCD only supports Debug Module version*}
        {*failed read at 0x*}
        {*Failed read (NOP) at 0x*}
        {*DMI operation didn't complete*}
        {*Debugger is not authenticated*}
        {*Hart * doesn't exist*}
        {*failed jtag scan*}
        {*TDO seems to be stuck*}
    } {
        if {[string match $text $log]} { return 1 }
    }
    return 0
}

# Whether an access that began then took so long that more of its kind would not end in time: for
# each access to a hart that does not answer, OpenOCD waits 2 seconds or more.
proc _openocd_rs_1_took_long {begun} { return [expr {[clock milliseconds] - $begun > 1000}] }

# Polls the current target and returns its state. `curstate` alone is what the last background poll
# saw, up to 100 ms ago.
#
# The state of a target that is not examined is worth nothing: newer OpenOCD takes one whose poll
# failed for not examined, and keeps its last state, `halted` for example (handle_one_target in
# src/target/target.c).
proc _openocd_rs_1_state {} {
    set target [_openocd_rs_1_current]
    set state [$target curstate]
    if {![$target was_examined]} {
        if {$state in {{examine deferred} unavailable}} { return $state }
        return {*}[_openocd_rs_1_not_examined $target]
    }
    if {[catch {_openocd_rs_1_poll $target} message options]} {
        # The poll that finds a Cortex-M in lockup halts it, and fails once (cortex_m_poll in
        # src/target/cortex_m.c).
        if {[$target curstate] ne {halted} || [_openocd_rs_1_core_kind [$target cget -type]] eq {riscv}} {
            return {*}$options $message
        }
        $target arp_poll
    }
    # After a reset of the core, one poll says no more than that (cortex_m_poll: S_RESET_ST, which
    # reading it clears).
    if {[$target curstate] eq {reset}} { $target arp_poll }
    return [$target curstate]
}
