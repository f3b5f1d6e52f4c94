# Registers.

# Reads registers of the current target if it is halted: its name, its state, and of each register the name asked for,
# whether it is dirty, code, text and, if it failed, log. Without names, every register in OpenOCD's listing is read. One that fails does not
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
        set next 0
        while {$next < [llength $names]} {
            # As a capture costs as much as a register, one is for all registers up to the next that fails, whose log it is.
            set log [capture {
                set code 0
                foreach name [lrange $names $next end] {
                    incr next
                    set is_dirty [expr {$name in $dirty}]
                    if {$force && !$is_dirty} {
                        set code [catch {reg $name force} text options]
                    } else {
                        set code [catch {reg $name} text options]
                    }
                    if {$code} break
                    lappend readings [list $name $is_dirty 0 $text {}]
                }
                list
            }]
            if {$code} {
                lappend readings [list $name $is_dirty [_openocd_rs_1_code $code $options] $text $log]
                capture {_openocd_rs_1_clear_errors; list}
            }
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
