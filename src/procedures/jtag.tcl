# JTAG.

# Runs a script that uses the JTAG chain and returns what it returns: a list that begins with
# `done`, or with a word for the reason that prevents it.
#
# Between two commands OpenOCD polls its targets, which puts other instructions into their TAPs and
# all others into BYPASS: 0.12.0 before every command (jim_command_dispatch in
# src/helper/command.c), later ones when it is time. But not within `capture`, which masks it
# (handle_command_capture, formerly jim_capture, there), and in which all commands of this crate
# run. So what belongs together stays together in one script.
proc _openocd_rs_1_jtag {script} {
    if {[catch {transport select} transport]} { set transport none }
    set transport [string trim $transport]
    if {$transport ne {jtag}} { return [list transport $transport] }
    return [uplevel #0 $script]
}

# Runs a script that plays a file.
#
# Afterwards the chain is in Test-Logic-Reset. Scans without a TAP leave OpenOCD's cached
# instructions as they were before (`add_plain_ir_scan` in src/jtag/core.c), so its next access to a
# debug port would go to another register; the reset makes it forget them.
proc _openocd_rs_1_play {script} {
    catch {_openocd_rs_1_jtag $script} result options
    catch {_openocd_rs_1_reset_taps}
    return {*}$options $result
}

proc _openocd_rs_1_reset_taps {} {
    if {[string trim [transport select]] ne {jtag}} { return }
    pathmove RESET
    pathmove RUN/IDLE
}

# {} if the chain is one that can be scanned. TAPs that nobody declared get the length of their
# instruction registers when OpenOCD finds them (`auto0.tap`), unless the chain is not in order;
# with a length of 0 newer OpenOCD aborts (buf_get_u32 in `scan_chain`).
proc _openocd_rs_1_chain_obstacle {} {
    if {![regexp {(^|\n| )auto[0-9]+\.tap} [jtag names]]} { return {} }
    if {![info exists ::_openocd_rs_1_probed] || !$::_openocd_rs_1_probed} {
        set ::_openocd_rs_1_probed [lindex [_openocd_rs_1_arp_init] 1]
    }
    if {!$::_openocd_rs_1_probed} { return mismatch }
    return {}
}

# {} if the TAP can be scanned, otherwise the reason that prevents it. OpenOCD takes a number for a
# name, and 0.12.0 aborts when a disabled TAP is to be scanned.
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

# Scans an instruction of so many significant bits, of which OpenOCD would drop those that do not
# fit, and remembers it.
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

# Runs commands that reset the chain.
proc _openocd_rs_1_reset_by {script} {
    _openocd_rs_1_forget_instruction
    uplevel #0 $script
    return done
}

# A reset of the chain leaves no instruction that a later scan could repeat.
proc _openocd_rs_1_forget_instruction {} {
    set ::_openocd_rs_1_instruction {}
    set ::_openocd_rs_1_flushes -1
}

# Scans data through the register that the last instruction selected. Where anything else has used
# the chain since, that instruction is scanned again; if it was another TAP's, this one is in
# BYPASS, which makes 0.12.0 abort (interface_jtag_add_dr_scan in src/jtag/drivers/driver.c).
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

# Scans an instruction and data with nothing in between.
proc _openocd_rs_1_scan {tap instruction bits endstate fields} {
    set selected [_openocd_rs_1_irscan $tap $instruction $bits IRPAUSE]
    if {$selected ne {done}} { return $selected }
    return [_openocd_rs_1_drscan $tap $endstate $fields]
}

# Runs a command that uses the chain but leaves the instructions.
proc _openocd_rs_1_keep_instruction {script} {
    set untouched [expr {[info exists ::_openocd_rs_1_flushes] && [flush_count] == $::_openocd_rs_1_flushes}]
    uplevel #0 $script
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

# Checks whether the chain is as configured: {done 1} if so. `jtag arp_init` succeeds also if it is
# not, and only leaves out the TAPs' `setup` event then (jtag_init_inner in src/jtag/core.c): a
# handler of this crate, which runs before an existing one, reports it.
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

# Declares a TAP, which OpenOCD accepts only before `init`. OpenOCD would also accept a name twice.
proc _openocd_rs_1_newtap {chip tap args} {
    if {"$chip.$tap" in [jtag names]} { return duplicate }
    jtag newtap $chip $tap {*}$args
    return [list done {*}[jtag names]]
}

# Whether OpenOCD leaves out HDR, HIR, TDR and TIR, as it does forever after a file with `-tap`
# (`svf_tap_is_specified` in src/svf/svf.c). It says so of each one. `-nil` sends nothing.
proc _openocd_rs_1_drops_surroundings {} {
    set script {_openocd_rs_1_informed {svf -nil $::_openocd_rs_1_file}}
    lassign [_openocd_rs_1_with_file "HDR 0;\n" $script] code result log
    if {$code != 0} { error "cannot tell whether OpenOCD leaves out headers: $result $log" }
    return [string match *skipped* $log]
}

# Plays a file of test vectors: {done result}. `surrounded`: whether it has headers or trailers.
proc _openocd_rs_1_svf {path tap surrounded args} {
    if {$tap ne {}} {
        set obstacle [_openocd_rs_1_obstacle $tap]
        if {$obstacle ne {}} { return $obstacle }
    }
    if {$surrounded && [_openocd_rs_1_drops_surroundings]} {
        # With the name of the TAP OpenOCD makes the same ones itself, but it counts disabled TAPs,
        # too (handle_svf_command).
        set is_counted_wrong [expr {$tap eq {}}]
        foreach other [jtag names] {
            if {![jtag tapisenabled $other]} { set is_counted_wrong 1 }
        }
        if {$is_counted_wrong} { return dropped }
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
