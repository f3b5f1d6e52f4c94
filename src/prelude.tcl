# Defined once on every connection. The procedures live in OpenOCD's one interpreter, which all its clients share:
# their names carry the crate's name and the number of this version of the file.

# Runs a command at the top level, for a named target if one is given, and returns the list
#   sequence code result log
# code is OpenOCD's own error number: what `catch` returns on 0.12.0; since d2aeb5fcc (November 2025) `catch` returns 1
# and the number is in -errorcode. result and log stay apart because `capture` returns what was logged if anything was,
# and otherwise the result of its script, which is why that script ends with an empty list.
proc _openocd_rs_1_run {sequence target command} {
    if {$target ne {}} { return [_openocd_rs_1_run_on $sequence $target $command] }
    set log [capture {set code [catch {uplevel #0 $command} result options]; list}]
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
            set log [capture {set code [catch {uplevel #0 $command} result options]; list}]
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
    if {![catch {write_memory $address 64 $values {*}$args}]} { return }
    if {[[target current] cget -endian] eq {big}} {
        set swapped {}
        foreach {low high} $words { lappend swapped $high $low }
        set words $swapped
    }
    write_memory $address 32 $words {*}$args
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

# Removes a breakpoint and looks whether the target still has it: {1 own others} if not, {0 own others} if it has.
# 0.12.0 forgets a breakpoint also when it could not take it out of the target (breakpoint_free in src/target/breakpoints.c).
proc _openocd_rs_1_remove_breakpoint {evidence address length number} {
    if {$evidence eq {memory}} { set before [list {*}[read_memory $address 8 $length]] }
    rbp $address
    set gone 1
    if {$evidence eq {memory}} {
        set after [list {*}[read_memory $address 8 $length]]
        # Unchanged and no breakpoint instruction: the program was written anew meanwhile.
        set gone [expr {$after ne $before || ![_openocd_rs_1_is_breakpoint_instruction $after]}]
    } elseif {$evidence eq {comparator}} {
        set gone [expr {![_openocd_rs_1_is_comparator_enabled $number]}]
    }
    return [list $gone [bp] [_openocd_rs_1_other_breakpoints]]
}

# Removes a watchpoint: {1 watchpoints} if the target watches the address no more, {0 watchpoints} if it still does.
proc _openocd_rs_1_remove_watchpoint {evidence address} {
    rwp $address
    set gone 1
    if {$evidence eq {comparator}} { set gone [expr {![_openocd_rs_1_is_watched $address]}] }
    return [list $gone [wp]]
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
