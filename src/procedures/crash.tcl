# Vector catch, and what a report of a crash needs. All of it saves round trips.

# Reads DEMCR of the current target and, unless names is empty, changes the vector catch before:
# {target type {before after}}; the last element is empty if the target is no Cortex-M. bits are
# what the names stand for. `hla_target` has no command `cortex_m` (src/target/hla_target.c). An
# unexamined cortex_m has no access port, and 0.12.0 crashes.
proc _openocd_rs_1_vector_catch {names {bits 0}} {
    set target [_openocd_rs_1_current]
    set type [$target cget -type]
    if {[_openocd_rs_1_core_kind $type] ne {cortex_m}} { return [list $target $type {}] }
    if {![$target was_examined]} { return {*}[_openocd_rs_1_not_examined $target] }
    set before [read_memory 0xe000edfc 32 1]
    if {[llength $names] && $type eq {cortex_m}} { cortex_m vector_catch {*}$names }
    if {[llength $names] && $type eq {hla_target}} {
        write_memory 0xe000edfc 32 [format 0x%x [expr {($before & 0xffff0000) | $bits}]]
    }
    return [list $target $type [list $before [read_memory 0xe000edfc 32 1]]]
}

# Reads what tells about a crash of the current target: {type endianness STATUS {name dirty
# code text ...} {address code value ...} mark}, the last one as of `mark_halt`. A target that is
# not halted has neither registers nor words. Each of them is read by itself, so that one that
# cannot be read does not hide the others. cortex_m and riscv are the registers of the two kinds,
# base the words that each Cortex-M has, and mainline those that it has unless it is an ARMv6-M or
# an Armv8-M Baseline core, whose CPUID has 0xc in its bits 16 to 19. The first word of base is
# CPUID.
proc _openocd_rs_1_crash_survey {cortex_m riscv base mainline} {
    set target [_openocd_rs_1_current]
    set type [$target cget -type]
    set status [_openocd_rs_1_status]
    set kind [_openocd_rs_1_core_kind $type]
    set names {}
    if {$kind eq {cortex_m}} { set names $cortex_m }
    if {$kind eq {riscv}} { set names $riscv }
    set readings {}
    set words {}
    set mark {}
    if {[lindex $status 1] eq {halted}} {
        if {$kind eq {cortex_m} && [llength $base]} {
            set words [_openocd_rs_1_crash_words $base]
            if {[lindex $words 1] != 0 || (([lindex $words 2] >> 16) & 0xf) != 0xc} {
                lappend words {*}[_openocd_rs_1_crash_words $mainline]
            }
        }
        # Only the listing tells which registers are dirty.
        set dirty {}
        foreach {- name} [regexp -all -inline -line {^\([0-9]+\) (.+) \(/[0-9]+\): 0x[0-9a-fA-F]+ \(dirty\)} [reg]] {
            lappend dirty $name
        }
        # After a register whose failure took long, the others are not tried.
        set is_silent 0
        foreach name $names {
            if {!$is_silent} {
                set begun [clock milliseconds]
                set code [catch {reg $name} text options]
                set is_silent [expr {$code && [_openocd_rs_1_took_long $begun]}]
                if {$is_silent} _openocd_rs_1_state
            }
            lappend readings $name [expr {$name in $dirty}] [_openocd_rs_1_code $code $options] $text
        }
        set mark [_openocd_rs_1_new_halt_mark]
    }
    return [list $type [$target cget -endian] $status $readings $words $mark]
}

proc _openocd_rs_1_crash_words {addresses} {
    set words {}
    foreach address $addresses {
        set code [catch {read_memory $address 32 1} value options]
        if {$code} { _openocd_rs_1_clear_errors }
        lappend words $address [_openocd_rs_1_code $code $options] $value
    }
    return $words
}

# Whether the current target, a Cortex-M, is locked up or handles a fault: 1 or 0. The exception is
# in xPSR of a halted core, and in ICSR, which can be read while the core runs (ARM DDI 0403,
# B3.2.4). What is over at a second look was handled, as an emulator of instructions does.
proc _openocd_rs_1_is_crashed {} {
    lassign [_openocd_rs_1_status] target state reason
    if {[_openocd_rs_1_core_kind [$target cget -type]] ne {cortex_m}} { return 0 }
    if {$reason eq {lockup}} { return 1 }
    if {$state eq {halted}} {
        set xpsr [_openocd_rs_1_xpsr]
        return [expr {$xpsr eq {} ? 0 : [_openocd_rs_1_is_fault $xpsr]}]
    }
    if {$state ne {running}} { return 0 }
    for {set look 0} {$look < 2} {incr look} {
        if {![_openocd_rs_1_is_fault [read_memory 0xe000ed04 32 1]]} { return 0 }
        sleep 1
    }
    return 1
}

proc _openocd_rs_1_is_fault {register} { return [expr {($register & 0x1ff) in {3 4 5 6 7}}] }

# Reads up to `count` words of the stack: the values up to the first that cannot be read. Nobody
# knows where RAM ends, so a failure is nothing to log.
proc _openocd_rs_1_crash_stack {address count} {
    return [_openocd_rs_1_quietly {_openocd_rs_1_read_stack $address $count}]
}

# An access that fails takes long. So what is read first ends with a KiB, as memories do. What
# cannot be read as a whole is tried in parts: where memory may end the first word, else halves.
proc _openocd_rs_1_read_stack {address count} {
    set values {}
    set first [expr {(0x400 - ($address & 0x3ff)) / 4}]
    set tries [expr {$first < $count ? [list $first [expr {$count - $first}]] : $count}]
    while {[llength $tries]} {
        set count [lindex $tries 0]
        set tries [lrange $tries 1 end]
        set from [format 0x%x [expr {$address + 4 * [llength $values]}]]
        set begun [clock milliseconds]
        if {![catch {read_memory $from 32 $count} words]} {
            lappend values {*}$words
            continue
        }
        _openocd_rs_1_clear_errors
        if {$count == 1 || [_openocd_rs_1_took_long $begun]} { break }
        set part [expr {[llength $values] && $from & 0x3ff ? $count / 2 : 1}]
        set tries [linsert $tries 0 $part [expr {$count - $part}]]
    }
    return $values
}
