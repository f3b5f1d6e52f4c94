//! `ocd info`: what is connected, on one page.

use std::fmt;

use openocd::{DapInfo, Error, FlashBank, Session, Tap, TargetInfo, TargetState, Version};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Outcome;

/// A part of the page, or why it cannot be had.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Part<T> {
    Known(T),
    Missing { unavailable: Error },
}

impl<T> Part<T> {
    /// A part that cannot be had does not spoil the page, but an OpenOCD that is gone does.
    pub(crate) fn of(result: openocd::Result<T>) -> openocd::Result<Part<T>> {
        match result {
            Ok(known) => Ok(Part::Known(known)),
            Err(error) if error.is_disconnected() || error.is_timeout() => Err(error),
            Err(unavailable) => Ok(Part::Missing { unavailable }),
        }
    }

    pub(crate) fn text(&self, show: impl FnOnce(&T) -> String) -> String {
        match self {
            Part::Known(known) => show(known),
            Part::Missing { unavailable } => format!("not available: {unavailable}"),
        }
    }
}

/// The probe.
#[derive(Serialize)]
pub(crate) struct Probe {
    driver: Part<String>,
    transport: Part<String>,
    /// None if the probe does not say.
    speed_khz: Part<Option<u32>>,
    /// The one that was asked for.
    serial: Part<Option<String>>,
}

impl Probe {
    pub(crate) fn read(session: &Session) -> openocd::Result<Probe> {
        let adapter = session.adapter();
        Ok(Probe {
            driver: Part::of(adapter.name())?,
            transport: Part::of(adapter.transport())?,
            speed_khz: Part::of(adapter.speed())?,
            serial: Part::of(adapter.serial())?,
        })
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let speed = |khz: &Option<u32>| khz.map_or_else(|| "unknown".to_owned(), |khz| format!("{khz} kHz"));
        let serial = |serial: &Option<String>| serial.clone().unwrap_or_else(|| "none was asked for".to_owned());
        writeln!(f, "driver     {}", self.driver.text(Clone::clone))?;
        writeln!(f, "transport  {}", self.transport.text(Clone::clone))?;
        writeln!(f, "speed      {}", self.speed_khz.text(speed))?;
        write!(f, "serial     {}", self.serial.text(serial))
    }
}

/// A target, as its configuration and OpenOCD's last poll describe it, with where it is halted.
#[derive(Serialize)]
struct TargetPage {
    #[serde(flatten)]
    info: TargetInfo,
    pc: Option<u64>,
    /// Why it does not say how it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    unavailable: Option<Error>,
}

impl fmt::Display for TargetPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TargetInfo { name, kind, state, examined, .. } = &self.info;
        write!(f, "{name} ({kind}) is {state}")?;
        if let Some(pc) = self.pc {
            write!(f, " at {pc:#010x}")?;
        }
        if !examined {
            f.write_str(", OpenOCD has not found it")?;
        }
        self.unavailable.as_ref().map_or(Ok(()), |error| write!(f, "; not available now: {error}"))
    }
}

#[derive(Serialize)]
struct Page {
    openocd: Version,
    probe: Probe,
    chain: Part<Vec<Tap>>,
    targets: Part<Vec<TargetPage>>,
    daps: Part<Vec<Part<DapInfo>>>,
    flash: Part<Vec<FlashBank>>,
}

impl Page {
    fn read(session: &Session) -> openocd::Result<Page> {
        let dap = |name: String| Part::of(session.dap_named(&name).and_then(|dap| dap.info()));
        let daps = match Part::of(session.dap().names())? {
            Part::Known(names) => Part::Known(names.into_iter().map(dap).collect::<openocd::Result<_>>()?),
            Part::Missing { unavailable } => Part::Missing { unavailable },
        };
        Ok(Page {
            openocd: session.version(),
            probe: Probe::read(session)?,
            chain: Part::of(session.jtag().scan_chain())?,
            targets: Part::of(targets(session))?,
            daps,
            flash: Part::of(session.flash().banks())?,
        })
    }
}

fn targets(session: &Session) -> openocd::Result<Vec<TargetPage>> {
    let targets = session.targets()?.into_iter().map(|mut info| {
        if !info.examined {
            return Ok(TargetPage { info, pc: None, unavailable: None });
        }
        // OpenOCD's last poll may be old.
        let status = session.target_named(&info.name).and_then(|target| target.status());
        let (pc, unavailable) = match Part::of(status)? {
            Part::Known(status) => {
                info.state = status.state;
                (status.pc.filter(|_| status.state == TargetState::Halted), None)
            }
            Part::Missing { unavailable } => (None, Some(unavailable)),
        };
        Ok(TargetPage { info, pc, unavailable })
    });
    targets.collect()
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        section(f, "OpenOCD", &self.openocd.to_string())?;
        section(f, "probe", &self.probe.to_string())?;
        let taps = |taps: &Vec<Tap>| lines(taps, tap, "no TAPs");
        section(f, "chain", &self.chain.text(taps))?;
        section(f, "targets", &self.targets.text(|targets| lines(targets, ToString::to_string, "none")))?;
        let daps = |daps: &Vec<Part<DapInfo>>| lines(daps, |dap| dap.text(ToString::to_string), "none");
        section(f, "DAP", &self.daps.text(daps))?;
        section(f, "flash", &self.flash.text(|banks| lines(banks, bank, "no banks")))
    }
}

/// A title, with the text beside it.
fn section(f: &mut fmt::Formatter<'_>, title: &str, text: &str) -> fmt::Result {
    for (index, line) in text.lines().enumerate() {
        let title = if index == 0 { title } else { "" };
        writeln!(f, "{title:9}{line}")?;
    }
    Ok(())
}

fn lines<T>(items: &[T], show: impl Fn(&T) -> String, none: &str) -> String {
    match items {
        [] => none.to_owned(),
        items => items.iter().map(show).collect::<Vec<_>>().join("\n"),
    }
}

fn tap(tap: &Tap) -> String {
    match tap.manufacturer() {
        Some(manufacturer) => format!("{tap}, {manufacturer}"),
        None => tap.to_string(),
    }
}

fn bank(bank: &FlashBank) -> String {
    format!("{bank}, {} KiB, driver {}", bank.size / 1024, bank.driver)
}

pub(crate) fn run(context: &Context) -> Outcome<u8> {
    context.each_board(|board| {
        let page = Page::read(&board.session)?;
        let doubt = if let Part::Known(taps) = &page.chain { board.doubt_of_chain(taps) } else { None };
        if let Some(doubt) = doubt {
            context.output.warning(board.name(), &doubt)?;
        }
        Ok(page)
    })
}
