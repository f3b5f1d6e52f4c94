//! The calls that the attempts make. To try one more call, add a line here.

use openocd::{Error, Result, Session, quote};

/// A call with its name. An `Ok` value is dropped: these attempts look for panics, hangs and
/// growth.
pub struct Call {
    pub name: &'static str,
    pub run: fn(&Session) -> Result<()>,
}

/// A call that takes text, with its name.
pub struct TextCall {
    pub name: &'static str,
    pub run: fn(&Session, &str) -> Result<()>,
}

const RAM: u64 = 0x2000_0000;

macro_rules! calls {
    ($kind:ident: $($name:literal => |$($argument:ident),*| $call:expr;)*) => {
        &[$($kind { name: $name, run: |$($argument),*| { let _ = $call; Ok::<(), Error>(()) } }),*]
    };
}

pub const CALLS: &[Call] = calls![Call:
    "command" => |session| session.command("expr {40 + 2}")?;
    "execute" => |session| session.execute("echo said; expr {40 + 2}")?;
    "raw" => |session| session.raw("expr {40 + 2}")?;
    "batch" => |session| {
        let mut batch = session.batch();
        let handles = [batch.command("expr 1"), batch.command("error x")];
        batch.run()?;
        handles.map(openocd::Handle::result)
    };
    "target.status" => |session| session.target().status()?;
    "target.halt" => |session| session.target().halt()?;
    "targets" => |session| session.targets()?;
    "memory.read_u8" => |session| session.memory().read_u8(RAM)?;
    "memory.read_u32" => |session| session.memory().read_u32(RAM)?;
    "memory.read_u64" => |session| session.memory().read_u64(RAM)?;
    "memory.read_u32_into" => |session| session.memory().read_u32_into(RAM, &mut [0; 500])?;
    "memory.read_bytes" => |session| session.memory().read_bytes(RAM + 1, 1001)?;
    "memory.write_u32" => |session| session.memory().write_u32(RAM, 5)?;
    "memory.write_bytes" => |session| session.memory().write_bytes(RAM + 1, &[7; 101])?;
    "registers.read" => |session| session.registers().read("pc")?;
    "registers.read_all" => |session| session.registers().read_all()?;
    "breakpoints.list" => |session| session.breakpoints().list()?;
    "flash.banks" => |session| session.flash().banks()?;
    "jtag.scan_chain" => |session| session.jtag().scan_chain()?;
    "reconnect" => |session| session.reconnect()?;
];

pub const TEXT_CALLS: &[TextCall] = calls![TextCall:
    "quoted command" => |session, text| session.command(&format!("list {}", quote(text)))?;
    "target_named" => |session, text| session.target_named(text)?;
    "registers.read" => |session, text| session.registers().read(text)?;
    "registers.write" => |session, text| session.registers().write(text, 5_u32)?;
    "registers.read_many" => |session, text| session.registers().read_many(&[text, "pc"])?;
    "batch of registers" => |session, text| {
        let mut batch = session.batch();
        let handle = batch.registers().read(text);
        batch.run()?;
        handle.result()?
    };
    "jtag.irscan" => |session, text| session.jtag().irscan(text, 1)?;
];
