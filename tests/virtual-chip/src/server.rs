//! The socket: OpenOCD's `remote_bitbang` protocol, one character per pin change.
//!
//! `0`-`7` drive TCK, TMS and TDI (4, 2, 1). `R` asks for TDO; the answer is `0` or `1`. `r`, `s`,
//! `t`, `u` drive TRST and SRST (2, 1). `B` and `b` blink a light. `Q` ends the connection. For
//! SWD, `d`-`g` drive SWCLK and SWDIO (2, 1), `O` and `o` take and release SWDIO, and `c` asks for
//! its level. OpenOCD 0.12.0 knows none of the commands for SWD (0f70c6c32, December 2023, added
//! them).

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::board::{Model, Transport, arguments, quoted};
use crate::chain::JtagChip;
use crate::pins::Pins;

/// A chip that the server, its clock thread and the test's handle share.
pub(crate) type SharedChip = Arc<Mutex<dyn JtagChip>>;

/// The period in which the clock thread lets a busy chip run.
const TICK: Duration = Duration::from_millis(1);
/// Clock cycles of a chip in a millisecond: a quarter of the 8 MHz that an STM32F1 has after reset
/// (RM0008, 7.2). Firmware mostly waits in a loop, and a slower one leaves this machine to the test.
const CLOCKS_PER_MILLISECOND: u32 = 2_000;
/// The longest time that a chip catches up after this machine was too busy to let it run.
const LONGEST_SLICE: Duration = Duration::from_millis(20);

/// Locks, also after another thread panicked: a failed test must not make the next one fail.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The state that the threads and the handles share.
#[derive(Default)]
struct Link {
    stop: bool,
    /// The server neither answers nor processes input.
    silent: bool,
    /// A chip may have started to run.
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
    /// Serves `chips`, which are of these `models`, ordered from TDI to TDO, on a free port of the
    /// loopback interface.
    pub(crate) fn start(chips: Vec<SharedChip>, models: Vec<Model>) -> io::Result<Self> {
        Self::start_on_port(chips, models, 0)
    }

    /// The same on a chosen port; 0 is a free one.
    pub(crate) fn start_on_port(chips: Vec<SharedChip>, models: Vec<Model>, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
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
        arguments(self.port(), &self.models, transport, false)
    }

    pub(crate) fn openocd_args_smp(&self) -> Vec<String> {
        arguments(self.port(), &self.models, Transport::Jtag, true)
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
            // An error means that the connection is closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        lock(&self.shared.link).stop = true;
        self.shared.changed.notify_all();
        self.disconnect();
        // Wakes the thread if it waits for a connection. If it does not, the connection is refused
        // or reset.
        let _ = TcpStream::connect(self.address);
        for thread in self.threads.drain(..) {
            // The thread has already printed its panic, and a drop must not panic.
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
        // A connection that breaks means that OpenOCD is gone; the next one may connect.
        let _ = talk(shared, &mut pins, stream);
        lock(&shared.link).stream = None;
    }
}

/// Serves one OpenOCD until it leaves.
fn talk(shared: &Shared, pins: &mut Pins, mut stream: TcpStream) -> io::Result<()> {
    // Answers are small, and OpenOCD waits for each of them.
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

/// Waits while the link is silent. Returns false when the server is to end.
fn wait_while_silent(shared: &Shared) -> bool {
    let mut link = lock(&shared.link);
    while link.silent && !link.stop {
        link = shared.changed.wait(link).unwrap_or_else(std::sync::PoisonError::into_inner);
    }
    !link.stop
}

/// The outcome of a buffer.
struct Outcome {
    /// OpenOCD ended the connection.
    quit: bool,
    /// A chip is not idle.
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

/// Lets the chips run while OpenOCD is silent, and sleeps while all of them are idle.
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
mod tests;
