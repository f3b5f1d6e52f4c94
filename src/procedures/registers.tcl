# Registers.

# Reads registers of the current target if it is halted: its name, its state, and of each register the name asked for,
# whether it is dirty, code, text and, if it failed, log. Without names, every register in OpenOCD's listing is read. One that fails does not
# stop the rest. Only the listing tells which registers are dirty; the value of one that OpenOCD holds is there too, as `reg NAME` would give it.
# With force, past OpenOCD's cache, except where the cache holds a value that is not written yet: that would be lost on
# Cortex-M, and newer RISC-V code aborts there.
proc _openocd_rs_1_read_registers {force names} {
    set target [target current]
    set state [_openocd_rs_1_state]
    set readings {}
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
        set option {}
        if {$force} { set option force }
        set next 0
        while {$next < [llength $names]} {
            # As a capture costs as much as a register, one is for all registers up to the next that fails, whose log it is.
            set log [capture _openocd_rs_1_read_until_failure]
            if {$code} {
                lappend readings [list $name [expr {$name in $dirty}] [_openocd_rs_1_code $code $options] $text $log]
                capture {_openocd_rs_1_clear_errors; list}
            }
        }
    }
    return [list $target $state $readings]
}

# For the procedure above, in its frame. A procedure, because 0.12.0 parses what it captures each time, and procedures once.
proc _openocd_rs_1_read_until_failure {} {
    uplevel 1 {
        set code 0
        foreach name [lrange $names $next end] {
            incr next
            set text {}
            if {[dict exists $held $name]} { set text [dict get $held $name] }
            if {$text eq {}} { set code [catch {reg $name {*}$option} text options] }
            if {$code} break
            lappend readings [list $name [expr {$name in $dirty}] 0 $text {}]
        }
        list
    }
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
