# Semihosting.

# Redirects the current target's semihosting to a free port: {port PORT CAN_END}, {busy TARGET {}},
# or {none LOG {}}.
#
# CAN_END: OpenOCD survives the end of a redirection. Before 5ff384be0 (October 2025) it frees its
# memory twice there. Nothing shows that without a crash. Error codes in -errorcode came shortly
# after it (d2aeb5fcc), so an OpenOCD that has them has it.
proc _openocd_rs_1_redirect {what first last} {
    global _openocd_rs_1_redirected
    set target [_openocd_rs_1_current]
    set options {}
    catch {sleep} usage options
    set can_end [expr {[dict exists $options -errorcode] && [lindex [dict get $options -errorcode] 0] eq {OpenOCD}}]
    if {!$can_end && [info exists _openocd_rs_1_redirected($target)]} { return [list busy $target {}] }
    # A redirection that is refused: OpenOCD says why without a port.
    if {![_openocd_rs_1_semihosting_is_enabled]} { arm semihosting_redirect disable }
    lassign [_openocd_rs_1_listen $first $last [list arm semihosting_redirect tcp PORT $what]] kind value
    if {$kind eq {port}} { set _openocd_rs_1_redirected($target) $value }
    return [list $kind $value $can_end]
}

# Whether OpenOCD serves the current target's calls. Its answer is its result or in the log,
# depending on the version.
proc _openocd_rs_1_semihosting_is_enabled {} {
    return [string match {*is enabled*} [capture {set said [arm semihosting]; set said}]]
}

# Polls the current target: {STATUS {} SLEPT}, and if it is halted at a semihosting call, {STATUS
# CALL SLEPT} as of semihosting_call and slept. One step, because OpenOCD's own poll may come in
# between. Of which calls: `none`, `any`, or `made`, which leaves out a call that the core has not
# executed yet. Both leave out one at which a `halt` holds the target; `released` is `any`, and ends
# the hold. `asked`: the caller has just halted the target, which holds nothing. {TARGET lost} if
# `server` does not serve the calls any more.
proc _openocd_rs_1_semihosting_poll {server calls asked} {
    set target [_openocd_rs_1_current]
    # Another client may have enabled OpenOCD's own semihosting by a command.
    if {$calls ne {none}
        && (![_openocd_rs_1_renew_claim $target $server] || [_openocd_rs_1_semihosting_is_enabled])} {
        return [list $target lost]
    }
    if {$asked || $calls eq {released}} { unset -nocomplain ::_openocd_rs_1_held($target) }
    set status [_openocd_rs_1_status]
    set call {}
    set slept 0
    if {[lindex $status 1] eq {halted} && [regexp {0x[0-9a-fA-F]+} [lindex $status 3] pc]} {
        set slept [_openocd_rs_1_slept $status $pc $asked]
        if {$calls eq {released} || ($calls eq {any} && ![_openocd_rs_1_is_held $target $pc])
            || ($calls eq {made} && !$slept && [_openocd_rs_1_is_made $target $status $pc])} {
            set call [_openocd_rs_1_semihosting_call $pc]
        }
    }
    unset -nocomplain ::_openocd_rs_1_made_again($target)
    if {$call ne {}} {
        set ::_openocd_rs_1_handed_out($target) $pc
    } elseif {$calls ne {none}} {
        unset -nocomplain ::_openocd_rs_1_handed_out($target)
    }
    return [list $status $call $slept]
}

# Whether the target has made a call at `pc`, if there is one. What was handed out before, and waits
# for its input, was made: also if somebody has set a breakpoint there meanwhile.
proc _openocd_rs_1_is_made {target status pc} {
    if {[_openocd_rs_1_is_held $target $pc]} { return 0 }
    if {[info exists ::_openocd_rs_1_handed_out($target)] && $::_openocd_rs_1_handed_out($target) == $pc} { return 1 }
    return [expr {![_openocd_rs_1_is_halted_before $status $pc]}]
}

# Whether a request has halted the current target while it may have slept: a core that sleeps has
# its program counter behind the instruction for it, at what it has not reached. S_SLEEP in DHCSR
# would tell before the halt, but reading that register takes S_RESET_ST away from OpenOCD's poll.
proc _openocd_rs_1_slept {status pc asked} {
    lassign $status target - reason - log
    if {$reason eq {}} { regexp {due to ([-a-z]+)} $log - reason }
    if {$reason ne {debug-request} && !($asked && $reason in {{} undefined})} { return 0 }
    return [_openocd_rs_1_is_behind_sleep $target $pc]
}

# Whether something else than the instruction at `pc` has halted the current target: then that is
# news of its own, and a call at `pc` was not made yet. The reason is in the log on 0.12.0.
#
# Resumed from there, the target makes the call and is halted at the same place, for what looks like
# the same reason.
proc _openocd_rs_1_is_halted_before {status pc} {
    lassign $status target - reason - log
    if {$reason eq {}} { regexp {due to ([-a-z]+)} $log - reason }
    # A request or a step halts the core before the instruction. If the core made the call a moment
    # before a request, it makes it again when it is resumed.
    if {$reason in {watchpoint watchpoint-and-breakpoint lockup debug-request single-step}} { return 1 }
    if {[info exists ::_openocd_rs_1_resumed_from($target)] && $::_openocd_rs_1_resumed_from($target) == $pc} { return 0 }
    return [expr {$reason eq {exception-catch} || [llength [_openocd_rs_1_breakpoint_at $pc]] > 0}]
}

# The semihosting call at `pc`: {LENGTH NUMBER ARGUMENT}, which are the length of its instruction in
# bytes and two lines of `reg`; {} if there is none. `BKPT 0xAB` on a Cortex-M; on RISC-V an
# `ebreak` between two shifts of register zero.
proc _openocd_rs_1_semihosting_call {pc} {
    switch [_openocd_rs_1_core_kind [[target current] cget -type]] {
        cortex_m {
            if {![catch {read_memory $pc 16 1} code] && $code == 0xbeab} { return [list 2 [reg r0] [reg r1]] }
        }
        riscv {
            if {[_openocd_rs_1_is_riscv_call $pc]} { return [list 4 [reg a0] [reg a1]] }
        }
    }
    return {}
}

# Answers a semihosting call: writes the answer to a register and moves the target to `next`, behind
# the call. It stays there with `then` `stay`, if a `halt` holds it, or if another of its SMP group
# has reached a breakpoint, which a `resume` would pass. With `go` it is resumed. `gone` if the
# target is no longer halted at this call. One step, because others may reset, step or resume the
# target while the call is served. Of `call`: program counter, then registers and what they hold, as
# digits.
#
# Not by a `resume` at the call: OpenOCD passes a BKPT only if it takes the BKPT for the reason of
# the halt and knows no breakpoint there (`src/target/cortex_m.c`: cortex_m_restore_one). Otherwise
# the core would make the call again, with the answer for its number. And where OpenOCD does pass
# one (`guard`), `resume` would also pass a second BKPT behind the call. Then the target stays, and
# has reached that one.
proc _openocd_rs_1_semihosting_answer {call register value next then} {
    set target [_openocd_rs_1_current]
    unset -nocomplain ::_openocd_rs_1_handed_out($target)
    if {[info exists ::_openocd_rs_1_made_again($target)]} {
        unset ::_openocd_rs_1_made_again($target)
        for {set i 0} {$i < 10 && [$target curstate] ne {halted}} {incr i} { $target arp_poll }
    }
    if {[$target curstate] ne {halted}} { return gone }
    foreach {name expected} $call {
        if {![regexp {0x0*([0-9a-fA-F]+)} [reg $name] - found] || [string tolower $found] ne $expected} { return gone }
    }
    set is_held [_openocd_rs_1_is_held $target 0x[lindex $call 1]]
    reg $register $value
    reg pc $next
    if {$is_held} {
        _openocd_rs_1_hold $target $next
        return
    }
    if {$then eq {stay} || [llength [_openocd_rs_1_breakpoint_at $next]]} return
    if {$then eq {guard} && ![catch {read_memory $next 16 1} code] && ($code & 0xff00) == 0xbe00} return
    if {[_openocd_rs_1_has_group_stopped $target]} return
    return [_openocd_rs_1_from_halt resume {}]
}
