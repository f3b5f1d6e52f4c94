# The adapter.

# Asserts or deasserts reset lines that are there, and looks at them again: states before, states
# after, `reset_config`, transport. Without looking, two failures pass as success: TRST that is not
# there becomes a reset of the TAPs by TMS, and `jtag_add_reset` (src/jtag/core.c) only logs why it
# did nothing.
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
            # Otherwise OpenOCD takes the targets for held in reset until it polls them again, and
            # cortex_m then ignores `halt`. Of two looks the first may still see that there was a
            # reset (S_RESET_ST in cortex_m_poll, src/target/cortex_m.c).
            foreach target [target names] { catch {$target arp_poll; $target arp_poll} }
        }
    }
    return [list $before $after [reset_config] [transport select]]
}
