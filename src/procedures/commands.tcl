# Defined by the first connection that misses them. The procedures live in OpenOCD's one interpreter, which all its clients share: their
# names carry the crate's name, and a number to be raised once a released version calls them in another way.

# Runs a command at the top level and returns the number, a space, 0x00, and the list
#   code result log
# code is OpenOCD's own error number: what `catch` returns on 0.12.0; since d2aeb5fcc (November 2025) `catch` returns 1
# and the number is in -errorcode. result and log stay apart because `capture` returns what was logged if anything was,
# and otherwise the result of its script, which is why that script ends with an empty list.
proc _openocd_rs_1_run {sequence command} {
    set ::_openocd_rs_1_command $command
    set log [uplevel #0 {capture _openocd_rs_1_try}]
    if {$::_openocd_rs_1_code} {
        set code [_openocd_rs_1_code $::_openocd_rs_1_code $::_openocd_rs_1_options]
        if {$code} { capture {_openocd_rs_1_clear_errors; list} }
        return [_openocd_rs_1_reply $sequence $code $::_openocd_rs_1_result $log]
    }
    # Here and not by a call, which would take a tenth longer.
    set reply [list 0 $::_openocd_rs_1_result $log]
    if {[string first \x1a $reply] >= 0} { set reply [_openocd_rs_1_without_separator $reply] }
    return "$sequence \x00$reply"
}

# At the top level, runs what `_openocd_rs_1_command` holds and leaves its code, result and options in variables like it. All are global, and this is an alias,
# because each step is taken for every command, and 0.12.0 parses what it captures each time: a procedure with variables of its own takes a fifth longer.
alias _openocd_rs_1_try if {[set _openocd_rs_1_code [catch $_openocd_rs_1_command _openocd_rs_1_result _openocd_rs_1_options]]} list

# Runs a command as `_openocd_rs_1_run` does, on a named target.
proc _openocd_rs_1_run_on {sequence target command} {
    set log [capture {
        set code [catch {
            set previous [_openocd_rs_1_select $target]
            uplevel #0 $command
        } result options]
        if {$code != 0} { _openocd_rs_1_clear_errors }
        # It fails if the command has disabled the TAP of that target.
        if {[info exists previous]} { catch {targets $previous} }
        list
    }]
    return [_openocd_rs_1_reply $sequence [_openocd_rs_1_code $code $options] $result $log]
}

# Makes a target current and returns which one was. OpenOCD makes none current whose TAP is disabled (find_target in
# src/target/target.c): where that is so of the current one, it is left as it is, for it could not be made current again.
proc _openocd_rs_1_select {target} {
    set current [target current]
    if {$current ne $target} {
        if {[catch {targets $current}]} {
            error "$current is current, but its TAP is disabled: make another target current (`targets NAME`) before one is used by its name"
        }
        targets $target
    }
    return $current
}

# OpenOCD's own error number out of what `catch` gave; see _openocd_rs_1_run.
# `return` at the top level of a script is success, unless it says otherwise (`return -code error`).
proc _openocd_rs_1_code {code options} {
    if {$code == 2} { set code [dict get $options -code] }
    if {$code != 0 && [dict exists $options -errorcode]} {
        lassign [dict get $options -errorcode] kind number
        # Scripts can set it to anything, and a failure is none with 0.
        if {$kind eq {OpenOCD} && [string is integer -strict $number] && $number != 0} { return $number }
    }
    return $code
}

# Runs commands, one after the other, at the top level and, if one is named, for a target, and returns
#   sequence 0 {result result ... {}} {index code log index code log ...}
# where the second list has those commands that failed or logged, by their place in the first. There are fewer results than commands if they take more room,
# not counting results up to 100 bytes, or if one fails and that is to stop the rest.
# groups is a list {count unpolled count unpolled ...}: OpenOCD 0.12.0 polls all targets before each command of its own (jim_command_dispatch in
# src/helper/command.c), which takes as long as a read of a word, but not within `capture`. So those that do not depend on what it sees have one around them all.
proc _openocd_rs_1_batch {sequence target stop room groups args} {
    foreach name {commands results others room stop goes_on} value [list {} {} {} $room $stop 1] { set ::_openocd_rs_1_$name $value }
    set failed [catch {
        if {$target ne {}} { set previous [_openocd_rs_1_select $target] }
        set next 0
        foreach {count unpolled} $groups {
            set ::_openocd_rs_1_commands [lrange $args $next [expr {$next + $count - 1}]]
            incr next $count
            if {$unpolled} {
                capture {_openocd_rs_1_run_each; list}
            } else {
                _openocd_rs_1_run_each
            }
            if {!$::_openocd_rs_1_goes_on} break
            if {[llength $::_openocd_rs_1_results] != $next} { error {a command of the batch has changed the variables of this crate} }
        }
    } message]
    if {[info exists previous]} { catch {targets $previous} }
    if {$failed} {
        set reply [_openocd_rs_1_reply $sequence $failed $message {}]
    } else {
        # After the empty element the list can stand in braces, whatever is before it. Otherwise each byte could become four.
        lappend ::_openocd_rs_1_results {}
        set reply [_openocd_rs_1_reply $sequence 0 $::_openocd_rs_1_results $::_openocd_rs_1_others]
    }
    foreach name {commands results others} { set ::_openocd_rs_1_$name {} }
    return $reply
}

# Runs a group of a batch. What is done for each command is what a batch costs: every word here was measured.
proc _openocd_rs_1_run_each {} {
    uplevel #0 {
        foreach _openocd_rs_1_command $_openocd_rs_1_commands {
            set _openocd_rs_1_log [capture _openocd_rs_1_try]
            lappend _openocd_rs_1_results $_openocd_rs_1_result
            if {$_openocd_rs_1_code || $_openocd_rs_1_log ne {}} {
                if {![_openocd_rs_1_note]} break
            } elseif {[string length $_openocd_rs_1_result] > 100} {
                set _openocd_rs_1_goes_on [expr {[incr _openocd_rs_1_room -[string length $_openocd_rs_1_result]] >= 0}]
                if {!$_openocd_rs_1_goes_on} break
            }
        }
    }
}

# Takes down what is not usual about the last command, and returns whether the batch goes on.
proc _openocd_rs_1_note {} {
    foreach name {code result options log results others room stop goes_on} { upvar #0 _openocd_rs_1_$name $name }
    set number [_openocd_rs_1_code $code $options]
    if {$number || $log ne {}} { lappend others [expr {[llength $results] - 1}] $number $log }
    incr room -[string length $result$log]
    if {$number} { capture {_openocd_rs_1_clear_errors; list} }
    set goes_on [expr {$room >= 0 && !($number && $stop)}]
}

# OpenOCD repeats every reply in its log, but only up to the first 0x00: of ours that is the number, which the program that reads the log leaves out.
proc _openocd_rs_1_reply {sequence code result log} {
    set reply [list $code $result $log]
    if {[string first \x1a $reply] >= 0} { set reply [_openocd_rs_1_without_separator $reply] }
    return "$sequence \x00$reply"
}

# 0x1a ends a reply on the wire; one inside would put every later reply out of step. \x1b and a letter stand for it.
proc _openocd_rs_1_without_separator {reply} {
    return ~[string map [list \x1b \x1bA \x1a \x1bB] $reply]
}

# After a failed command: the last transfer of its clean-up may have failed too, which over SWD the next access would be told, whoever
# makes it. OpenOCD's polling takes the target for lost then.
proc _openocd_rs_1_clear_errors {} {
    # Before that nothing has been accessed, and asking for the transport would select one.
    if {[command mode] eq {exec}} { catch {_openocd_rs_1_check_write} }
}
