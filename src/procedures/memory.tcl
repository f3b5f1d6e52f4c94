# Memory.

# Fails if the last write to the current target's memory did, which over SWD nobody has noticed yet: the access port takes a write
# and says only with the next transfer whether it worked, and mem_ap_write in OpenOCD's src/target/arm_adi_v5.c makes no other
# one. STICKYERR and WDATAERR in the debug port's CTRL/STAT tell; writing ABORT clears them (ARM IHI 0031, B2.2).
# With the high level adapters (hla_swd, "swd (hla)") the probe itself looks, and their DAP is a dummy at which `dpreg` would abort
# OpenOCD (dap_init_all in src/target/arm_dap.c leaves its `ops` null, which dap_queue_dp_read asserts not to be).
proc _openocd_rs_1_check_write {} {
    if {[_openocd_rs_1_is_swd] && ![catch {[target current] cget -dap} dap]} { _openocd_rs_1_check_dap $dap 0xa0 }
}

proc _openocd_rs_1_is_swd {} {
    set transport [transport select]
    return [expr {[string match *swd* $transport] && ![string match *hla* $transport]}]
}

# The same for a DAP; mask is which of the two bits tell.
proc _openocd_rs_1_check_dap {dap mask} {
    set status [$dap dpreg 4]
    if {$status & $mask} {
        $dap dpreg 0 0x1e
        error "the debug port tells that the write failed: CTRL/STAT is [format 0x%08x $status]"
    }
}

# Displays elements with `mdb`, `mdh`, `mdw` or `mdd`.
proc _openocd_rs_1_display {command address count args} {
    set lines [$command {*}$args $address $count]
    if {$count > 1 && [[target current] cget -type] eq {riscv} && ![llength [info commands {riscv exec_progbuf}]]} {
        _openocd_rs_1_check_zeros $command $lines $args
    }
    return $lines
}

# Fails if one of the zeros is none. Of more than one element OpenOCD 0.12.0 gives 0 for each that a RISC-V hart cannot read, and says so in its debug log
# only (read_memory_progbuf in src/target/riscv/riscv-013.c); of one it tells. 5754aebc4 (May 2025) mended that, with `riscv exec_progbuf` in it.
# Each takes tens of times as long as in a longer read. So of zeros that follow each other it is the first 64, then every 16th, and the last.
proc _openocd_rs_1_check_zeros {command lines options} {
    set size [dict get {mdb 1 mdh 2 mdw 4 mdd 8} $command]
    set run 0
    foreach line [split [string trim $lines] \n] {
        set address [string trimright [lindex $line 0] :]
        foreach number [lrange $line 1 end] {
            if {[string trim $number 0] ne {}} {
                if {$run > 64} { $command {*}$options $last 1 }
                set run 0
            } else {
                set last [format 0x%x $address]
                if {$run < 64 || $run % 16 == 0} { $command {*}$options $last 1 }
                incr run
            }
            incr address $size
        }
    }
    if {$run > 64} { $command {*}$options $last 1 }
}

# Displays the accesses that args name, command address count each, and tells the endianness for the words among them. options follow each command.
# {endianness lines ...}
proc _openocd_rs_1_read_bytes {options args} {
    set answer [list [[target current] cget -endian]]
    foreach {command address count} $args { lappend answer [_openocd_rs_1_display $command $address $count {*}$options] }
    return $answer
}

# Displays 64-bit elements: in one access each where the target can, otherwise as two 32-bit accesses, which cortex_m needs.
# {64 lines} or {32 endianness lines}
proc _openocd_rs_1_display64 {address count args} {
    if {![catch {_openocd_rs_1_display mdd $address $count {*}$args} lines]} { return [list 64 $lines] }
    return [list 32 [[target current] cget -endian] [_openocd_rs_1_display mdw $address [expr {2 * $count}] {*}$args]]
}

# Writes 32-bit words that are given as a little-endian target wants them.
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

# words are the same values with the low half first.
proc _openocd_rs_1_write64 {address values words args} {
    if {![catch {write_memory $address 64 $values {*}$args}]} {
        _openocd_rs_1_check_write
        return
    }
    if {[[target current] cget -endian] eq {big}} {
        set swapped {}
        foreach {low high} $words { lappend swapped $high $low }
        set words $swapped
    }
    write_memory $address 32 $words {*}$args
    _openocd_rs_1_check_write
}

# Reads a value, keeps some of its bits, sets others, writes it. keep and bits are the two 32-bit halves, low first, of which
# narrower values have only the first in use: Jim Tcl's numbers are signed. {0 {}} when it is written, else code and message of the
# write; a failing read is the command's own failure.
proc _openocd_rs_1_modify {address width keep bits} {
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

# The width of an address of the current target, for an access beyond 4 GiB: OpenOCD drops the upper half of an address that a
# 32-bit access port cannot carry, and reads elsewhere. 64 where nothing says otherwise.
proc _openocd_rs_1_address_bits {physical} {
    set target [target current]
    if {[$target cget -type] in {cortex_m hla_target}} { return 32 }
    if {!$physical && [regexp {\) pc \(/([0-9]+)\)} [reg] all bits]} { return $bits }
    return 64
}

# Reads 32-bit words of the current target, each by itself.
proc _openocd_rs_1_sample {addresses args} {
    set values {}
    foreach address $addresses { lappend values [read_memory $address 32 1 {*}$args] }
    return $values
}
