# Defined once on every connection. The procedures live in OpenOCD's one interpreter, which all its clients share:
# their names carry the crate's name and the number of this version of the file.

# Runs a command at the top level, for a named target if one is given, and returns the list
#   sequence code result log
# code is OpenOCD's own error number: what `catch` returns on 0.12.0; since d2aeb5fcc (November 2025) `catch` returns 1
# and the number is in -errorcode. result and log stay apart because `capture` returns what was logged if anything was,
# and otherwise the result of its script, which is why that script ends with an empty list.
proc _openocd_rs_1_run {sequence target command} {
    set options {}
    set log [capture {
        set code [catch {
            if {$target ne {}} {
                set previous [target current]
                targets $target
            }
            uplevel #0 $command
        } result options]
        if {[info exists previous]} { targets $previous }
        list
    }]
    # `return` at the top level of a script is success.
    if {$code == 2} { set code 0 }
    if {$code != 0 && [dict exists $options -errorcode]} {
        lassign [dict get $options -errorcode] kind number
        if {$kind eq {OpenOCD}} { set code $number }
    }
    set reply [list $sequence $code $result $log]
    # 0x1a ends a reply on the wire; one inside would put every later reply out of step. \x1b and a letter stand for it.
    if {[string first \x1a $reply] >= 0} {
        set reply ~[string map [list \x1b \x1bA \x1a \x1bB] $reply]
    }
    return $reply
}

# The current target's state after a fresh look at the target. `curstate` alone is what the last background poll saw,
# up to 100 ms ago.
proc _openocd_rs_1_state {} {
    set target [target current]
    if {[$target was_examined]} { $target arp_poll }
    return [$target curstate]
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

# Runs a command that needs a halted target: {1 status} if it ran, {0 status} if the target was not halted.
proc _openocd_rs_1_from_halt {command} {
    set status [_openocd_rs_1_status]
    if {[lindex $status 1] ne {halted}} { return [list 0 $status] }
    uplevel #0 $command
    return [list 1 [_openocd_rs_1_status]]
}

# Reads registers of the current target if it is halted: its name, its state, and of each register the name asked for,
# code and text. Without names, every register in OpenOCD's listing is read. One that fails does not stop the rest.
# With force, past OpenOCD's cache, except where the cache holds a value that is not written yet: that would be lost on
# Cortex-M, and newer RISC-V code aborts there.
proc _openocd_rs_1_read_registers {force names} {
    set target [target current]
    set state [_openocd_rs_1_state]
    set readings {}
    if {$state eq {halted}} {
        set dirty {}
        if {$force || ![llength $names]} {
            set everything [expr {![llength $names]}]
            foreach line [split [reg] "\n"] {
                if {![regexp {^\([0-9]+\) (.+) \(/[0-9]+\)} $line all name]} { continue }
                if {$everything} { lappend names $name }
                if {[string match {*(dirty)} $line]} { lappend dirty $name }
            }
        }
        foreach name $names {
            if {$force && $name ni $dirty} {
                set code [catch {reg $name force} text]
            } else {
                set code [catch {reg $name} text]
            }
            lappend readings [list $name $code $text]
        }
    }
    return [list $target $state $readings]
}

# Writes a register of the current target if it is halted and the value, which takes so many bits, fits:
# target, state, and the register's line before the write.
proc _openocd_rs_1_write_register {name value bits} {
    set target [target current]
    set state [_openocd_rs_1_state]
    set before {}
    if {$state eq {halted}} {
        set before [reg $name]
        if {[regexp {^(.+) \(/([0-9]+)\)} $before all found width] && $found eq $name && $width >= $bits} {
            reg $name $value
        }
    }
    return [list $target $state $before]
}

# 64-bit elements: in one access each where the target can, otherwise as two 32-bit accesses, which cortex_m needs.
# {64 values} or {32 endianness words}
proc _openocd_rs_1_read64 {address count args} {
    if {![catch {read_memory $address 64 $count {*}$args} values]} { return [list 64 $values] }
    return [list 32 [[target current] cget -endian] [read_memory $address 32 [expr {2 * $count}] {*}$args]]
}

# words are the same values with the low half first.
proc _openocd_rs_1_write64 {address values words args} {
    if {![catch {write_memory $address 64 $values {*}$args}]} { return }
    if {[[target current] cget -endian] eq {big}} {
        set swapped {}
        foreach {low high} $words { lappend swapped $high $low }
        set words $swapped
    }
    write_memory $address 32 $words {*}$args
}

# The width of an address of the current target, for an access beyond 4 GiB: OpenOCD drops the upper half of an address that a
# 32-bit access port cannot carry, and reads elsewhere. 64 where nothing says otherwise.
proc _openocd_rs_1_address_bits {physical} {
    set target [target current]
    if {[$target cget -type] in {cortex_m hla_target}} { return 32 }
    if {!$physical && [regexp {\) pc \(/([0-9]+)\)} [reg] all bits]} { return $bits }
    return 64
}

# Runs a command with a temporary file that holds data: the word FILE in the command becomes its path. The file belongs to
# this OpenOCD's user alone (`file tempfile` is mkstemp), what arrived in it is compared with what was sent, and it is
# removed however the command ends.
proc _openocd_rs_1_with_file {data command} {
    set path [file tempfile]
    set status [catch {
        _openocd_rs_1_put_file $path $data
        set words {}
        foreach word $command { lappend words [expr {$word eq {FILE} ? $path : $word}] }
        uplevel #0 $words
    } result options]
    catch {file delete $path}
    return {*}$options $result
}

proc _openocd_rs_1_put_file {path data} {
    set file [open $path wb]
    set status [catch {puts -nonewline $file $data} result]
    catch {close $file}
    if {$status != 0} { error "cannot write the temporary file $path: $result" }
    if {[_openocd_rs_1_get_file $path] ne $data} { error "the temporary file $path does not hold what was written to it" }
}

proc _openocd_rs_1_get_file {path} {
    set file [open $path rb]
    set status [catch {read $file} data]
    catch {close $file}
    if {$status != 0} { error "cannot read the temporary file $path: $data" }
    return $data
}

# The bytes of a flash bank, by way of a temporary file: `flash read_memory` refuses the end of a bank on master.
proc _openocd_rs_1_flash_read {bank offset length} {
    set path [file tempfile]
    set status [catch {
        flash read_bank $bank $path $offset $length
        _openocd_rs_1_get_file $path
    } result options]
    catch {file delete $path}
    return {*}$options $result
}

# The current target and the flash banks, probed where that has not been done: an unprobed bank has the size 0.
proc _openocd_rs_1_flash_banks {} {
    set number 0
    foreach bank [flash list] {
        if {[dict get $bank size] == 0} { catch {flash probe $number} }
        incr number
    }
    set target {}
    catch {set target [target current]}
    return [list $target [flash list]]
}

# What `flash info` prints without and with `sectors` (only the first lists the blocks of a bank that is protected in other
# units than sectors), and, if asked for and possible, what `flash erase_check` prints.
proc _openocd_rs_1_flash_info {bank check} {
    set blocks [flash info $bank]
    set sectors [flash info $bank sectors]
    set rows {}
    set checked [expr {$check && ![catch {flash erase_check $bank} rows]}]
    return [list $blocks $sectors $checked $rows]
}

list openocd-rs [version]
