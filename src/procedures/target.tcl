# Targets: state, halt, polling.

# The current target's name; a failure if there are no targets, which newer OpenOCD and 0.12.0 would
# not all survive. `Error::refused` knows the text.
proc _openocd_rs_1_current {} {
    if {![llength [target names]]} { error {no target is configured} }
    return [target current]
}

# Runs a script, for which OpenOCD has no commands if there are no targets.
proc _openocd_rs_1_with_target {script} {
    _openocd_rs_1_current
    return [uplevel #0 $script]
}

# Which core a type of target is: cortex_m, riscv or other. `CoreKind::of` in src/target/kind.rs is
# the same rule.
proc _openocd_rs_1_core_kind {type} {
    if {$type in {cortex_m hla_target}} { return cortex_m }
    if {$type eq {riscv} || ([string match esp32* $type] && $type ni {esp32 esp32s2 esp32s3})} { return riscv }
    return other
}

# The width of an address of the current target, for an access beyond 4 GiB: OpenOCD drops the upper
# half of an address that a 32-bit access port cannot carry, and reads elsewhere. 64 where nothing
# says otherwise.
proc _openocd_rs_1_address_bits {physical} {
    set target [_openocd_rs_1_current]
    if {[_openocd_rs_1_core_kind [$target cget -type]] eq {cortex_m}} { return 32 }
    if {!$physical && [regexp {\) pc \(/([0-9]+)\)} [reg] all bits]} { return $bits }
    return 64
}

# Runs a script with a log that has errors and what OpenOCD says to users, which a `debug_level`
# below 0 would leave out: a failed event handler is only logged.
proc _openocd_rs_1_with_errors_logged {script} {
    set level 0
    regexp {[-0-9]+} [debug_level] level
    if {$level >= 0} { return [uplevel 1 $script] }
    debug_level 0
    set code [catch {uplevel 1 $script} result options]
    debug_level $level
    if {$code} { return {*}$options $result }
    return $result
}

# The words for `return` to fail because of such a target. -311 is ERROR_TARGET_NOT_EXAMINED.
proc _openocd_rs_1_not_examined {target} {
    return [list -code error -errorcode {OpenOCD -311} "$target is not examined: OpenOCD has lost it, or never reached it"]
}

proc _openocd_rs_1_was_examined {} { return [[_openocd_rs_1_current] was_examined] }

# Name, state, debug reason, program counter, log of the arch state. `debug_reason` came with
# 42441fd96 (November 2023). Before, the reason is only in what `poll` logs of a halted target; the
# test target `testee` has no arch state and makes 0.12.0 crash there. Calling a subcommand that
# does not exist would put OpenOCD's help into its log.
proc _openocd_rs_1_status {} {
    set state [_openocd_rs_1_state]
    set target [target current]
    set reason {}
    set pc {}
    set log {}
    if {$state eq {halted}} {
        set type [$target cget -type]
        if {[llength [info commands "$target debug_reason"]]} {
            set reason [$target debug_reason]
        } elseif {$type ne {testee}} {
            catch {set log [_openocd_rs_1_with_errors_logged {capture {poll; list}}]}
        }
        catch {set pc [reg pc]}
        switch [_openocd_rs_1_core_kind $type] {
            cortex_m { set reason [_openocd_rs_1_cortex_m_reason $target $reason $log $pc] }
            riscv { set reason [_openocd_rs_1_riscv_reason $target $reason $pc] }
        }
    }
    return [list $target $state $reason $pc $log]
}

# Runs `halt` or a reset and returns the status after it. `holds`: nobody who serves a semihosting
# call is to resume the target after this halt.
proc _openocd_rs_1_control {command holds} {
    _openocd_rs_1_current
    _openocd_rs_1_with_errors_logged {
        if {[string match reset* $command]} { return [_openocd_rs_1_reset $command] }
        if {[catch {_openocd_rs_1_command $command} message options]} {
            # A core in lockup is halted by the poll that reports a failure; see
            # _openocd_rs_1_state.
            if {[catch {_openocd_rs_1_status} status] || [lindex $status 2] ne {lockup}} {
                return {*}$options $message
            }
            return $status
        }
        if {$holds} {
            _openocd_rs_1_hold_at_call
            # An answer to another target of its SMP group would resume all of them.
            foreach other [_openocd_rs_1_group [target current]] { _openocd_rs_1_of $other _openocd_rs_1_hold_at_call }
        }
        return [_openocd_rs_1_status]
    }
}

# Runs `halt` or a reset at the top level, and remembers which targets run because of a reset.
proc _openocd_rs_1_command {command} {
    if {[string match reset* $command]} {
        array unset ::_openocd_rs_1_stopped_behind
        array unset ::_openocd_rs_1_resumed_from
        array unset ::_openocd_rs_1_held
        array unset ::_openocd_rs_1_handed_out
        set ::_openocd_rs_1_run_by_reset {}
        if {$command eq {reset run}} { set ::_openocd_rs_1_run_by_reset [target names] }
    }
    if {$command eq {halt}} {
        _openocd_rs_1_forget_reset_if_running
        _openocd_rs_1_before_halt
    }
    uplevel #0 $command
}

# Runs a command with another target as the current one.
proc _openocd_rs_1_of {target args} {
    set current [target current]
    targets $target
    set code [catch $args result options]
    targets $current
    if {$code != 0} { return {*}$options $result }
    return $result
}

# Name, type, endianness, TAP, state, examined of every target.
proc _openocd_rs_1_targets {} {
    set rows {}
    foreach target [target names] {
        set tap {}
        catch {set tap [$target cget -chain-position]}
        lappend rows [list $target [$target cget -type] [$target cget -endian] $tap [$target curstate] [$target was_examined]]
    }
    return $rows
}

# Examines the current target and returns whether it is examined, with the events that a reset has
# around it (ocd_process_reset_inner in src/target/startup.tcl). After a loss of power the first
# access may be refused.
proc _openocd_rs_1_examine {} {
    set target [_openocd_rs_1_current]
    _openocd_rs_1_with_errors_logged {
        $target invoke-event examine-start
        if {[catch {$target arp_examine}] || ![$target was_examined]} {
            if {[catch {$target arp_examine} message options]} {
                $target invoke-event examine-fail
                return {*}$options $message
            }
        }
        if {![$target was_examined]} { return 0 }
        # OpenOCD does not examine a RISC-V hart a second time (riscv_examine in
        # src/target/riscv/riscv.c).
        if {[_openocd_rs_1_core_kind [$target cget -type]] eq {riscv} && [catch {_openocd_rs_1_poll $target} message options]} {
            $target invoke-event examine-fail
            return {*}$options $message
        }
        $target invoke-event examine-end
        _openocd_rs_1_note_if_running
        return 1
    }
}

# Whether OpenOCD polls its targets. `poll` says it, and polls the current target while it is at it.
# The test target `testee` has nothing to poll, and 0.12.0 crashes when `poll` is to show its state.
# Without any target 0.12.0 exits on `poll` (get_current_target).
proc _openocd_rs_1_is_polling {} {
    if {[command mode] ne {exec}} { return 0 }
    foreach target [target names] {
        if {[$target cget -type] eq {testee}} { continue }
        set previous [target current]
        # That of a disabled TAP cannot be current.
        if {[catch {targets $target}]} { continue }
        set text {}
        catch {poll} text
        targets $previous
        return [string match {*background polling: on*} $text]
    }
    return 0
}

# Holders of pauses of polling: a dictionary from each holder's id to the ticks that it has left. A
# tick comes once a second from Jim's event loop, which OpenOCD runs when it is idle
# (process_jim_events in server_loop, src/server/server.c). So time in which OpenOCD was busy, and a
# holder could not renew its pause, does not count. A client that was killed renews nothing, and its
# pause ends.

# Begins a pause, or renews it: 1 if it had not ended meanwhile.
proc _openocd_rs_1_pause_polling {holder} {
    if {![info exists ::_openocd_rs_1_pauses]} { set ::_openocd_rs_1_pauses {} }
    set is_held [dict exists $::_openocd_rs_1_pauses $holder]
    if {![dict size $::_openocd_rs_1_pauses]} {
        set ::_openocd_rs_1_polled [_openocd_rs_1_is_polling]
        if {$::_openocd_rs_1_polled} { poll off }
    }
    _openocd_rs_1_start_ticks
    dict set ::_openocd_rs_1_pauses $holder 10
    return $is_held
}

proc _openocd_rs_1_start_ticks {} {
    if {![info exists ::_openocd_rs_1_next_tick]} { set ::_openocd_rs_1_next_tick [after 1000 _openocd_rs_1_tick] }
}

proc _openocd_rs_1_is_polling_paused {} {
    return [expr {[info exists ::_openocd_rs_1_pauses] && [dict size $::_openocd_rs_1_pauses] > 0}]
}

# Ends a pause. Polling goes on after the last one, if it was on before the first.
proc _openocd_rs_1_resume_polling {holder} {
    if {![info exists ::_openocd_rs_1_pauses] || ![dict exists $::_openocd_rs_1_pauses $holder]} return
    dict unset ::_openocd_rs_1_pauses $holder
    if {![dict size $::_openocd_rs_1_pauses] && $::_openocd_rs_1_polled} { poll on }
}

proc _openocd_rs_1_tick {} {
    unset ::_openocd_rs_1_next_tick
    if {[info exists ::_openocd_rs_1_pauses]} {
        foreach {holder left} $::_openocd_rs_1_pauses {
            if {$left > 1} {
                dict set ::_openocd_rs_1_pauses $holder [expr {$left - 1}]
            } else {
                _openocd_rs_1_resume_polling $holder
            }
        }
    }
    set is_claimed [expr {[info exists ::_openocd_rs_1_claims] && [dict size $::_openocd_rs_1_claims] > 0}]
    if {$is_claimed} _openocd_rs_1_count_claims
    if {$is_claimed || [_openocd_rs_1_is_polling_paused]} _openocd_rs_1_start_ticks
}
