# Debug access ports.

# Runs a subcommand of a DAP: {done name result}. `which` is {named NAME}, {of} for the DAP of the
# current target, or {first}. With a procedure, that one runs the subcommand. A name that no DAP has
# is not run as a command: {unknown names}, or {none target}.
proc _openocd_rs_1_dap {which procedure subcommand} {
    set names [dap names]
    switch [lindex $which 0] {
        named { set dap [lindex $which 1] }
        of { if {[catch {[target current] cget -dap} dap] || $dap eq {}} { return [list none [target current]] } }
        first { set dap [lindex $names 0]; if {$dap eq {}} { return none } }
    }
    if {$dap ni $names} { return [list unknown {*}$names] }
    if {$procedure ne {}} { return [list done $dap [$procedure $dap {*}$subcommand]] }
    if {$subcommand eq {}} { return [list done $dap {}] }
    return [list done $dap [$dap {*}$subcommand]]
}

# Writes a register of an access port (`apreg`) or of the debug port (`dpreg`), and fails if the
# write failed; see _openocd_rs_1_check_write. ABORT, at 0, takes effect in any state and clears the
# flags that its bits name, so only the other flags are checked. At 0xc is TARGETSEL, after which
# the chosen debug port answers to nothing until its DPIDR is read (ARM IHI 0031, B4.3.4).
proc _openocd_rs_1_write_dap {dap subcommand args} {
    $dap $subcommand {*}$args
    set mask 0xa0
    if {$subcommand eq {dpreg}} {
        lassign $args address value
        switch [expr {$address & 0xf}] {
            0 { set mask [expr {($value & 4) << 3 | ($value & 8) << 4}] }
            12 { set mask 0 }
        }
    }
    if {$mask != 0 && [_openocd_rs_1_is_swd]} { _openocd_rs_1_check_dap $dap $mask }
    return
}

# IDR of every access port of ADIv5: {number idr …}, without those that are not there. There may be
# gaps.
proc _openocd_rs_1_access_ports {dap} {
    set found {}
    for {set port 0} {$port < 256} {incr port} {
        set idr [$dap apid $port]
        if {$idr != 0} { lappend found $port [string trim $idr] }
    }
    return $found
}
