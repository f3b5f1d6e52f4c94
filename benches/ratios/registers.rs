//! Registers, and peripherals by name.

use openocd::Session;
use virtual_chip::VirtualChip;

use crate::bare_server::BareServer;
use crate::measure::{Goal, Table};

pub(crate) fn run(table: &mut Table) {
    let chip = VirtualChip::start().expect("a free port");
    let session = Session::start(chip.openocd_config()).expect("OpenOCD starts");
    session.target().halt().expect("the target halts");

    let all = session.registers().read_all().expect("the target is halted");
    let names: Vec<_> = all.registers.iter().map(|register| &*register.name).collect();
    let script = |option| {
        let reads: Vec<_> = names.iter().map(|name| format!("append text [reg {name}{option}] \\n")).collect();
        format!("set text {{}}; {}; set text", reads.join("; "))
    };
    let port = session.process().expect("a process of its own").tcl_port();
    let mut server = BareServer::connect(port);
    for (case, forced, script) in [
        ("`registers().read_all` over a hand-written script, from the target", true, script(" force")),
        ("the same, of what OpenOCD has read already", false, script("")),
    ] {
        let registers = if forced { session.registers().forced() } else { session.registers() };
        table.time(
            case,
            200,
            Goal::AtMost(1.3),
            || assert_eq!(registers.read_all().expect("the target is halted").registers.len(), names.len()),
            || {
                let text = server.ask(&script);
                assert_eq!(text.split(|byte| *byte == b'\n').filter(|line| line.contains(&b'/')).count(), names.len());
            },
        );
    }

    let first = 0x2000_0000;
    session.svd().load_str(&svd(first, 20)).expect("a sound description");
    table.time(
        "`svd().read_peripheral` of 20 registers, over 20 `read_u32`",
        100,
        Goal::AtMost(1.0 / 5.0),
        || {
            let reading = session.svd().read_peripheral("BLOCK").expect("the chip answers");
            assert_eq!(reading.registers.len(), 20);
        },
        || {
            for n in 0..20 {
                session.memory().read_u32(first + 4 * n).expect("the chip answers");
            }
        },
    );
}

/// A description of one peripheral with so many 32-bit registers.
fn svd(base: u64, count: u64) -> String {
    let register = |n| format!("<register><name>R{n}</name><addressOffset>{:#x}</addressOffset></register>", 4 * n);
    let registers = (0..count).map(register).collect::<Vec<_>>().concat();
    format!(
        "<device><name>D</name><size>32</size><access>read-write</access><peripherals><peripheral><name>BLOCK</name>\
        <baseAddress>{base:#x}</baseAddress><registers>{registers}</registers></peripheral></peripherals></device>"
    )
}
