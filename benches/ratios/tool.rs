//! The tool `ocd`, from its start to its end, over what people type without it.
//!
//! It is the release binary beside the benches: `cargo build --release --features cli --bin ocd`.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use openocd::Session;
use virtual_chip::VirtualChip;

use crate::measure::{Goal, Table, median};

const FLASH: u32 = 0x0800_0000;
const IMAGE: usize = 64 << 10;

pub(crate) fn run(table: &mut Table) {
    let status = "`ocd status --connect` less 10 ms, over `targets` by bash";
    let first = "`ocd flash` of 64 KiB, over `program … verify reset exit`";
    let again = "`ocd flash` of the same 64 KiB again, over the same";
    if ![status, first, again].iter().any(|case| table.wants(case)) {
        return;
    }
    let Some(ocd) = binary() else {
        println!("NOT MEASURED: `ocd`. Build it: cargo build --release --features cli --bin ocd");
        return;
    };
    if table.wants(status) {
        status_of_a_server(table, status, &ocd);
    }
    if table.wants(first) || table.wants(again) {
        flash(table, first, again, &ocd);
    }
}

/// `target/release/ocd`, from `target/release/deps/ratios-…`.
pub(crate) fn binary() -> Option<PathBuf> {
    let deps = std::env::current_exe().ok()?.parent()?.to_owned();
    Some(deps.parent()?.join(format!("ocd{}", std::env::consts::EXE_SUFFIX))).filter(|path| path.is_file())
}

fn status_of_a_server(table: &mut Table, case: &str, ocd: &PathBuf) {
    let chip = VirtualChip::start().expect("a free port");
    let session = Session::start(chip.openocd_config()).expect("OpenOCD starts");
    let address = session.process().expect("it was started").tcl_address();
    let (host, port) = (address.ip(), address.port());
    let script = format!(
        "exec 3<>/dev/tcp/{host}/{port}; printf 'targets\\x1a' >&3; IFS= read -r -d $'\\x1a' reply <&3; echo \"$reply\""
    );
    let ours = || done(Command::new(ocd).args(["status", "--connect", &address.to_string()]), "stm32f1x.cpu is ");
    let bare = || done(Command::new("bash").args(["-c", &script]), "stm32f1x.cpu");
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for _ in 0..21 {
        own.push(ours().saturating_sub(Duration::from_millis(10)));
        others.push(bare());
    }
    table.durations(case, Goal::AtMost(1.5), median(own), median(others));
}

fn flash(table: &mut Table, first: &str, again: &str, ocd: &PathBuf) {
    let chip = VirtualChip::start().expect("a free port");
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("image.bin");
    let mut image: Vec<u8> = (0..IMAGE as u32).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    // The top of the stack, the reset vector, and a loop there: what crashes at once is no success.
    image[..10].copy_from_slice(&[0x00, 0x50, 0x00, 0x20, 0x09, 0x00, 0x00, 0x08, 0xfe, 0xe7]);
    let other: Vec<u8> = image.iter().map(|byte| !byte).collect();
    std::fs::write(&path, &image).expect("a file");
    let path = path.to_str().expect("a path of text");
    let holds_other = || chip.write_memory(FLASH, &other).expect("there is flash");
    let ours = || {
        let mut command = Command::new(ocd);
        command.args(["flash", path, "--base", "0x08000000", "--config", &chip.openocd_config()]);
        done(&mut command, ", verified; ")
    };
    let openocd = || {
        let program = std::env::var("OPENOCD").unwrap_or("openocd".to_owned());
        let mut command = Command::new(program);
        command.args(["-c", "tcl_port disabled; gdb_port disabled; telnet_port disabled"]);
        command.args(chip.openocd_args());
        command.args(["-c", &format!("program {} {FLASH:#x} verify reset exit", openocd::quote(path))]);
        done(&mut command, "")
    };
    let rounds = 7;
    let (mut own_first, mut own_again, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        holds_other();
        own_first.push(ours());
        own_again.push(ours());
        holds_other();
        others.push(openocd());
        let mut held = vec![0; IMAGE];
        chip.read_memory(FLASH, &mut held).expect("there is flash");
        assert!(held == image, "OpenOCD wrote the image");
    }
    let baseline = median(others);
    if table.wants(first) {
        table.durations(first, Goal::AtMost(1.05), median(own_first), baseline);
    }
    if table.wants(again) {
        table.durations(again, Goal::AtMost(0.4), median(own_again), baseline);
    }
}

/// Runs a command to its end. It must succeed and print `expected`.
fn done(command: &mut Command, expected: &str) -> Duration {
    let begin = Instant::now();
    let output = command.stdin(Stdio::null()).output().expect("it is installed");
    let took = begin.elapsed();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains(expected), "{output:?}");
    took
}
