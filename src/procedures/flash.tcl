# Flash.

# Runs a command that may run an algorithm on a target, and leaves the target as it was: a fault of
# the algorithm leaves no trace, no breakpoint or watchpoint stops the algorithm, and if `restore`
# is 1, OpenOCD restores the RAM of the working area. This is Tcl so that the settings never outlive
# the command. Without a working area there is no algorithm.
proc _openocd_rs_1_flash_run {target restore args} {
    if {[$target curstate] ne {halted} || [$target cget -work-area-size] == 0} { return [uplevel #0 $args] }
    set backup [$target cget -work-area-backup]
    if {$restore && !$backup} { $target configure -work-area-backup 1 }
    set breakpoints [_openocd_rs_1_of $target _openocd_rs_1_breakpoints_in_working_area]
    set status {}
    catch {set status [_openocd_rs_1_of $target _openocd_rs_1_status]}
    set state {}
    catch {set state [_openocd_rs_1_catch_faults $target]}
    set code [catch -exit -signal -- {
        foreach {address length} $breakpoints { _openocd_rs_1_of $target _openocd_rs_1_rbp $target $address $length }
        uplevel #0 $args
    } result options]
    # Over SWD the next access would be told of a failure of the last one.
    if {$code} { _openocd_rs_1_clear_errors }
    if {$state ne {}} { catch {_openocd_rs_1_release_faults $target $state $code} }
    if {!$backup} {
        # `configure` frees the working areas that a failed command has left. With a backup it
        # restores them.
        if {$restore} { $target configure -work-area-backup 1 }
        $target configure -work-area-backup 0
    }
    if {$state ne {}} { _openocd_rs_1_keep_reason $status [lindex $state 3] }
    foreach {address length} $breakpoints {
        if {[catch {_openocd_rs_1_of $target bp $address $length} message] && !$code} {
            error "the breakpoint at $address could not be set again: $message"
        }
    }
    return {*}$options $result
}

# The address and the size of the current target's working area.
proc _openocd_rs_1_working_area {} {
    set target [_openocd_rs_1_current]
    # Hexadecimal or not, depending on the version.
    return [list [expr {[$target cget -work-area-phys] + 0}] [expr {[$target cget -work-area-size] + 0}]]
}

# The software breakpoints of the current target in its working area: {address length ...}. Of one
# where an algorithm begins, OpenOCD would write back the instruction that it replaced, over the
# algorithm, to step past it (cortex_m_restore_one in src/target/cortex_m.c).
proc _openocd_rs_1_breakpoints_in_working_area {} {
    set begin [[target current] cget -work-area-phys]
    set end [expr {$begin + [[target current] cget -work-area-size]}]
    set found {}
    set line {^(?:IVA breakpoint: |Software breakpoint\(IVA\): addr=)(0x[0-9a-f]+), (?:len=)?(0x[0-9a-f]+),}
    foreach {- address length} [regexp -all -inline -line $line [bp]] {
        if {$address >= $begin && $address < $end} { lappend found $address $length }
    }
    return $found
}

# Makes a Cortex-M halt at a fault of an algorithm (DEMCR, VC_…), and at no breakpoint or
# watchpoint. OpenOCD would wait 20 s for the algorithm's end while the firmware's fault handler
# runs, or the core is halted elsewhere, and it would not restore the registers
# (`armv7m_wait_algorithm` in src/target/armv7m.c). Returns what `_openocd_rs_1_release_faults`
# needs: DEMCR, CFSR and HFSR, the name of the status register, the registers, what the RAM holds
# where a fault may put its frame, and the registers of the comparators with their values.
proc _openocd_rs_1_catch_faults {target} {
    if {[$target cget -type] ni {cortex_m hla_target}} { return {} }
    _openocd_rs_1_of $target _openocd_rs_1_read_missing_registers
    set status xPSR
    if {[catch {$target get_reg xPSR} value] || ![dict exists $value xPSR]} { set status xpsr }
    set names [list r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12 sp lr pc msp psp primask control $status]
    set registers [$target get_reg $names]
    set frames {}
    foreach name {msp psp} {
        # At most 26 words and one for alignment (Arm v7-M ARM, B1.5.7).
        set top [expr {[dict get $registers $name] & ~3}]
        set lowest [expr {$top - 108}]
        # A chip that is erased has its stack pointer at the end of the address space, other
        # firmware anywhere. A read of a peripheral may change it, and no stack is there (B3.1).
        if {$lowest < 0 || $lowest < 0x60000000 && $top > 0x40000000 || $top > 0xa0000000} continue
        _openocd_rs_1_quietly {catch {lappend frames $lowest [$target read_memory $lowest 32 27]}}
    }
    set demcr [$target read_memory 0xe000edfc 32 1]
    set faults [$target read_memory 0xe000ed28 32 2]
    set comparators [_openocd_rs_1_comparators $target]
    $target write_memory 0xe000edfc 32 [expr {$demcr | 0x7f0}]
    # Without the enable bit; KEY is the bit beside it.
    foreach {register value} $comparators { $target write_memory $register 32 [expr {$register == 0xe0002000 ? 2 : 0}] }
    return [list $demcr $faults $status $registers $frames $comparators]
}

# The registers that enable the breakpoints and each watchpoint of a Cortex-M, with the values that
# enable them again: FP_CTRL with its KEY, DWT_FUNCTIONn (ARM DDI 0403, C1.8 and C1.11).
proc _openocd_rs_1_comparators {target} {
    set found {}
    set unit [$target read_memory 0xe0002000 32 1]
    if {$unit & 1} { lappend found 0xe0002000 3 }
    set count [expr {[$target read_memory 0xe0001000 32 1] >> 28}]
    for {set i 0} {$i < $count} {incr i} {
        set register [expr {0xe0001028 + 16 * $i}]
        set value [$target read_memory $register 32 1]
        if {$value & 0xf} { lappend found $register $value }
    }
    return $found
}

# Ends what `_openocd_rs_1_catch_faults` began. After a fault it returns from the exception and
# restores the registers, the stack and the fault status.
proc _openocd_rs_1_release_faults {target state code} {
    lassign $state demcr faults status registers frames comparators
    set now [$target read_memory 0xe000ed28 32 2]
    if {$code && [$target curstate] eq {halted} && $now ne $faults && [target current] eq $target} {
        set exception [expr {[dict get [$target get_reg $status] $status] & 0x1ff}]
        if {$exception != ([dict get $registers $status] & 0x1ff)} { catch {_openocd_rs_1_return_from_fault $target} }
        $target set_reg $registers
        foreach {address words} $frames { $target write_memory $address 32 $words }
        # A bit is cleared by writing 1 to it.
        set new {}
        foreach before $faults after $now { lappend new [expr {$after & ~$before}] }
        $target write_memory 0xe000ed28 32 $new
    }
    foreach {register value} $comparators { $target write_memory $register 32 $value }
    $target write_memory 0xe000edfc 32 $demcr
}

# Executes `bx lr` in the working area: it is the only way to end an exception and nothing else.
proc _openocd_rs_1_return_from_fault {target} {
    set area [$target cget -work-area-phys]
    set masking [lindex [cortex_m maskisr] end]
    set held [$target read_memory $area 16 1]
    $target write_memory $area 16 0x4770
    $target set_reg [list pc $area]
    cortex_m maskisr steponly
    catch {step}
    cortex_m maskisr $masking
    $target write_memory $area 16 $held
}

# Returns the bytes of a part of a flash bank, by way of a temporary file: `flash read_memory`
# refuses the end of a bank on master.
proc _openocd_rs_1_flash_read {target bank offset length} {
    set path [_openocd_rs_1_temporary_file]
    set status [catch {
        _openocd_rs_1_flash_run $target 1 flash read_bank $bank $path $offset $length
        _openocd_rs_1_check_file $path $length
        _openocd_rs_1_get_file $path
    } result options]
    catch {file delete $path}
    return {*}$options $result
}

# Compares a file with flash by checksum. First it reads both ends of the range: where flash cannot
# be read, it fails before an algorithm runs into a fault.
#
# Of a target that runs, OpenOCD would write the program into the RAM of the firmware, and only then
# see that it cannot be started (armv7m_checksum_memory in src/target/armv7m.c).
proc _openocd_rs_1_flash_verify {target path address length} {
    if {[$target curstate] ne {halted}} { error {the target is not halted} }
    $target read_memory [expr {$address & ~3}] 32 1
    $target read_memory [expr {($address + $length - 1) & ~3}] 32 1
    return [_openocd_rs_1_flash_run $target 1 flash verify_image $path $address bin]
}

# Returns the current target and the flash banks. It probes the banks where that has not been done:
# an unprobed bank has the size 0. Before, it polls their targets: OpenOCD would start its
# algorithms on a core that it takes for halted and that was reset behind its back, and master then
# waits 20 s for them (`armv7m_checksum_memory` in src/target/armv7m.c).
proc _openocd_rs_1_flash_banks {} {
    # Of an access that another client of OpenOCD made.
    _openocd_rs_1_clear_errors
    set target {}
    catch {set target [target current]}
    set number 0
    foreach bank [flash list] {
        catch {
            set owner [dict get $bank target]
            if {![info exists seen($owner)]} {
                set seen($owner) 1
                if {[$owner was_examined]} { $owner arp_poll }
            }
        }
        catch {if {[dict get $bank size] == 0} { _openocd_rs_1_flash_run $owner 1 flash probe $number }}
        incr number
    }
    return [list $target [flash list]]
}

# Returns the size of the bank before `flash info`, which probes a bank that has not been probed and
# may change its size, what `flash info` prints without and with `sectors` (only the first lists the
# blocks of a bank that is protected in other units than sectors), whether `flash info` has read the
# protection, and, if asked for and possible, what `flash erase_check` prints. Where the driver
# cannot read it, `flash info` shows what the driver began with, and logs that
# (handle_flash_info_command in src/flash/nor/tcl.c).
proc _openocd_rs_1_flash_info {target bank check} {
    set before 0
    if {$bank < [llength [flash list]]} { set before [dict get [lindex [flash list] $bank] size] }
    set blocks [_openocd_rs_1_flash_run $target 1 flash info $bank]
    lassign [_openocd_rs_1_informed {_openocd_rs_1_flash_run $target 1 flash info $bank sectors}] code sectors log
    if {$code} { error $sectors }
    set is_read [expr {![string match {*protection check is not implemented*} $log]}]
    set rows {}
    set checked [expr {$check && ![catch {_openocd_rs_1_flash_run $target 1 flash erase_check $bank} rows]}]
    return [list $before $blocks $sectors $is_read $checked $rows]
}

# Runs code, a list of words, in the work area of a halted Cortex-M, from its first word to the
# breakpoint instruction at `end`, and returns `count` words that the code left behind itself; {} if
# the target is another one or lacks the room. Both addresses in `ends` are read first: where flash
# cannot be read, it fails before the code runs into a fault.
#
# The code runs through the debug registers (ARM DDI 0403, C1.6), not by `resume`: for OpenOCD the
# target stays halted, and nobody sees events. So nothing may poll meanwhile, which is why this is
# Tcl. The RAM is restored, and OpenOCD writes the registers at the next resume, as it does after
# its own algorithms.
proc _openocd_rs_1_flash_run_code {target code end count ends} {
    if {[$target cget -type] ne {cortex_m} || [$target cget -endian] ne {little} || [$target curstate] ne {halted}} return
    set area [$target cget -work-area-phys]
    set words [expr {[llength $code] + $count}]
    if {$area == 0 || $area % 4 || [$target cget -work-area-size] < 4 * $words} return
    foreach address $ends { $target read_memory $address 32 1 }
    set polls [_openocd_rs_1_is_polling]
    if {$polls} { poll off }
    set failed [catch {_openocd_rs_1_flash_run_quietly $target $area $code $end $count} result options]
    if {$polls} { poll on }
    if {$failed} { return {*}$options $result }
    return $result
}

proc _openocd_rs_1_flash_run_quietly {target area code end count} {
    set state [_openocd_rs_1_catch_faults $target]
    lassign $state - - status registers
    set held [$target read_memory $area 32 [expr {[llength $code] + $count}]]
    set control [expr {[$target read_memory 0xe000edf0 32 1] & 0xf}]
    set reason [$target read_memory 0xe000ed30 32 1]
    set failed [catch {
        $target write_memory $area 32 $code
        _openocd_rs_1_write_core_register $target 15 $area
        # Thumb state, no IT block; the number of the exception stays.
        _openocd_rs_1_write_core_register $target 16 [expr {0x01000000 | ([dict get $registers $status] & 0x1ff)}]
        # C_MASKINTS may change only while the core is halted.
        $target write_memory 0xe000edf0 32 0xa05f000b
        $target write_memory 0xe000edf0 32 0xa05f0009
        _openocd_rs_1_await_code $target [expr {$area + $end}]
        $target read_memory [expr {$area + 4 * [llength $code]}] 32 $count
    } result options]
    if {$failed} {
        # It is halted, unless it ran for too long. OpenOCD's copy of the registers is renewed, by
        # which a fault is found.
        _openocd_rs_1_clear_errors
        catch {$target write_memory 0xe000edf0 32 0xa05f000b}
        catch {$target get_reg -force [dict keys $registers]}
    }
    catch {_openocd_rs_1_release_faults $target $state $failed}
    $target write_memory $area 32 $held
    $target write_memory 0xe000ed30 32 [expr {[$target read_memory 0xe000ed30 32 1] & ~$reason}]
    $target write_memory 0xe000edf0 32 [expr {0xa05f0000 | $control}]
    # What the code uses; the rest is untouched, or restored after a fault.
    foreach name [list r0 r1 r2 r3 r4 r5 r6 r7 pc $status] { $target set_reg [list $name [dict get $registers $name]] }
    if {$failed} { return {*}$options $result }
    return $result
}

# Writes a register of the halted core past OpenOCD's copy (DCRDR, DCRSR).
proc _openocd_rs_1_write_core_register {target number value} {
    $target write_memory 0xe000edf8 32 $value
    $target write_memory 0xe000edf4 32 [expr {0x10000 | $number}]
    if {!([$target read_memory 0xe000edf0 32 1] & 0x10000)} { error "the core does not take register $number" }
}

# Waits until the core halts, for at most as long as OpenOCD waits for its checksum of 1 MiB, and
# fails if that is not at `end`: after a fault the program counter is that of a handler.
proc _openocd_rs_1_await_code {target end} {
    set begun [ms]
    while 1 {
        set dhcsr [$target read_memory 0xe000edf0 32 1]
        if {$dhcsr & 0x2000000} { error {the target was reset while it calculated a checksum} }
        if {$dhcsr & 0x20000} break
        if {[ms] - $begun > 20000} { error {the target did not calculate a checksum within 20 s} }
    }
    $target write_memory 0xe000edf4 32 15
    set pc [$target read_memory 0xe000edf8 32 1]
    if {$pc != $end} { error "the target halted at [format 0x%08x $pc] while it calculated a checksum" }
}

# The write protection of a chip of the driver stm32f1x that its option bytes have (WRP0 to WRP3, at
# the same place in STM32F0, F1 and F3), and the one that it has loaded from them at its last reset
# and obeys (FLASH_WRPR), as {STORED OBEYED}. Each bit is a block, and 0 protects it. A byte counts
# only with its complement beside it (PM0075, 2.4). {} if they cannot be read. {read-protected} if
# the chip obeys read protection (RDPRT in FLASH_OBR): OpenOCD stores the protection without it
# (stm32x_protect in src/flash/nor/stm32f1x.c), and then the chip erases all of its flash.
proc _openocd_rs_1_stored_protection {target} {
    if {[catch {
        set options [$target read_memory 0x4002201c 32 1]
        set stored 0
        foreach address {0x1ffff80e 0x1ffff80c 0x1ffff80a 0x1ffff808} {
            set half [$target read_memory $address 16 1]
            set value [expr {$half & 0xff}]
            if {($half >> 8) + $value != 0xff} { set value 0xff }
            set stored [expr {$stored << 8 | $value}]
        }
        set obeyed [$target read_memory 0x40022020 32 1]
    }]} {
        _openocd_rs_1_clear_errors
        set stored {}
    }
    if {[info exists options] && $options & 2} { return read-protected }
    if {$stored eq {}} { return {} }
    return [list $stored [expr {$obeyed + 0}]]
}
