//! Snapshots of the virtual chip's registers: taken, saved, loaded, compared.

use openocd::svd::Snapshot;
use openocd::{Error, SvdError};

use super::{A, board, ram};
use crate::directory::Directory;

#[test]
fn two_snapshots_differ_where_the_chip_does() {
    let board = board();
    let svd = board.session.svd();
    let before = svd.snapshot(&["RCC", "GPIOA"]).unwrap();
    svd.write_field("RCC", "CR", "HSEON", "On").unwrap();
    board.chip.set_port_inputs('A', 0x8001);
    let after = svd.snapshot(&["RCC", "GPIOA"]).unwrap();
    let diff = before.diff(&after);
    let changes: Vec<_> = diff.changed.iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["RCC.CR: 0x00000083 -> 0x00030083", "GPIOA.IDR: 0x00000000 -> 0x00008001"]);
    let fields: Vec<_> = diff.changed[0].fields().iter().map(ToString::to_string).collect();
    assert_eq!(fields, ["HSERDY: 0x0  NotReady -> 0x1  Ready", "HSEON: 0x0  Off -> 0x1  On"]);
    let table = diff.to_string();
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "REGISTER   FIELD   BEFORE         AFTER",
            "RCC.CR             0x00000083     0x00030083",
            "           HSERDY  0x0  NotReady  0x1  Ready",
            "           HSEON   0x0  Off       0x1  On",
        ]
    );
    assert!(lines.contains(&"not compared: GPIOA.BSRR: it is write-only"), "{table}");
    assert!(after.diff(&after.clone()).is_empty() && !diff.is_empty());
}

#[test]
fn a_snapshot_reads_nothing_that_a_read_changes_and_says_so() {
    let board = board();
    // Even an unguarded view reads none.
    board.chip.faults().bus_fault_at(0x4001_3804..0x4001_3808);
    let snapshot = board.session.svd().unguarded().snapshot(&["USART1"]).unwrap();
    let data = snapshot.register("USART1.DR").unwrap();
    assert_eq!((data.address, data.value), (0x4001_3804, None));
    assert!(data.unread.as_deref().unwrap().starts_with("reading changes the chip's state"), "{:?}", data.unread);
    assert!(snapshot.register("USART1.BRR").unwrap().value.is_some());
    assert!(snapshot.registers.is_sorted_by_key(|register| register.address));
}

#[test]
fn a_saved_snapshot_of_the_whole_device_is_loaded_and_compared() {
    let board = board();
    let svd = board.session.svd();
    let directory = Directory::new();
    let file = directory.path().join("good.txt");
    let taken = svd.snapshot_all().unwrap();
    let device = svd.device().unwrap();
    let registers: usize = device.peripherals().iter().map(|peripheral| peripheral.registers().len()).sum();
    assert_eq!((taken.registers.len(), taken.device.as_str()), (registers, device.name()));
    taken.save(&file).unwrap();
    let loaded = Snapshot::load(&file).unwrap();
    assert!(loaded.diff(&taken).is_empty(), "{}", loaded.diff(&taken));
    assert_eq!(loaded.clone().with_device(&device), taken);
    svd.write_field("RCC", "CR", "HSEON", "On").unwrap();
    let diff = loaded.diff(&svd.snapshot(&["RCC"]).unwrap());
    // The later one describes the register.
    assert_eq!((diff.changed.len(), diff.changed[0].fields().len()), (1, 2));
    assert!(diff.only_before.iter().any(|register| register.path == "GPIOA.CRL"));
    assert!(loaded.diff(&loaded).is_empty());
}

#[test]
fn a_register_that_cannot_be_read_is_in_the_snapshot_with_the_reason() {
    let board = board();
    let svd = board.session.svd();
    let good = svd.snapshot(&["GPIOA"]).unwrap();
    board.chip.faults().bus_fault_at(0x4001_0800..0x4001_0804);
    let snapshot = svd.snapshot(&["GPIOA"]).unwrap();
    let failed = snapshot.register("GPIOA.CRL").unwrap();
    assert!(failed.value.is_none() && failed.unread.is_some(), "{failed:?}");
    assert!(snapshot.register("GPIOA.CRH").unwrap().value.is_some());
    // It is one line of the file.
    assert_eq!(snapshot.to_string().lines().count(), snapshot.registers.len() + 1);
    let diff = good.diff(&snapshot);
    assert!(
        !diff.is_empty()
            && diff.changed.is_empty()
            && diff.unread_once.iter().any(|register| register.path == "GPIOA.CRL"),
        "{diff}"
    );
}

#[test]
fn unknown_peripherals_and_files_are_errors() {
    let board = board();
    let error = board.session.svd().snapshot(&["RCC", "GPIOa"]).unwrap_err();
    assert!(matches!(error, Error::Svd(SvdError::UnknownPeripheral { .. })), "{error:?}");
    let error = Snapshot::load("/nowhere/at/all").unwrap_err();
    assert_eq!(error.to_string(), "there is no file /nowhere/at/all");
    let error = board.session.svd().snapshot(&["RCC"]).unwrap().save("/nowhere/at/all").unwrap_err();
    assert!(matches!(error, Error::Svd(SvdError::Unwritable { .. })), "{error:?}");
    let error = Snapshot::load("tests/virtual-chip/svd/virtual-stm32f103.svd").unwrap_err();
    assert!(matches!(error, Error::Svd(SvdError::Parse { line: 1, .. })), "{error:?}");
}

#[test]
fn registers_that_are_twice_in_a_snapshot_are_compared_in_their_order() {
    let board = ram(&A.repeat(2));
    let svd = board.session.svd();
    let before = svd.snapshot(&["M", "M"]).unwrap();
    assert_eq!(before.registers.len(), 2, "M is taken once");
    let diff = before.diff(&before);
    assert!(diff.is_empty(), "{diff}");
    board.chip.write_u32(0x2000_0104, 0x55).unwrap();
    let after = svd.snapshot(&["M"]).unwrap();
    assert_eq!(
        format!("{:?}", before.diff(&after)),
        "SnapshotDiff(2 of 2 changed, 0 unread, 0 only before, 0 only after)"
    );
    let mut once = after.clone();
    once.registers.pop();
    assert_eq!(
        format!("{:?}", after.diff(&once)),
        "SnapshotDiff(0 of 1 changed, 0 unread, 1 only before, 0 only after)"
    );
    assert_eq!(
        format!("{:?}", once.diff(&after)),
        "SnapshotDiff(0 of 1 changed, 0 unread, 0 only before, 1 only after)"
    );
}

#[test]
fn peripherals_of_one_name_are_all_in_a_snapshot() {
    let board = ram("");
    let svd = board.session.svd();
    let peripheral = |address: &str| {
        format!("<peripheral><name>M</name><baseAddress>{address}</baseAddress><registers>{A}</registers></peripheral>")
    };
    let peripherals = [peripheral("0x20000100"), peripheral("0x20000200")].concat();
    svd.load_str(&format!("<device><name>D</name><peripherals>{peripherals}</peripherals></device>")).unwrap();
    for snapshot in [svd.snapshot_all().unwrap(), svd.snapshot(&["M"]).unwrap()] {
        let addresses: Vec<_> = snapshot.registers.iter().map(|register| register.address).collect();
        assert_eq!(addresses, [0x2000_0104, 0x2000_0204]);
    }
}
