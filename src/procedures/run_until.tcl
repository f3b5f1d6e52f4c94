# run_until.

# How the current target is after a fresh look: {STATUS {}}, and with `calls`, if it stands at a semihosting call of a Cortex-M, `BKPT 0xAB`,
# {STATUS {R0 R1}} as `reg` writes them.
proc _openocd_rs_1_look {calls} {
    set state [_openocd_rs_1_state]
    if {$state ne {halted}} { return [list [list [target current] $state {} {} {}] {}] }
    set status [_openocd_rs_1_status]
    set call {}
    if {$calls && [regexp {0x[0-9a-fA-F]+} [lindex $status 3] pc]} {
        if {![catch {read_memory $pc 16 1} instruction] && $instruction == 0xbeab} { set call [list [reg r0] [reg r1]] }
    }
    return [list $status $call]
}

# Answers the semihosting call at `pc`, and puts the target behind it, where it stays with `then` `stay`. With `go` it goes on.
#
# Not by a `resume` from the call: that goes on behind a BKPT only if OpenOCD takes the BKPT for the reason of the halt and knows no breakpoint there
# (`src/target/cortex_m.c`: cortex_m_restore_one); otherwise the core would make the call again, with the answer for its number. And where OpenOCD does so (`guard`), a
# `resume` would pass over a second BKPT behind the call: then the target stays, and has come to that.
proc _openocd_rs_1_answer {pc value then} {
    reg r0 $value
    set next [expr {$pc + 2}]
    reg pc $next
    if {$then eq {stay}} return
    if {$then eq {guard} && ![catch {read_memory $next 16 1} instruction] && ($instruction & 0xff00) == 0xbe00} return
    return [_openocd_rs_1_from_halt resume {}]
}

# Whether run-until can serve calls: name, type, and whether OpenOCD's own semihosting is enabled.
proc _openocd_rs_1_calls {} {
    set target [target current]
    set type [$target cget -type]
    set enabled 0
    if {[_openocd_rs_1_core_kind $type] eq {cortex_m}} { set enabled [string match {*is enabled*} [capture {set said [arm semihosting]; set said}]] }
    return [list $target $type $enabled]
}
