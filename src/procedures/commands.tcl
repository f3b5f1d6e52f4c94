# Runs commands of a caller, one at a time and in batches.

# Runs a command at the top level, for the current target, and returns the number, a space, 0x00, and
# the list
#   code result log
# code is OpenOCD's own error number. result and log stay apart: `capture` returns what was logged
# if anything was logged, and otherwise the result of its script, so that script ends with an empty
# list.
#
# code and result begin as what no command leaves there. If an earlier command has redefined `set`,
# the test of code fails. If one has redefined `catch`, result still holds its 0x1a, for which the
# last step looks anyway. So no result of an earlier command is taken for the one of this command.
#
# Every command takes this way, so it was measured word by word. After an `unset`, Jim looks up each
# global variable anew, which costs 0.7 µs. A variable of the procedure's own, a parameter with a
# default, or a call of `_openocd_rs_1_reply` costs 0.05 to 0.2 µs.
proc _openocd_rs_1_run {sequence command} {
    set ::_openocd_rs_1_command $command
    set ::_openocd_rs_1_code {}
    set ::_openocd_rs_1_result \x1a_openocd_rs_1_none
    set ::_openocd_rs_1_log [uplevel #0 {capture _openocd_rs_1_try}]
    if {$::_openocd_rs_1_code} {
        set code [_openocd_rs_1_code $::_openocd_rs_1_code $::_openocd_rs_1_options]
        if {$code} { capture {_openocd_rs_1_clear_errors; list} }
        return [_openocd_rs_1_reply $sequence $code [_openocd_rs_1_replaced $::_openocd_rs_1_result] $::_openocd_rs_1_log]
    }
    set ::_openocd_rs_1_reply [list 0 $::_openocd_rs_1_result $::_openocd_rs_1_log]
    if {[string first \x1a $::_openocd_rs_1_reply] >= 0} {
        return [_openocd_rs_1_reply $sequence 0 [_openocd_rs_1_replaced $::_openocd_rs_1_result] $::_openocd_rs_1_log]
    }
    return "$sequence \x00$::_openocd_rs_1_reply"
}

# The same for a command of a caller, which may leave a failed write behind: OpenOCD reports it as
# done. Over SWD the next access would be told of it, whoever makes it. The log tells it instead.
proc _openocd_rs_1_run_callers {sequence command} {
    set ::_openocd_rs_1_command $command
    set ::_openocd_rs_1_code {}
    set ::_openocd_rs_1_result \x1a_openocd_rs_1_none
    set ::_openocd_rs_1_log [uplevel #0 {capture {_openocd_rs_1_try; _openocd_rs_1_tell_failed_write}}]
    set code 0
    if {$::_openocd_rs_1_code} {
        set code [_openocd_rs_1_code $::_openocd_rs_1_code $::_openocd_rs_1_options]
        if {$code} { capture {_openocd_rs_1_clear_errors; list} }
    }
    return [_openocd_rs_1_reply $sequence $code [_openocd_rs_1_replaced $::_openocd_rs_1_result] $::_openocd_rs_1_log]
}

# Logs that the last write of a command failed, if that is so. A target that has no power is not
# asked: that takes half a second.
proc _openocd_rs_1_tell_failed_write {} {
    if {$::_openocd_rs_1_code || [command mode] ne {exec} || ![_openocd_rs_1_is_swd] || ![llength [target names]]} return
    if {![[target current] was_examined]} return
    if {[catch {_openocd_rs_1_check_write} message]} { echo $message }
    list
}

# The same on a named target.
proc _openocd_rs_1_run_on {sequence command target} {
    set ::_openocd_rs_1_command $command
    set ::_openocd_rs_1_code {}
    set ::_openocd_rs_1_result \x1a_openocd_rs_1_none
    set log [capture {_openocd_rs_1_try_on $target}]
    set code 0
    if {$::_openocd_rs_1_code} { set code [_openocd_rs_1_code $::_openocd_rs_1_code $::_openocd_rs_1_options] }
    return [_openocd_rs_1_reply $sequence $code [_openocd_rs_1_replaced $::_openocd_rs_1_result] $log]
}

# Returns a result, if a command has put one in the place of what was there before it.
proc _openocd_rs_1_replaced {result} {
    if {$result eq "\x1a_openocd_rs_1_none"} { error {a command has redefined a command of Tcl} }
    return $result
}

# Runs what `_openocd_rs_1_command` holds at the top level, and leaves its code, result and options
# in global variables. `--` keeps a command that begins with `-` from being read as an option.
# `-exit` and `-signal` catch what would end this procedure without a reply. The variables are
# global and this is an alias because every command takes this step: a procedure with variables of
# its own is a fifth slower on 0.12.0, which parses what it captures each time.
alias _openocd_rs_1_try if {[set _openocd_rs_1_code [catch -exit -signal -- $_openocd_rs_1_command _openocd_rs_1_result _openocd_rs_1_options]]} list

# The same on a named target. Returns an empty list.
proc _openocd_rs_1_try_on {target} {
    foreach name {code result options} { upvar #0 _openocd_rs_1_$name $name }
    set code [catch {_openocd_rs_1_select $target} result options]
    if {$code == 0} {
        set previous $result
        uplevel #0 _openocd_rs_1_try
    }
    # The flags are those of this target's debug port.
    if {$code != 0} { _openocd_rs_1_clear_errors }
    # This fails if the command has disabled the TAP of the previous target.
    if {[info exists previous]} { catch {targets $previous} }
    list
}

# Makes a target current and returns the name of the previous one. OpenOCD refuses to make a target
# current whose TAP is disabled (find_target in src/target/target.c). If that is so for the current
# target, it could not be made current again, so nothing is changed.
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

# Returns OpenOCD's own error number for what `catch` gave. On 0.12.0 `catch` returns that number.
# Since d2aeb5fcc (November 2025) it returns 1, and the number is in -errorcode. `return` at the top
# level of a script is success, unless it says otherwise (`return -code error`). `exit` and
# `shutdown` are -600 on 0.12.0 (ERROR_COMMAND_CLOSE_CONNECTION), and Tcl's code 6 on newer ones.
proc _openocd_rs_1_code {code options} {
    if {$code == 6} { return -600 }
    if {$code == 2} { set code [dict get $options -code] }
    if {$code != 0 && [dict exists $options -errorcode]} {
        lassign [dict get $options -errorcode] kind number
        # A script can set -errorcode to anything, and 0 would make the failure a success.
        if {$kind eq {OpenOCD} && [string is integer -strict $number] && $number != 0} { return $number }
    }
    return $code
}

# Runs commands one after the other at the top level, for a named target if `target` is not empty,
# and returns
#   sequence 0 {result result ... {}} {index code log index code log ...}
# The second list holds the commands that failed or logged, by their index in the first. There are
# fewer results than commands if the results need more room than `room` (results of up to 100 bytes
# are not counted), or if a command fails and `stop` is 1. If the batch itself fails, it returns
# `sequence code message began`; began is 0 if no command was run. groups is a list {count unpolled
# count unpolled ...}. OpenOCD 0.12.0 polls all targets before each command of its own
# (jim_command_dispatch in src/helper/command.c), which takes as long as the read of a word. It does
# not poll within `capture`. So the commands of a group that do not depend on a poll have one
# `capture` around them.
proc _openocd_rs_1_batch {sequence target stop room groups args} {
    foreach name {commands results others room stop goes_on} value [list {} {} {} $room $stop 1] { set ::_openocd_rs_1_$name $value }
    set began 0
    set failed [catch {
        if {$target ne {}} { set previous [_openocd_rs_1_select $target] }
        set next 0
        foreach {count unpolled} $groups {
            set ::_openocd_rs_1_commands [lrange $args $next [expr {$next + $count - 1}]]
            incr next $count
            set began 1
            if {$unpolled} {
                capture {_openocd_rs_1_run_each; list}
            } else {
                _openocd_rs_1_run_each
            }
            if {!$::_openocd_rs_1_goes_on} break
            if {[llength $::_openocd_rs_1_results] != $next} { error {a command of the batch has changed the variables of this crate} }
        }
        # Commands of Tcl that were redefined may have put results of other commands in the place of
        # some results.
        set ::_openocd_rs_1_code {}
        set ::_openocd_rs_1_command {error redefined}
        set said [string trim [uplevel #0 {capture {_openocd_rs_1_try; list works}}]]
        if {$said ne {works} || $::_openocd_rs_1_code ne {1} || $::_openocd_rs_1_result ne {redefined}} {
            error {a command of the batch has redefined a command of Tcl}
        }
    } message]
    if {[info exists previous]} { catch {targets $previous} }
    if {$failed} {
        set reply [_openocd_rs_1_reply $sequence $failed $message $began]
    } else {
        # With an empty element at its end the list can be put in braces, whatever precedes it.
        # Otherwise each byte could become four.
        lappend ::_openocd_rs_1_results {}
        set reply [_openocd_rs_1_reply $sequence 0 $::_openocd_rs_1_results $::_openocd_rs_1_others]
    }
    foreach name {commands results others} { set ::_openocd_rs_1_$name {} }
    return $reply
}

# Runs a group of a batch. The loop is what a batch costs: every word of it was measured.
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

# Notes the code and the log of the last command, and returns whether the batch goes on.
proc _openocd_rs_1_note {} {
    foreach name {code result options log results others room stop goes_on} { upvar #0 _openocd_rs_1_$name $name }
    set number [_openocd_rs_1_code $code $options]
    if {$number || $log ne {}} { lappend others [expr {[llength $results] - 1}] $number $log }
    incr room -[string length $result$log]
    if {$number} { capture {_openocd_rs_1_clear_errors; list} }
    set goes_on [expr {$room >= 0 && !($number && $stop)}]
}

# OpenOCD repeats every reply in its log, but only up to the first 0x00: of ours that is the number,
# which the program that reads the log leaves out.
proc _openocd_rs_1_reply {sequence code result log} {
    set reply [list $code $result $log]
    if {[string first \x1a $reply] >= 0} { set reply [_openocd_rs_1_without_separator $reply] }
    return "$sequence \x00$reply"
}

# Replaces 0x1a, which ends a reply on the wire, by \x1b and a letter. A 0x1a inside a reply would
# put every later reply out of step.
proc _openocd_rs_1_without_separator {reply} {
    return ~[string map [list \x1b \x1bA \x1a \x1bB] $reply]
}

# Clears the error flags of the debug port after a failed command. The last transfer of the command
# may have failed too. Over SWD the next access is told of that failure, whoever makes it; if it is
# OpenOCD's polling, the target is taken for lost.
proc _openocd_rs_1_clear_errors {} {
    # Before `init` nothing has been accessed, and asking for the transport would select one.
    if {[command mode] eq {exec}} { catch {_openocd_rs_1_check_write} }
}

# Runs a script whose failures are expected, without OpenOCD's log of them. With a `debug_level` for
# debugging, 3 or more, all is logged.
proc _openocd_rs_1_quietly {script} {
    set level 3
    regexp {[-0-9]+} [debug_level] level
    if {$level < 0 || $level > 2} { return [uplevel 1 $script] }
    debug_level -1
    set code [catch {uplevel 1 $script} result options]
    debug_level $level
    if {$code} { return {*}$options $result }
    return $result
}
