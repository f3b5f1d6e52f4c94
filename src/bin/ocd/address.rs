//! Addresses as people type them: numbers, symbols of the ELF file, registers of the SVD file, each
//! with an offset: `0x2000_0000`, `counter`, `counter+4`, `RCC.CR`.

use openocd::svd::Device;
use openocd::{Error, Image, SvdError};

use crate::board::Board;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::settings::Key;

/// An address, and what is known of what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) address: u64,
    /// The size in bytes, of a symbol or a register.
    pub(crate) size: Option<u64>,
}

impl Board {
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

    fn named(&self, name: &str) -> Outcome<Place> {
        let mut failures = Vec::new();
        if let Some(image) = self.elf()? {
            match image.symbol(name) {
                Ok(symbol) => {
                    return Ok(Place { address: symbol.address, size: Some(symbol.size).filter(|&size| size > 0) });
                }
                Err(error) => failures.push(error.to_string()),
            }
        }
        if let Some(device) = self.device()? {
            match register(&device, name) {
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
    pub(crate) fn elf(&self) -> Outcome<Option<Image>> {
        Ok(self.settings.value(Key::Elf).map(Image::open).transpose()?)
    }

    /// The device of `--svd`. It is read once.
    pub(crate) fn device(&self) -> Outcome<Option<std::sync::Arc<Device>>> {
        let Some(path) = self.settings.value(Key::Svd) else { return Ok(None) };
        if !self.session.svd().loaded() {
            self.session.svd().load(path)?;
        }
        Ok(Some(self.session.svd().device()?))
    }
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

/// The address, if `text` is a number with an optional offset.
pub(crate) fn number_with_offset(text: &str) -> Option<Outcome<u64>> {
    text.starts_with(|c: char| c.is_ascii_digit()).then(|| Ok(plain(text)?.address))
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
}
