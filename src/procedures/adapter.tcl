# The adapter.

# Asserts or deasserts the reset lines that exist, and reads their states again. Returns the states
# before, the states after, `reset_config` and the transport. Without this check two failures pass
# as success: without a TRST line OpenOCD resets the TAPs by TMS, and `jtag_add_reset`
# (src/jtag/core.c) only logs why it did nothing.
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
            # Otherwise OpenOCD assumes that the targets are held in reset until it polls them
            # again, and cortex_m then ignores `halt`. The first of two polls may still report the
            # reset (S_RESET_ST in cortex_m_poll, src/target/cortex_m.c).
            foreach target [target names] { catch {$target arp_poll; $target arp_poll} }
        }
    }
    return [list $before $after [reset_config] [transport select]]
}
