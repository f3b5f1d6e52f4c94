//! Targets: which ones there are, and the view of one of them.

mod address;
mod all;
mod control;
mod examination;
mod halt_mark;
mod kept;
pub(crate) mod kind;
pub(crate) mod polling;
pub(crate) mod register_line;
mod reset;
mod run;
mod state;
pub(crate) mod words;

use std::fmt;

pub(crate) use control::handler_failure;
pub(crate) use halt_mark::{HaltMark, must_be_halted};
pub(crate) use kept::KeptTarget;
pub(crate) use run::Run;
pub(crate) use state::status;
pub use state::{TargetInfo, TargetStatus};

use crate::command::{Request, Script};
use crate::error::{Result, TargetError};
use crate::session::Session;
use crate::wire::{Deadline, tcl};

/// A view of one target, which usually is a CPU core: run control, and the way to its memory and
/// registers.
///
/// [`Session::target`] gives the connection's current target, and [`Session::target_named`] the
/// target with a given name. A call on a named target selects it, and selects the previous one
/// again, within one command. So it neither uses nor changes the current target of other threads
/// and other clients.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    session: &'a Session,
    /// `None` for the current target.
    name: Option<&'a str>,
    /// When the call that uses this view gives up, for all requests of the view.
    deadline: Option<Deadline>,
}

/// `Target(stm32f1x.cpu)`, or `Target(current)`
impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.name.unwrap_or("current"))
    }
}

impl Session {
    /// Returns a view of the connection's current target.
    ///
    /// That is the last target of OpenOCD's configuration, until a command (`targets NAME`) makes
    /// another one current. A new connection begins with the last one again. The view holds no
    /// name: each call uses the target that is current at that moment. [`Target::name`] asks which
    /// one that is. A program for several targets should use [`target_named`](Self::target_named).
    pub fn target(&self) -> Target<'_> {
        Target { session: self, name: None, deadline: None }
    }

    /// Returns a view of the target with this name, such as `"stm32f1x.cpu"` (OpenOCD:
    /// `target names`).
    ///
    /// # Errors
    /// [`TargetError::Unknown`] with the names of all targets.
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let core = session.target_named("stm32f1x.cpu")?;
    /// core.halt()?;
    /// println!("{:#010x}", core.registers().pc()?);
    ///
    /// let error = session.target_named("stm32f1x.cpu7").unwrap_err();
    /// assert!(error.to_string().contains("there is only stm32f1x.cpu"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn target_named<'a>(&'a self, name: &'a str) -> Result<Target<'a>> {
        let known: Vec<_> = self.targets()?.into_iter().map(|target| target.name).collect();
        if !known.iter().any(|known| known == name) {
            return Err(TargetError::Unknown { name: name.to_owned(), known }.into());
        }
        Ok(Target { session: self, name: Some(name), deadline: None })
    }

    /// Lists all targets, in the order of OpenOCD's configuration (OpenOCD: `target names`,
    /// `NAME cget`, `NAME curstate`).
    ///
    /// The states are those that OpenOCD saw when it last polled the targets. It polls about every
    /// 100 ms, less often after a poll that failed, and not at all while polling is off.
    /// [`Target::status`] polls at once.
    ///
    /// # Errors
    /// [`TargetError::UnexpectedReply`], and the errors of [`Session::command`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// for target in session.targets()? {
    ///     println!("{}: a {} on TAP {}, {}", target.name, target.kind, target.tap, target.state);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn targets(&self) -> Result<Vec<TargetInfo>> {
        let request = Request::new(Script::call("targets")).shown("target names");
        self.ask::<TargetError, _>(&request.to("list the targets").expecting("a list of targets"), |rows| {
            tcl::elements(rows).map(|row| state::info(&row.ok()?)).collect()
        })
    }
}

impl<'a> Target<'a> {
    /// The view of a target whose name comes from OpenOCD.
    pub(crate) fn of(session: &'a Session, name: &'a str) -> Self {
        Target { session, name: Some(name), deadline: None }
    }

    /// The same view, whose requests all give up at the deadline: for a call of this crate that
    /// makes several.
    pub(crate) fn before(self, deadline: Deadline) -> Self {
        Target { deadline: Some(deadline), ..self }
    }

    /// Returns the target's name. For a view of the current target this asks OpenOCD which one is
    /// current.
    ///
    /// # Errors
    /// [`TargetError::NoTarget`] if OpenOCD has no targets, and the errors of [`Session::command`].
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// assert_eq!(session.target().name()?, "stm32f1x.cpu");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn name(&self) -> Result<String> {
        if let Some(name) = self.name {
            return Ok(name.to_owned());
        }
        let request = Request::new(Script::call("current")).shown("target current");
        let request = request.to("find the current target").expecting("the name of a target");
        self.session.ask::<TargetError, _>(&request, |name| Some(tcl::text(name)?.to_owned()))
    }

    /// The name that a request is to carry: `None` for the current target.
    pub(crate) fn chosen(&self) -> Option<&'a str> {
        self.name
    }

    pub(crate) fn session(&self) -> &'a Session {
        self.session
    }

    pub(crate) fn request<'r>(&self, script: impl Into<std::borrow::Cow<'r, str>>) -> Request<'r>
    where
        'a: 'r,
    {
        self.direct(Request::new(script))
    }

    /// The request on this target, before the deadline of this view.
    pub(crate) fn direct<'r>(&self, request: Request<'r>) -> Request<'r>
    where
        'a: 'r,
    {
        let request = request.on(self.name);
        match self.deadline {
            Some(deadline) => request.before(deadline),
            None => request,
        }
    }
}
