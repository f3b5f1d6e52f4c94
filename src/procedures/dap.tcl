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
# the chosen debug port answers to nothing until its DPIDR is read (ARM IHI 0031, B4.3.4). Returns
# `dapabort` for a write of ABORT that OpenOCD cannot make.
proc _openocd_rs_1_write_dap {dap subcommand args} {
    if {$subcommand eq {apreg}} {
        _openocd_rs_1_access_ap $dap {*}$args
        return
    }
    lassign $args address value
    set mask 0xa0
    switch [expr {$address & 0xf}] {
        0 {
            if {[string trim [transport select]] eq {jtag}} { return [_openocd_rs_1_jtag_abort $dap $value] }
            set mask [expr {($value & 4) << 3 | ($value & 8) << 4}]
        }
        12 { set mask 0 }
    }
    $dap dpreg {*}$args
    if {$mask != 0 && [_openocd_rs_1_is_swd]} { _openocd_rs_1_check_dap $dap $mask }
    return
}

# Does what a write to ABORT does over SWD. A JTAG debug port has no ABORT at address 0, so `dpreg 0`
# writes nothing there. Its flags are cleared by ones in CTRL/STAT (ARM IHI 0031, B2.2.2). To cancel
# a transfer (DAPABORT) takes the instruction ABORT, for which OpenOCD has no command.
proc _openocd_rs_1_jtag_abort {dap value} {
    if {$value & 1} { return dapabort }
    # OpenOCD fails a command after which it finds STICKYERR, and clears that flag itself.
    if {[catch {$dap dpreg 4} status]} { set status [$dap dpreg 4] }
    set status [string trim $status]
    set clear [expr {($value & 2) << 3 | ($value & 4) << 3 | ($value & 0x10) >> 3}]
    $dap dpreg 4 [expr {$status & ~0xb2 | $clear}]
    return
}

# Reads a register of an access port.
proc _openocd_rs_1_read_dap {dap apreg port address} { return [_openocd_rs_1_access_ap $dap $port $address] }

# Reads a register of an access port, or writes it if there is a value; fails if that failed.
#
# OpenOCD remembers TAR and CSW of an access port, and writes them only if it needs other values
# (mem_ap_setup_transfer in src/target/arm_adi_v5.c). What `apreg` does can make that wrong: an
# access to DRW moves TAR, and a write that failed is remembered as one that worked. The next access
# to memory would go to another address. One step, so that no poll comes in between.
proc _openocd_rs_1_access_ap {dap port address args} {
    set failed [catch {
        set result [$dap apreg $port $address {*}$args]
        if {[llength $args] && [_openocd_rs_1_is_swd]} { _openocd_rs_1_check_dap $dap 0xa0 }
        set result
    } result options]
    if {$failed} {
        catch {_openocd_rs_1_remember_transfer $dap $port $address 1}
        return {*}$options $result
    }
    if {($address & 0xff) == 0xc} { _openocd_rs_1_remember_transfer $dap $port $address 0 }
    return $result
}

# Makes OpenOCD remember what TAR and, for `all`, CSW of a memory access port hold: it remembers
# what `apreg` writes. `address` is that of the register that was accessed. Registers with these
# addresses in other kinds of access ports are not touched. Those of a MEM-AP begin at 0xd00 in
# ADIv6, where 0 to 0x3fc lead to memory without TAR.
proc _openocd_rs_1_remember_transfer {dap port address all} {
    set first [expr {$address & ~0xff}]
    if {$address & 0xf3 || ![_openocd_rs_1_is_mem_ap $dap $port $first]} { return }
    if {$all} { _openocd_rs_1_rewrite_ap $dap $port $first }
    set tar [_openocd_rs_1_rewrite_ap $dap $port [expr {$first + 4}]]
    # The high half of TAR, where there is one (LA in CFG), and where it may have changed.
    if {($all || $tar < 16) && [string trim [$dap apreg $port [expr {$first + 0xf4}]]] & 2} {
        _openocd_rs_1_rewrite_ap $dap $port [expr {$first + 8}]
    }
}

proc _openocd_rs_1_rewrite_ap {dap port address} {
    set value [string trim [$dap apreg $port $address]]
    $dap apreg $port $address $value
    return $value
}

# Whether an access port is a MEM-AP whose registers begin at `first`: 0 in ADIv5, 0xd00 in ADIv6.
# Class 8 in IDR is a MEM-AP (ARM IHI 0031, C1.3). The debug port of ADIv6 has version 3 in DPIDR.
proc _openocd_rs_1_is_mem_ap {dap port first} {
    if {$first == 0} {
        if {$port >= 256} { return 0 }
        if {$port == 0} {
            set dpidr [string trim [$dap dpreg 0]]
            if {$dpidr & 1 && $dpidr != 0xffffffff && ($dpidr >> 12 & 0xf) >= 3} { return 0 }
        }
    } elseif {$first != 0xd00} {
        return 0
    }
    return [expr {([string trim [$dap apreg $port [expr {$first + 0xfc}]]] >> 13 & 0xf) == 8}]
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
