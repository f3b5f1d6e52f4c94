# Flash.

# The bytes of a flash bank, by way of a temporary file: `flash read_memory` refuses the end of a bank on master.
proc _openocd_rs_1_flash_read {bank offset length} {
    set path [_openocd_rs_1_temporary_file]
    set status [catch {
        flash read_bank $bank $path $offset $length
        _openocd_rs_1_get_file $path
    } result options]
    catch {file delete $path}
    return {*}$options $result
}

# The current target and the flash banks, probed where that has not been done: an unprobed bank has the size 0.
# Before, a fresh look at their targets: OpenOCD would start its routines on a core that it takes for halted and that was reset
# behind its back, and master then waits 20 s for them (`armv7m_checksum_memory` in src/target/armv7m.c).
proc _openocd_rs_1_flash_banks {} {
    set target {}
    catch {set target [target current]}
    set number 0
    foreach bank [flash list] {
        catch {
            set owner [dict get $bank target]
            if {![info exists seen($owner)]} {
                set seen($owner) 1
                if {[$owner was_examined]} { $owner arp_poll }
            }
        }
        catch {if {[dict get $bank size] == 0} { flash probe $number }}
        incr number
    }
    return [list $target [flash list]]
}

# What `flash info` prints without and with `sectors` (only the first lists the blocks of a bank that is protected in other
# units than sectors), and, if asked for and possible, what `flash erase_check` prints.
proc _openocd_rs_1_flash_info {bank check} {
    set blocks [flash info $bank]
    set sectors [flash info $bank sectors]
    set rows {}
    set checked [expr {$check && ![catch {flash erase_check $bank} rows]}]
    return [list $blocks $sectors $checked $rows]
}
