//! What calls cost where that does not depend on the machine: allocations and commands. The counter
//! of allocations and the logger are for a whole process, so this is a test program of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use allocation_counter::measure;
use log::{LevelFilter, Log, Metadata, Record};
use openocd::{OpenOcdProcess, Session};
use virtual_chip::VirtualChip;

/// Counts the commands that are sent.
struct Count;

static COMMANDS: AtomicUsize = AtomicUsize::new(0);

impl Log for Count {
    fn enabled(&self, _: &Metadata) -> bool {
        true
    }

    fn log(&self, record: &Record) {
        if record.target() == "openocd::command" && record.args().to_string().starts_with('>') {
            COMMANDS.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {}
}

#[test]
fn long_reads_allocate_as_little_as_short_ones_failed_ones_nothing_and_peripherals_are_read_together() {
    let patience = Duration::from_secs(120);
    let chip = VirtualChip::start().unwrap();
    let openocd = OpenOcdProcess::builder().config(chip.openocd_config()).ready_timeout(patience);
    let session = Session::builder().timeout(patience).start(openocd).unwrap();
    session.target().halt().unwrap();

    for count in [1, 64, 4096, 16 * 1024] {
        let mut values = vec![0; count];
        // The first read makes the buffers of the session as large as they have to be.
        session.memory().read_u32_into(0x0800_0000, &mut values).unwrap();
        let used = measure(|| session.memory().read_u32_into(0x0800_0000, &mut values).unwrap()).count_total;
        assert!(used <= 4, "{used} allocations for {count} words");
    }

    // The chip has no memory there: nothing arrives, so there is nothing to make room for.
    let used = measure(|| {
        session.memory().read_bytes(0x1000_0000, 7 << 29).unwrap_err();
        session.memory().read_u32_vec(0x1000_0000, 7 << 27).unwrap_err();
        session.memory().hexdump(0x1000_0000, 7 << 29).unwrap_err();
    });
    assert!(used.bytes_max < 1 << 20, "{} bytes for reads that fail at once", used.bytes_max);

    log::set_logger(&Count).unwrap();
    log::set_max_level(LevelFilter::Trace);
    #[cfg(feature = "svd")]
    peripherals_are_read_together(&session);
}

#[cfg(feature = "svd")]
fn peripherals_are_read_together(session: &Session) {
    let svd = session.svd();
    svd.load(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd")).unwrap();
    let device = svd.device().unwrap();
    assert!(device.peripherals().iter().any(|peripheral| peripheral.registers().len() >= 20));
    for peripheral in device.peripherals() {
        let before = COMMANDS.load(Ordering::Relaxed);
        svd.read_peripheral(peripheral.name()).unwrap();
        // The second is for what could not be read together.
        let commands = COMMANDS.load(Ordering::Relaxed) - before;
        assert!((1..=2).contains(&commands), "{} took {commands} commands", peripheral.name());
    }
}
