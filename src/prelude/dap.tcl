# Debug access ports.

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
