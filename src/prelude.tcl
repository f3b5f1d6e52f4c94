# Defined once on every connection. The procedures live in OpenOCD's one interpreter, which all its clients share:
# their names carry the crate's name and the number of this version of the file.

# Runs a command at the top level, for a named target if one is given, and returns the list
#   sequence code result log
# code is OpenOCD's own error number: what `catch` returns on 0.12.0; since d2aeb5fcc (November 2025) `catch` returns 1
# and the number is in -errorcode. result and log stay apart because `capture` returns what was logged if anything was,
# and otherwise the result of its script, which is why that script ends with an empty list.
proc _openocd_rs_1_run {sequence target command} {
    if {$target ne {}} { return [_openocd_rs_1_run_on $sequence $target $command] }
    set log [capture {
        set code [catch {uplevel #0 $command} result options]
        if {$code != 0} { _openocd_rs_1_clear_errors }
        list
    }]
    if {$code != 0} { set code [_openocd_rs_1_code $code $options] }
    set reply [list $sequence $code $result $log]
    if {[string first \x1a $reply] >= 0} { return [_openocd_rs_1_without_separator $reply] }
    return $reply
}

# The same on a named target.
proc _openocd_rs_1_run_on {sequence target command} {
    set log [capture {
        set code [catch {
            set previous [target current]
            targets $target
            uplevel #0 $command
        } result options]
        if {$code != 0} { _openocd_rs_1_clear_errors }
        if {[info exists previous]} { targets $previous }
        list
    }]
    set reply [list $sequence [_openocd_rs_1_code $code $options] $result $log]
    if {[string first \x1a $reply] >= 0} { return [_openocd_rs_1_without_separator $reply] }
    return $reply
}

# OpenOCD's own error number out of what `catch` gave; see _openocd_rs_1_run.
# `return` at the top level of a script is success, unless it says otherwise (`return -code error`).
proc _openocd_rs_1_code {code options} {
    if {$code == 2} { set code [dict get $options -code] }
    if {$code != 0 && [dict exists $options -errorcode]} {
        lassign [dict get $options -errorcode] kind number
        if {$kind eq {OpenOCD}} { return $number }
    }
    return $code
}

# Runs commands, one after the other, at the top level and, if one is named, for a target, and returns
#   sequence 0 {code result log code result log ...} {}
# with fewer elements than commands if they take more room, or if one fails and that is to stop the rest.
proc _openocd_rs_1_batch {sequence target stop room args} {
    set replies {}
    set failed [catch {
        if {$target ne {}} {
            set previous [target current]
            targets $target
        }
        foreach command $args {
            set log [capture {
                set code [catch {uplevel #0 $command} result options]
                if {$code != 0} { _openocd_rs_1_clear_errors }
                list
            }]
            if {$code != 0} {
                lappend replies [_openocd_rs_1_code $code $options] $result $log
                if {$stop} break
            } else {
                lappend replies 0 $result $log
            }
            if {[incr room -[string length $result$log]] < 0} break
        }
    } message]
    if {[info exists previous]} { targets $previous }
    if {$failed} { return [list $sequence $failed $message {}] }
    set reply [list $sequence 0 $replies {}]
    if {[string first \x1a $reply] >= 0} { return [_openocd_rs_1_without_separator $reply] }
    return $reply
}

# 0x1a ends a reply on the wire; one inside would put every later reply out of step. \x1b and a letter stand for it.
proc _openocd_rs_1_without_separator {reply} {
    return ~[string map [list \x1b \x1bA \x1a \x1bB] $reply]
}

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
        return -code error -errorcode {OpenOCD -311} "$target is not examined: OpenOCD has lost it, or never reached it"
    }
    $target arp_poll
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

# Runs step or resume, which need a halted target: {done status} if it ran, {running status} if the target was not halted,
# {odd status} for an address that no Cortex-M can run at, which OpenOCD would write to the pc as it is.
proc _openocd_rs_1_from_halt {command address} {
    if {[_openocd_rs_1_state] ne {halted}} { return [list running [_openocd_rs_1_status]] }
    if {$address ne {} && $address & 1 && [[target current] cget -type] in {cortex_m hla_target}} {
        return [list odd [_openocd_rs_1_status]]
    }
    {*}$command {*}$address
    return [list done [_openocd_rs_1_status]]
}

# Reads registers of the current target if it is halted: its name, its state, and of each register the name asked for,
# whether it is dirty, code and text. Without names, every register in OpenOCD's listing is read. One that fails does not
# stop the rest. Only the listing tells which registers are dirty.
# With force, past OpenOCD's cache, except where the cache holds a value that is not written yet: that would be lost on
# Cortex-M, and newer RISC-V code aborts there.
proc _openocd_rs_1_read_registers {force names} {
    set target [target current]
    set state [_openocd_rs_1_state]
    set readings {}
    if {$state eq {halted}} {
        set listing [reg]
        set dirty {}
        foreach {all name} [regexp -all -inline -line {^\([0-9]+\) (.+) \(/[0-9]+\): 0x[0-9a-fA-F]+ \(dirty\)} $listing] {
            lappend dirty $name
        }
        if {![llength $names]} {
            foreach {all name} [regexp -all -inline -line {^\([0-9]+\) (.+) \(/[0-9]+\)} $listing] { lappend names $name }
        }
        foreach name $names {
            set is_dirty [expr {$name in $dirty}]
            if {$force && !$is_dirty} {
                set code [catch {reg $name force} text]
            } else {
                set code [catch {reg $name} text]
            }
            lappend readings [list $name $is_dirty $code $text]
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
        # An unknown name is code 0 on 0.12.0 and -4 on master, with the same words; any other refusal is one here too.
        if {[catch {reg $name} before] && ![string match {*not found in current target*} $before]
                && ![string match {*is out of bounds*} $before]} {
            set before [reg $name]
        }
        if {[regexp {^(.+) \(/([0-9]+)\)} $before all found width] && $found eq $name && $width >= $bits} {
            reg $name $value
        }
    }
    return [list $target $state $before]
}

# Fails if the last write to the current target's memory did, which over SWD nobody has noticed yet: the access port takes a write
# and says only with the next transfer whether it worked, and mem_ap_write in OpenOCD's src/target/arm_adi_v5.c makes no other
# one. STICKYERR and WDATAERR in the debug port's CTRL/STAT tell; writing ABORT clears them (ARM IHI 0031, B2.2).
# With the high level adapters (hla_swd, "swd (hla)") the probe itself looks, and their DAP is a dummy at which `dpreg` would abort
# OpenOCD (dap_init_all in src/target/arm_dap.c leaves its `ops` null, which dap_queue_dp_read asserts not to be).
proc _openocd_rs_1_check_write {} {
    set transport [transport select]
    if {![string match *swd* $transport] || [string match *hla* $transport]} { return }
    if {[catch {[target current] cget -dap} dap]} { return }
    set status [$dap dpreg 4]
    if {$status & 0xa0} {
        $dap dpreg 0 0x1e
        error "the debug port tells that the write failed: CTRL/STAT is [format 0x%08x $status]"
    }
}

# After a failed command: the last transfer of its clean-up may have failed too, which over SWD the next access would be told, whoever
# makes it. OpenOCD's polling takes the target for lost then.
proc _openocd_rs_1_clear_errors {} {
    # Before that nothing has been accessed, and asking for the transport would select one.
    if {[command mode] eq {exec}} { catch {_openocd_rs_1_check_write} }
}

# 64-bit elements: in one access each where the target can, otherwise as two 32-bit accesses, which cortex_m needs.
# {64 values} or {32 endianness words}
proc _openocd_rs_1_read64 {address count args} {
    if {![catch {read_memory $address 64 $count {*}$args} values]} { return [list 64 $values] }
    return [list 32 [[target current] cget -endian] [read_memory $address 32 [expr {2 * $count}] {*}$args]]
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

# Reads runs of consecutive elements, each {address width count}: of every run its code, its values or the message, and
# what was logged. One that fails does not stop the rest.
proc _openocd_rs_1_read_runs {runs} {
    set readings {}
    foreach run $runs {
        lassign $run address width count
        set options {}
        set log [capture {
            set code [catch {
                if {$width == 64} {
                    _openocd_rs_1_read64 $address $count
                } else {
                    read_memory $address $width $count
                }
            } result options]
            list
        }]
        lappend readings [list [_openocd_rs_1_code $code $options] $result $log]
    }
    return $readings
}

# Reads a value, keeps some of its bits, sets others, writes it. keep and bits are the two 32-bit halves, low first, of which
# narrower values have only the first in use: Jim Tcl's numbers are signed. {0 {}} when it is written, else code and message of the
# write; a failing read is the command's own failure.
proc _openocd_rs_1_modify {address width keep bits} {
    if {$width == 64} {
        set read [_openocd_rs_1_read64 $address 1]
        if {[lindex $read 0] == 64} {
            set digits [string range [lindex $read 1] 2 end]
            set digits [string repeat 0 [expr {16 - [string length $digits]}]]$digits
            set halves [list 0x[string range $digits 8 15] 0x[string range $digits 0 7]]
        } else {
            set halves [lindex $read 2]
            if {[lindex $read 1] eq {big}} { set halves [list [lindex $halves 1] [lindex $halves 0]] }
        }
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
# Before, a fresh look at their targets: OpenOCD would start its routines on a core that it takes for halted and that was reset
# behind its back, and master then waits 20 s for them (`armv7m_checksum_memory` in src/target/armv7m.c).
proc _openocd_rs_1_flash_banks {} {
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
        catch {if {[dict get $bank size] == 0} { flash probe $number }}
        incr number
    }
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

# The breakpoints of all targets but the current one. On 0.12.0 a software breakpoint of an SMP group belongs to the group's first
# target, whichever it was set on (breakpoint_add in src/target/breakpoints.c).
proc _openocd_rs_1_other_breakpoints {} {
    set current [target current]
    set found {}
    foreach target [target names] {
        if {$target ne $current && ![catch {targets $target}]} { append found [bp] "\n" }
    }
    targets $current
    return $found
}

# What has to be known before a breakpoint or a watchpoint is set or removed:
# name, type, examined and state of the current target, its breakpoints, those of the others, its watchpoints.
proc _openocd_rs_1_breakpoint_survey {} {
    set target [target current]
    return [list $target [$target cget -type] [$target was_examined] [_openocd_rs_1_state] \
        [bp] [_openocd_rs_1_other_breakpoints] [wp]]
}

# Whether the memory holds a breakpoint instruction that OpenOCD writes: `bkpt 0x11` on Cortex-M, `ebreak` and `c.ebreak` on RISC-V.
proc _openocd_rs_1_is_breakpoint_instruction {bytes} {
    return [expr {$bytes in {{0x11 0xbe} {0x73 0x0 0x10 0x0} {0x2 0x90}}}]
}

# Whether the breakpoint unit of a Cortex-M has this comparator enabled (FP_CTRL and FP_COMPn, ARM DDI 0403, C1.11).
proc _openocd_rs_1_is_comparator_enabled {number} {
    set unit [read_memory 0xe0002000 32 1]
    set comparator [read_memory [expr {0xe0002008 + 4 * $number}] 32 1]
    return [expr {$unit & $comparator & 1}]
}

# Whether the watchpoint unit of a Cortex-M has a comparator that watches this address (DWT_CTRL, DWT_COMPn, DWT_FUNCTIONn, C1.8).
# Reading a function register clears its MATCHED bit, so only those of this address are read.
proc _openocd_rs_1_is_watched {address} {
    set count [expr {[read_memory 0xe0001000 32 1] >> 28}]
    for {set i 0} {$i < $count} {incr i} {
        set registers [expr {0xe0001020 + 16 * $i}]
        if {[read_memory $registers 32 1] == $address && [read_memory [expr {$registers + 8}] 32 1] & 0xf} { return 1 }
    }
    return 0
}

# Sets a breakpoint and looks whether the target has it: {1 own others} if so, {0 own others} if not, and then it is removed again.
# evidence: `memory` for a breakpoint instruction, `comparator` for a Cortex-M's breakpoint unit, `none` where there is no way to
# tell. OpenOCD looks at neither: it does not read back the instruction, which flash ignores, and cortex_m_set_breakpoint ignores
# whether the comparator could be written (src/target/cortex_m.c).
proc _openocd_rs_1_add_breakpoint {evidence address length args} {
    if {$evidence eq {memory}} { set before [list {*}[read_memory $address 8 $length]] }
    bp {*}$args
    set there 1
    if {$evidence ne {none}} {
        set there 0
        catch {
            if {$evidence eq {memory}} {
                set after [list {*}[read_memory $address 8 $length]]
                set there [expr {$after ne $before || [_openocd_rs_1_is_breakpoint_instruction $after]}]
            } else {
                # The line of this breakpoint ends with its comparator's number. Mainline lists it last, Espressif's build first.
                foreach line [split [bp] "\n"] {
                    if {[regexp {(0x[0-9a-f]+), .*[ =]([0-9]+)$} $line all at number] && $at == $address} {
                        set there [_openocd_rs_1_is_comparator_enabled $number]
                    }
                }
            }
        }
        if {!$there} { catch {rbp $address} }
    }
    return [list $there [bp] [_openocd_rs_1_other_breakpoints]]
}

# Removes a breakpoint and looks whether the target still has it: {1 own others before} if not, {0 own others before} if it has,
# where before is the list {own others} as it was right before: those of other targets may change at any other time.
# 0.12.0 forgets a breakpoint also when it could not take it out of the target (breakpoint_free in src/target/breakpoints.c).
proc _openocd_rs_1_remove_breakpoint {evidence address length number} {
    if {$evidence eq {memory}} { set before [list {*}[read_memory $address 8 $length]] }
    set listed [list [bp] [_openocd_rs_1_other_breakpoints]]
    rbp $address
    set gone 1
    if {$evidence eq {memory}} {
        set after [list {*}[read_memory $address 8 $length]]
        # Unchanged and no breakpoint instruction: the program was written anew meanwhile.
        set gone [expr {$after ne $before || ![_openocd_rs_1_is_breakpoint_instruction $after]}]
    } elseif {$evidence eq {comparator}} {
        set gone [expr {![_openocd_rs_1_is_comparator_enabled $number]}]
    }
    return [list $gone [bp] [_openocd_rs_1_other_breakpoints] {*}$listed]
}

# Removes a watchpoint: {1 watchpoints} if the target watches the address no more, {0 watchpoints} if it still does.
proc _openocd_rs_1_remove_watchpoint {evidence address} {
    rwp $address
    set gone 1
    if {$evidence eq {comparator}} { set gone [expr {![_openocd_rs_1_is_watched $address]}] }
    return [list $gone [wp]]
}

# ---- several targets

# Whether it was examined, and the status, of every target.
proc _openocd_rs_1_all_statuses {} {
    set previous [target current]
    set rows {}
    foreach target [target names] {
        targets $target
        lappend rows [list [$target was_examined] [_openocd_rs_1_status]]
    }
    targets $previous
    return $rows
}

# ---- JTAG

# Runs a script that uses the JTAG chain, and returns {code result log}. The script's result is a list that begins with a word:
# `done`, or what is in the way.
#
# Between two commands OpenOCD polls its targets, which puts other instructions into their TAPs and all others into BYPASS:
# 0.12.0 before every command (jim_command_dispatch in src/helper/command.c), later ones when it is time. But not within
# `capture`, which masks it (handle_command_capture, formerly jim_capture, there), and in which all our commands run. So what
# belongs together stays together in one script.
proc _openocd_rs_1_jtag {script} {
    set options {}
    if {[catch {transport select} transport]} { set transport none }
    set transport [string trim $transport]
    if {$transport ne {jtag}} { return [list 0 [list transport $transport] {}] }
    set log [capture {
        set code [catch {uplevel 1 $script} result options]
        list
    }]
    return [list [_openocd_rs_1_code $code $options] $result $log]
}

# The same, with a temporary file that the script uses: OpenOCD removes it, for who waits for it may have given up by then.
proc _openocd_rs_1_jtag_with_file {path script} {
    set outcome [_openocd_rs_1_jtag $script]
    catch {file delete $path}
    return $outcome
}

# Whether OpenOCD polls its targets. `poll` says it, and polls the current target while it is at it. The test target `testee` has
# nothing to poll, and 0.12.0 crashes when `poll` is to show its state. Without any target 0.12.0 exits on `poll`
# (get_current_target).
proc _openocd_rs_1_is_polling {} {
    if {[command mode] ne {exec}} { return 0 }
    foreach target [target names] {
        if {[$target cget -type] eq {testee}} { continue }
        set previous [target current]
        targets $target
        set text {}
        catch {poll} text
        targets $previous
        return [string match {*background polling: on*} $text]
    }
    return 0
}

# Begins a pause of polling, of which there may be several at once.
proc _openocd_rs_1_pause_polling {} {
    if {![info exists ::_openocd_rs_1_pauses]} { set ::_openocd_rs_1_pauses 0 }
    if {$::_openocd_rs_1_pauses == 0} {
        set ::_openocd_rs_1_polled [_openocd_rs_1_is_polling]
        if {$::_openocd_rs_1_polled} { poll off }
    }
    incr ::_openocd_rs_1_pauses
}

proc _openocd_rs_1_resume_polling {} {
    if {![info exists ::_openocd_rs_1_pauses] || $::_openocd_rs_1_pauses == 0} { return }
    incr ::_openocd_rs_1_pauses -1
    if {$::_openocd_rs_1_pauses == 0 && $::_openocd_rs_1_polled} { poll on }
}

# {} if the chain is one that can be scanned. TAPs that nobody declared get the length of their instruction registers when OpenOCD
# finds them (`auto0.tap`), unless the chain is not in order; with a length of 0 newer OpenOCD aborts (buf_get_u32 in `scan_chain`).
proc _openocd_rs_1_chain_obstacle {} {
    if {![regexp {(^|\n| )auto[0-9]+\.tap} [jtag names]]} { return {} }
    if {![info exists ::_openocd_rs_1_probed] || !$::_openocd_rs_1_probed} {
        set ::_openocd_rs_1_probed [lindex [_openocd_rs_1_arp_init] 1]
    }
    if {!$::_openocd_rs_1_probed} { return mismatch }
    return {}
}

# {} if the TAP can be scanned, otherwise what is in the way. OpenOCD takes a number for a name, and 0.12.0 aborts when a disabled
# TAP is to be scanned.
proc _openocd_rs_1_obstacle {tap} {
    if {$tap ni [jtag names]} { return [list unknown {*}[jtag names]] }
    if {![jtag tapisenabled $tap]} { return disabled }
    return [_openocd_rs_1_chain_obstacle]
}

proc _openocd_rs_1_scan_chain {} {
    set obstacle [_openocd_rs_1_chain_obstacle]
    if {$obstacle ne {}} { return $obstacle }
    return [list done [scan_chain]]
}

# The length of a TAP's instruction register, which only the table has.
proc _openocd_rs_1_ir_length {tap} {
    foreach line [split [scan_chain] "\n"] {
        if {[regexp {^ *[0-9]+ (.*[^ ]) +[Yn] +0x[0-9a-f]+ +0x[0-9a-f*]+ +([0-9]+) +0x} $line all name length]
                && $name eq $tap} { return $length }
    }
    error "scan_chain does not list $tap"
}

# Scans an instruction of so many significant bits, of which OpenOCD would drop those that do not fit, and remembers it.
proc _openocd_rs_1_irscan {tap instruction bits endstate} {
    set obstacle [_openocd_rs_1_obstacle $tap]
    if {$obstacle ne {}} { return $obstacle }
    set length [_openocd_rs_1_ir_length $tap]
    if {$bits > $length} { return [list width $length] }
    _openocd_rs_1_forget_instruction
    irscan $tap $instruction -endstate $endstate
    set ::_openocd_rs_1_instruction [list $tap $instruction]
    set ::_openocd_rs_1_flushes [flush_count]
    return done
}

# A reset of the chain, and whatever else is not to be followed up, leaves no instruction to go on with.
proc _openocd_rs_1_forget_instruction {} {
    set ::_openocd_rs_1_instruction {}
    set ::_openocd_rs_1_flushes -1
}

# Scans data through the register that the last instruction selected. Where anything else has used the chain since, that
# instruction is scanned again; if it was another TAP's, this one is in BYPASS, which makes 0.12.0 abort
# (interface_jtag_add_dr_scan in src/jtag/drivers/driver.c).
proc _openocd_rs_1_drscan {tap endstate fields} {
    set obstacle [_openocd_rs_1_obstacle $tap]
    if {$obstacle ne {}} { return $obstacle }
    if {![info exists ::_openocd_rs_1_instruction]} { _openocd_rs_1_forget_instruction }
    lassign $::_openocd_rs_1_instruction selected instruction
    if {$selected ne $tap} { return bypass }
    if {[flush_count] != $::_openocd_rs_1_flushes} { irscan $tap $instruction -endstate IRPAUSE }
    set captured [drscan $tap {*}$fields -endstate $endstate]
    set ::_openocd_rs_1_flushes [flush_count]
    return [list done $captured]
}

# Both, with nothing in between.
proc _openocd_rs_1_scan {tap instruction bits endstate fields} {
    set selected [_openocd_rs_1_irscan $tap $instruction $bits IRPAUSE]
    if {$selected ne {done}} { return $selected }
    return [_openocd_rs_1_drscan $tap $endstate $fields]
}

# Runs a command that uses the chain but leaves the instructions.
proc _openocd_rs_1_keep_instruction {script} {
    set untouched [expr {[info exists ::_openocd_rs_1_flushes] && [flush_count] == $::_openocd_rs_1_flushes}]
    uplevel 1 $script
    if {$untouched} { set ::_openocd_rs_1_flushes [flush_count] }
    return done
}

# Puts a TAP into the chain or takes it out: {done now}. 0.12.0 fails where there is nothing to do.
proc _openocd_rs_1_switch_tap {tap enable} {
    if {$tap ni [jtag names]} { return [list unknown {*}[jtag names]] }
    if {[jtag tapisenabled $tap] != $enable} {
        _openocd_rs_1_forget_instruction
        if {$enable} { jtag tapenable $tap } else { jtag tapdisable $tap }
    }
    return [list done [jtag tapisenabled $tap]]
}

# Looks whether the chain is as configured: {done 1} if so. `jtag arp_init` succeeds also if it is not, and only leaves out the
# TAPs' `setup` event then (jtag_init_inner in src/jtag/core.c): a handler of ours, before the one that may be there, tells.
proc _openocd_rs_1_arp_init {} {
    _openocd_rs_1_forget_instruction
    set watched {}
    foreach tap [jtag names] {
        if {[jtag tapisenabled $tap]} { set watched $tap; break }
    }
    if {$watched eq {}} {
        jtag arp_init
        return [list done 0]
    }
    set handler [jtag cget $watched -event setup]
    set ::_openocd_rs_1_setup 0
    jtag configure $watched -event setup "set ::_openocd_rs_1_setup 1\n$handler"
    set code [catch {uplevel #0 {jtag arp_init}} result options]
    jtag configure $watched -event setup $handler
    if {$code != 0} { return {*}$options $result }
    return [list done $::_openocd_rs_1_setup]
}

# Declares a TAP, which OpenOCD takes before `init` only. It would also take a name twice.
proc _openocd_rs_1_newtap {chip tap args} {
    if {"$chip.$tap" in [jtag names]} { return duplicate }
    jtag newtap $chip $tap {*}$args
    return [list done {*}[jtag names]]
}

# Plays a file of test vectors: {done result}. The chain is in whatever state the file leaves it.
proc _openocd_rs_1_svf {path tap args} {
    if {$tap ne {}} {
        set obstacle [_openocd_rs_1_obstacle $tap]
        if {$obstacle ne {}} { return $obstacle }
        # OpenOCD counts the disabled ones, too, where it puts the other TAPs into BYPASS (handle_svf_command in src/svf/svf.c).
        set disabled {}
        foreach other [jtag names] {
            if {![jtag tapisenabled $other]} { lappend disabled $other }
        }
        if {[llength $disabled]} { return [list excluded {*}$disabled] }
        set args [list -tap $tap {*}$args]
    }
    _openocd_rs_1_forget_instruction
    return [list done [svf {*}$args $path]]
}

proc _openocd_rs_1_xsvf {path tap args} {
    if {$tap ne {}} {
        set obstacle [_openocd_rs_1_obstacle $tap]
        if {$obstacle ne {}} { return $obstacle }
    } else {
        set tap plain
    }
    _openocd_rs_1_forget_instruction
    return [list done [xsvf $tap $path {*}$args]]
}

proc _openocd_rs_1_append_file {path data} {
    set file [open $path ab]
    set code [catch {puts -nonewline $file $data} result options]
    close $file
    return {*}$options $result
}

# A debug module interface access of the current target, if that is a RISC-V hart: 0.12.0 takes any target's data for a
# hart's (riscv_dmi_write in src/target/riscv/riscv.c). Espressif's harts have types of their own.
# OpenOCD drops the bits of an address that the interface has no room for, and accesses another register.
proc _openocd_rs_1_dmi {command address args} {
    set target [target current]
    set type [$target cget -type]
    if {![regexp {^(riscv|esp32[chp])} $type]} { return [list other $target $type] }
    if {$address > 0x7f} {
        set width [_openocd_rs_1_dmi_width $target]
        if {$width != 0 && $address >> $width != 0} { return [list width $width] }
    }
    return [list done [riscv $command $address {*}$args]]
}

# How many bits an address has, from the register dtmcs (RISC-V External Debug Support 0.13.2, 6.1.4), of which 7 are in every
# interface of that version. 0 where the hart is not behind a TAP of its own, with an instruction register of 5 bits.
proc _openocd_rs_1_dmi_width {target} {
    set tap [$target cget -chain-position]
    lassign [_openocd_rs_1_jtag [list _openocd_rs_1_dtmcs $tap]] code result log
    if {$code != 0 || [lindex $result 0] ne {done}} { return 0 }
    return [expr {("0x[string trim [lindex $result 1]]" >> 4) & 0x3f}]
}

proc _openocd_rs_1_dtmcs {tap} {
    if {[_openocd_rs_1_ir_length $tap] != 5} { return other }
    return [_openocd_rs_1_scan $tap 0x10 5 RUN/IDLE {32 0x0}]
}

# ---- DAP

# Runs a subcommand of a DAP: {name result}. `which` is {named NAME}, {of} for that of the current target, or {first}.
# A name that is none of a DAP is not run as a command: {unknown names}, or {none target}.
proc _openocd_rs_1_dap {which script} {
    set names [dap names]
    switch [lindex $which 0] {
        named { set dap [lindex $which 1] }
        of { if {[catch {[target current] cget -dap} dap] || $dap eq {}} { return [list none [target current]] } }
        first { set dap [lindex $names 0]; if {$dap eq {}} { return none } }
    }
    if {$dap ni $names} { return [list unknown {*}$names] }
    return [list done $dap [eval $script]]
}

# IDR of every access port of ADIv5: {number idr …}, without those that are not there. There may be gaps.
proc _openocd_rs_1_access_ports {dap} {
    set found {}
    for {set port 0} {$port < 256} {incr port} {
        set idr [$dap apid $port]
        if {$idr != 0} { lappend found $port [string trim $idr] }
    }
    return $found
}

# Asserts or deasserts reset lines that are there, and looks at them again: states before, states after, `reset_config`, transport.
# Without looking, two failures pass as success: TRST that is not there becomes a reset of the TAPs by TMS, and
# `jtag_add_reset` (src/jtag/core.c) only logs why it did nothing.
proc _openocd_rs_1_drive_reset {action signals} {
    set before [adapter assert]
    set after {}
    set words {}
    foreach signal $signals {
        if {![regexp -line "^$signal (asserted|deasserted)" $before]} { set missing 1 }
        lappend words $action $signal
    }
    if {![info exists missing]} {
        adapter {*}$words
        set after [adapter assert]
        if {$action eq {deassert} && {srst} in $signals} {
            # Otherwise OpenOCD takes the targets for held in reset until it polls them again, and cortex_m then ignores `halt`. Of two
            # looks the first may still see that there was a reset (S_RESET_ST in cortex_m_poll, src/target/cortex_m.c).
            foreach target [target names] { catch {$target arp_poll; $target arp_poll} }
        }
    }
    return [list $before $after [reset_config] [transport select]]
}

# Turns the notifications of this connection on, and with trace its trace data: 1 if they are on. `tcl notifications` came with
# newer code, which warns of the old name. Of a target whose state is not known yet, as right after `init`, OpenOCD does not notify that it halts
# (`src/target/cortex_m.c`: cortex_m_poll), hence the look at those.
proc _openocd_rs_1_notify {trace} {
    foreach target [target names] {
        if {[$target was_examined] && [$target curstate] eq {unknown}} { catch {$target arp_poll} }
    }
    set is_on 1
    set commands notifications
    if {$trace} { lappend commands trace }
    foreach command $commands {
        # What it says is its result or in the log, depending on version and caller.
        set answer [capture {if {[catch {tcl $command on} answer]} { tcl_$command on } else { set answer }}]
        if {![string match *enabled* $answer]} { set is_on 0 }
    }
    return $is_on
}

# RTT. OpenOCD has one setup for all targets and clients, so it is kept here, where all clients see it: target, address, size, id. The block is the
# address of the control block, empty while RTT is stopped.

# Runs a command with its informative log, which a `debug_level` below 2 would keep from `capture`: {code result log}.
proc _openocd_rs_1_informed {command} {
    set level 2
    regexp {[-0-9]+} [debug_level] level
    if {$level < 2} { debug_level 2 }
    set log [capture {set code [catch {uplevel 1 $command} result]; list}]
    if {$level < 2} { debug_level $level }
    return [list $code $result $log]
}

proc _openocd_rs_1_rtt_setup {address size id} {
    global _openocd_rs_1_rtt _openocd_rs_1_rtt_block
    rtt setup $address $size $id
    set _openocd_rs_1_rtt [list [target current] $address $size $id]
    set _openocd_rs_1_rtt_block {}
}

# Looks for the control block and starts: `unset`, {none address size id log}, or the address of the block.
# `rtt start` on 0.12.0 succeeds without a control block; with `started` set it does nothing, even when a failed read has ended the polling
# (`src/rtt/rtt.c`: read_channel_callback), hence the stop; and it looks for the block only after a new setup, hence that.
proc _openocd_rs_1_rtt_start {} {
    global _openocd_rs_1_rtt _openocd_rs_1_rtt_block
    if {![info exists _openocd_rs_1_rtt]} { return unset }
    lassign $_openocd_rs_1_rtt target address size id
    set previous [target current]
    targets $target
    set _openocd_rs_1_rtt_block {}
    set log {}
    set failed [catch {
        rtt stop
        rtt setup $address $size $id
        lassign [_openocd_rs_1_informed {rtt start}] code result log
    } error]
    targets $previous
    if {$failed} { error $error }
    if {[regexp {Control block found at (0x[0-9a-fA-F]+)} $log all block] && $code == 0} {
        set _openocd_rs_1_rtt_block $block
        return $block
    }
    return [list none $address $size $id $result$log]
}

# The same for a transfer that is to go on: it counts as started also if the control block is not there yet.
proc _openocd_rs_1_rtt_restart {} {
    global _openocd_rs_1_rtt_block
    set block $_openocd_rs_1_rtt_block
    set failed [catch {_openocd_rs_1_rtt_start} started]
    if {$_openocd_rs_1_rtt_block eq {}} { set _openocd_rs_1_rtt_block $block }
    if {$failed} { error $started }
    return $started
}

proc _openocd_rs_1_rtt_stop {} {
    global _openocd_rs_1_rtt _openocd_rs_1_rtt_block
    if {![info exists _openocd_rs_1_rtt]} { return unset }
    rtt stop
    set _openocd_rs_1_rtt_block {}
    return stopped
}

# What the target's memory says of a channel: `unset`, `stopped`, or {id {words of the control block} {words of the channel}}, the latter
# empty if there is no such channel. The words of the control block are its id, and the counts of up- and down-channels.
proc _openocd_rs_1_rtt_ring {direction number} {
    global _openocd_rs_1_rtt _openocd_rs_1_rtt_block
    if {![info exists _openocd_rs_1_rtt]} { return unset }
    if {$_openocd_rs_1_rtt_block eq {}} { return stopped }
    set previous [target current]
    targets [lindex $_openocd_rs_1_rtt 0]
    set ring {}
    set failed [catch {
        set block [read_memory $_openocd_rs_1_rtt_block 32 6]
        set ups [lindex $block 4]
        set downs [lindex $block 5]
        if {$direction eq {up}} { set count $ups; set index $number } else { set count $downs; set index [expr {$ups + $number}] }
        # A control block that is being written may hold anything.
        if {$number < $count && $ups < 256 && $downs < 256} {
            set ring [read_memory [expr {$_openocd_rs_1_rtt_block + 24 + 24 * $index}] 32 6]
        }
    } error]
    targets $previous
    if {$failed} { error $error }
    return [list [lindex $_openocd_rs_1_rtt 3] $block $ring]
}

# Puts bytes into the ring of a down-channel, as many as it has room for, and returns how many: as `rtt_write_channel` does for what comes by an RTT
# server's socket, but that drops on 0.12.0 what has no room, and takes the count of up-channels for that of down-channels. Otherwise as for a ring.
proc _openocd_rs_1_rtt_put {number bytes} {
    global _openocd_rs_1_rtt _openocd_rs_1_rtt_block
    set answer [_openocd_rs_1_rtt_ring down $number]
    if {[llength $answer] != 3 || [llength [lindex $answer 2]] != 6} { return [list 0 $answer] }
    lassign [lindex $answer 2] name buffer size written read flags
    foreach word {buffer size written read} { set $word [expr [set $word]] }
    if {![_openocd_rs_1_is_id [lindex $answer 0] [lindex $answer 1]] || $size < 2 || $written >= $size || $read >= $size} {
        return [list 0 $answer]
    }
    set free [expr {($read - $written - 1 + $size) % $size}]
    if {$free < [llength $bytes]} { set bytes [lrange $bytes 0 [expr {$free - 1}]] }
    set count [llength $bytes]
    if {$count == 0} { return [list 0 $answer] }
    set previous [target current]
    targets [lindex $_openocd_rs_1_rtt 0]
    set failed [catch {
        set first [expr {$size - $written}]
        write_memory [expr {$buffer + $written}] 8 [lrange $bytes 0 [expr {$first - 1}]]
        if {$count > $first} { write_memory $buffer 8 [lrange $bytes $first end] }
        set ups [expr [lindex [lindex $answer 1] 4]]
        write_memory [expr {$_openocd_rs_1_rtt_block + 24 + 24 * ($ups + $number) + 12}] 32 [expr {($written + $count) % $size}]
    } error]
    targets $previous
    if {$failed} { error $error }
    return [list $count $answer]
}

# Whether the words of a control block, little-endian, begin with an id.
proc _openocd_rs_1_is_id {id words} {
    for {set i 0} {$i < [string length $id]} {incr i} {
        scan [string index $id $i] %c code
        if {$code != ([lindex $words [expr {$i / 4}]] >> (8 * ($i % 4)) & 0xff)} { return 0 }
    }
    return 1
}

# Starts an RTT server and returns its port, or {} and the log. Port 0 makes the system choose a free one, but then `rtt server stop` needs that same
# text, "0", and stops the first server that was started with it. So port 0 only finds out which port is free. Nobody starts one with "0x0" but
# this procedure, which nothing else of OpenOCD interrupts.
proc _openocd_rs_1_rtt_serve {channel} {
    set all_logs {}
    for {set try 0} {$try < 8} {incr try} {
        lassign [_openocd_rs_1_informed [list rtt server start 0x0 $channel]] code result log
        append all_logs $result $log
        if {$code != 0 || ![regexp {Listening on port ([0-9]+) for rtt} $log all port]} { break }
        rtt server stop 0x0
        lassign [_openocd_rs_1_informed [list rtt server start $port $channel]] code result log
        if {$code == 0} { return $port }
        append all_logs $result $log
    }
    return [list {} $all_logs]
}

# Redirects the current target's semihosting to a free port: {port PORT CAN_END}, {busy TARGET {}}, or {none LOG {}}.
# CAN_END: OpenOCD survives the end of a redirection, at which it freed its memory twice before 5ff384be0 (October 2025). Nothing shows that without a crash;
# error codes in -errorcode came shortly after it (d2aeb5fcc), so who has them has it.
proc _openocd_rs_1_redirect {what} {
    global _openocd_rs_1_redirected
    set target [target current]
    set options {}
    catch {sleep} usage options
    set can_end [expr {[dict exists $options -errorcode] && [lindex [dict get $options -errorcode] 0] eq {OpenOCD}}]
    if {!$can_end && [info exists _openocd_rs_1_redirected($target)]} { return [list busy $target {}] }
    set all_logs {}
    # A redirection that can't be: said without a port.
    if {![string match {*is enabled*} [capture {set said [arm semihosting]; set said}]]} { arm semihosting_redirect disable }
    for {set try 0} {$try < 8} {incr try} {
        # As for an RTT server, which shows a free port without being used.
        lassign [_openocd_rs_1_informed [list rtt server start 0x0 0]] code result log
        if {$code != 0 || ![regexp {Listening on port ([0-9]+) for rtt} $log all port]} { append all_logs $result $log; break }
        rtt server stop 0x0
        lassign [_openocd_rs_1_informed [list arm semihosting_redirect tcp $port $what]] code result log
        if {$code == 0} {
            set _openocd_rs_1_redirected($target) $port
            return [list port $port $can_end]
        }
        append all_logs $result $log
    }
    return [list none $all_logs {}]
}

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

# Answers a semihosting call and lets the target go on: `resume` without an address goes on behind a BKPT (`src/target/cortex_m.c`: cortex_m_resume).
proc _openocd_rs_1_answer {value} {
    reg r0 $value
    resume
}

# Reads 32-bit words of the current target, each by itself.
proc _openocd_rs_1_sample {addresses args} {
    set values {}
    foreach address $addresses { lappend values [read_memory $address 32 1 {*}$args] }
    return $values
}

# Whether run-until can serve calls: name, type, and whether OpenOCD's own semihosting is enabled.
proc _openocd_rs_1_calls {} {
    set target [target current]
    set type [$target cget -type]
    set enabled 0
    if {$type in {cortex_m hla_target}} { set enabled [string match {*is enabled*} [capture {set said [arm semihosting]; set said}]] }
    return [list $target $type $enabled]
}

list openocd-rs [version]
