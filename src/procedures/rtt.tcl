# Real-time transfer (RTT).
#
# OpenOCD has one setup for all targets and clients. It cannot be asked for it, so it is kept here,
# where all clients of this crate see it: `rtt` is the list {target address size id}, `rtt_block`
# the address of the control block, empty while RTT is stopped.
#
# What makes a control block and a ring valid is said here and nowhere else, because putting bytes
# into a ring must be one step. A control block is 16 bytes of id, the counts of up- and of
# down-channels, and 24 bytes a channel: name, ring, size, where the next byte is written, where the
# next one is read, flags (`SEGGER_RTT.h`).

proc _openocd_rs_1_rtt_setup {address size id} {
    set target [_openocd_rs_1_current]
    rtt setup $address $size $id
    set ::_openocd_rs_1_rtt [list $target $address $size $id]
    set ::_openocd_rs_1_rtt_block {}
}

# `unset`, or {target address size id}.
proc _openocd_rs_1_rtt_where {} {
    if {![info exists ::_openocd_rs_1_rtt]} { return unset }
    return $::_openocd_rs_1_rtt
}

# Runs a script in the caller's scope, with the target of the setup as the current one.
proc _openocd_rs_1_rtt_on_target {script} {
    set previous [_openocd_rs_1_select [lindex $::_openocd_rs_1_rtt 0]]
    set code [catch {uplevel 1 $script} result options]
    catch {targets $previous}
    if {$code} { return {*}$options $result }
    return $result
}

# The beginning of a control block: {block UPS DOWNS}, {id} if the 16 bytes of the id are not the id
# and zeros, or {channels UPS DOWNS} for counts that no firmware has: a block that is being written
# may hold anything.
proc _openocd_rs_1_rtt_head {block id} {
    set words [_openocd_rs_1_read_memory $block 32 6]
    for {set i 0} {$i < 16} {incr i} {
        set code 0
        if {$i < [string length $id]} { scan [string index $id $i] %c code }
        if {($code & 0xff) != ([lindex $words [expr {$i / 4}]] >> (8 * ($i % 4)) & 0xff)} { return id }
    }
    set ups [expr [lindex $words 4]]
    set downs [expr [lindex $words 5]]
    if {$ups > 64 || $downs > 64 || $ups + $downs == 0} { return [list channels $ups $downs] }
    return [list block $ups $downs]
}

# A channel of a control block: {STATE BUFFER SIZE WRITTEN READ FLAGS ADDRESS NAME}, ADDRESS being
# that of its 24 bytes, and NAME that of its name. STATE is `unused`, `broken` if its positions make
# no sense, or `ready`. OpenOCD leaves rings of a single byte alone, too
# (`RTT_CHANNEL_BUFFER_MIN_SIZE`).
proc _openocd_rs_1_rtt_channel {block ups direction number} {
    if {$direction eq {down}} { incr number $ups }
    set address [expr {$block + 24 + 24 * $number}]
    lassign [_openocd_rs_1_read_memory $address 32 6] name buffer size written read flags
    foreach word {name buffer size written read flags} { set $word [expr [set $word]] }
    if {$size < 2} {
        set state unused
    } elseif {$written >= $size || $read >= $size || $buffer == 0 || $buffer + $size > 0x100000000} {
        set state broken
    } else {
        set state ready
    }
    return [list $state $buffer $size $written $read $flags $address $name]
}

# The bytes of a name up to its NUL, at most 128. No read goes beyond a multiple of 32, where the
# memory may end.
proc _openocd_rs_1_rtt_name {address} {
    set bytes {}
    if {$address == 0} { return $bytes }
    while {1} {
        foreach byte [_openocd_rs_1_read_memory $address 8 [expr {32 - $address % 32}]] {
            if {$byte == 0 || [llength $bytes] == 128} { return $bytes }
            lappend bytes [expr $byte]
        }
        set address [expr {$address - $address % 32 + 32}]
    }
}

# Runs a script on the target of RTT, with the control block that was found: `unset` or `stopped` if
# there is none. The script finds `block`, and what rtt_head returns in `kind`, `ups` and `downs`.
proc _openocd_rs_1_rtt_on_block {script} {
    if {![info exists ::_openocd_rs_1_rtt]} { return unset }
    if {$::_openocd_rs_1_rtt_block eq {}} { return stopped }
    upvar 1 block block kind kind ups ups downs downs
    set block $::_openocd_rs_1_rtt_block
    return [_openocd_rs_1_rtt_on_target {
        lassign [_openocd_rs_1_rtt_head $block [lindex $::_openocd_rs_1_rtt 3]] kind ups downs
        uplevel 1 $script
    }]
}

# The channels with a ring, by the target's memory: `unset`, `stopped`, `lost` as of rtt_ring, or
# {UP DOWN}, each a list of {NUMBER SIZE FLAGS NAME}, NAME being the codes of its bytes. `rtt
# channels` prints names as they are, so that a name with a newline can look like other channels.
proc _openocd_rs_1_rtt_channels {} {
    return [_openocd_rs_1_rtt_on_block {
        set lists {}
        foreach {direction count} [list up $ups down $downs] {
            set channels {}
            for {set number 0} {$kind eq {block} && $number < $count} {incr number} {
                set channel [_openocd_rs_1_rtt_channel $block $ups $direction $number]
                lassign $channel state buffer size written read flags address name
                if {$size} { lappend channels [list $number $size $flags [_openocd_rs_1_rtt_name $name]] }
            }
            lappend lists $channels
        }
        expr {$kind eq {block} ? $lists : {lost}}
    }]
}

# What keeps the bytes at an address from being a control block; {} if nothing does. A word and its
# values: {unaligned}, {id}, {channels UPS DOWNS}, {ring DIRECTION NUMBER}, {unreadable DIRECTION
# NUMBER}.
proc _openocd_rs_1_rtt_flaw {block id} {
    if {$block % 4} { return unaligned }
    set head [_openocd_rs_1_rtt_head $block $id]
    lassign $head kind ups downs
    if {$kind ne {block}} { return $head }
    set end [expr {$block + 24 + 24 * ($ups + $downs)}]
    foreach {direction count} [list up $ups down $downs] {
        for {set number 0} {$number < $count} {incr number} {
            if {[catch {_openocd_rs_1_rtt_channel $block $ups $direction $number} channel]} {
                _openocd_rs_1_clear_errors
                return [list unreadable $direction $number]
            }
            lassign $channel state buffer size
            if {$state eq {unused}} continue
            if {$state eq {broken} || ($buffer < $end && $buffer + $size > $block)} { return [list ring $direction $number] }
            if {[catch {read_memory $buffer 8 1; read_memory [expr {$buffer + $size - 1}] 8 1}]} {
                _openocd_rs_1_clear_errors
                return [list unreadable $direction $number]
            }
        }
    }
    return {}
}

# Starts the transfer at a control block: {}, or the flaw that keeps it from being one. `gone` is
# one that OpenOCD does not find: 0.12.0 reports success without a block.
#
# With `started` set `rtt start` does nothing, even when a failed read has ended the polling
# (`src/rtt/rtt.c`: read_channel_callback), hence the stop. It looks for the block only after a new
# setup, hence that. The setup of the caller is then made again, for who uses `rtt start` by hand.
proc _openocd_rs_1_rtt_start {block} {
    lassign $::_openocd_rs_1_rtt target address size id
    return [_openocd_rs_1_rtt_on_target {
        set flaw [_openocd_rs_1_rtt_flaw $block $id]
        if {$flaw eq {}} {
            set ::_openocd_rs_1_rtt_block {}
            rtt stop
            rtt setup $block 24 $id
            lassign [_openocd_rs_1_informed {rtt start}] code result log
            rtt setup $address $size $id
            if {[string match {*Control block found at*} $log] && $code == 0} {
                set ::_openocd_rs_1_rtt_block $block
            } else {
                rtt stop
                set flaw gone
            }
        }
        set flaw
    }]
}

# Stops the transfer: `unset`, or `stopped`. With `paused` it still counts as started, as the
# control block is to be looked for again.
proc _openocd_rs_1_rtt_stop {paused} {
    if {![info exists ::_openocd_rs_1_rtt]} { return unset }
    rtt stop
    if {!$paused} { set ::_openocd_rs_1_rtt_block {} }
    return stopped
}

# Overwrites a control block with zeros: 1, or 0 if there is none. The id alone would not do,
# because OpenOCD does not look at that of a block which it polls.
proc _openocd_rs_1_rtt_clear {block id} {
    if {[_openocd_rs_1_rtt_flaw $block $id] ne {}} { return 0 }
    lassign [_openocd_rs_1_rtt_head $block $id] kind ups downs
    write_memory $block 32 [lrepeat [expr {6 + 6 * ($ups + $downs)}] 0]
    _openocd_rs_1_check_write
    # Flash takes a write, and keeps what it has.
    if {[_openocd_rs_1_rtt_flaw $block $id] eq {}} {
        error "the control block at [format 0x%08x $block] is still there after it was overwritten: it is not in RAM"
    }
    return 1
}

# What the target's memory says of a channel: `unset`, `stopped`, or {STATE COUNT SIZE WRITTEN READ
# FLAGS}. STATE is `lost` if the control block is not there, `none` if it has no such channel, or as
# of rtt_channel. COUNT is how many channels of this direction there are.
proc _openocd_rs_1_rtt_ring {direction number} {
    return [_openocd_rs_1_rtt_with_channel $direction $number {}]
}

# The same, and before that a script for a channel that is ready. It finds the values of rtt_channel
# in variables.
proc _openocd_rs_1_rtt_with_channel {direction number script} {
    return [_openocd_rs_1_rtt_on_block {
        set count [expr {$direction eq {up} ? $ups : $downs}]
        if {$kind ne {block}} {
            list lost 0 0 0 0 0
        } elseif {$number >= $count} {
            list none $count 0 0 0 0
        } else {
            set channel [_openocd_rs_1_rtt_channel $block $ups $direction $number]
            lassign $channel state buffer size written read flags address
            if {$state eq {ready} && $script ne {}} {
                uplevel 1 [list lassign $channel state buffer size written read flags address]
                uplevel 1 $script
            }
            list $state $count $size $written $read $flags
        }
    }]
}

# Puts bytes into the ring of a down-channel, as many as it has room for: {HOW_MANY RING}, RING
# being as of rtt_ring. As `rtt_write_channel` does for what comes by an RTT server's socket. But
# that drops on 0.12.0 what has no room, and takes the count of up-channels for that of
# down-channels.
proc _openocd_rs_1_rtt_put {number bytes} {
    set count 0
    set ring [_openocd_rs_1_rtt_with_channel down $number {
        set free [expr {($read - $written - 1 + $size) % $size}]
        if {$free < [llength $bytes]} { set bytes [lrange $bytes 0 [expr {$free - 1}]] }
        set count [llength $bytes]
        if {$count} {
            set first [expr {$size - $written}]
            write_memory [expr {$buffer + $written}] 8 [lrange $bytes 0 [expr {$first - 1}]]
            if {$count > $first} { write_memory $buffer 8 [lrange $bytes $first end] }
            # Before the firmware sees the bytes.
            _openocd_rs_1_check_write
            write_memory [expr {$address + 12}] 32 [expr {($written + $count) % $size}]
            _openocd_rs_1_check_write
        }
    }]
    return [list $count $ring]
}

# Sets the mode of an up-channel, which is the two lowest bits of its flags, if it is `expected` or
# that is empty. Returns the ring as it was before.
proc _openocd_rs_1_rtt_set_mode {number expected mode} {
    return [_openocd_rs_1_rtt_with_channel up $number {
        if {($flags & 3) != $mode && ($expected eq {} || ($flags & 3) == $expected)} {
            write_memory [expr {$address + 20}] 32 [expr {($flags & ~3 & 0xffffffff) | $mode}]
            _openocd_rs_1_check_write
        }
    }]
}

# Starts an RTT server on one of these ports, or on any if the first is 0. One server does for all
# who open the channel. So what a client that was killed leaves behind, which nobody can tell, is one
# server for each channel, and serves the next one who comes.
proc _openocd_rs_1_rtt_serve {channel first last} {
    global _openocd_rs_1_rtt_servers
    foreach {port server} [array get _openocd_rs_1_rtt_servers] {
        lassign $server served users
        if {$served != $channel || ($first && ($port < $first || $port > $last))} { continue }
        # If somebody else has stopped it, it can be started.
        set is_new [_openocd_rs_1_quietly {expr {![catch {rtt server start $port $channel}]}}]
        set _openocd_rs_1_rtt_servers($port) [list $channel [expr {$is_new ? 1 : $users + 1}]]
        return [list port $port]
    }
    lassign [_openocd_rs_1_listen $first $last [list rtt server start PORT $channel]] kind value
    if {$kind eq {port}} {
        set _openocd_rs_1_rtt_servers($value) [list $channel 1]
        return [list port $value]
    }
    foreach {port server} [array get _openocd_rs_1_rtt_servers] {
        set value "[string trim $value]; port $port has channel [lindex $server 0]: `rtt server stop $port` frees it if its client is gone"
    }
    return [list none $value]
}

# Stops the server that one opened, if nobody else has it.
proc _openocd_rs_1_rtt_unserve {port} {
    global _openocd_rs_1_rtt_servers
    if {[info exists _openocd_rs_1_rtt_servers($port)]} {
        lassign $_openocd_rs_1_rtt_servers($port) channel users
        if {$users > 1} {
            set _openocd_rs_1_rtt_servers($port) [list $channel [expr {$users - 1}]]
            return
        }
        unset _openocd_rs_1_rtt_servers($port)
    }
    rtt server stop $port
}

# Runs a command that makes OpenOCD listen, with one port after the other in place of the word PORT:
# {port PORT} for the first that is free, or {none LOG}. Port 0 makes the system choose a free one, but
# then `rtt server stop` needs that same text, "0", and stops the first server that was started with
# it. So port 0 only finds out which port is free. Nobody starts one with "0x0" but this procedure,
# which nothing else of OpenOCD interrupts.
proc _openocd_rs_1_listen {first last command} {
    set all_logs {}
    if {$first == 0} { set last 7 }
    for {set chosen $first} {$chosen <= $last} {incr chosen} {
        set port $chosen
        if {$first == 0} {
            lassign [_openocd_rs_1_informed {rtt server start 0x0 0}] code result log
            if {$code != 0 || ![regexp {Listening on port ([0-9]+) for rtt} $log all port]} { append all_logs $result $log; break }
            rtt server stop 0x0
        }
        set words {}
        foreach word $command {
            if {$word eq {PORT}} { set word $port }
            lappend words $word
        }
        lassign [_openocd_rs_1_informed $words] code result log
        if {$code == 0} { return [list port $port] }
        append all_logs $result $log
    }
    return [list none $all_logs]
}

# Runs a command with its informative log, which a `debug_level` below 2 would keep from `capture`:
# {code result log}.
proc _openocd_rs_1_informed {command} {
    set level 2
    regexp {[-0-9]+} [debug_level] level
    if {$level < 2} { debug_level 2 }
    set log [capture {set code [catch {uplevel 1 $command} result]; list}]
    if {$level < 2} { debug_level $level }
    return [list $code $result $log]
}
