# RISC-V.

# A debug module interface access of the current target, if that is a RISC-V hart: 0.12.0 takes any
# target's data for a hart's (riscv_dmi_write in src/target/riscv/riscv.c). OpenOCD drops the bits
# of an address that the interface has no room for, and accesses another register.
proc _openocd_rs_1_dmi {command address args} {
    set target [_openocd_rs_1_current]
    set type [$target cget -type]
    if {[_openocd_rs_1_core_kind $type] ne {riscv}} { return [list other $target $type] }
    if {$address > 0x7f} {
        set width [_openocd_rs_1_dmi_width $target]
        if {$width != 0 && $address >> $width != 0} { return [list width $width] }
    }
    return [list done [riscv $command $address {*}$args]]
}

# How many bits an address has, from the register dtmcs (RISC-V External Debug Support 0.13.2,
# 6.1.4), of which 7 are in every interface of that version. 0 where the hart is not behind a TAP of
# its own, with an instruction register of 5 bits.
proc _openocd_rs_1_dmi_width {target} {
    set tap [$target cget -chain-position]
    if {[catch {_openocd_rs_1_jtag [list _openocd_rs_1_dtmcs $tap]} result] || [lindex $result 0] ne {done}} { return 0 }
    return [expr {("0x[string trim [lindex $result 1]]" >> 4) & 0x3f}]
}

proc _openocd_rs_1_dtmcs {tap} {
    if {[_openocd_rs_1_ir_length $tap] != 5} { return other }
    return [_openocd_rs_1_scan $tap 0x10 5 RUN/IDLE {32 0x0}]
}

# Whether a trigger of the current hart, which is halted, compares data addresses with this one, and
# nothing else: `match` 0 with `store` or `load` in mcontrol or mcontrol6 (RISC-V Debug, 5.7.11 and
# 5.7.12). OpenOCD has read the registers of triggers into no copy.
proc _openocd_rs_1_has_equality_trigger {address} {
    set selected [dict get [get_reg -force tselect] tselect]
    set found 0
    set code [catch {
        for {set number 0} {$number < 64 && !$found} {incr number} {
            set_reg [list tselect $number]
            if {[dict get [get_reg -force tselect] tselect] != $number} break
            set values [get_reg -force {tdata1 tdata2}]
            set tdata1 [dict get $values tdata1]
            set found [expr {($tdata1 & 0x3) && ($tdata1 & 0x780) == 0 && [dict get $values tdata2] == $address}]
        }
    } result options]
    set_reg [list tselect $selected]
    if {$code} { return {*}$options $result }
    return $found
}
