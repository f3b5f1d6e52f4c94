# Temporary files on OpenOCD's machine.

# Creates a temporary file that belongs to OpenOCD's user alone (it is mkstemp) and returns its
# path. The process that started this OpenOCD has chosen the name's beginning, to find the file
# again if OpenOCD is killed.
proc _openocd_rs_1_temporary_file {} {
    set template {}
    if {[info exists ::_openocd_rs_temporary]} { set template [list $::_openocd_rs_temporary] }
    if {![catch {file tempfile {*}$template} path]} { return $path }
    # `DIRECTORY/NAME: REASON`
    set said $path
    set path [string range $said 0 [string last {: } $said]-1]
    _openocd_rs_1_no_temporary_file $path $said
}

# Fails because of what the system said, `PATH: REASON`, or because of another reason. A failure of
# this beginning is known to `Failure::is_of_temporary_file`.
proc _openocd_rs_1_no_temporary_file {path said} {
    set reason $said
    if {[string first "$path: " $said] == 0} { set reason [string range $said [string length "$path: "] end] }
    error "cannot write a temporary file in [file dirname $path] on OpenOCD's machine: $reason"
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
    set said [_openocd_rs_1_append_file $path $data]
    if {[_openocd_rs_1_get_file $path] eq $data} return
    if {$said eq {}} { set said {it does not hold what was written to it} }
    _openocd_rs_1_no_temporary_file $path $said
}

# Appends data to a file, and returns what the system says against that: 0.12.0 tells it at once,
# newer OpenOCD when it flushes or closes the file.
proc _openocd_rs_1_append_file {path data} {
    set said {}
    set file [open $path ab]
    foreach step {{puts -nonewline $file $data} {flush $file} {close $file}} {
        catch $step text
        if {$said eq {}} { set said $text }
    }
    return $said
}

# Fails if OpenOCD could not write all of a file: it does not notice a full disk. To write the rest
# brings out the reason.
proc _openocd_rs_1_check_file {path length} {
    set rest [expr {$length - [file size $path]}]
    if {$rest <= 0} return
    set said [_openocd_rs_1_append_file $path [string repeat x $rest]]
    if {$said ne {}} { _openocd_rs_1_no_temporary_file $path $said }
}

# Returns the bytes of a file.
proc _openocd_rs_1_get_file {path} {
    set file [open $path rb]
    set status [catch {read $file} data]
    catch {close $file}
    if {$status != 0} { error "cannot read the temporary file $path: $data" }
    return $data
}
