# Registers.

# Reads registers of the current target if it is halted: its name, its state, the readings, the
# names that are left because more than `budget` milliseconds have passed (0: no limit), and, with
# `suggest` and if a name is not in OpenOCD's listing, all names that are. A reading has the name
# asked for, whether the register is dirty, code, text and, if it failed, log. Without names, every
# register in the listing is read. A register that fails does not stop the rest. A name may differ
# in case from that of the listing. After a register whose failure took long, names are left as
# well, and a target that does not answer is a failure.
#
# Only the listing tells which registers are dirty. It also has the values that OpenOCD holds, as
# `reg NAME` would give them. With force, registers are read past OpenOCD's cache, but not where the
# cache holds a value that is not written yet: that value would be lost on Cortex-M, and newer
# RISC-V code aborts there.
proc _openocd_rs_1_read_registers {force budget suggest names} {
    set target [_openocd_rs_1_current]
    set state [_openocd_rs_1_state]
    set readings {}
    set known {}
    set next 0
    if {$state eq {halted}} {
        set all {}
        set held {}
        set dirty {}
        set line {^\([0-9]+\) ((.+) \(/[0-9]+\)(: 0x[0-9a-fA-F]+)?)( \(dirty\))?}
        foreach {- text name value mark} [regexp -all -inline -line $line [reg]] {
            lappend all $name
            if {$mark ne {}} { lappend dirty $name }
            # `reg NAME` takes the first of a name.
            if {[dict exists $held $name]} continue
            if {$value eq {} || ($force && $mark eq {})} { set text {} }
            dict set held $name $text
        }
        if {![llength $names]} { set names $all }
        foreach name $names {
            if {!$suggest || [dict exists $held $name]} continue
            if {![dict exists $held [_openocd_rs_1_listed_register $name $held]]} { set known $all }
        }
        set option {}
        if {$force} { set option force }
        set end 0
        if {$budget} { set end [expr {[clock milliseconds] + $budget}] }
        while {$next < [llength $names] && (!$next || !$end || [clock milliseconds] < $end)} {
            # A capture costs as much as a register, so one is for all registers up to the next that
            # fails, whose log it is.
            set begun [clock milliseconds]
            set log [capture _openocd_rs_1_read_until_failure]
            if {$code} {
                lappend readings [list $asked [expr {$name in $dirty}] [_openocd_rs_1_code $code $options] $text $log]
                capture {_openocd_rs_1_clear_errors; list}
                if {[_openocd_rs_1_took_long $begun]} {
                    _openocd_rs_1_state
                    break
                }
            }
        }
    }
    return [list $target $state $readings [lrange $names $next end] $known]
}

# The key for a name that is no key of a dictionary of registers: the only one that differs from it
# in case alone, such as `xpsr` for `xPSR` of 0.12.0. The name itself if there is no such key.
proc _openocd_rs_1_listed_register {name held} {
    set alike [lsearch -all -inline -nocase -exact [dict keys $held] $name]
    if {[llength $alike] == 1} { return [lindex $alike 0] }
    return $name
}

# For the procedure before, in its frame. A procedure, because 0.12.0 parses what it captures each
# time, and procedures once.
proc _openocd_rs_1_read_until_failure {} {
    uplevel 1 {
        set code 0
        foreach asked [lrange $names $next end] {
            if {$end && $next && [clock milliseconds] >= $end} break
            incr next
            set name $asked
            if {![dict exists $held $name]} { set name [_openocd_rs_1_listed_register $name $held] }
            set text {}
            if {[dict exists $held $name]} { set text [dict get $held $name] }
            if {$text eq {}} { set code [catch {reg $name {*}$option} text options] }
            if {$code} break
            lappend readings [list $asked [expr {$name in $dirty}] 0 $text {}]
        }
        list
    }
}

# Writes a register of the current target if it is halted and the value, which takes so many bits,
# fits: target, state, of the read before the write code and text, and the names of all registers if
# OpenOCD knows none of this name. The name may differ in case from that of the listing.
proc _openocd_rs_1_write_register {name value bits} {
    set target [_openocd_rs_1_current]
    set state [_openocd_rs_1_state]
    set code 0
    set before {}
    set known {}
    if {$state eq {halted}} {
        set listing [reg]
        if {[string first ") $name (/" $listing] < 0} {
            set held {}
            foreach {- listed} [regexp -all -inline -line {^\([0-9]+\) (.+) \(/} $listing] { dict set held $listed {} }
            set name [_openocd_rs_1_listed_register $name $held]
        }
        set code [catch {reg $name} before options]
        set is_known [regexp {^(.+) \(/([0-9]+)\)} $before all found width]
        if {!$is_known || $found ne $name} {
            foreach {- known_name} [regexp -all -inline -line {^\([0-9]+\) (.+) \(/} [reg]] { lappend known $known_name }
        }
        if {$code} {
            set code [_openocd_rs_1_code $code $options]
            capture {_openocd_rs_1_clear_errors; list}
        } elseif {$is_known && $found eq $name && $width >= $bits} {
            if {[_openocd_rs_1_core_kind [$target cget -type]] eq {cortex_m}} {
                _openocd_rs_1_write_cortex_m_register $name $value $listing
            } else {
                reg $name $value
            }
        }
    }
    return [list $target $state $code $before $known]
}

# Writes a register of a Cortex-M, and what is the same register under another name: `sp` is `msp`
# or `psp`, and with the Security Extension `msp` is `msp_s` or `msp_ns`. OpenOCD holds a value for
# each name, and writes those that are dirty from the last name of its listing to the first
# (armv7m_restore_context in src/target/armv7m.c): CONTROL before the stack pointers, `sp` at the
# end, whatever was written last.
#
# Bit 0 of the program counter marks Thumb code in the address of a function, and is not written.
# Stack pointers lack bits 0 and 1, which OpenOCD would keep until the target resumes.
proc _openocd_rs_1_write_cortex_m_register {name value listing} {
    if {$name eq {pc}} { set value [format 0x%x [expr {$value & ~1}]] }
    if {[regexp {^[mp]?sp(_n?s)?$} $name]} { set value [format 0x%x [expr {$value & ~3}]] }
    # CDS of DSCSR is the current security state (ARM DDI 0553, D1.2.73).
    set bank {}
    if {[string first {) msp_ns (/} $listing] >= 0} { set bank [expr {[read_memory 0xe000ee08 32 1] & 0x10000 ? {_s} : {_ns}}] }
    regsub "^(msp|psp|primask|basepri|faultmask|control)$bank\$" $name {\1} plain
    if {$plain ni {sp msp psp control xPSR xpsr}} { return [_openocd_rs_1_write_banked $plain $bank $value $listing] }
    lassign [_openocd_rs_1_stack_in_use] used selected
    switch $plain {
        sp {
            reg sp $value
            _openocd_rs_1_write_banked $used $bank $value $listing
        }
        msp - psp {
            _openocd_rs_1_write_banked $plain $bank $value $listing
            if {$plain eq $used} { reg sp $value }
        }
        default {
            # Of the registers that are written at the next resume, CONTROL is before xPSR. So the
            # mode that counts is the core's own, which VECTACTIVE of ICSR tells.
            if {$plain eq {control} && ($value & 2) != $selected && [read_memory 0xe000ed04 32 1] & 0x1ff} {
                error {the core takes bit 1 of CONTROL in thread mode only, and is in handler mode}
            }
            # Written past this procedure, as by GDB.
            if {[regexp -line {^\([0-9]+\) sp \(/32\): (0x[0-9a-fA-F]+) \(dirty\)} $listing - held]} {
                _openocd_rs_1_write_banked $used $bank $held $listing
            }
            _openocd_rs_1_write_banked $plain $bank $value $listing
            set now [lindex [_openocd_rs_1_stack_in_use] 0]
            if {$now ne $used} { reg sp [_openocd_rs_1_held_value $now] }
        }
    }
}

# Writes a register, and the one of the security state that has it, if there are such.
proc _openocd_rs_1_write_banked {name bank value listing} {
    reg $name $value
    if {$bank ne {} && [string first ") $name$bank (/" $listing] >= 0} { reg $name$bank $value }
}

# Which stack pointer a Cortex-M uses, by the values that OpenOCD holds, and SPSEL (ARM DDI 0403,
# B1.4.4): {msp 0}, {msp 2} in handler mode, or {psp 2}.
proc _openocd_rs_1_stack_in_use {} {
    set selected [expr {[_openocd_rs_1_held_value control] & 2}]
    return [list [expr {$selected && !([_openocd_rs_1_xpsr] & 0x1ff) ? {psp} : {msp}}] $selected]
}

proc _openocd_rs_1_held_value {name} {
    if {![regexp {: (0x[0-9a-fA-F]+)} [reg $name] - value]} { error "OpenOCD gives no value of register $name" }
    return $value
}

# Marks the halt of the current target, so that `halt_lasts` can tell whether the target has run
# since: {STATUS mark}. The mark is empty if the target is not halted.
proc _openocd_rs_1_mark_halt {} {
    set status [_openocd_rs_1_status]
    set mark {}
    if {[lindex $status 1] eq {halted}} { set mark [_openocd_rs_1_new_halt_mark] }
    return [list $status $mark]
}

# Makes a mark on the halt of the current target. Of a Cortex-M it is that R0 is dirty: OpenOCD was
# told the value that R0 has, and keeps it as one to be written until the target runs. Firmware that
# sleeps comes back with the same registers, so their values are a mark only for other cores, where
# OpenOCD writes registers at once.
proc _openocd_rs_1_new_halt_mark {} {
    if {[_openocd_rs_1_core_kind [[target current] cget -type]] eq {cortex_m}
        && [_openocd_rs_1_halt_mark] ne {dirty} && [regexp {: (0x[0-9a-fA-F]+)} [reg r0] - value]} {
        reg r0 $value
    }
    return [_openocd_rs_1_halt_mark]
}

proc _openocd_rs_1_halt_mark {} {
    switch [_openocd_rs_1_core_kind [[target current] cget -type]] {
        cortex_m { return [expr {[regexp -line {^\([0-9]+\) r0 \(/32\): 0x[0-9a-fA-F]+ \(dirty\)} [reg]] ? {dirty} : {}}] }
        riscv {
            set values {}
            foreach name {pc ra sp gp tp t0 t1 t2 fp s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6} {
                set begun [clock milliseconds]
                if {[catch {lappend values [string trim [reg $name]]}] && [_openocd_rs_1_took_long $begun]} break
            }
            return $values
        }
    }
    return {}
}

# Whether the current target is halted and still has this mark: {STATUS 1} or {STATUS 0}.
proc _openocd_rs_1_halt_lasts {mark} {
    set status [_openocd_rs_1_status]
    set lasts [expr {[lindex $status 1] eq {halted} && [_openocd_rs_1_halt_mark] eq $mark}]
    return [list $status $lasts]
}

# Writes to the current target what OpenOCD alone holds of its registers, and compares: its name and
# its state. OpenOCD has no such command, and of a core that is no Cortex-M no other way.
proc _openocd_rs_1_write_back_registers {} {
    set target [_openocd_rs_1_current]
    set state [_openocd_rs_1_state]
    if {$state ne {halted}} { return [list $target $state] }
    set listing [reg]
    if {[_openocd_rs_1_core_kind [$target cget -type]] eq {cortex_m}} {
        _openocd_rs_1_write_back $target $listing
        _openocd_rs_1_compare_written $target $listing
    } elseif {[regexp -line {^\([0-9]+\) (.+) \(/[0-9]+\): 0x[0-9a-fA-F]+ \(dirty\)} $listing - name]} {
        error "OpenOCD writes $name only when it resumes the target"
    }
    return [list $target $state]
}

# The same for all halted cores, before OpenOCD ends.
proc _openocd_rs_1_write_back_at_end {} {
    foreach target [target names] {
        # A target that was left is not touched again.
        if {![$target was_examined] || [$target curstate] ne {halted}} continue
        # One that was reset behind OpenOCD's back is not the one whose registers these were.
        if {[catch {$target arp_poll}] || [$target curstate] ne {halted}} continue
        if {[_openocd_rs_1_core_kind [$target cget -type]] ne {cortex_m}} continue
        catch {_openocd_rs_1_write_back $target [_openocd_rs_1_of $target reg]}
    }
}

# Pairs of registers and their selectors (ARM DDI 0403, C1.6.3) whose bits a core takes as they are.
proc _openocd_rs_1_whole_registers {} {
    set numbers {msp 17 psp 18 sp 13 lr 14 pc 15}
    for {set i 0} {$i < 13} {incr i} { lappend numbers r$i $i }
    return $numbers
}

# CONTROL first, as it says what the stack pointer is.
proc _openocd_rs_1_write_back {target listing} {
    set held {}
    set line {^\([0-9]+\) (.+) \(/[0-9]+\): (0x[0-9a-fA-F]+) \(dirty\)}
    foreach {- name value} [regexp -all -inline -line $line $listing] { dict set held [string tolower $name] $value }
    set dirty [dict keys $held]
    if {![llength $dirty]} return
    # Four registers in one.
    $target write_memory 0xe000edf4 32 20
    set before [$target read_memory 0xe000edf8 32 1]
    set special $before
    set shift 0
    foreach name {primask basepri faultmask control} {
        if {$name in $dirty} {
            set special [expr {($special & ~(0xff << $shift)) | ([dict get $held $name] << $shift)}]
        }
        incr shift 8
    }
    if {$special != $before} { _openocd_rs_1_write_core_register $target 20 $special }
    foreach {name number} [concat {xpsr 16 fpscr 33} [_openocd_rs_1_whole_registers]] {
        if {$name in $dirty} { _openocd_rs_1_write_core_register $target $number [dict get $held $name] }
    }
    for {set i 0} {$i < 16} {incr i} {
        if {"d$i" ni $dirty} continue
        set value [dict get $held d$i]
        _openocd_rs_1_write_core_register $target [expr {64 + 2 * $i}] [expr {$value & 0xffffffff}]
        _openocd_rs_1_write_core_register $target [expr {65 + 2 * $i}] [expr {($value >> 32) & 0xffffffff}]
    }
}

# Fails if a register is not in the core as OpenOCD holds it to be written. Of the status register
# and the special ones a core ignores bits.
proc _openocd_rs_1_compare_written {target listing} {
    set numbers [_openocd_rs_1_whole_registers]
    set line {^\([0-9]+\) (.+) \(/32\): (0x[0-9a-fA-F]+) \(dirty\)}
    foreach {- name value} [regexp -all -inline -line $line $listing] {
        if {![dict exists $numbers $name]} continue
        $target write_memory 0xe000edf4 32 [dict get $numbers $name]
        set found [$target read_memory 0xe000edf8 32 1]
        if {$found != $value} { error "$name is [format 0x%08x $found] in the core after $value was written to it" }
    }
}

# Has OpenOCD read each register of a halted core that it has not read yet, such as of a core that
# was halted before it started. 0.12.0 keeps the registers of a program that it runs from its copy,
# and restores what it has not read as 0 (armv7m_start_algorithm in src/target/armv7m.c).
proc _openocd_rs_1_read_missing_registers {} {
    foreach {- name} [regexp -all -inline -line {^\([0-9]+\) (.+) \(/[0-9]+\)$} [reg]] { catch {reg $name} }
}
