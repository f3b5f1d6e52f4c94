//! The debug adapter: which one it is, how fast it is clocked, its reset lines.

mod replies;

use crate::command::{Request, Script};
use crate::error::{AdapterError, Failure, InvalidArgument, Result};
use crate::session::Session;
use crate::types::ResetSignal;
use crate::wire::tcl::{self, text};

/// A view of the debug adapter, the probe between the computer and the chip, from
/// [`Session::adapter`].
///
/// The choice of an adapter comes before OpenOCD's start: see
/// [`OpenOcdBuilder`](crate::OpenOcdBuilder).
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// let adapter = session.adapter();
/// println!("{} over {}", adapter.name()?, adapter.transport()?); // remote_bitbang over jtag
/// match adapter.speed()? {
///     Some(khz) => println!("{khz} kHz"),
///     None => println!("at a speed of its own"),
/// }
/// # assert_eq!((&*adapter.name()?, &*adapter.transport()?, adapter.speed()?), ("remote_bitbang", "jtag", None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Adapter<'a> {
    session: &'a Session,
}

impl Session {
    /// The debug adapter.
    pub fn adapter(&self) -> Adapter<'_> {
        Adapter { session: self }
    }
}

/// A driver for debug adapters that OpenOCD was built with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdapterDriver {
    /// Its name, as in `adapter driver` and
    /// [`OpenOcdBuilder::adapter_driver`](crate::OpenOcdBuilder::adapter_driver).
    pub name: String,
    /// The transports that it can drive; `None` from OpenOCD 0.12.0, which does not tell.
    pub transports: Option<Vec<String>>,
}

impl Adapter<'_> {
    /// The adapter's driver, such as `cmsis-dap` (OpenOCD: `adapter name`).
    ///
    /// # Errors
    /// [`AdapterError::NoDriver`] if the configuration has chosen none.
    pub fn name(&self) -> Result<String> {
        let request = Request::new("adapter name").to("find the adapter").expecting("the name of a driver");
        match self.ask(&request, |reply| Some(text(reply)?.trim().to_owned()))? {
            // What OpenOCD says without a driver; no driver has that name.
            name if name == "undefined" => Err(AdapterError::NoDriver.into()),
            name => Ok(name),
        }
    }

    /// The transport in use, such as `jtag` or `swd` (OpenOCD: `transport select`).
    ///
    /// It is named as `transport select` takes it: OpenOCD 0.12.0 tells the transports of some
    /// adapters apart (`hla_swd`, `dapdirect_swd`), newer ones call them `swd` too. Before `init`,
    /// this makes OpenOCD select the adapter's first transport if none is selected yet.
    ///
    /// # Errors
    /// [`AdapterError::NoDriver`], and [`AdapterError::Refused`] if OpenOCD can't select one.
    pub fn transport(&self) -> Result<String> {
        self.name()?;
        let request = Request::new("transport select").to("find the transport").expecting("the name of a transport");
        // Newer OpenOCD adds what is behind the name: `swd (dapdirect)`.
        self.ask(&request, |reply| text(reply)?.split_whitespace().next().map(str::to_owned))
    }

    /// The transports that OpenOCD was built with, whatever the adapter (OpenOCD:
    /// `transport list`). [`list_drivers`](Self::list_drivers) tells which of them a driver can do.
    ///
    /// # Errors
    /// [`CommandError::UnexpectedReply`] if the answer can't be understood, and the errors of
    /// [`Session::command`].
    ///
    /// ```
    /// # let session = openocd::Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// assert!(session.adapter().transports()?.contains(&"swd".to_owned()));
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn transports(&self) -> Result<Vec<String>> {
        let request = Request::new("transport list").to("list the transports").expecting("a list of transports");
        self.ask(&request, |reply| replies::transports(text(reply)?))
    }

    /// The drivers for adapters that OpenOCD was built with (OpenOCD: `adapter list`).
    ///
    /// # Errors
    /// [`CommandError::UnexpectedReply`] if the answer can't be understood, and the errors of
    /// [`Session::command`].
    ///
    /// ```
    /// # let session = openocd::Session::start(r#"-c "adapter driver dummy" -c noinit"#)?;
    /// let drivers = session.adapter().list_drivers()?;
    /// assert!(drivers.iter().any(|driver| driver.name == "cmsis-dap"));
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn list_drivers(&self) -> Result<Vec<AdapterDriver>> {
        let request = Request::new("adapter list").to("list the drivers").expecting("a list of adapter drivers");
        self.ask(&request, |reply| replies::drivers(text(reply)?))
    }

    /// The adapter's clock in kHz (OpenOCD: `adapter speed`): what the adapter really does where it
    /// can say that, otherwise what was asked for.
    ///
    /// `None` for adaptive clocking (RCLK), for an adapter that cannot tell its clock, for which OpenOCD logs an error, and before
    /// `init` as long as no speed is chosen.
    ///
    /// # Errors
    /// [`AdapterError::NoDriver`], and [`AdapterError::Refused`] if the adapter can't be asked.
    pub fn speed(&self) -> Result<Option<u32>> {
        self.name()?;
        let request = Request::new("adapter speed").to("read the adapter speed").expecting("a speed in kHz");
        match self.ask(&request, |reply| replies::speed(text(reply)?)) {
            Err(error) if error.failure().is_some_and(has_no_speed) => Ok(None),
            speed => speed.map(not_adaptive),
        }
    }

    /// Clocks the adapter with at most `khz` kHz, 0 for adaptive clocking, and returns the speed
    /// that it has now (OpenOCD: `adapter speed`).
    ///
    /// Adapters have few speeds, and take the next lower one. `None` for adaptive clocking.
    ///
    /// A target's configuration may set another speed when it is reset.
    ///
    /// # Errors
    /// [`AdapterError::FixedSpeed`] if the adapter has no speed that can be set,
    /// [`AdapterError::AdaptiveSpeed`] if it went to adaptive clocking without being asked to,
    /// [`AdapterError::InvalidArgument`] before anything is sent, [`AdapterError::NoDriver`],
    /// [`AdapterError::Refused`].
    ///
    /// ```
    /// # let session = openocd::Session::start(r#"-c "adapter driver dummy" -c "adapter speed 100" -c "jtag newtap x cpu -irlen 4" -c noinit"#)?;
    /// assert_eq!(session.adapter().set_speed(1000)?, Some(1000));
    /// assert_eq!(session.adapter().speed()?, Some(1000));
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn set_speed(&self, khz: u32) -> Result<Option<u32>> {
        if i32::try_from(khz).is_err() {
            let expected = "at most 2147483647 kHz, which is as far as OpenOCD counts";
            return Err(
                AdapterError::from(InvalidArgument::new("adapter speed", expected, format!("{khz} kHz"))).into()
            );
        }
        let driver = self.name()?;
        let request = Request::new(Script::command("adapter speed").number(khz));
        let request = request.to("set the adapter speed").expecting("a speed in kHz");
        let speed =
            self.ask(&request, |reply| replies::speed(text(reply)?)).map_err(|error| match error.failure() {
                Some(failure) if has_no_speed(failure) => {
                    AdapterError::FixedSpeed { driver, khz, failure: Box::new(failure.clone()) }.into()
                }
                _ => error,
            })?;
        match not_adaptive(speed) {
            // Such as the driver `dummy`, whose divider becomes 0 above 64 MHz.
            None if khz != 0 => Err(AdapterError::AdaptiveSpeed { khz }.into()),
            speed => Ok(speed),
        }
    }

    /// The serial number of the adapter that OpenOCD was told to use (OpenOCD: `adapter serial`),
    /// by [`OpenOcdBuilder::adapter_serial`](crate::OpenOcdBuilder::adapter_serial) or by the
    /// configuration.
    ///
    /// OpenOCD then opens no other adapter, if the driver knows serial numbers at all. `None` where
    /// no serial number was asked for. OpenOCD itself has no command that tells it, so this is
    /// known only for an OpenOCD that was started by [`OpenOcdProcess`](crate::OpenOcdProcess) or
    /// [`Session::start`]; `None` for any other.
    ///
    /// # Errors
    /// The same as [`Session::command`].
    ///
    /// ```
    /// # use openocd::{OpenOcdProcess, Session};
    /// let openocd = OpenOcdProcess::builder().adapter_driver("dummy").adapter_serial("0669FF38").command("noinit");
    /// let session = Session::builder().start(openocd)?;
    /// assert_eq!(session.adapter().serial()?.as_deref(), Some("0669FF38"));
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn serial(&self) -> Result<Option<String>> {
        let script = Script::command("if {[info exists ::_openocd_rs_serial]} {list $::_openocd_rs_serial}");
        let request = Request::new(script).shown("adapter serial").to("find the serial number");
        self.ask(&request.expecting("a serial number"), |reply| Some(tcl::all_strings(reply)?.into_iter().next()))
    }

    /// Holds the chip in reset, or its TAPs (OpenOCD: `adapter assert`), until
    /// [`deassert_reset`](Self::deassert_reset). A line that is not named stays as it is.
    ///
    /// Returns once OpenOCD lists the lines as asserted. It drives only lines that `reset_config`
    /// says the board has; without TRST, it would reset the TAPs by TMS and report success. On
    /// boards where one line pulls the other, use [`ResetSignal::Both`]. Meanwhile OpenOCD cannot
    /// reach most targets, and does not know that they were reset: to reset a target, use
    /// [`Target::reset`](crate::Target::reset).
    ///
    /// # Errors
    /// [`AdapterError::NoSignal`] before any line is changed, [`AdapterError::WrongState`] if the
    /// line did not follow, [`AdapterError::Refused`] for any other refusal, such as before `init`.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::ResetSignal;
    ///
    /// session.command("reset_config srst_only srst_nogate")?; // mostly part of the board's configuration
    /// session.adapter().assert_reset(ResetSignal::Srst)?;
    /// // ... the chip stands still, its pins are inputs ...
    /// session.adapter().deassert_reset(ResetSignal::Srst)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn assert_reset(&self, signal: ResetSignal) -> Result<()> {
        self.drive_reset(signal, true)
    }

    /// Lets go of reset lines (OpenOCD: `adapter deassert`), waits as long as the configuration
    /// says (`adapter srst delay`), and has OpenOCD look at its targets again. A line that is not
    /// named stays as it is.
    ///
    /// # Errors
    /// The same as [`assert_reset`](Self::assert_reset).
    pub fn deassert_reset(&self, signal: ResetSignal) -> Result<()> {
        self.drive_reset(signal, false)
    }

    fn drive_reset(self, signal: ResetSignal, assert: bool) -> Result<()> {
        let signals = signal.each();
        let names: Vec<_> = signals.iter().map(ToString::to_string).collect();
        let action = if assert { "assert" } else { "deassert" };
        let script = Script::call("drive_reset").literal(action).list(&names);
        let shown = format!("adapter {action} {}", names.join(&format!(" {action} ")));
        let request =
            Request::new(script).shown(shown).to("drive the reset lines").expecting("the states of the reset lines");
        self.session.run(&request, |reply| {
            let [before, after, reset_config, transport] =
                reply.value::<AdapterError, _>(&request, tcl::strings::<4>)?;
            for &signal in signals {
                if replies::is_asserted(&before, signal).is_none() {
                    return Err(AdapterError::NoSignal { signal, reset_config, transport }.into());
                }
            }
            for &signal in signals {
                let asserted = replies::is_asserted(&after, signal);
                let asserted = asserted.ok_or_else(|| reply.unexpected::<AdapterError>(&request))?;
                if asserted != assert {
                    let command = request.name().to_owned();
                    let log = String::from_utf8_lossy(&reply.log).into_owned();
                    return Err(AdapterError::WrongState { command, signal, asserted, log }.into());
                }
            }
            Ok(())
        })?
    }

    fn ask<T>(self, request: &Request<'_>, read: impl FnOnce(&[u8]) -> Option<T>) -> Result<T> {
        self.session.ask::<AdapterError, T>(request, read)
    }
}

fn not_adaptive(khz: u32) -> Option<u32> {
    (khz != 0).then_some(khz)
}

/// OpenOCD has the driver's lack of a function only as text (`adapter_get_speed_readable` and
/// `adapter_khz_to_speed` in `src/jtag/adapter.c`); the number is that of every failure. The last
/// is what it says before a speed is chosen.
fn has_no_speed(failure: &Failure) -> bool {
    [
        "Translation from adapter speed to khz not implemented",
        "Translation from khz to adapter speed not implemented",
        "unknown adapter clock mode",
    ]
    .iter()
    .any(|text| failure.log().contains(text))
}
