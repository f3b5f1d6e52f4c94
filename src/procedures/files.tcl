# Temporary files on OpenOCD's machine.

# Creates a temporary file that belongs to OpenOCD's user alone (it is mkstemp) and returns its
# path. The process that started this OpenOCD has chosen the name's beginning, to find the file
# again if OpenOCD is killed.
proc _openocd_rs_1_temporary_file {} {
    if {[info exists ::_openocd_rs_temporary]} { return [file tempfile $::_openocd_rs_temporary] }
    return [file tempfile]
}

# Runs a script with a temporary file that holds data. `_openocd_rs_1_file` holds the path while the
# script runs. This is Tcl so that the file exists within one command only: it is removed however
# the script ends, also if nobody waits for the reply.
proc _openocd_rs_1_with_file {data script} {
    set path [_openocd_rs_1_temporary_file]
    catch -exit -signal -- {
        _openocd_rs_1_put_file $path $data
        set ::_openocd_rs_1_file $path
        uplevel #0 $script
    } result options
    catch {file delete $path}
    return {*}$options $result
}

# Adds a part to data that is too long for one command, and returns the number of the data and its
# length so far. An empty number begins new data.
proc _openocd_rs_1_add_data {number part} {
    if {$number eq {}} {
        if {![info exists ::_openocd_rs_1_last_data]} { set ::_openocd_rs_1_last_data 0 }
        set number [incr ::_openocd_rs_1_last_data]
    }
    append ::_openocd_rs_1_data($number) $part
    return [list $number [string length $::_openocd_rs_1_data($number)]]
}

# Returns the data and forgets it.
proc _openocd_rs_1_take_data {number} {
    set data $::_openocd_rs_1_data($number)
    unset ::_openocd_rs_1_data($number)
    return $data
}

# Forgets the data if it is still there.
proc _openocd_rs_1_drop_data {number} {
    unset -nocomplain ::_openocd_rs_1_data($number)
}

# Writes data to a file and checks that the file holds it.
proc _openocd_rs_1_put_file {path data} {
    set file [open $path wb]
    set status [catch {puts -nonewline $file $data} result]
    catch {close $file}
    if {$status != 0} { error "cannot write the temporary file $path: $result" }
    if {[_openocd_rs_1_get_file $path] ne $data} { error "the temporary file $path does not hold what was written to it" }
}

# Returns the bytes of a file.
proc _openocd_rs_1_get_file {path} {
    set file [open $path rb]
    set status [catch {read $file} data]
    catch {close $file}
    if {$status != 0} { error "cannot read the temporary file $path: $data" }
    return $data
}
