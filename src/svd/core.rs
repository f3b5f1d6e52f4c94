//! The peripherals that every Cortex-M has, which vendors' files often lack.
//!
//! `core/*.txt` describe them, a line each: a peripheral at the margin, then its registers, their
//! fields and the names of values, each indented by one blank more.
//!
//! ```text
//! 78:SCB 0xe000ed00 Text         name, address, text
//!  CFSR 0x28 rw Text             name, offset, access, text; NAME[4]/16 is four of them, 16 bytes apart
//!   25 w1c DIVBYZERO Text        bits, access (if not the register's), name, text
//!    1 Yes                       value, name
//! ```
//!
//! `78:` says that the line, and what belongs to it, is for Armv7-M and Armv8-M only. Accesses are
//! `ro`, `rw`, `wo`, `w1c` (a write of 1 clears) and `rc` (read-only, and a read clears).

use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::sync::Arc;

use super::Svd;
use super::device::Device;
use super::load;
use crate::error::{Error, Result, SvdError};
use crate::target::kind::CoreKind;

const TABLES: [&str; 2] = [include_str!("core/system.txt"), include_str!("core/units.txt")];

/// Address of the CPUID of a Cortex-M.
const CPUID: u64 = 0xe000_ed00;

/// The architecture of a Cortex-M. It prints as `Armv7-M`, and is read from `v7m` too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CortexM {
    /// Cortex-M0, M0+, M1.
    V6,
    /// Cortex-M3, M4, M7.
    V7,
    /// Cortex-M23, M33, M35P, M52, M55, M85.
    V8,
}

impl CortexM {
    /// The architecture by a value of the register CPUID (`0xe000ed00`). `None` if it is no core of
    /// Arm's Cortex-M family that this crate knows.
    ///
    /// ```
    /// use openocd::svd::CortexM;
    ///
    /// assert_eq!(CortexM::of_cpuid(0x411f_c231), Some(CortexM::V7)); // Cortex-M3 r1p1
    /// ```
    pub fn of_cpuid(cpuid: u32) -> Option<Self> {
        match cpuid >> 4 & 0xfff {
            0xc20 | 0xc21 | 0xc60 => Some(CortexM::V6),
            0xc23 | 0xc24 | 0xc27 => Some(CortexM::V7),
            0xd20..=0xd24 | 0xd31 => Some(CortexM::V8),
            _ => None,
        }
    }

    fn digit(self) -> char {
        match self {
            CortexM::V6 => '6',
            CortexM::V7 => '7',
            CortexM::V8 => '8',
        }
    }
}

impl fmt::Display for CortexM {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Armv{}-M", self.digit())
    }
}

impl FromStr for CortexM {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let all = [CortexM::V6, CortexM::V7, CortexM::V8];
        let found = all.into_iter().find(|core| {
            text.eq_ignore_ascii_case(&core.to_string()) || text.eq_ignore_ascii_case(&format!("v{}m", core.digit()))
        });
        found.ok_or_else(|| {
            let known = vec!["Armv6-M", "Armv7-M", "Armv8-M"];
            SvdError::UnknownWord { element: "core", word: text.to_owned(), known }.into()
        })
    }
}

impl Device {
    /// Describes the peripherals of a Cortex-M itself: `SCB`, `SCnSCB`, `SysTick`, `NVIC`, `MPU`,
    /// `FPU` and `SAU`, and the debug units `DCB`, `DWT`, `FPB` and `ITM`.
    ///
    /// A chip need not have all of them, nor all interrupts, regions and comparators: what it lacks
    /// reads as zeros. Registers of Armv8-M are those of the security state in which the debugger
    /// accesses memory.
    ///
    /// Sources: Arm DDI 0419, DDI 0403 and DDI 0553.
    ///
    /// ```
    /// use openocd::svd::{CortexM, Device};
    ///
    /// let core = Device::core(CortexM::V7);
    /// let cfsr = core.peripheral("SCB")?.register("CFSR")?.decode(0x0200_0000)?;
    /// assert_eq!(cfsr.field("DIVBYZERO")?.value, 1);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn core(core: CortexM) -> Device {
        // The tests read all tables, so this never is the other.
        load::text(&svd(core), "core peripherals").unwrap_or_else(|_| load::empty())
    }

    /// Adds the peripherals of a Cortex-M that the file lacks: see [`core`](Self::core).
    ///
    /// The file's own description wins: a peripheral of the same name, in any case, is not added,
    /// and neither is a register at an address that the file describes.
    ///
    /// ```
    /// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/virtual-chip/svd/virtual-stm32f103.svd");
    /// use openocd::svd::{CortexM, Device};
    ///
    /// let device = Device::load(path)?.with_core(CortexM::V7);
    /// assert_eq!(device.peripheral("SCB")?.register("CFSR")?.address(), 0xe000_ed28);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    #[must_use]
    pub fn with_core(self, core: CortexM) -> Device {
        let mut added = Vec::new();
        for mut peripheral in Device::core(core).peripherals {
            if self.peripheral_ignoring_case(&peripheral.name).is_ok() {
                continue;
            }
            peripheral.registers.retain(|register| {
                let last = register.address().saturating_add(register.bytes() - 1);
                (register.address()..=last).all(|address| self.register_at(address).is_none())
            });
            if !peripheral.registers.is_empty() {
                peripheral.register_by_name =
                    (0..).zip(&peripheral.registers).map(|(place, register)| (register.name.clone(), place)).collect();
                added.push(peripheral);
            }
        }
        load::with_peripherals(self, added)
    }
}

impl Svd<'_> {
    /// Adds the peripherals of the target's Cortex-M to the description of the session, as far as
    /// the loaded file lacks them. If no file is loaded, the session then knows these alone.
    ///
    /// Reads the register CPUID, which tells the architecture. The target may run. See
    /// [`Device::core`] and [`Device::with_core`].
    ///
    /// # Errors
    /// [`SvdError::UnknownCore`] if the target is no Cortex-M that this crate knows;
    /// [`TargetError::MemoryRead`](crate::TargetError::MemoryRead).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.svd().add_core_peripherals()?;
    /// println!("{}", session.svd().read_register("SCB", "CPUID")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_core_peripherals(&self) -> Result<Arc<Device>> {
        let name = self.target.name()?;
        let targets = self.target.session().targets()?;
        let kind = targets.into_iter().find(|target| target.name == name).map(|target| target.kind).unwrap_or_default();
        if CoreKind::of(&kind) != CoreKind::CortexM {
            return Err(SvdError::UnknownCore { found: format!("a target of type {kind}") }.into());
        }
        let cpuid = self.target.memory().read_u32(CPUID)?;
        let core = CortexM::of_cpuid(cpuid);
        let core = core.ok_or_else(|| SvdError::UnknownCore { found: format!("the CPUID {cpuid:#010x}") })?;
        Ok(self.set(match self.device() {
            Ok(device) => Device::clone(&device).with_core(core),
            Err(_) => Device::core(core),
        }))
    }
}

/// The tables of an architecture as an SVD file.
fn svd(core: CortexM) -> String {
    let mut out = format!(
        "<device><name>{core}</name><description>Peripherals of the core</description><width>32</width>\
         <size>32</size><access>read-write</access><peripherals>"
    );
    for table in TABLES {
        // What the end of a peripheral, a register, a field and a value closes.
        let mut open: Vec<&str> = Vec::new();
        let mut left_out = usize::MAX;
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let text = line.trim_start_matches(' ');
            let depth = line.len() - text.len();
            if depth > left_out {
                continue;
            }
            left_out = usize::MAX;
            for end in open.drain(depth.min(open.len())..).rev() {
                out.push_str(end);
            }
            match element(text, depth, core) {
                Some((xml, end)) => {
                    out.push_str(&xml);
                    open.push(end);
                }
                None => left_out = depth,
            }
        }
        out.extend(open.into_iter().rev());
    }
    out.push_str("</peripherals></device>");
    // All values of a field are one list.
    out.replace("</enumeratedValues><enumeratedValues>", "")
}

/// The beginning and the end of an element. `None` for one that the architecture lacks.
fn element(text: &str, depth: usize, core: CortexM) -> Option<(String, &'static str)> {
    let mut words = text.split(' ').peekable();
    let mut word = || words.next().unwrap_or_default();
    let mut first = for_core(word(), core)?;
    let mut xml = String::new();
    let end = match depth {
        0 => {
            write!(xml, "<peripheral><name>{first}</name><baseAddress>{}</baseAddress>", word()).ok()?;
            "</registers></peripheral>"
        }
        1 => {
            let mut name = first.to_owned();
            let array = first.split_once('[').and_then(|(name, rest)| Some((name, rest.split_once(']')?)));
            if let Some((base, (count, step))) = array {
                let step = step.trim_start_matches('/');
                let step = if step.is_empty() { "4" } else { step };
                write!(xml, "<dim>{count}</dim><dimIncrement>{step}</dimIncrement>").ok()?;
                name = format!("{base}%s");
            }
            let (offset, access) = (word(), word());
            xml =
                format!("<register>{xml}<name>{name}</name><addressOffset>{offset}</addressOffset>{}", rights(access));
            "</fields></register>"
        }
        2 => {
            let (high, low) = first.split_once(':').unwrap_or((first, first));
            let mut access = for_core(word(), core)?;
            first = access;
            if rights(access).is_empty() {
                access = "";
            } else {
                first = for_core(word(), core)?;
            }
            let range = format!("<bitRange>[{high}:{low}]</bitRange>");
            xml = format!("<field><name>{first}</name>{range}{}", rights(access));
            "</field>"
        }
        _ => {
            let name = word();
            xml = format!("<enumeratedValues><enumeratedValue><name>{name}</name><value>{first}</value>");
            "</enumeratedValue></enumeratedValues>"
        }
    };
    let description: Vec<_> = words.collect();
    if depth < 3 {
        write!(xml, "<description>{}</description>", description.join(" ")).ok()?;
    }
    xml.push_str(match depth {
        0 => "<registers>",
        1 => "<fields>",
        _ => "",
    });
    Some((xml, end))
}

/// The word without `78:`; `None` if the architecture is not among those digits.
fn for_core(word: &str, core: CortexM) -> Option<&str> {
    match word.split_once(':') {
        Some((cores, rest)) if !rest.starts_with(|c: char| c.is_ascii_digit()) => {
            cores.contains(core.digit()).then_some(rest)
        }
        _ => Some(word),
    }
}

fn rights(access: &str) -> &'static str {
    match access {
        "ro" => "<access>read-only</access>",
        "rw" => "<access>read-write</access>",
        "wo" => "<access>write-only</access>",
        "w1c" => "<modifiedWriteValues>oneToClear</modifiedWriteValues>",
        "rc" => "<access>read-only</access><readAction>clear</readAction>",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
