//! Addresses as people type them: numbers, symbols of the ELF file, registers of the SVD file, each
//! with an offset: `0x2000_0000`, `counter`, `counter+4`, `RCC.CR`.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use openocd::svd::Device;
use openocd::{Error, Image, SvdError};

use crate::board::Board;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::settings::{Key, Settings};

/// An address, and what is known of what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) address: u64,
    /// The size in bytes, of a symbol or a register.
    pub(crate) size: Option<u64>,
}

/// The names that addresses may use: symbols of `--elf`, registers of `--svd`. They need no board,
/// so a wrong address is found before OpenOCD is started. Each file is read once, when a name is
/// looked up in it.
pub(crate) struct Names {
    settings: Settings,
    image: OnceLock<Option<Image>>,
    device: OnceLock<Option<Arc<Device>>>,
}

impl Names {
    pub(crate) fn new(settings: &Settings) -> Self {
        Names { settings: settings.clone(), image: OnceLock::new(), device: OnceLock::new() }
    }

    /// The address that `text` means.
    pub(crate) fn address(&self, text: &str) -> Outcome<u64> {
        Ok(self.place(text)?.address)
    }

    /// What `text` means.
    pub(crate) fn place(&self, text: &str) -> Outcome<Place> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return plain(text);
        }
        match split_offset(text) {
            // A symbol may hold what looks like an offset, such as `<u8 as Add+1>`.
            Some((name, offset)) if !name.is_empty() => {
                let place = self.named(name).or_else(|failure| self.named(text).map_err(|_| failure))?;
                let address = place.address.checked_add_signed(offset);
                let address = address.ok_or_else(|| Failure::usage(format!("{text} is beyond 64 bits")))?;
                Ok(Place { address, size: None })
            }
            _ => self.named(text),
        }
    }

    /// The addresses that `text` means: `START..END` without the end, `START..+LENGTH`, or the
    /// name of a symbol or register that has a size.
    pub(crate) fn range(&self, text: &str) -> Outcome<Range<u64>> {
        let range = match text.split_once("..") {
            Some((start, length)) if length.starts_with('+') => {
                let start = self.address(start)?;
                let length = number::number(&length[1..]).map_err(Failure::usage)?;
                start.checked_add(length).map(|end| start..end)
            }
            Some((start, end)) => Some(self.address(start)?..self.address(end)?),
            None => {
                let Place { address, size } = self.place(text)?;
                let size = size.ok_or_else(|| {
                    Failure::usage(format!("{text:?} has no size"))
                        .help(format!("give the range as {text}..+LENGTH or {text}..END"))
                })?;
                address.checked_add(size).map(|end| address..end)
            }
        };
        let range = range.ok_or_else(|| Failure::usage(format!("{text} is beyond 64 bits")))?;
        if range.is_empty() {
            return Err(Failure::usage(format!("the range {text} is empty")));
        }
        Ok(range)
    }

    fn named(&self, name: &str) -> Outcome<Place> {
        let mut failures = Vec::new();
        if let Some(image) = self.image()? {
            match image.symbol(name) {
                Ok(symbol) => {
                    return Ok(Place { address: symbol.address, size: Some(symbol.size).filter(|&size| size > 0) });
                }
                Err(error) => failures.push(error.to_string()),
            }
        }
        if let Some(device) = self.device()? {
            match register(device, name) {
                Ok(register) => {
                    let size = Some(u64::from(register.size()).div_ceil(8));
                    return Ok(Place { address: register.address(), size });
                }
                Err(error) => failures.push(error.to_string()),
            }
        }
        let mut failure = Failure::usage(format!("{name:?} is no address"));
        failure.causes = failures;
        if failure.causes.is_empty() {
            failure
                .help
                .push("for symbols name the firmware with --elf FILE, for registers the chip's --svd FILE".into());
        }
        Err(failure)
    }

    /// The firmware of `--elf`.
    pub(crate) fn image(&self) -> Outcome<Option<&Image>> {
        if self.image.get().is_none() {
            // Another thread may have been faster, with the same image.
            let _ = self.image.set(self.settings.value(Key::Elf).map(Image::open).transpose()?);
        }
        Ok(self.image.get().and_then(Option::as_ref))
    }

    /// The firmware of `--elf`, for a command that needs it.
    pub(crate) fn needed_image(&self) -> Outcome<&Image> {
        self.image()?.ok_or_else(|| Failure::usage("this command needs the firmware").help("name it with --elf FILE"))
    }

    /// The device of `--svd`.
    pub(crate) fn device(&self) -> Outcome<Option<&Arc<Device>>> {
        if self.device.get().is_none() {
            let device = self.settings.value(Key::Svd).map(Device::load).transpose()?;
            let _ = self.device.set(device.map(Arc::new));
        }
        Ok(self.device.get().and_then(Option::as_ref))
    }

    /// The device of `--svd`, for a command that needs it.
    pub(crate) fn needed_device(&self) -> Outcome<&Arc<Device>> {
        let missing = || Failure::usage("this command needs the chip's SVD file").help("name it with --svd FILE");
        self.device()?.ok_or_else(missing)
    }
}

impl Board {
    /// The address that `text` means.
    pub(crate) fn address(&self, text: &str) -> Outcome<u64> {
        Names::new(&self.settings).address(text)
    }
}

/// Checks what can be checked of an address without a board: whether a number is one.
pub(crate) fn check(text: &str) -> Outcome<()> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        plain(text)?;
    }
    Ok(())
}

/// The register that `PERIPHERAL.REGISTER` names. Its own name may hold dots.
pub(crate) fn register<'d>(device: &'d Device, path: &str) -> Result<&'d openocd::svd::Register, Error> {
    let Some((peripheral, register)) = path.split_once('.') else {
        // For its list of near names.
        let unknown = device.peripheral(path).err();
        return Err(unknown.unwrap_or_else(|| SvdError::NotLoaded.into()));
    };
    device.peripheral_ignoring_case(peripheral)?.register_ignoring_case(register)
}

/// A number with an optional offset.
fn plain(text: &str) -> Outcome<Place> {
    let value = match split_offset(text) {
        Some((base, offset)) => number::number(base).map(|base| base.checked_add_signed(offset)),
        None => number::number(text).map(Some),
    };
    let address = value.map_err(Failure::usage)?;
    let address = address.ok_or_else(|| Failure::usage(format!("{text} is beyond 64 bits")))?;
    Ok(Place { address, size: None })
}

/// Splits `base+offset` and `base-offset`.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    let at = text.rfind(['+', '-'])?;
    let offset = i64::try_from(number::number(&text[at + 1..]).ok()?).ok()?;
    let offset = if text.as_bytes()[at] == b'-' { -offset } else { offset };
    Some((&text[..at], offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_split_off() {
        assert_eq!(split_offset("counter+4"), Some(("counter", 4)));
        assert_eq!(split_offset("a::b-0x10"), Some(("a::b", -16)));
        assert_eq!(split_offset("counter"), None);
        assert_eq!(split_offset("counter+x"), None);
    }

    #[test]
    fn numbers_may_have_offsets() {
        assert_eq!(plain("0x2000_0000+1K").unwrap().address, 0x2000_0400);
        assert_eq!(plain("16-4").unwrap().address, 12);
        assert!(plain("0-1").is_err());
        assert!(plain("0xffff_ffff_ffff_ffff+1").is_err());
        assert!(plain("12x").is_err());
    }

    #[test]
    fn ranges_have_an_end_or_a_length() {
        let names = Names::new(&Settings::default());
        assert_eq!(names.range("0x2000_0000..0x2000_0400").unwrap(), 0x2000_0000..0x2000_0400);
        assert_eq!(names.range("0x2000_0000..+1K").unwrap(), 0x2000_0000..0x2000_0400);
        assert_eq!(names.range("16+4..+2").unwrap(), 20..22);
        for text in ["16", "16..16", "16..8", "16..+0", "0xffff_ffff_ffff_ffff..+2", "..", "1..", "counter"] {
            assert!(names.range(text).is_err(), "{text}");
        }
    }
}
