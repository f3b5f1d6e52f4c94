//! `ocd rtt`: a console on an RTT channel of a running target.

use std::convert::Infallible;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use openocd::{OnClose, Rtt, RttChannel, RttChannels, RttError};
use serde::Serialize;

use super::run::{DEFMT_CHANNEL, Firmware};
use crate::address::Names;
use crate::board::Board;
use crate::context::Context;
use crate::control_block;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::input::{Input, Typed};
use crate::number;
use crate::output::Done;
use crate::output::stream::Stream;
use crate::received::receive;
use crate::settings::{Key, Settings};
use crate::silence::Silence;
use crate::time_limit::TimeLimit;

/// The symbol of the control block.
const SYMBOL: &str = "_SEGGER_RTT";

/// How often OpenOCD reads the target's rings.
const POLLING: Duration = Duration::from_millis(10);

/// How long the firmware's control block may be missing before people are told.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a read waits before the input is looked at.
const READ: Duration = Duration::from_millis(20);

/// How long writing goes on before what comes is shown, how often it asks for room, and how long
/// the firmware may take nothing.
const WRITE: Duration = Duration::from_millis(50);
const ROOM_POLL: Duration = Duration::from_millis(2);
const LONGEST_WRITE: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(crate) struct RttArgs {
    /// The channel.
    #[arg(long, default_value_t = 0, value_name = "NUMBER", value_parser = number::number_u32)]
    channel: u32,
    /// Search this memory for the control block: START+LENGTH, START..+LENGTH or START..END. By
    /// default it is where --elf has the symbol `_SEGGER_RTT`.
    #[arg(long, value_name = "RANGE")]
    ram: Option<String>,
    /// List the channels and end.
    #[arg(long)]
    list: bool,
}

impl RttArgs {
    /// Whether it reads from no channel, and writes to none.
    pub(crate) fn only_lists(&self) -> bool {
        self.list
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct List(RttChannels);

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.up.iter().try_for_each(|channel| writeln!(f, "up {channel}"))?;
        self.0.down.iter().try_for_each(|channel| writeln!(f, "down {channel}"))
    }
}

pub(crate) fn run(context: &Context, arguments: &RttArgs) -> Outcome<u8> {
    context.signals.attend();
    let settings = context.settings()?;
    if arguments.ram.is_none() && settings.iter().all(|settings| settings.get(Key::Elf).is_none()) {
        return Err(Failure::usage("nothing says where the firmware's RTT is")
            .help("name the firmware with --elf FILE, or the memory to search with --ram 0x2000_0000+20K"));
    }
    let settings = context.one_settings()?;
    let range = place(&settings, arguments)?;
    note_defmt(context, &settings, arguments);
    let board = context.one_board()?;
    let name = board.name().map(str::to_owned);
    let result = board.in_time(|| console(context, &board, range, arguments));
    let closed = board.close(OnClose::AsIs);
    let list = result.and_then(|list| closed.map(|()| list))?;
    context.output.done(name.as_deref(), &Done::from(list))?;
    Ok(exit_status::DONE)
}

/// Returns the list of channels if that is wanted. A console ends with a failure: a signal, or the
/// end of its time.
fn console(context: &Context, board: &Board, range: Range<u64>, arguments: &RttArgs) -> Outcome<List> {
    let end = TimeLimit::begin(board)?;
    let rtt = board.target()?.rtt();
    start(context, board, &range, end)?;
    if arguments.list {
        return Ok(List(rtt.channels()?));
    }
    // Another console of that OpenOCD may have set it, and sets it back.
    let interval = Some(rtt.polling_interval()?).filter(|&interval| interval > POLLING);
    if interval.is_some() {
        rtt.set_polling_interval(POLLING)?;
    }
    let talked = talk(context, board, rtt, arguments.channel, end);
    if let Some(interval) = interval.filter(|_| board.session.process().is_none()) {
        // That OpenOCD goes on with the interval that it had. The first failure counts.
        let _ = rtt.set_polling_interval(interval);
    }
    match talked? {}
}

/// Tells that what comes is no text: defmt sends numbers, which only its decoder understands.
fn note_defmt(context: &Context, settings: &Settings, arguments: &RttArgs) {
    let file = settings.value(Key::Elf).filter(|_| arguments.channel == DEFMT_CHANNEL && !arguments.list);
    // What cannot be read as firmware may hold a control block all the same.
    let firmware = file.and_then(|file| Firmware::read(Path::new(file)).ok());
    if firmware.is_some_and(|firmware| firmware.uses_defmt()) {
        context.output.note(settings.board.as_deref(), "note: this firmware logs with defmt: ocd attach FILE");
    }
}

/// Where the control block is searched for. This needs no board.
fn place(settings: &Settings, arguments: &RttArgs) -> Outcome<Range<u64>> {
    let names = Names::new(settings);
    if let Some(range) = &arguments.ram {
        return control_block::searched(&names, range);
    }
    let Some(image) = names.image()? else { return Err(Failure::usage("--elf or --ram is needed")) };
    let symbol = image.symbol(SYMBOL).map_err(|error| {
        let file = settings.value(Key::Elf).unwrap_or_default();
        Failure::configuration(format!("{file} has no RTT: it lacks the symbol {SYMBOL}"))
            .cause(error.to_string())
            .help("if the firmware makes its control block at run time, name the memory with --ram 0x2000_0000+20K")
    })?;
    Ok(symbol.address..symbol.address.saturating_add(symbol.size.max(control_block::SMALLEST)))
}

/// Waits for the firmware to make its control block.
fn start(context: &Context, board: &Board, range: &Range<u64>, end: TimeLimit) -> Outcome<()> {
    let begin = Instant::now();
    let mut was_told = false;
    let target = board.target()?;
    let mut started = control_block::start(&target, range)?;
    while let Err(flaw) = started {
        if begin.elapsed() > PATIENCE && !was_told {
            was_told = true;
            let flaw = flaw.map(|flaw| format!(": {flaw}")).unwrap_or_default();
            context.output.note(
                board.name(),
                format_args!("no RTT control block yet{flaw}; waiting for the firmware to make one"),
            );
        }
        end.check(&context.signals)?;
        context.signals.wait(Duration::from_millis(50));
        started = control_block::restart(&target)?;
    }
    Ok(())
}

/// Talks until something fails: a signal, or the end of the time, at the latest.
fn talk(context: &Context, board: &Board, rtt: Rtt<'_>, number: u32, end: TimeLimit) -> Outcome<Infallible> {
    let mut channel = rtt.channel(number)?;
    channel.set_read_timeout(Some(READ));
    let has_down = rtt.channels()?.down.iter().any(|down| down.number == number);
    let mut typing = Typing { input: Some(Input::new(context)), left: Vec::new(), taken: 0, since: Instant::now() };
    let mut stream = Stream::new(&context.output, board.name());
    // Of a target that is gone a channel is only silent, too.
    let mut silence = Silence::begin(board)?;
    let mut missing = Missing { number, since: Some(Instant::now()) };
    let failure = loop {
        let exchanged = show(&mut channel, &mut stream).and_then(|any| {
            let typed = match has_down {
                true => typing.send(&channel),
                false => typing.refuse(context, board, number),
            };
            typed.map(|()| any)
        });
        let looked = exchanged.and_then(|any| missing.look(any, context, board, rtt));
        if let Err(failure) = looked.and_then(|()| end.check(&context.signals)) {
            break failure;
        }
        let told = silence.look(&context.output, board, |_, _| false).and_then(|crash| {
            let warn = |crash: Failure| context.output.warning(board.name(), &crash.message);
            crash.map_or(Ok(()), warn)
        });
        if let Err(failure) = told {
            break failure;
        }
    };
    // Also what came before a failure is shown; the failure counts.
    let _ = stream.finish();
    let _ = channel.close();
    Err(typing.note_left(failure))
}

/// Shows what comes. Returns whether anything did.
fn show(channel: &mut RttChannel, stream: &mut Stream) -> Outcome<bool> {
    let Some(bytes) = receive(channel)? else { return Ok(false) };
    stream.print(&bytes).map(|()| !bytes.is_empty())
}

/// A channel that the firmware may not have: without a buffer nothing comes by it.
struct Missing {
    number: u32,
    /// When the wait began; `None` when nothing is to be told any more.
    since: Option<Instant>,
}

impl Missing {
    /// Tells once that there is no such channel, when the firmware has had the time to make one.
    fn look(&mut self, any_came: bool, context: &Context, board: &Board, rtt: Rtt<'_>) -> Outcome<()> {
        if any_came {
            self.since = None;
        }
        if self.since.is_none_or(|since| since.elapsed() < PATIENCE) {
            return Ok(());
        }
        self.since = None;
        // Without a control block, as after a reset, nothing is known.
        let Ok(channels) = rtt.channels() else { return Ok(()) };
        if channels.up.iter().any(|up| up.number == self.number) {
            return Ok(());
        }
        let others: Vec<String> = channels.up.iter().map(|up| up.number.to_string()).collect();
        let others = match &others[..] {
            [] => "it has none with a buffer".to_owned(),
            others => format!("it has {}", others.join(", ")),
        };
        let number = self.number;
        let text = format!("the firmware has no up-channel {number}, by which something could come: {others}");
        context.output.warning(board.name(), &text)
    }
}

/// What is typed, on its way to the firmware.
struct Typing {
    input: Option<Input>,
    /// What the firmware has not taken yet.
    left: Vec<u8>,
    /// How many of the bytes that came at once it has taken.
    taken: usize,
    /// When it took some last, or had taken all.
    since: Instant,
}

impl Typing {
    /// Sends what the firmware has room for. Fails if it takes nothing for long.
    ///
    /// An OpenOCD that is busy for other programs may write the bytes later, so no try is given up
    /// sooner than any other call.
    fn send(&mut self, channel: &RttChannel) -> Outcome<()> {
        let begin = Instant::now();
        loop {
            if self.left.is_empty() {
                self.since = Instant::now();
                let Some(Typed::Bytes(bytes)) = self.input.as_mut().map(Input::take) else { return Ok(()) };
                (self.left, self.taken) = (bytes, 0);
            }
            let asked = Instant::now();
            let count = channel.write_now(&self.left)?;
            if count > 0 {
                self.left.drain(..count);
                self.taken += count;
                self.since = Instant::now();
            } else if asked.duration_since(self.since) >= LONGEST_WRITE {
                let (channel, taken, length) = (channel.number(), self.taken, self.taken + self.left.len());
                let error = RttError::NotTaken { channel, taken, length, after: LONGEST_WRITE };
                return Err(openocd::Error::from(error).into());
            }
            if begin.elapsed() >= WRITE {
                return Ok(());
            }
            if count == 0 {
                std::thread::sleep(ROOM_POLL);
            }
        }
    }

    /// Notes in the failure that ends the console what the firmware has not taken.
    fn note_left(&self, failure: Failure) -> Failure {
        // One that was not taken for long has told that.
        if self.left.is_empty() || failure.id == "rtt.not_taken" {
            return failure;
        }
        let (taken, length) = (self.taken, self.taken + self.left.len());
        failure.note(format!("of the last {length} bytes of standard input, the firmware took only {taken}"))
    }

    /// Tells that the firmware gets nothing of what is typed.
    fn refuse(&mut self, context: &Context, board: &Board, number: u32) -> Outcome<()> {
        if let Some(Typed::Bytes(_)) = self.input.as_mut().map(Input::take) {
            self.input = None;
            let text = format!("the firmware has no down-channel {number}: it gets nothing of standard input");
            context.output.warning(board.name(), &text)?;
        }
        Ok(())
    }
}
