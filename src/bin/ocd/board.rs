//! A board that is open: a session, and what was set for it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use openocd::{OnClose, OpenOcdBuilder, OpenOcdProcess, Session, SessionBuilder, Tap, Target};
#[cfg(feature = "virtual")]
use virtual_chip::{Transport, VirtualChip};

use crate::failure::{Failure, Outcome};
use crate::settings::{Key, Settings};
use crate::signals::{self, Opened, POLL, Signals};
use crate::{exit_status, hints, number};

/// How often a probe that is absent or busy is tried again.
const AGAIN: Duration = Duration::from_millis(250);

/// How long an OpenOCD may take to answer a connection, also if the command may take less.
const SHORTEST_CONNECT: Duration = Duration::from_secs(2);

/// How long an OpenOCD may take to start, also if the command may take less: it finds its probe and
/// examines the chip.
const SHORTEST_START: Duration = Duration::from_secs(3);

/// How long it may take if the command may take more.
const LONGEST_START: Duration = Duration::from_secs(10);

/// How much longer than its time, or than a signal, a command may wait for the answer of OpenOCD
/// that it then needs.
const LATE: Duration = Duration::from_millis(500);

/// A board and its session, which a signal ends in order. The session ends before the virtual chip
/// does.
pub(crate) struct Board {
    pub(crate) session: Session,
    pub(crate) settings: Settings,
    /// When opening it began.
    pub(crate) opened: Instant,
    registered: Opened,
    #[cfg(feature = "virtual")]
    _chip: Option<VirtualChip>,
}

impl Board {
    /// Connects to the board's OpenOCD, or starts one. `takes_time` means that `--timeout` limits
    /// the command as a whole, not each answer.
    /// `tune` changes the OpenOCD that is started.
    pub(crate) fn open(
        settings: Settings,
        takes_time: bool,
        tune: impl FnOnce(OpenOcdBuilder) -> OpenOcdBuilder,
    ) -> Outcome<Board> {
        let opened = Instant::now();
        // Before anything is started: an option that is wrong must not come to light at the end.
        check(&settings)?;
        let mut limits = Session::builder();
        let timeout = settings.parsed(Key::Timeout, number::duration)?;
        if let Some(timeout) = timeout.filter(|_| !takes_time) {
            limits = limits.timeout(timeout).flash_timeout(timeout);
        }
        if let Some(ports) = settings.parsed(Key::StreamPorts, number::ports)? {
            limits = limits.stream_ports(ports);
        }
        if settings.get(Key::Virtual).is_some() {
            let tune = |openocd| tune(in_time(openocd, timeout, takes_time));
            return Board::open_virtual(settings, limits, tune, opened);
        }
        let _starting;
        let session = if let Some(address) = settings.value(Key::Connect) {
            let longest = timeout.filter(|_| takes_time).map(|timeout| timeout.max(SHORTEST_CONNECT));
            patiently(&settings, || connect(&limits, address, longest))?
        } else if let Some(config) = settings.value(Key::Config) {
            let openocd = tune(in_time(builder(&settings, config)?, timeout, takes_time));
            // Until the session is registered.
            _starting = Signals::current().starting();
            let start = || limits.clone().start(openocd.clone()).map_err(Failure::from);
            let told = |failure| hints::name_quotes(hints::name_transport(failure, &settings), &settings);
            patiently(&settings, start).map_err(told)?
        } else {
            return Err(Failure::configuration("nothing says which board is meant")
                .help("describe it with --config \"-f interface/cmsis-dap.cfg -f target/stm32f1x.cfg\", an openocd.cfg or an ocd.toml")
                .help("or connect to a running OpenOCD with --connect localhost:6666"));
        };
        let registered = registered(&session, &settings)?;
        Ok(Board {
            session,
            settings,
            opened,
            registered,
            #[cfg(feature = "virtual")]
            _chip: None,
        })
    }

    #[cfg(feature = "virtual")]
    fn open_virtual(
        settings: Settings,
        limits: SessionBuilder,
        tune: impl FnOnce(OpenOcdBuilder) -> OpenOcdBuilder,
        opened: Instant,
    ) -> Outcome<Board> {
        let transport = match settings.value(Key::Transport) {
            None | Some("jtag") => Transport::Jtag,
            Some("swd") => Transport::Swd,
            Some(other) => return Err(Failure::usage(format!("the virtual chip has jtag and swd, not {other:?}"))),
        };
        let _starting = Signals::current().starting();
        let chip = VirtualChip::start()
            .map_err(|error| Failure::configuration("cannot start the virtual chip").cause(error.to_string()))?;
        let mut without_transport = settings.clone();
        without_transport.forget(Key::Transport);
        let openocd = tune(builder(&without_transport, &chip.openocd_config_over(transport))?);
        let session = limits.start(openocd)?;
        let registered = registered(&session, &settings)?;
        Ok(Board { session, settings, opened, registered, _chip: Some(chip) })
    }

    #[cfg(not(feature = "virtual"))]
    fn open_virtual(
        _: Settings,
        _: SessionBuilder,
        _: impl FnOnce(OpenOcdBuilder) -> OpenOcdBuilder,
        _: Instant,
    ) -> Outcome<Board> {
        Err(Failure::usage("this ocd has no virtual chip")
            .help("install it with the feature: cargo install openocd --features virtual"))
    }

    /// What OpenOCD's log of its start says against the configuration. An OpenOCD that runs already
    /// has told it to others.
    pub(crate) fn doubts(&self) -> Vec<String> {
        self.session.process().map(|process| process.start_warnings().to_vec()).unwrap_or_default()
    }

    /// Whether the chain of an OpenOCD that runs already has another chip than its configuration
    /// describes.
    pub(crate) fn doubt_of_chain(&self, taps: &[Tap]) -> Option<String> {
        if self.session.process().is_some() { None } else { hints::chain::warning(taps) }
    }

    /// The board's name, if it was chosen by name.
    pub(crate) fn name(&self) -> Option<&str> {
        self.settings.board.as_deref()
    }

    /// The target that `--target` names, or OpenOCD's default one.
    pub(crate) fn target(&self) -> Outcome<Target<'_>> {
        match self.settings.value(Key::Target) {
            Some(name) => Ok(self.session.target_named(name)?),
            None => Ok(self.session.target()),
        }
    }

    /// How long the command may take, for the commands that `--timeout` limits as a whole.
    pub(crate) fn time_limit(&self) -> Outcome<Option<Duration>> {
        self.settings.parsed(Key::Timeout, number::duration)
    }

    /// Runs `action`, which ends by itself at a signal and when the time of `--timeout` is over,
    /// unless OpenOCD does not answer: then its call is interrupted.
    pub(crate) fn in_time<T>(&self, action: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        self.within(self.time_limit()?.unwrap_or(number::LONGEST), action)
    }

    /// The same, for a time of its own.
    pub(crate) fn within<T>(&self, limit: Duration, action: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        let (done, ended) = mpsc::channel::<()>();
        let is_silent = AtomicBool::new(false);
        let signals = Signals::current();
        let outcome = std::thread::scope(|scope| {
            scope.spawn(|| {
                let ended = ended;
                let begin = Instant::now();
                let mut next_check = limit.saturating_add(LATE);
                let mut has_caught = false;
                while ended.recv_timeout(POLL) == Err(mpsc::RecvTimeoutError::Timeout) {
                    if !has_caught && signals.caught().is_some() {
                        has_caught = true;
                        next_check = next_check.min(begin.elapsed() + LATE);
                    }
                    if begin.elapsed() < next_check {
                        continue;
                    }
                    // What comes at the end, such as a halt, may take its own time on a slow
                    // machine.
                    if !self.answers() && ended.try_recv() == Err(mpsc::TryRecvError::Empty) {
                        is_silent.store(true, Ordering::Relaxed);
                        self.session.interrupt();
                        return;
                    }
                    next_check = begin.elapsed() + LATE;
                }
            });
            let outcome = action();
            drop(done);
            outcome
        });
        match outcome {
            Err(_) if is_silent.into_inner() => Err(match signals.caught() {
                Some(status) => Failure::interrupted(status).cause("OpenOCD does not answer"),
                None => silent(limit),
            }),
            outcome => outcome,
        }
    }

    /// Whether OpenOCD answers another connection.
    fn answers(&self) -> bool {
        let address = match self.session.process() {
            Some(process) => process.tcl_address().to_string(),
            None => self.settings.value(Key::Connect).unwrap_or_default().to_owned(),
        };
        connect(&Session::builder(), &address, Some(SHORTEST_CONNECT)).is_ok()
    }

    /// Fails if OpenOCD does not answer: then what it has not told did perhaps happen.
    pub(crate) fn check_answers(&self) -> Outcome<()> {
        Ok(self.session.command_within("set _ {}", SHORTEST_CONNECT).map(drop)?)
    }

    /// Ends the session, and its OpenOCD. The targets are left as `--on-exit` says, or else as
    /// `otherwise` does.
    pub(crate) fn close(self, otherwise: OnClose) -> Outcome<()> {
        let on_close = self.settings.parsed(Key::OnExit, on_close)?.unwrap_or(otherwise);
        self.registered.closing();
        Ok(signals::close(self.session, on_close)?)
    }
}

/// Fails if a setting is no value of its kind.
pub(crate) fn check(settings: &Settings) -> Outcome<()> {
    settings.parsed(Key::Connect, number::address)?;
    settings.parsed(Key::Speed, number::number_u32)?;
    settings.parsed(Key::Timeout, number::duration)?;
    settings.parsed(Key::Wait, number::duration)?;
    settings.parsed(Key::OnExit, on_close)?;
    settings.parsed(Key::Expect, number::number_u32)?;
    settings.parsed(Key::StreamPorts, number::ports)?;
    Ok(())
}

/// Tries until it succeeds, or the time of `--wait` is over, or waiting cannot help.
fn patiently(settings: &Settings, mut open: impl FnMut() -> Outcome<Session>) -> Outcome<Session> {
    let wait = settings.parsed(Key::Wait, number::duration)?.unwrap_or_default();
    let end = Instant::now() + wait;
    loop {
        let failure = match open() {
            Ok(session) => return Ok(session),
            Err(failure) => failure,
        };
        if !hints::may_clear(&failure) || Instant::now() >= end {
            return Err(failure);
        }
        Signals::current().wait(AGAIN);
        if let Some(status) = Signals::current().caught() {
            return Err(Failure::interrupted(status));
        }
    }
}

/// Connects within a time, or as long as the limits of the session allow.
fn connect(limits: &SessionBuilder, address: &str, longest: Option<Duration>) -> Outcome<Session> {
    let Some(longest) = longest else { return Ok(limits.clone().connect(address)?) };
    let (sender, connected) = mpsc::channel();
    let (limits, address) = (limits.clone(), address.to_owned());
    // It ends by the limits of the session, or with the program.
    std::thread::spawn(move || sender.send(limits.connect(address.as_str())));
    match connected.recv_timeout(longest) {
        Ok(session) => Ok(session?),
        Err(_) => Err(silent(longest)),
    }
}

fn silent(time: Duration) -> Failure {
    Failure::new(exit_status::CONNECTION, "ocd.silent", "OpenOCD does not answer")
        .cause(format!("the time of {time:?} is over"))
        .help("it may be busy with another program's command, or hang")
}

fn registered(session: &Session, settings: &Settings) -> Outcome<Opened> {
    let on_close = settings.parsed(Key::OnExit, on_close)?.unwrap_or(OnClose::AsIs);
    Ok(Signals::current().opened(session, on_close))
}

fn on_close(text: &str) -> Result<OnClose, String> {
    Ok(match text {
        "keep" => OnClose::AsIs,
        "resume" => OnClose::Resume,
        "halt" => OnClose::Halt,
        "leave" => OnClose::Leave,
        _ => return Err(format!("{text:?} is none of keep, resume, halt, leave")),
    })
}

/// Limits the start by `--timeout`: it is an answer, too, and no command that waits has begun
/// before.
fn in_time(openocd: OpenOcdBuilder, timeout: Option<Duration>, takes_time: bool) -> OpenOcdBuilder {
    let Some(timeout) = timeout else { return openocd };
    let limit = timeout.max(SHORTEST_START);
    openocd.ready_timeout(if takes_time { limit.min(LONGEST_START) } else { limit })
}

/// The OpenOCD to start.
fn builder(settings: &Settings, config: &str) -> Outcome<OpenOcdBuilder> {
    let mut openocd = OpenOcdProcess::builder().config(config).cancel_flag(Signals::current().cancel_flag());
    for folder in &settings.search_dirs {
        openocd = openocd.search_dir(folder);
    }
    if let Some(serial) = settings.value(Key::Serial) {
        openocd = openocd.adapter_serial(serial);
    }
    if let Some(location) = settings.value(Key::UsbLocation) {
        openocd = openocd.adapter_usb_location(location);
    }
    if let Some(khz) = settings.parsed(Key::Speed, number::number_u32)? {
        openocd = openocd.adapter_speed(khz);
    }
    if let Some(transport) = settings.value(Key::Transport) {
        openocd = openocd.transport(transport);
    }
    if let Some(path) = settings.value(Key::Openocd) {
        openocd = openocd.binary(PathBuf::from(path));
    }
    Ok(openocd)
}
