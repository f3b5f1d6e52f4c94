# Real-time transfer.

proc _openocd_rs_1_rtt_setup {address size id} {
    global _openocd_rs_1_rtt _openocd_rs_1_rtt_block
    rtt setup $address $size $id
    set _openocd_rs_1_rtt [list [target current] $address $size $id]
    set _openocd_rs_1_rtt_block {}
}

# Looks for the control block and starts: `unset`, {none address size id log}, or the address of the block.
# `rtt start` on 0.12.0 succeeds without a control block; with `started` set it does nothing, even when a failed read has ended the polling
# (`src/rtt/rtt.c`: read_channel_callback), hence the stop; and it looks for the block only after a new setup, hence that.
proc _openocd_rs_1_rtt_start {} {
    global _openocd_rs_1_rtt _openocd_rs_1_rtt_block
    if {![info exists _openocd_rs_1_rtt]} { return unset }
    lassign $_openocd_rs_1_rtt target address size id
    set previous [target current]
    targets $target
    set _openocd_rs_1_rtt_block {}
    set log {}
    set failed [catch {
        rtt stop
        rtt setup $address $size $id
        lassign [_openocd_rs_1_informed {rtt start}] code result log
    } error]
    targets $previous
    if {$failed} { error $error }
    if {[regexp {Control block found at (0x[0-9a-fA-F]+)} $log all block] && $code == 0} {
        set _openocd_rs_1_rtt_block $block
        return $block
    }
    return [list none $address $size $id $result$log]
}

# The same for a transfer that is to go on: it counts as started also if the control block is not there yet.
proc _openocd_rs_1_rtt_restart {} {
    global _openocd_rs_1_rtt_block
    set block $_openocd_rs_1_rtt_block
    set failed [catch {_openocd_rs_1_rtt_start} started]
    if {$_openocd_rs_1_rtt_block eq {}} { set _openocd_rs_1_rtt_block $block }
    if {$failed} { error $started }
    return $started
}

proc _openocd_rs_1_rtt_stop {} {
    global _openocd_rs_1_rtt _openocd_rs_1_rtt_block
    if {![info exists _openocd_rs_1_rtt]} { return unset }
    rtt stop
    set _openocd_rs_1_rtt_block {}
    return stopped
}

# What the target's memory says of a channel: `unset`, `stopped`, or {id {words of the control block} {words of the channel}}, the latter
# empty if there is no such channel. The words of the control block are its id, and the counts of up- and down-channels.
proc _openocd_rs_1_rtt_ring {direction number} {
    global _openocd_rs_1_rtt _openocd_rs_1_rtt_block
    if {![info exists _openocd_rs_1_rtt]} { return unset }
    if {$_openocd_rs_1_rtt_block eq {}} { return stopped }
    set previous [target current]
    targets [lindex $_openocd_rs_1_rtt 0]
    set ring {}
    set failed [catch {
        set block [read_memory $_openocd_rs_1_rtt_block 32 6]
        set ups [lindex $block 4]
        set downs [lindex $block 5]
        if {$direction eq {up}} { set count $ups; set index $number } else { set count $downs; set index [expr {$ups + $number}] }
        # A control block that is being written may hold anything.
        if {$number < $count && $ups < 256 && $downs < 256} {
            set ring [read_memory [expr {$_openocd_rs_1_rtt_block + 24 + 24 * $index}] 32 6]
        }
    } error]
    targets $previous
    if {$failed} { error $error }
    return [list [lindex $_openocd_rs_1_rtt 3] $block $ring]
}

# Puts bytes into the ring of a down-channel, as many as it has room for, and returns how many: as `rtt_write_channel` does for what comes by an RTT
# server's socket, but that drops on 0.12.0 what has no room, and takes the count of up-channels for that of down-channels. Otherwise as for a ring.
proc _openocd_rs_1_rtt_put {number bytes} {
    global _openocd_rs_1_rtt _openocd_rs_1_rtt_block
    set answer [_openocd_rs_1_rtt_ring down $number]
    if {[llength $answer] != 3 || [llength [lindex $answer 2]] != 6} { return [list 0 $answer] }
    lassign [lindex $answer 2] name buffer size written read flags
    foreach word {buffer size written read} { set $word [expr [set $word]] }
    if {![_openocd_rs_1_is_id [lindex $answer 0] [lindex $answer 1]] || $size < 2 || $written >= $size || $read >= $size} {
        return [list 0 $answer]
    }
    set free [expr {($read - $written - 1 + $size) % $size}]
    if {$free < [llength $bytes]} { set bytes [lrange $bytes 0 [expr {$free - 1}]] }
    set count [llength $bytes]
    if {$count == 0} { return [list 0 $answer] }
    set previous [target current]
    targets [lindex $_openocd_rs_1_rtt 0]
    set failed [catch {
        set first [expr {$size - $written}]
        write_memory [expr {$buffer + $written}] 8 [lrange $bytes 0 [expr {$first - 1}]]
        if {$count > $first} { write_memory $buffer 8 [lrange $bytes $first end] }
        set ups [expr [lindex [lindex $answer 1] 4]]
        write_memory [expr {$_openocd_rs_1_rtt_block + 24 + 24 * ($ups + $number) + 12}] 32 [expr {($written + $count) % $size}]
    } error]
    targets $previous
    if {$failed} { error $error }
    return [list $count $answer]
}

# Whether the words of a control block, little-endian, begin with an id.
proc _openocd_rs_1_is_id {id words} {
    for {set i 0} {$i < [string length $id]} {incr i} {
        scan [string index $id $i] %c code
        if {$code != ([lindex $words [expr {$i / 4}]] >> (8 * ($i % 4)) & 0xff)} { return 0 }
    }
    return 1
}

# Starts an RTT server and returns its port, or {} and the log. Port 0 makes the system choose a free one, but then `rtt server stop` needs that same
# text, "0", and stops the first server that was started with it. So port 0 only finds out which port is free. Nobody starts one with "0x0" but
# this procedure, which nothing else of OpenOCD interrupts.
proc _openocd_rs_1_rtt_serve {channel} {
    set all_logs {}
    for {set try 0} {$try < 8} {incr try} {
        lassign [_openocd_rs_1_informed [list rtt server start 0x0 $channel]] code result log
        append all_logs $result $log
        if {$code != 0 || ![regexp {Listening on port ([0-9]+) for rtt} $log all port]} { break }
        rtt server stop 0x0
        lassign [_openocd_rs_1_informed [list rtt server start $port $channel]] code result log
        if {$code == 0} { return $port }
        append all_logs $result $log
    }
    return [list {} $all_logs]
}
