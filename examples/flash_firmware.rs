//! Programs an ELF file with a progress bar, verifies it, runs it until `main`, and says why it halted there.
//!
//! Without arguments it starts the virtual STM32F103 of this crate's tests and programs `examples/firmware/counter.elf`:
//!
//! ```text
//! $ cargo run --example flash_firmware
//!    erasing [########################################] 1.00 KiB/1.00 KiB 552.31 KiB/s
//!    writing [########################################] 108 B/108 B 10.77 KiB/s
//!  verifying [########################################] 108 B/108 B 15.66 KiB/s
//! 108 bytes are written and verified
//! stm32f1x.cpu is halted at 0x08000040 (breakpoint)
//! ```
//!
//! With a board: `cargo run --example flash_firmware -- firmware.elf --board "interface/stlink.cfg -f target/stm32f1x.cfg"`.

use std::error::Error;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use object::{Object, ObjectSymbol};
use openocd::{BreakpointKind, Image, Phase, Progress, ResetMode, Session, WriteOptions};
use virtual_chip::VirtualChip;

const USAGE: &str = "flash_firmware [ELF] [--board CONFIG]";
const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/counter.elf");

fn main() -> Result<(), Box<dyn Error>> {
    let (mut path, mut board) = (None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--board" => board = Some(arguments.next().ok_or(USAGE)?),
            _ => path = Some(argument),
        }
    }
    let path = path.unwrap_or_else(|| FIRMWARE.to_owned());
    let chip = if board.is_none() { Some(VirtualChip::start()?) } else { None };
    let session = Session::start(board.or(chip.as_ref().map(VirtualChip::openocd_config)).unwrap_or_default())?;

    let image = Image::open(&path)?;
    session.target().reset(ResetMode::Halt)?;
    let bars = Bars::default();
    let report = |progress| bars.show(progress);
    session.flash().with_progress(&report).write_image(&image, WriteOptions::new().erase(true))?;
    println!("{} bytes are written and verified", image.len());

    session.breakpoints().add(main_of(&path)?, BreakpointKind::Hardware)?;
    session.target().reset(ResetMode::Run)?;
    println!("{}", session.target().wait_halt(Duration::from_secs(5))?);
    session.breakpoints().remove_all()?;
    session.close()?;
    Ok(())
}

/// The address of `main`, without the bit that says that it is Thumb code.
fn main_of(path: &str) -> Result<u64, Box<dyn Error>> {
    let file = std::fs::read(path)?;
    let elf = object::File::parse(&*file)?;
    let main = elf.symbols().find(|symbol| symbol.name() == Ok("main")).ok_or("the ELF has no symbol `main`")?;
    Ok(main.address() & !1)
}

/// A bar for each phase of the call, one after the other.
#[derive(Default)]
struct Bars(Mutex<Option<(Phase, ProgressBar)>>);

impl Bars {
    fn show(&self, progress: Progress) -> ControlFlow<()> {
        let mut shown = self.0.lock().expect("nothing panics while it holds the bar");
        if shown.as_ref().is_none_or(|(phase, _)| *phase != progress.phase) {
            *shown = Some((progress.phase, new_bar(progress)));
        }
        if let Some((_, bar)) = &*shown {
            bar.set_position(progress.done);
            if progress.done == progress.total {
                bar.finish();
            }
        }
        ControlFlow::Continue(())
    }
}

fn new_bar(progress: Progress) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:>10} [{bar:40}] {bytes}/{total_bytes} {bytes_per_sec}");
    let target =
        if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(progress.total), target).with_prefix(progress.phase.to_string());
    bar.set_style(style.expect("the template is valid").progress_chars("##-"));
    bar
}
