# Files on the server.

# A new file that belongs to this OpenOCD's user alone (it is mkstemp). Who started this OpenOCD has named the files, to find them again
# if it is killed.
proc _openocd_rs_1_temporary_file {} {
    if {[info exists ::_openocd_rs_temporary]} { return [file tempfile $::_openocd_rs_temporary] }
    return [file tempfile]
}

# Runs a command with a temporary file that holds data: the word FILE in the command becomes its path. What arrived in the file is compared
# with what was sent, and it is removed however the command ends.
proc _openocd_rs_1_with_file {data command} {
    set path [_openocd_rs_1_temporary_file]
    set status [catch {
        _openocd_rs_1_put_file $path $data
        set words {}
        foreach word $command { lappend words [expr {$word eq {FILE} ? $path : $word}] }
        uplevel #0 $words
    } result options]
    catch {file delete $path}
    return {*}$options $result
}

proc _openocd_rs_1_put_file {path data} {
    set file [open $path wb]
    set status [catch {puts -nonewline $file $data} result]
    catch {close $file}
    if {$status != 0} { error "cannot write the temporary file $path: $result" }
    if {[_openocd_rs_1_get_file $path] ne $data} { error "the temporary file $path does not hold what was written to it" }
}

proc _openocd_rs_1_get_file {path} {
    set file [open $path rb]
    set status [catch {read $file} data]
    catch {close $file}
    if {$status != 0} { error "cannot read the temporary file $path: $data" }
    return $data
}

proc _openocd_rs_1_append_file {path data} {
    set file [open $path ab]
    set code [catch {puts -nonewline $file $data} result options]
    close $file
    return {*}$options $result
}
