//! The socket: OpenOCD's `remote_bitbang` protocol, one character per pin change.
//!
//! `0`-`7` drive TCK, TMS and TDI (4, 2, 1); `R` asks for TDO and is answered with `0` or `1`; `r`, `s`, `t`, `u` drive
//! TRST and SRST (2, 1); `B` and `b` blink a light; `Q` says good-bye. For SWD `d`-`g` drive SWCLK and SWDIO (2, 1), `O`
//! and `o` take SWDIO and let it go, and `c` asks for its level. OpenOCD 0.12.0 knows none of these (0f70c6c32, December 2023,
//! added them).

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::board::{Model, Transport, arguments, quoted, smp_arguments};
use crate::chain::JtagChip;
use crate::pins::Pins;

/// A chip as the server, its clock and the test's handle share it.
pub(crate) type SharedChip = Arc<Mutex<dyn JtagChip>>;

/// How often the clock thread lets a busy chip run.
const TICK: Duration = Duration::from_millis(1);
/// Clock cycles of a chip in a millisecond: the 8 MHz that an STM32F1 has after reset (RM0008, 7.2).
const CLOCKS_PER_MILLISECOND: u32 = 8_000;
/// The most a chip may catch up after this machine was too busy to let it run.
const LONGEST_SLICE: Duration = Duration::from_millis(20);

/// Locks, also after another thread panicked: a test that failed must not take the next one with it.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What the threads and the handles tell each other.
#[derive(Default)]
struct Link {
    stop: bool,
    /// No answer is given and nothing is taken in.
    silent: bool,
    /// Something happened that may have set a chip running.
    stirred: bool,
    /// OpenOCD's clocking has let time pass since the last tick.
    clocked: bool,
    stream: Option<TcpStream>,
}

struct Shared {
    link: Mutex<Link>,
    changed: Condvar,
    chips: Vec<SharedChip>,
}

/// A running server; it ends when dropped.
pub(crate) struct Server {
    models: Vec<Model>,
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Serves `chips`, which are of these `models`, ordered from TDI to TDO, on a free port of the loopback interface.
    pub(crate) fn start(chips: Vec<SharedChip>, models: Vec<Model>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { link: Mutex::new(Link::default()), changed: Condvar::new(), chips });
        let mut server = Self { models, address, shared: Arc::clone(&shared), threads: Vec::new() };
        let for_socket = Arc::clone(&shared);
        server.threads.push(
            std::thread::Builder::new()
                .name("virtual-chip-socket".into())
                .spawn(move || serve(&for_socket, &listener))?,
        );
        server
            .threads
            .push(std::thread::Builder::new().name("virtual-chip-clock".into()).spawn(move || keep_time(&shared))?);
        Ok(server)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn openocd_args(&self, transport: Transport) -> Vec<String> {
        arguments(self.port(), &self.models, transport)
    }

    pub(crate) fn openocd_args_smp(&self) -> Vec<String> {
        [self.openocd_args(Transport::Jtag), smp_arguments(&self.models)].concat()
    }

    pub(crate) fn openocd_config(&self, transport: Transport) -> String {
        quoted(self.openocd_args(transport))
    }

    /// Tells the clock thread that a chip may have started to run.
    pub(crate) fn stir(&self) {
        lock(&self.shared.link).stirred = true;
        self.shared.changed.notify_all();
    }

    pub(crate) fn set_silent(&self, silent: bool) {
        lock(&self.shared.link).silent = silent;
        self.shared.changed.notify_all();
    }

    /// Whether an OpenOCD is connected.
    pub(crate) fn is_connected(&self) -> bool {
        lock(&self.shared.link).stream.is_some()
    }

    /// Closes the connection to OpenOCD, if there is one.
    pub(crate) fn disconnect(&self) {
        if let Some(stream) = lock(&self.shared.link).stream.take() {
            // It may be closed already, which is what is wanted.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        lock(&self.shared.link).stop = true;
        self.shared.changed.notify_all();
        self.disconnect();
        // Wakes the thread if it waits for a connection; if it does not, the connection is refused or reset.
        let _ = TcpStream::connect(self.address);
        for thread in self.threads.drain(..) {
            // A panic of the thread has already been printed, and a drop must not panic.
            let _ = thread.join();
        }
    }
}

fn serve(shared: &Shared, listener: &TcpListener) {
    let mut pins = Pins::new();
    loop {
        let Ok((stream, _)) = listener.accept() else {
            continue;
        };
        {
            let mut link = lock(&shared.link);
            if link.stop {
                return;
            }
            let Ok(handle) = stream.try_clone() else {
                continue;
            };
            link.stream = Some(handle);
        }
        // A connection that breaks is an OpenOCD that is gone; the next one may come.
        let _ = talk(shared, &mut pins, stream);
        lock(&shared.link).stream = None;
    }
}

/// One OpenOCD, until it leaves.
fn talk(shared: &Shared, pins: &mut Pins, mut stream: TcpStream) -> io::Result<()> {
    // Answers are small and OpenOCD waits for each of them.
    stream.set_nodelay(true)?;
    pins.attach();
    let mut buffer = vec![0; 64 * 1024];
    let mut answers = Vec::with_capacity(buffer.len());
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 || !wait_while_silent(shared) {
            return Ok(());
        }
        answers.clear();
        let outcome = process(shared, pins, &buffer[..length], &mut answers);
        stream.write_all(&answers)?;
        if outcome.quit {
            return Ok(());
        }
        let mut link = lock(&shared.link);
        link.clocked = true;
        if outcome.busy && !link.stirred {
            link.stirred = true;
            shared.changed.notify_all();
        }
    }
}

/// Holds what came in while the link is silent. Gives false when the server is to end.
fn wait_while_silent(shared: &Shared) -> bool {
    let mut link = lock(&shared.link);
    while link.silent && !link.stop {
        link = shared.changed.wait(link).unwrap_or_else(std::sync::PoisonError::into_inner);
    }
    !link.stop
}

/// What became of a buffer.
struct Outcome {
    /// OpenOCD said good-bye.
    quit: bool,
    /// A chip has something to do while time passes.
    busy: bool,
}

/// Handles one buffer under one lock.
fn process(shared: &Shared, pins: &mut Pins, input: &[u8], answers: &mut Vec<u8>) -> Outcome {
    let mut quit = false;
    let mut guards: Vec<MutexGuard<'_, dyn JtagChip>> = shared.chips.iter().map(|chip| lock(&**chip)).collect();
    let mut chips: Vec<&mut dyn JtagChip> = guards.iter_mut().map(|guard| &mut **guard as &mut dyn JtagChip).collect();
    for &byte in input {
        match byte {
            b'0'..=b'7' => {
                let levels = byte - b'0';
                pins.drive(&mut chips, levels & 4 != 0, levels & 2 != 0, levels & 1 != 0);
            }
            b'R' => answers.push(level(pins.tdo())),
            b'd'..=b'g' => {
                let levels = byte - b'd';
                pins.drive_wire(&mut chips, levels & 2 != 0, levels & 1 != 0);
            }
            b'c' => pins.read_swdio(&chips, |high| answers.push(level(high))),
            b'O' => pins.set_probe_drives(true),
            b'o' => pins.set_probe_drives(false),
            b'r'..=b'u' => {
                let levels = byte - b'r';
                pins.reset_pins(&mut chips, levels & 2 != 0, levels & 1 != 0);
            }
            b'Q' => {
                quit = true;
                break;
            }
            _ => {}
        }
    }
    pins.settle(&mut chips);
    let busy = chips.iter().any(|chip| !chip.is_idle());
    Outcome { quit, busy }
}

fn level(high: bool) -> u8 {
    if high { b'1' } else { b'0' }
}

/// Lets the chips run also while OpenOCD is silent, and sleeps while none of them has anything to do.
fn keep_time(shared: &Shared) {
    let mut last = Instant::now();
    loop {
        let clocked = {
            let mut link = lock(&shared.link);
            if link.stop {
                return;
            }
            link.stirred = false;
            std::mem::take(&mut link.clocked)
        };
        let now = Instant::now();
        let passed = now.duration_since(last).min(LONGEST_SLICE);
        last = now;
        let clocks = CLOCKS_PER_MILLISECOND * passed.as_micros() as u32 / 1000;
        let mut idle = true;
        for chip in &shared.chips {
            let mut chip = lock(chip);
            if !clocked {
                chip.elapse(clocks);
            }
            idle &= chip.is_idle();
        }
        if idle {
            let mut link = lock(&shared.link);
            while !link.stirred && !link.stop {
                link = shared.changed.wait(link).unwrap_or_else(std::sync::PoisonError::into_inner);
            }
            last = Instant::now();
        } else {
            std::thread::sleep(TICK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stm32f103::Stm32f103;

    /// Long enough to see that an answer does not come.
    const SILENCE: Duration = Duration::from_millis(50);
    const PATIENCE: Duration = Duration::from_secs(60);

    fn server() -> Server {
        Server::start(vec![Stm32f103::with_firmware()], vec![Model::Stm32f103]).unwrap()
    }

    fn connect(server: &Server) -> TcpStream {
        let stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn ask(mut stream: &TcpStream, pins: &[u8], answers: usize) -> String {
        stream.write_all(pins).unwrap();
        let mut buffer = vec![0; answers];
        stream.read_exact(&mut buffer).unwrap();
        String::from_utf8(buffer).unwrap()
    }

    /// Five clocks with TMS high: Test-Logic-Reset, which selects the IDCODEs.
    const RESET: &[u8] = b"2626262626";

    #[test]
    fn identification_codes_come_out_bit_by_bit() {
        let server = server();
        let stream = connect(&server);
        ask(&stream, RESET, 0);
        // Run-Test/Idle, Select-DR, Capture-DR, Shift-DR.
        ask(&stream, b"04260404", 0);
        let answers = ask(&stream, b"0R4".repeat(64).as_slice(), 64);
        let code = answers.bytes().rev().fold(0_u64, |code, bit| code << 1 | u64::from(bit == b'1'));
        assert_eq!(code, 0x1641_0041_3ba0_0477);
    }

    /// SWDIO levels, the lowest bit first, each with one clock.
    fn clocks(bits: u64, count: usize) -> String {
        (0..count).map(|bit| if bits >> bit & 1 != 0 { "eg" } else { "df" }).collect()
    }

    #[test]
    fn each_question_for_swdio_gets_one_answer() {
        let server = server();
        let stream = connect(&server);
        for sequence in [(u64::MAX, 50), (0xe79e, 16), (u64::MAX, 50), (0, 8)] {
            ask(&stream, clocks(sequence.0, sequence.1).as_bytes(), 0);
        }
        for _ in 0..3 {
            // Read IDCODE: turnaround, acknowledge, data, parity, turnaround.
            ask(&stream, clocks(0xa5, 8).as_bytes(), 0);
            let answers = ask(&stream, format!("o{}O", "dcf".repeat(38)).as_bytes(), 38);
            let bits = answers.bytes().rev().fold(0_u64, |bits, bit| bits << 1 | u64::from(bit == b'1'));
            assert_eq!(bits >> 1 & 7, 0b001, "{answers}");
            assert_eq!(bits >> 4 & 0xffff_ffff, 0x1ba0_1477, "{answers}");
            assert_eq!(bits >> 36 & 1, 0, "{answers}");
            // The level of the probe itself, and then of nobody.
            assert_eq!(ask(&stream, b"dcecocOc", 4), "0111");
        }
        // What an earlier probe was answered too early does not concern the next one.
        ask(&stream, clocks(0xa5, 8).as_bytes(), 0);
        ask(&stream, b"odcfdcfQ", 1 + 36);
        let stream = connect(&server);
        ask(&stream, ("eg".repeat(100) + &clocks(0, 8) + &clocks(0xa5, 8)).as_bytes(), 0);
        assert_eq!(ask(&stream, b"odcfdcfdcfdcf", 1 + 36)[1..4], *"100");
    }

    #[test]
    fn noise_on_the_pins_does_no_lasting_harm() {
        let chip = Stm32f103::with_firmware();
        let shared = Shared { link: Mutex::default(), changed: Condvar::new(), chips: vec![chip] };
        let (mut pins, mut answers) = (Pins::new(), Vec::new());
        let mut state = 1_u32;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            // Twice as many for SWD: it is what most of this is about.
            b"01234567dfegdfegOocRrstu?"[state as usize % 25]
        };
        let select = [(u64::MAX, 50), (0xe79e, 16), (u64::MAX, 50), (0, 8)].map(|(bits, count)| clocks(bits, count));
        for _ in 0..200 {
            let garbage: Vec<u8> = (0..5000).map(|_| noise()).collect();
            process(&shared, &mut pins, &garbage, &mut answers);
            // The pins as they were in the beginning; long enough for whatever is under way to end.
            pins.attach();
            process(&shared, &mut pins, ("rdf".to_string() + &"eg".repeat(100)).as_bytes(), &mut answers);
            process(&shared, &mut pins, (select.concat() + &clocks(0xa5, 8)).as_bytes(), &mut answers);
            answers.clear();
            process(&shared, &mut pins, "odcf".repeat(38).as_bytes(), &mut answers);
            let bits = answers.iter().rev().fold(0_u64, |bits, bit| bits << 1 | u64::from(*bit == b'1'));
            assert_eq!(bits >> 4 & 0xffff_ffff, 0x1ba0_1477, "{}", String::from_utf8_lossy(&answers));
        }
    }

    #[test]
    fn chips_that_share_a_chain_stay_with_jtag() {
        let chips: Vec<SharedChip> = vec![Stm32f103::with_firmware(), Stm32f103::with_firmware()];
        let server = Server::start(chips, vec![Model::Stm32f103; 2]).unwrap();
        let stream = connect(&server);
        for sequence in [(u64::MAX, 50), (0xe79e, 16), (u64::MAX, 50), (0, 8), (0xa5, 8)] {
            ask(&stream, clocks(sequence.0, sequence.1).as_bytes(), 0);
        }
        assert_eq!(ask(&stream, b"odcfdcfdcfdcf", 4), "1111");
    }

    #[test]
    fn a_silent_link_answers_later() {
        let server = server();
        let mut stream = connect(&server);
        ask(&stream, b"R", 1);
        server.set_silent(true);
        stream.write_all(b"R").unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        assert!(stream.read(&mut [0]).is_err());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        server.set_silent(false);
        assert_eq!(stream.read(&mut [0]).unwrap(), 1);
    }

    #[test]
    fn after_a_good_bye_the_next_one_is_served() {
        let server = server();
        let mut first = connect(&server);
        let second = connect(&server);
        ask(&first, b"BbR", 1);
        first.write_all(b"Q").unwrap();
        assert_eq!(first.read(&mut [0]).unwrap(), 0, "the connection is closed");
        ask(&second, b"R", 1);
    }

    #[test]
    fn a_server_ends_while_a_client_is_connected_or_kept_waiting() {
        let server = server();
        let mut stream = connect(&server);
        ask(&stream, b"R", 1);
        server.set_silent(true);
        stream.write_all(b"R").unwrap();
        drop(server);
        assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    }
}
