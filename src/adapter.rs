//! The debug adapter: its driver, its clock and its reset lines.

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
    /// Returns a view of the debug adapter.
    pub fn adapter(&self) -> Adapter<'_> {
        Adapter { session: self }
    }
}

/// A driver for debug adapters that OpenOCD was built with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct AdapterDriver {
    /// Its name, as in `adapter driver` and
    /// [`OpenOcdBuilder::adapter_driver`](crate::OpenOcdBuilder::adapter_driver).
    pub name: String,
    /// The transports that it supports; `None` with OpenOCD 0.12.0, which does not report them.
    pub transports: Option<Vec<String>>,
}

impl Adapter<'_> {
    /// Reads the name of the adapter's driver, such as `cmsis-dap` (OpenOCD: `adapter name`).
    ///
    /// # Errors
    /// [`AdapterError::NoDriver`] if the configuration has chosen none.
    pub fn name(&self) -> Result<String> {
        let request = Request::new("adapter name").to("find the adapter").expecting("the name of a driver");
        match self.ask(&request, |reply| Some(text(reply)?.trim().to_owned()))? {
            // OpenOCD's answer without a driver; no driver has that name.
            name if name == "undefined" => Err(AdapterError::NoDriver.into()),
            name => Ok(name),
        }
    }

    /// Reads the transport in use, such as `jtag` or `swd` (OpenOCD: `transport select`).
    ///
    /// The name is one that `transport select` accepts. OpenOCD 0.12.0 has special names for some
    /// adapters (`hla_swd`, `dapdirect_swd`), where newer OpenOCD says `swd`. Before `init`, this
    /// call makes OpenOCD select the adapter's first transport if none is selected yet.
    ///
    /// # Errors
    /// [`AdapterError::NoDriver`], and [`AdapterError::Refused`] if OpenOCD cannot select one.
    pub fn transport(&self) -> Result<String> {
        self.name()?;
        let request = Request::new("transport select").to("find the transport").expecting("the name of a transport");
        // Newer OpenOCD adds what is behind the name: `swd (dapdirect)`.
        self.ask(&request, |reply| text(reply)?.split_whitespace().next().map(str::to_owned))
    }

    /// Lists the transports that OpenOCD was built with, for any adapter (OpenOCD:
    /// `transport list`). [`list_drivers`](Self::list_drivers) lists the transports of each driver.
    ///
    /// # Errors
    /// [`AdapterError::UnexpectedReply`] if the reply cannot be parsed, and the errors of
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

    /// Lists the adapter drivers that OpenOCD was built with (OpenOCD: `adapter list`).
    ///
    /// # Errors
    /// [`AdapterError::UnexpectedReply`] if the reply cannot be parsed, and the errors of
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

    /// Reads the adapter's clock in kHz (OpenOCD: `adapter speed`): the real speed if the adapter
    /// reports one, otherwise the requested speed.
    ///
    /// Returns `None` for adaptive clocking (RCLK), for an adapter that does not report its clock
    /// (OpenOCD then logs an error), and before `init` if no speed was chosen.
    ///
    /// # Errors
    /// [`AdapterError::NoDriver`], and [`AdapterError::Refused`] if the adapter cannot report its
    /// clock.
    pub fn speed(&self) -> Result<Option<u32>> {
        self.name()?;
        let request = Request::new("adapter speed").to("read the adapter speed").expecting("a speed in kHz");
        match self.ask(&request, |reply| replies::speed(text(reply)?)) {
            Err(error) if error.failure().is_some_and(has_no_speed) => Ok(None),
            speed => speed.map(not_adaptive),
        }
    }

    /// Sets the adapter's clock to at most `khz` kHz, or to adaptive clocking for 0, and returns
    /// the resulting speed (OpenOCD: `adapter speed`).
    ///
    /// Adapters support only some speeds, and use the next lower one. The result is `None` for
    /// adaptive clocking.
    ///
    /// A target's configuration may set another speed at a reset.
    ///
    /// # Errors
    /// [`AdapterError::FixedSpeed`] if the adapter has no speed that can be set,
    /// [`AdapterError::AdaptiveSpeed`] if it switched to adaptive clocking although `khz` is not 0,
    /// and [`AdapterError::InvalidArgument`] (nothing is sent).
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

    /// Reads the serial number of the adapter that OpenOCD was told to use (OpenOCD:
    /// `adapter serial`), by
    /// [`OpenOcdBuilder::adapter_serial`](crate::OpenOcdBuilder::adapter_serial) or by the
    /// configuration.
    ///
    /// With a serial number OpenOCD opens no other adapter, if the driver supports serial numbers.
    /// Returns `None` if the configuration has no serial number, and for an OpenOCD that this crate
    /// did not start: OpenOCD has no command that reports the number.
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

    /// Asserts reset lines until [`deassert_reset`](Self::deassert_reset) (OpenOCD:
    /// `adapter assert`). Other lines do not change.
    ///
    /// To reset a target, use [`Target::reset`](crate::Target::reset): while a line is asserted
    /// OpenOCD cannot access most targets, and does not notice that they were reset. While TRST is
    /// asserted over JTAG, do not access a target, not even by
    /// [`Target::status`](crate::Target::status): OpenOCD aborts at a scan, and the session is
    /// lost.
    ///
    /// The call drives only lines that `reset_config` declares; without TRST, OpenOCD would reset
    /// the TAPs by TMS and report success. On boards where one line pulls the other, use
    /// [`ResetSignal::Both`]. The call returns when OpenOCD lists the lines as asserted.
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
    /// // ... the chip is in reset, its pins are inputs ...
    /// session.adapter().deassert_reset(ResetSignal::Srst)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn assert_reset(&self, signal: ResetSignal) -> Result<()> {
        self.drive_reset(signal, true)
    }

    /// Deasserts reset lines (OpenOCD: `adapter deassert`), waits for the time of the configuration
    /// (`adapter srst delay`), and makes OpenOCD poll its targets again. Other lines do not change.
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

/// OpenOCD reports that the driver lacks a function only by its text (`adapter_get_speed_readable`
/// and `adapter_khz_to_speed` in `src/jtag/adapter.c`); the code is the same as for every failure.
/// The last text is the one before a speed is chosen.
fn has_no_speed(failure: &Failure) -> bool {
    [
        "Translation from adapter speed to khz not implemented",
        "Translation from khz to adapter speed not implemented",
        "unknown adapter clock mode",
    ]
    .iter()
    .any(|text| failure.log().contains(text))
}
