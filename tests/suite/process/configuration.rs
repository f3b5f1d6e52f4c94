//! What OpenOCD is given to load.

use openocd::{Error, OpenOcdProcess, ProcessError, Session};
use virtual_chip::VirtualChip;

use super::startup_failure;
use crate::board::{Board, config, dummy};
use crate::directory::Directory;

#[test]
fn search_directories_commands_and_files_keep_their_order() {
    let directory = Directory::new();
    std::fs::write(directory.path().join("my board [1] $x.cfg"), "lappend order file").unwrap();
    let process = dummy()
        .search_dir(directory.path())
        .command("set order first")
        .config_file("my board [1] $x.cfg")
        .config("-c 'lappend order \"third one\"' -c \"lappend order fourth\"")
        .command("noinit")
        .spawn()
        .unwrap();
    let session = Session::connect(process.tcl_address()).unwrap();
    assert_eq!(session.command("join $order ,").unwrap(), "first,file,third one,fourth");
}

#[test]
fn choice_of_the_adapter_comes_where_openocd_accepts_it() {
    let process = OpenOcdProcess::builder()
        .adapter_speed(123)
        .transport("jtag")
        .adapter_serial("A [B] $c")
        .adapter_usb_location("1-2.3")
        .command("adapter driver dummy")
        .command("jtag newtap a cpu -irlen 4")
        .command("proc keep {} {set ::seen [transport select]}; keep; noinit")
        .spawn()
        .unwrap();
    let session = Session::connect(process.tcl_address()).unwrap();
    assert_eq!(session.command("set seen").unwrap().trim(), "jtag");
    assert!(session.command("adapter speed").unwrap().contains("123"));
    assert!(session.command("adapter usb location").unwrap().contains("1-2.3"));

    let with_driver =
        OpenOcdProcess::builder().adapter_driver("dummy").transport("jtag").command("noinit").spawn().unwrap();
    let session = Session::connect(with_driver.tcl_address()).unwrap();
    assert_eq!(session.command("adapter name").unwrap().trim(), "dummy");

    let error = OpenOcdProcess::builder().adapter_driver("dummy").transport("swim").command("noinit").spawn();
    startup_failure(error.unwrap_err());
}

#[test]
fn invalid_configuration_is_a_process_error() {
    for error in [
        Session::start("").unwrap_err(),
        Session::start("  \t").unwrap_err(),
        OpenOcdProcess::builder().spawn().unwrap_err(),
        OpenOcdProcess::builder().command(" ").config_file("").spawn().unwrap_err(),
        dummy().arg("-lopenocd.log").spawn().unwrap_err(),
        Session::start("-f").unwrap_err(),
        Session::start("board.cfg 'open").unwrap_err(),
    ] {
        assert!(matches!(error, Error::Process(ProcessError::InvalidConfig { .. })), "{error:?}");
    }
}

#[test]
fn ready_means_that_init_has_succeeded() {
    let chip = VirtualChip::start().unwrap();
    let process = OpenOcdProcess::builder().config(config(&chip)).spawn().unwrap();
    let session = Session::connect(process.tcl_address()).unwrap();
    assert_eq!(session.command("command mode").unwrap(), "exec");
    assert!(session.targets().unwrap()[0].examined);
    assert!(process.command_line().contains("target/stm32f1x.cfg"), "{}", process.command_line());
}

#[test]
fn any_number_of_boards_run_side_by_side() {
    let boards: Vec<_> = (0..4).map(|_| Board::start()).collect();
    for (n, board) in boards.iter().enumerate() {
        board.session.memory().write_u32(0x2000_0000, n as u32).unwrap();
    }
    for (n, board) in boards.iter().enumerate() {
        assert_eq!(board.chip.read_u32(0x2000_0000).unwrap(), n as u32);
    }
}
