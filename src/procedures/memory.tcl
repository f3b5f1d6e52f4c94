# Memory.

# Fails if the last write to the current target's memory failed unnoticed. Over SWD the access port
# accepts a write and reports only with the next transfer whether the write worked, and mem_ap_write
# in OpenOCD's src/target/arm_adi_v5.c makes no further transfer. STICKYERR and WDATAERR in the
# debug port's CTRL/STAT show the failure; writing ABORT clears them (ARM IHI 0031, B2.2). With the
# high level adapters (hla_swd, "swd (hla)") the probe itself checks. Their DAP is a dummy at which
# `dpreg` would abort OpenOCD: dap_init_all in src/target/arm_dap.c leaves its `ops` null, which
# dap_queue_dp_read asserts not to be.
proc _openocd_rs_1_check_write {} {
    if {[_openocd_rs_1_is_swd] && ![catch {[target current] cget -dap} dap]} { _openocd_rs_1_check_dap $dap 0xa0 }
}

proc _openocd_rs_1_is_swd {} {
    set transport [transport select]
    return [expr {[string match *swd* $transport] && ![string match *hla* $transport]}]
}

# Does the same for a DAP; mask selects the bits that count.
proc _openocd_rs_1_check_dap {dap mask} {
    set status [$dap dpreg 4]
    if {$status & $mask} {
        $dap dpreg 0 0x1e
        error "the debug port tells that the write failed: CTRL/STAT is [format 0x%08x $status]"
    }
}

# Displays elements with `mdb`, `mdh`, `mdw` or `mdd`, and returns the lines.
proc _openocd_rs_1_display {command address count args} {
    set lines [$command {*}$args $address $count]
    if {[_openocd_rs_1_may_be_no_zeros $count]} {
        set numbers {}
        foreach line [split [string trim $lines] \n] { lappend numbers {*}[lrange $line 1 end] }
        _openocd_rs_1_check_zeros $address $command $numbers $args
    }
    return $lines
}

# `read_memory`, which fails if one of the elements could not be read.
proc _openocd_rs_1_read_memory {address width count args} {
    set values [read_memory $address $width $count {*}$args]
    if {[_openocd_rs_1_may_be_no_zeros $count]} {
        _openocd_rs_1_check_zeros $address [dict get {8 mdb 16 mdh 32 mdw 64 mdd} $width] $values $args
    }
    return $values
}

# Whether zeros in a read of so many elements may be what could not be read: OpenOCD 0.12.0 gives 0
# for each that a RISC-V hart cannot read, and says so in its debug log only (read_memory_progbuf in
# src/target/riscv/riscv-013.c); a read of one element fails. 5754aebc4 (May 2025) repaired that and
# added `riscv exec_progbuf`.
proc _openocd_rs_1_may_be_no_zeros {count} {
    return [expr {$count > 1 && [[target current] cget -type] eq {riscv} && ![llength [info commands {riscv exec_progbuf}]]}]
}

# Fails if one of the zeros could not be read. A read of one element takes tens of times as long as
# one in a longer read. So of zeros in a row the first 64 are read, then every 16th, and the last.
proc _openocd_rs_1_check_zeros {address command numbers options} {
    set size [dict get {mdb 1 mdh 2 mdw 4 mdd 8} $command]
    set run 0
    foreach number $numbers {
        if {[string trim $number 0x] ne {}} {
            if {$run > 64} { $command {*}$options $last 1 }
            set run 0
        } else {
            set last [format 0x%x $address]
            if {$run < 64 || $run % 16 == 0} { $command {*}$options $last 1 }
            incr run
        }
        set address [expr {$address + $size}]
    }
    if {$run > 64} { $command {*}$options $last 1 }
}

# Displays the accesses in args, each a command, an address and a count, with options after each.
# Returns {endianness lines ...}.
proc _openocd_rs_1_read_bytes {options args} {
    set answer [list [[target current] cget -endian]]
    foreach {command address count} $args { lappend answer [_openocd_rs_1_display $command $address $count {*}$options] }
    return $answer
}

# Displays 64-bit elements: in one access each where the target can do that, otherwise as two 32-bit
# accesses, which cortex_m needs. Returns {64 lines} or {32 endianness lines}.
proc _openocd_rs_1_display64 {address count args} {
    set begun [clock milliseconds]
    if {![catch {_openocd_rs_1_display mdd $address $count {*}$args} lines options]} { return [list 64 $lines] }
    if {[_openocd_rs_1_took_long $begun]} { return {*}$options $lines }
    return [list 32 [[target current] cget -endian] [_openocd_rs_1_display mdw $address [expr {2 * $count}] {*}$args]]
}

# Writes 32-bit words that are given in the byte order of a little-endian target.
proc _openocd_rs_1_write_words {address words args} {
    if {[[target current] cget -endian] eq {big}} {
        set swapped {}
        foreach word $words {
            lappend swapped [format 0x%08x [expr {
                (($word & 0xff) << 24) | (($word & 0xff00) << 8) | (($word >> 8) & 0xff00) | (($word >> 24) & 0xff)}]]
        }
        set words $swapped
    }
    write_memory $address 32 $words {*}$args
}

# Writes 64-bit values; words are the same values as 32-bit halves, the low half first.
proc _openocd_rs_1_write64 {address values words args} {
    set begun [clock milliseconds]
    if {![catch {write_memory $address 64 $values {*}$args} message options]} {
        _openocd_rs_1_check_write
        return
    }
    if {[_openocd_rs_1_took_long $begun]} { return {*}$options $message }
    if {[[target current] cget -endian] eq {big}} {
        set swapped {}
        foreach {low high} $words { lappend swapped $high $low }
        set words $swapped
    }
    write_memory $address 32 $words {*}$args
    _openocd_rs_1_check_write
}

# Reads a value, keeps some of its bits, sets others, and writes it. keep and bits are 32-bit
# halves, the low half first, because Jim Tcl's numbers are signed; narrower values use only the
# first. A range that is not {} holds two halves of a mask, which select the bits that count, then
# the least and the largest value as 16 hexadecimal digits. A value outside of it is not written.
# Returns {0 {}} when the value is written, {forbidden VALUE} when it is outside of the range, else
# code and message of the write. A failed read is the failure of the command.
proc _openocd_rs_1_modify {address width keep bits range} {
    if {$width == 64} {
        # Of `0x20000000: 0123456789abcdef `, or of two words.
        set read [_openocd_rs_1_display64 $address 1]
        set digits [join [lrange [lindex $read end] 1 end] {}]
        set halves [list 0x[string range $digits 8 15] 0x[string range $digits 0 7]]
        if {[lindex $read 0] == 32 && [lindex $read 1] eq {little}} { set halves [list [lindex $halves 1] [lindex $halves 0]] }
    } else {
        set halves [read_memory $address $width 1]
    }
    set words {}
    foreach half $halves kept $keep set $bits {
        if {$half ne {}} { lappend words [expr {($half & $kept) | $set}] }
    }
    if {$range ne {}} {
        lassign $range low_mask high_mask least largest
        lassign [concat $words 0] low high
        set value [format %08x%08x [expr {$high & $high_mask}] [expr {$low & $low_mask}]]
        if {[string compare $value $least] < 0 || [string compare $value $largest] > 0} {
            return [list forbidden $value]
        }
    }
    set options {}
    set code [catch {
        if {$width == 64} {
            lassign $words low high
            _openocd_rs_1_write64 $address [list [format 0x%08x%08x $high $low]] $words
        } else {
            write_memory $address $width [format 0x%x [lindex $words 0]]
            _openocd_rs_1_check_write
        }
    } result options]
    if {$code == 0} { set result {} }
    return [list [_openocd_rs_1_code $code $options] $result]
}

# Reads variables of the current target, each an address and a width, one after the other, and
# returns their values.
proc _openocd_rs_1_sample {variables args} {
    set values {}
    foreach {address width} $variables {
        if {$width == 64} {
            lappend values [_openocd_rs_1_read64 $address {*}$args]
        } else {
            lappend values [read_memory $address [expr {$width}] 1 {*}$args]
        }
    }
    return $values
}

# Reads 64 bits, in two accesses where the target has none of that width.
proc _openocd_rs_1_read64 {address args} {
    set target [target current]
    if {[lsearch {cortex_m hla_target} [$target cget -type]] < 0} {
        set begun [clock milliseconds]
        if {![catch {read_memory $address 64 1 {*}$args} value options]} { return $value }
        if {[_openocd_rs_1_took_long $begun]} { return {*}$options $value }
        _openocd_rs_1_clear_errors
    }
    lassign [_openocd_rs_1_read_memory $address 32 2 {*}$args] low high
    if {[$target cget -endian] eq {big}} { lassign [list $low $high] high low }
    return [format 0x%08x%08x $high $low]
}
