//! The choice of the adapter reaches OpenOCD when OpenOCD accepts it, and holds.

use std::sync::mpsc;

use openocd::{Error, OpenOcdBuilder, OpenOcdProcess, ProcessError, Session};
use virtual_chip::{Transport, VirtualChip};

use crate::board::{Board, transport};

fn wire() -> &'static str {
    match transport() {
        Transport::Jtag => "jtag",
        Transport::Swd => "swd",
    }
}

/// Starts OpenOCD with a log of all commands, and returns the commands that it ran.
fn commands_of(openocd: OpenOcdBuilder) -> (Session, Vec<String>) {
    const END: &str = "the end of the start";
    let (send, lines) = mpsc::channel();
    let openocd = openocd.arg("-d3").on_log(move |line| drop(send.send(line.to_owned())));
    let session = Session::builder().start(openocd).unwrap();
    // The callback is called a moment later. With `-d3` a prefix precedes the text.
    session.command(&format!("echo {{{END}}}")).unwrap();
    let lines = lines.iter().take_while(|line| !line.ends_with(END));
    let commands = lines.filter_map(|line| Some(line.split_once(" command - ")?.1.to_owned())).collect();
    (session, commands)
}

#[track_caller]
fn position(commands: &[String], start: &str) -> usize {
    let found = commands.iter().position(|command| command.starts_with(start));
    found.unwrap_or_else(|| panic!("no {start:?} in {commands:#?}"))
}

#[track_caller]
fn assert_order(commands: &[String], order: &[&str]) {
    let positions: Vec<_> = order.iter().map(|start| position(commands, start)).collect();
    assert!(positions.is_sorted(), "{:#?}", order.iter().zip(positions).collect::<Vec<_>>());
}

/// The transport has to be selected before the target file, in whichever form that is given.
#[test]
fn transport_is_selected_with_each_form_of_the_options() {
    let chip = VirtualChip::start().unwrap();
    let driver =
        format!("adapter driver remote_bitbang; remote_bitbang host 127.0.0.1; remote_bitbang port {}", chip.port());
    for (command, file) in [("-c ", "-f "), ("-c", "-f"), ("--command=", "--file="), ("--command ", "--file ")] {
        let config = format!("{command}'{driver}' {file}target/stm32f1x.cfg");
        let openocd = OpenOcdProcess::builder().config(&config).transport(wire());
        let session = Session::builder().start(openocd).unwrap_or_else(|error| panic!("{config}: {error}"));
        assert_eq!(session.command("transport select").unwrap().trim(), wire(), "{config}");
    }
}

#[test]
fn choice_is_made_in_the_order_that_openocd_needs() {
    let chip = VirtualChip::start().unwrap();
    // In an order of calls that OpenOCD would refuse.
    let openocd = OpenOcdProcess::builder()
        .adapter_speed(77)
        .transport(wire())
        .adapter_usb_location("1-2.3")
        .adapter_serial("A [B] $c")
        .command(format!("remote_bitbang host 127.0.0.1; remote_bitbang port {}", chip.port()))
        .config("target/stm32f1x.cfg")
        .adapter_driver("remote_bitbang");
    let (session, commands) = commands_of(openocd);
    let order = [
        "adapter driver remote_bitbang",
        "_openocd_rs_adapter_serial A [B] $c",
        "adapter usb location 1-2.3",
        &format!("transport select {}", wire()),
        "remote_bitbang port",
        "target create stm32f1x.cpu",
        "adapter speed 77",
        "init",
    ];
    assert_order(&commands, &order);
    assert_eq!(session.adapter().serial().unwrap().as_deref(), Some("A [B] $c"));
    assert_eq!(session.adapter().transport().unwrap(), wire());
    session.target().halt().unwrap();
}

#[test]
fn transport_follows_a_driver_that_a_command_selects() {
    let chip = VirtualChip::start().unwrap();
    let driver =
        format!("adapter driver remote_bitbang; remote_bitbang host 127.0.0.1; remote_bitbang port {}", chip.port());
    let target = "source [find target/stm32f1x.cfg]";
    for openocd in [
        OpenOcdProcess::builder().command(&driver).command(target),
        OpenOcdProcess::builder().config(format!("-c '{driver}' -c '{target}'")),
        OpenOcdProcess::builder().config(format!("-c '{driver}' target/stm32f1x.cfg")),
    ] {
        let (session, commands) = commands_of(openocd.transport(wire()));
        let select = format!("transport select {}", wire());
        assert_order(&commands, &["adapter driver remote_bitbang", &select, "target create stm32f1x.cpu"]);
        assert_eq!(session.adapter().transport().unwrap(), wire());
        session.target().halt().unwrap();
    }
}

#[test]
fn choice_holds_against_the_configuration() {
    let chip = VirtualChip::start().unwrap();
    // A configuration with a choice and an `init` of its own, after which OpenOCD accepts no
    // choice.
    let openocd = OpenOcdProcess::builder()
        .adapter_serial("OURS")
        .adapter_usb_location("1-2.3")
        .config(chip.openocd_config_over(transport()))
        .command("adapter serial THEIRS; adapter usb location 9-9; set seen [adapter usb location]; init");
    let (session, commands) = commands_of(openocd);
    assert_eq!(session.adapter().serial().unwrap().as_deref(), Some("OURS"));
    assert!(session.command("set seen").unwrap().contains("1-2.3"));
    // Afterwards the commands fail as OpenOCD's own do.
    for late in ["adapter serial LATE", "adapter usb location 9-9"] {
        let error = session.command(late).unwrap_err();
        assert!(error.to_string().contains("must be used before 'init'"), "{error}");
    }
    assert_eq!(session.adapter().serial().unwrap().as_deref(), Some("OURS"));
    let told: Vec<_> = commands
        .iter()
        .filter(|command| {
            command.starts_with("_openocd_rs_adapter_serial") || command.starts_with("adapter usb location")
        })
        .collect();
    assert_eq!(told, ["_openocd_rs_adapter_serial OURS", "adapter usb location 1-2.3"]);
}

#[test]
fn serial_number_of_the_configuration_is_known() {
    let board = Board::start_with(Session::builder(), |openocd| openocd.command("adapter serial {of the file}"));
    assert_eq!(board.session.adapter().serial().unwrap().as_deref(), Some("of the file"));
    assert_eq!(Board::start().session.adapter().serial().unwrap(), None);
}

#[test]
fn driver_of_the_program_precedes_the_one_of_the_configuration() {
    let openocd = OpenOcdProcess::builder()
        .command("adapter driver remote_bitbang")
        .adapter_driver("dummy")
        .transport("jtag")
        .command("noinit");
    let session = Session::builder().start(openocd).unwrap();
    assert_eq!(session.adapter().name().unwrap(), "dummy");
}

#[test]
fn transport_that_the_adapter_lacks_is_an_error() {
    for openocd in [
        OpenOcdProcess::builder().adapter_driver("dummy").transport("swim").command("noinit"),
        OpenOcdProcess::builder()
            .command("adapter driver dummy; transport select jtag")
            .transport("swd")
            .command("noinit"),
        OpenOcdProcess::builder().adapter_driver("dummy").transport("[exit]").command("noinit"),
    ] {
        let error = openocd.spawn().unwrap_err().to_string();
        assert!(error.contains("transport"), "{error}");
    }
}

#[test]
fn invalid_choice_starts_nothing() {
    let dummy = || OpenOcdProcess::builder().command("adapter driver dummy; noinit");
    for (openocd, named) in [
        (dummy().adapter_driver(""), "driver is empty"),
        (dummy().adapter_serial(""), "serial number is empty"),
        (dummy().adapter_usb_location(""), "USB location is empty"),
        (dummy().transport(""), "transport is empty"),
        (dummy().adapter_speed(1 << 31), "adapter speed 2147483648"),
    ] {
        let error = openocd.spawn().unwrap_err();
        assert!(matches!(error, Error::Process(ProcessError::InvalidConfig { .. })), "{error:?}");
        assert!(error.to_string().contains(named), "{error}");
    }
}
