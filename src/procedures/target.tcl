# State and run control.

# The current target's state after a fresh look at the target. `curstate` alone is what the last background poll saw,
# up to 100 ms ago.
#
# Of a target that is not examined it is worth nothing: newer OpenOCD takes one whose poll failed for not examined, and keeps its last
# state, `halted` for example (handle_one_target in src/target/target.c). -311 is ERROR_TARGET_NOT_EXAMINED.
proc _openocd_rs_1_state {} {
    set target [target current]
    set state [$target curstate]
    if {![$target was_examined]} {
        if {$state in {{examine deferred} unavailable}} { return $state }
        return {*}[_openocd_rs_1_not_examined $target]
    }
    $target arp_poll
    # Of a core that has been reset since the last look, one look says no more than that (cortex_m_poll in src/target/cortex_m.c: S_RESET_ST, which
    # reading it clears).
    if {[$target curstate] eq {reset}} { $target arp_poll }
    return [$target curstate]
}

# What `return` takes to fail because of such a target.
proc _openocd_rs_1_not_examined {target} {
    return [list -code error -errorcode {OpenOCD -311} "$target is not examined: OpenOCD has lost it, or never reached it"]
}

# name, state, debug reason, program counter, log of the arch state.
# `debug_reason` came with 42441fd96 (November 2023). Before, the reason is only in what `poll` logs of a halted target;
# the test target `testee` has no arch state and makes 0.12.0 crash there.
proc _openocd_rs_1_status {} {
    set target [target current]
    set state [_openocd_rs_1_state]
    set reason {}
    set pc {}
    set log {}
    if {$state eq {halted}} {
        if {[catch {set reason [$target debug_reason]}] && [$target cget -type] ne {testee}} {
            catch {set log [capture {poll; list}]}
        }
        catch {set pc [reg pc]}
    }
    return [list $target $state $reason $pc $log]
}

# name, type, endianness, TAP, state, examined of every target.
proc _openocd_rs_1_targets {} {
    set rows {}
    foreach target [target names] {
        set tap {}
        catch {set tap [$target cget -chain-position]}
        lappend rows [list $target [$target cget -type] [$target cget -endian] $tap [$target curstate] [$target was_examined]]
    }
    return $rows
}

# Runs step or resume, which need a halted target: {done STATUS ARMV7M PC LOG} if OpenOCD says that it ran, where PC is where it was to run
# from and LOG is what was logged meanwhile; {running STATUS} if the target was not halted; {odd STATUS} for an address that no
# Cortex-M can run at, which OpenOCD would write to the pc as it is.
proc _openocd_rs_1_from_halt {command address} {
    if {[_openocd_rs_1_state] ne {halted}} { return [list running [_openocd_rs_1_status] 0 {} {}] }
    set armv7m [expr {[[target current] cget -type] in {cortex_m hla_target}}]
    if {$address ne {} && $address & 1 && $armv7m} { return [list odd [_openocd_rs_1_status] 1 {} {}] }
    set pc {}
    catch {set pc [reg pc]}
    if {$address ne {}} { set pc "pc (/64): $address" }
    set log [capture {set code [catch {{*}$command {*}$address} text options]; list}]
    if {$code} { return {*}$options $text }
    return [list done [_openocd_rs_1_status] $armv7m $pc $log]
}

# Resets everything, and returns of every target whether it is examined and its status. A target that was not examined before and is
# not now has a row like the others; it is a failure if the reset has lost one, or if none answers.
proc _openocd_rs_1_reset_all {command} {
    set examined {}
    foreach target [target names] {
        if {[$target was_examined]} { lappend examined $target }
    }
    uplevel #0 $command
    set previous [target current]
    set code [catch {_openocd_rs_1_all_statuses} rows options]
    targets $previous
    if {$code != 0} { return {*}$options $rows }
    set answering 0
    foreach row $rows {
        lassign $row is_examined status
        if {$is_examined} { set answering 1 } elseif {[lindex $status 1] eq {unknown}} { lappend lost [lindex $status 0] }
    }
    if {[info exists lost]} {
        foreach target $lost {
            if {!$answering || $target in $examined} { return {*}[_openocd_rs_1_not_examined $target] }
        }
    }
    return $rows
}

# Whether it is examined, and the status, of every target; another target is current after it.
proc _openocd_rs_1_all_statuses {} {
    set rows {}
    foreach target [target names] {
        set state [$target curstate]
        if {[catch {targets $target}]} {
            # OpenOCD refuses that for a disabled TAP only (find_target in src/target/target.c).
            lappend rows [list 0 [list $target tap-disabled {} {} {}]]
        } elseif {[$target was_examined]} {
            lappend rows [list 1 [_openocd_rs_1_status]]
        } else {
            # Of any other state see _openocd_rs_1_state.
            if {$state ni {{examine deferred} unavailable}} { set state unknown }
            lappend rows [list 0 [list $target $state {} {} {}]]
        }
    }
    return $rows
}
