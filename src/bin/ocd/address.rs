//! Addresses as people type them: numbers, symbols of the ELF file, registers of the SVD file, each
//! with an offset: `0x2000_0000`, `counter`, `counter+4`, `RCC.CR`.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use openocd::Image;
use openocd::svd::Device;

use crate::board::Board;
use crate::core_registers::is_core_register;
use crate::failure::{Failure, Outcome};
use crate::number;
use crate::same_name::elsewhere;
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

    /// The same, with the symbols of firmware that has been read.
    pub(crate) fn with_image(settings: &Settings, image: &Image) -> Self {
        Names { image: OnceLock::from(Some(image.clone())), ..Names::new(settings) }
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

    /// The addresses that `text` means: `START..END` without the end, `START..+LENGTH`,
    /// `START+LENGTH`, or the name of a symbol or register that has a size.
    pub(crate) fn range(&self, text: &str) -> Outcome<Range<u64>> {
        // A name may hold what looks like a range.
        let range = match (self.place(text), two_dots(text), split_length(text)) {
            (Ok(Place { address, size: Some(size) }), ..) => address.checked_add(size).map(|end| address..end),
            (_, Some((start, End::Length(length))), _) | (_, None, Some((start, length))) => {
                self.span(start, length).map(Some)?
            }
            (_, Some((start, End::Address(end))), _) => Some(self.address(start)?..self.address(end)?),
            (place, None, None) => {
                place?;
                return Err(no_size(text));
            }
        };
        let range = range.ok_or_else(|| Failure::usage(format!("{text} is beyond 64 bits")))?;
        match range.is_empty() {
            true if range.start > range.end => Err(Failure::usage(format!("the range {text} ends before it begins"))),
            true => Err(Failure::usage(format!("the range {text} is empty"))),
            false => Ok(range),
        }
    }

    /// The addresses from `start` on, `length` bytes. The length may be 0.
    fn span(&self, start: &str, length: &str) -> Outcome<Range<u64>> {
        let (address, bytes) = (self.address(start)?, number::number(length).map_err(Failure::usage)?);
        let end = address.checked_add(bytes);
        let end = end.ok_or_else(|| Failure::usage(format!("{length} bytes from {start} on go beyond 64 bits")))?;
        Ok(address..end)
    }

    /// The addresses that a command names by `ADDRESS LENGTH`, or by a range in place of the two.
    pub(crate) fn extent(&self, words: &[String]) -> Outcome<Range<u64>> {
        match words {
            [address]
                if self.place(address).is_ok_and(|place| place.size.is_none()) && split_length(address).is_none() =>
            {
                Err(no_size(address).help(format!("or give an address and a length: {address} LENGTH")))
            }
            [range] => self.range(range),
            [start, length] if is_range(start) => Err(two_lengths(start, length)),
            [start, length] => self.span(start, length),
            _ => Err(Failure::usage("an address and a length are needed, or a range in place of the two")),
        }
    }

    /// What a command names by `ADDRESS` and perhaps `LENGTH`, or by a range with `..` in place of
    /// the two: `+` is an offset here.
    pub(crate) fn place_and_length(&self, text: &str, length: Option<u64>) -> Outcome<(Place, Option<u64>)> {
        match self.place(text) {
            Ok(place) => Ok((place, length)),
            Err(_) if two_dots(text).is_some() => match length {
                Some(length) => Err(two_lengths(text, &length.to_string())),
                None => self.range(text).map(|Range { start, end }| {
                    let place = Place { address: start, size: None };
                    (place, Some(end - start))
                }),
            },
            Err(failure) => Err(failure),
        }
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
                Err(problem) => failures.push(problem),
            }
        }
        let mut failure = Failure::usage(format!("{name:?} is no address"));
        failure.causes = failures;
        // What has a dot may be a register.
        let help = match (self.image()?.is_some(), self.device()?.is_some()) {
            (false, false) => {
                "for symbols name the firmware with --elf FILE, for registers of peripherals the chip's --svd FILE"
            }
            (false, true) if !name.contains('.') => "for symbols name the firmware with --elf FILE",
            (true, false) if name.contains('.') => "for registers of peripherals name the chip's --svd FILE",
            _ => "",
        };
        failure.help.extend(Some(help.to_owned()).filter(|help| !help.is_empty()));
        if is_core_register(name) {
            failure
                .help
                .push(format!("core registers have no address: ocd regs {name}, ocd regs --write {name}=VALUE"));
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

/// The register that `PERIPHERAL.REGISTER` names, or why there is none. Its own name may hold dots.
fn register<'d>(device: &'d Device, path: &str) -> Result<&'d openocd::svd::Register, String> {
    let text = |error: openocd::Error| error.to_string();
    let Some((peripheral, register)) = path.split_once('.') else {
        let peripheral = device.peripheral_ignoring_case(path).map_err(text)?;
        let name = &peripheral.name();
        let first = peripheral.registers().first().map(|first| format!(", such as {name}.{}", first.name()));
        return Err(format!("{name} is a peripheral; expected a register of it{}", first.unwrap_or_default()));
    };
    let found = device.peripheral_ignoring_case(peripheral).and_then(|found| found.register_ignoring_case(register));
    found.map_err(|error| match elsewhere(device, path) {
        Some(there) => format!("{error}: {there}"),
        None => error.to_string(),
    })
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

/// What follows the two dots of a range.
enum End<'t> {
    /// The first address after it.
    Address(&'t str),
    Length(&'t str),
}

/// Splits `START..END` and `START..+LENGTH`.
fn two_dots(text: &str) -> Option<(&str, End<'_>)> {
    let (start, end) = text.split_once("..")?;
    Some((start, end.strip_prefix('+').map_or(End::Address(end), End::Length)))
}

/// Splits `START+LENGTH`.
fn split_length(text: &str) -> Option<(&str, &str)> {
    let (start, length) = text.rsplit_once('+')?;
    (!start.is_empty() && number::number(length).is_ok()).then_some((start, length))
}

/// Whether `text` has the two dots of a range. A name may have them, but is no number then.
fn is_range(text: &str) -> bool {
    two_dots(text).is_some_and(|(start, _)| number_with_offset(start).is_some())
}

fn no_size(text: &str) -> Failure {
    Failure::usage(format!("{text:?} has no size"))
        .help(format!("give the range as {text}..+LENGTH, {text}+LENGTH or {text}..END"))
}

fn two_lengths(range: &str, length: &str) -> Failure {
    Failure::usage(format!("the range {range} has a length of its own")).help(format!("leave {length} out"))
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
        assert_eq!(names.range("0x2000_0000+1K").unwrap(), 0x2000_0000..0x2000_0400);
        assert_eq!(names.range("16+4+2").unwrap(), 20..22);
        for text in
            ["16", "16-4", "16..16", "16..8", "16..+0", "16+0", "0xffff_ffff_ffff_ffff+2", "..", "1..", "counter"]
        {
            assert!(names.range(text).is_err(), "{text}");
        }
    }

    #[test]
    fn help_names_each_form_of_a_range() {
        let failure = Names::new(&Settings::default()).range("0x2000_0000").unwrap_err();
        let forms = "give the range as 0x2000_0000..+LENGTH, 0x2000_0000+LENGTH or 0x2000_0000..END";
        assert_eq!(failure.help, [forms]);
    }

    #[test]
    fn a_range_takes_the_place_of_an_address_and_a_length() {
        let names = Names::new(&Settings::default());
        let extent = |words: &[&str]| names.extent(&words.iter().copied().map(str::to_owned).collect::<Vec<_>>());
        for words in [&["0x100", "16"][..], &["0x100+16"], &["0x100..+0x10"], &["0x100..0x110"], &["0xf0+16", "16"]] {
            assert_eq!(extent(words).unwrap(), 0x100..0x110, "{words:?}");
        }
        for words in [&["0x100"][..], &["0x100..0x110", "16"], &["0x100", "x"], &["0x100", "0xffff_ffff_ffff_ffff"]] {
            assert!(extent(words).is_err(), "{words:?}");
        }
        let place = |address| Place { address, size: None };
        assert_eq!(names.place_and_length("0x100+16", None).unwrap(), (place(0x110), None));
        assert_eq!(names.place_and_length("0x100..+16", None).unwrap(), (place(0x100), Some(16)));
        assert!(names.place_and_length("0x100..+16", Some(1)).is_err());
    }
}
