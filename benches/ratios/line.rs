//! A production line: one command, many boards, two of them in trouble.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use openocd::OpenOcdProcess;
use virtual_chip::{VirtualChip, firmware};

use crate::bare_server::BareServer;
use crate::measure::{Goal, Table, median};
use crate::tool;

const BOARDS: usize = 32;
/// Its OpenOCD has ended.
const DEAD: usize = 13;
/// Its probe takes [`DELAY`] for every eighth request, so alone it takes about twice as long.
const SLOW: usize = 21;
const DELAY: Duration = Duration::from_micros(300);
const FLASH: u32 = 0x0800_0000;
const IMAGE: usize = 32 << 10;

/// What the cores allow is measured in two ways. The first row compares the command with the
/// processor time that it causes, over all cores: what `ocd`, each OpenOCD and the chips compute,
/// with no core ever idle. It shows whether a board waits for another one.
///
/// The second row compares it with the same image written by `program … verify` of the same
/// servers, all at once, each over a bare socket of its own. It also shows what a board costs more
/// than bare OpenOCD: comparing first what flash holds. Both include the slow
/// board and the refused connection of the dead one.
pub(crate) fn run(table: &mut Table) {
    let cores = "`ocd flash` of 32 boards, one dead, one slow, over its CPU time";
    let bare = "the same 32 boards, over `program … verify` at once";
    if !table.wants(cores) && !table.wants(bare) {
        return;
    }
    let Some(ocd) = tool::binary() else {
        println!("NOT MEASURED: `ocd`. Build it: cargo build --release --features cli --bin ocd");
        return;
    };
    let chips: Vec<_> = (0..BOARDS).map(|_| VirtualChip::start().expect("a free port")).collect();
    let servers: Vec<_> = chips.iter().enumerate().map(|(slot, chip)| server(slot, chip)).collect();
    servers[DEAD].kill().expect("OpenOCD runs");
    let ports: Vec<_> = servers.iter().map(OpenOcdProcess::tcl_port).collect();

    let directory = tempfile::tempdir().expect("a directory");
    let mut image: Vec<u8> = (0..IMAGE as u32).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    // It can be started.
    image[..firmware::IMAGE.len()].copy_from_slice(firmware::IMAGE);
    let other: Vec<u8> = image.iter().map(|byte| !byte).collect();
    std::fs::write(directory.path().join("image.bin"), &image).expect("a file");
    let mut boards = String::new();
    for (slot, port) in ports.iter().enumerate() {
        writeln!(boards, "[boards.slot{slot:02}]\nconnect = \"127.0.0.1:{port}\"").expect("text");
    }
    std::fs::write(directory.path().join("ocd.toml"), boards).expect("a file");
    let path = directory.path().join("image.bin");
    let path = openocd::quote(path.to_str().expect("a path of text")).into_owned();
    let program = format!("program {path} {FLASH:#x} verify; reset halt");

    let timed = |run: &dyn Fn()| {
        for chip in &chips {
            chip.write_memory(FLASH, &other).expect("there is flash");
        }
        let (begin, before) = (Instant::now(), processor_time(&servers));
        run();
        let (took, cpu) = (begin.elapsed(), processor_time(&servers).saturating_sub(before));
        for (slot, chip) in chips.iter().enumerate() {
            let mut held = vec![0; IMAGE];
            chip.read_memory(FLASH, &mut held).expect("there is flash");
            assert!(held == *if slot == DEAD { &other } else { &image }, "slot {slot} holds what it should");
        }
        (took, cpu)
    };
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        own.push(timed(&|| flash(&ocd, directory.path())));
        others.push(timed(&|| by_hand(&ports, &program)).0);
    }
    if table.wants(cores) {
        // Another program on a core delays ours and not the baseline: the best round counts.
        let count = thread::available_parallelism().map_or(1, usize::from) as f64;
        let allowed = |cpu: Duration| cpu.div_f64(count);
        let ratio = |(took, cpu): &(Duration, Duration)| took.as_secs_f64() / allowed(*cpu).as_secs_f64();
        let best = own.iter().min_by(|one, other| ratio(one).total_cmp(&ratio(other))).expect("five rounds");
        table.durations(cores, Goal::AtMost(1.1), best.0, allowed(best.1));
    }
    if table.wants(bare) {
        let own = own.into_iter().map(|(took, _)| took).collect();
        table.durations(bare, Goal::AtMost(1.1), median(own), median(others));
    }
}

/// What this process (with the chips), the programs that it ran to their end, and each server have
/// computed so far, by Linux' account in hundredths of a second.
fn processor_time(servers: &[OpenOcdProcess]) -> Duration {
    let ticks = |process: &str, fields: std::ops::Range<usize>| -> u64 {
        // A dead OpenOCD has no account.
        let account = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // The name may hold spaces, but ends with the last parenthesis; the state follows.
        let fields = account.rsplit(") ").next().unwrap_or_default().split(' ').skip(fields.start).take(fields.len());
        fields.filter_map(|field| field.parse::<u64>().ok()).sum()
    };
    // Time as a user and in the kernel; then that of children.
    let all =
        ticks("self", 11..15) + servers.iter().map(|server| ticks(&server.pid().to_string(), 11..13)).sum::<u64>();
    Duration::from_millis(10 * all)
}

fn server(slot: usize, chip: &VirtualChip) -> OpenOcdProcess {
    let mut config = chip.openocd_config();
    if slot == SLOW {
        let (own, slowed) = (chip.port(), slow_wire(chip.port()));
        config = config.replace(&format!("remote_bitbang port {own}"), &format!("remote_bitbang port {slowed}"));
        assert_ne!(config, chip.openocd_config());
    }
    OpenOcdProcess::builder().config(config).spawn().expect("OpenOCD starts")
}

/// A way to the chip that is slow.
fn slow_wire(port: u16) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let slow = listener.local_addr().expect("it listens").port();
    thread::spawn(move || {
        let (openocd, _) = listener.accept().expect("OpenOCD connects");
        let chip = TcpStream::connect(("127.0.0.1", port)).expect("the chip listens");
        for end in [&openocd, &chip] {
            end.set_nodelay(true).expect("an open socket");
        }
        thread::scope(|scope| {
            scope.spawn(|| pass(&chip, &openocd, Duration::ZERO));
            pass(&openocd, &chip, DELAY);
        });
    });
    slow
}

/// Ends when either end is closed.
fn pass(mut from: &TcpStream, mut to: &TcpStream, delay: Duration) {
    let mut piece = vec![0; 64 << 10];
    let mut requests = 0_u64;
    while let Ok(length @ 1..) = from.read(&mut piece) {
        requests += 1;
        if requests % 8 == 0 {
            thread::sleep(delay);
        }
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// Says of each board what happened to it, and ends with the status of the dead one.
fn flash(ocd: &Path, directory: &Path) {
    let mut command = Command::new(ocd);
    command
        .args(["flash", "image.bin", "--base", "0x08000000", "--all-boards", "--reset", "halt"])
        .stdin(Stdio::null());
    command.current_dir(directory).env("XDG_CONFIG_HOME", directory);
    let output = command.output().expect("it is installed");
    assert_eq!(output.status.code(), Some(76), "{output:#?}");
    let [printed, told] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    let lines: BTreeMap<_, _> = printed.lines().filter_map(|line| line.split_once(": ")).collect();
    assert_eq!(lines.len(), BOARDS - 1, "{output:#?}");
    let expected = format!("{IMAGE} bytes erased, {IMAGE} written, 0 skipped, verified; stm32f1x.cpu is halted at ");
    assert!(lines.values().all(|line| line.starts_with(&expected)), "{output:#?}");
    assert!(lines.contains_key(&*format!("slot{SLOW}")) && !lines.contains_key(&*format!("slot{DEAD}")));
    assert!(told.contains(&format!("slot{DEAD}: error: cannot reach OpenOCD at 127.0.0.1:")), "{output:#?}");
    let last = format!("1 of {BOARDS} boards failed, with exit status: slot{DEAD} (76)\n");
    assert!(told.ends_with(&last), "{output:#?}");
}

fn by_hand(ports: &[u16], program: &str) {
    thread::scope(|scope| {
        for (slot, port) in ports.iter().enumerate() {
            scope.spawn(move || {
                if slot == DEAD {
                    let refused = TcpStream::connect(("127.0.0.1", *port)).map(drop);
                    assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::ConnectionRefused));
                } else {
                    BareServer::connect(*port).ask(program);
                }
            });
        }
    });
}
