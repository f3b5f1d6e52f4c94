//! What the firmware's control block says of its channels.

use std::fmt;
use std::str::FromStr;

use crate::error::text::name;
use crate::error::{InvalidArgument, RttError};

/// The channels that the firmware uses, from [`Rtt::channels`](crate::Rtt::channels).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RttChannels {
    /// The channels from the target.
    pub up: Vec<RttChannelInfo>,
    /// The channels to the target.
    pub down: Vec<RttChannelInfo>,
}

/// One direction of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RttChannelInfo {
    /// Its number, for [`Rtt::channel`](crate::Rtt::channel). Numbers may be missing: the firmware
    /// need not use all.
    pub number: u32,
    /// The name that the firmware gave it, as it is in the target's memory.
    pub name: String,
    /// The size of its ring in bytes. The ring holds one byte less.
    pub size: u32,
    /// The flags; the two lowest bits are the [`mode`](Self::mode).
    pub flags: u32,
}

impl RttChannelInfo {
    /// What the writer does when the ring is full.
    pub fn mode(&self) -> RttMode {
        RttMode::of(self.flags)
    }
}

/// `0: Terminal, 512 bytes, block`
impl fmt::Display for RttChannelInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, {} bytes, {}", self.number, name(&self.name), self.size, self.mode())
    }
}

/// What the writer of a channel does when the ring is full (`SEGGER_RTT_MODE_…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum RttMode {
    /// Drops what does not fit as a whole.
    Skip,
    /// Writes what fits and drops the rest.
    Trim,
    /// Waits until the reader has made room.
    Block,
    /// A value that SEGGER's code does not use.
    Reserved,
}

impl RttMode {
    pub(super) fn of(flags: u32) -> Self {
        match flags & 3 {
            0 => RttMode::Skip,
            1 => RttMode::Trim,
            2 => RttMode::Block,
            _ => RttMode::Reserved,
        }
    }

    pub(super) fn bits(self) -> u8 {
        match self {
            RttMode::Skip => 0,
            RttMode::Trim => 1,
            RttMode::Block => 2,
            RttMode::Reserved => 3,
        }
    }
}

/// `skip`, `trim`, `block` or `reserved`
impl fmt::Display for RttMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RttMode::Skip => "skip",
            RttMode::Trim => "trim",
            RttMode::Block => "block",
            RttMode::Reserved => "reserved",
        })
    }
}

impl FromStr for RttMode {
    type Err = crate::error::Error;

    fn from_str(text: &str) -> crate::Result<Self> {
        match text {
            "skip" => Ok(RttMode::Skip),
            "trim" => Ok(RttMode::Trim),
            "block" => Ok(RttMode::Block),
            _ => {
                Err(RttError::from(InvalidArgument::new("mode of an RTT channel", "skip, trim or block", text)).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_read_from_its_text_and_its_flags() {
        for mode in [RttMode::Skip, RttMode::Trim, RttMode::Block] {
            assert_eq!(mode.to_string().parse::<RttMode>().unwrap(), mode);
            assert_eq!(RttMode::of(0xffff_fffc | u32::from(mode.bits())), mode);
        }
        let error = "no\x1bne".parse::<RttMode>().unwrap_err();
        assert_eq!(error.to_string(), "invalid mode of an RTT channel: expected skip, trim or block, got no\\u{1b}ne");
    }

    #[test]
    fn a_name_of_the_firmware_is_escaped_and_cut_where_it_is_shown() {
        let name = format!("a\x1b[2J{}", "x".repeat(1000));
        let info = RttChannelInfo { number: 1, name, size: 64, flags: 1 };
        let shown = info.to_string();
        assert!(shown.starts_with("1: a\\u{1b}[2Jxxx") && shown.ends_with(", 64 bytes, trim"), "{shown}");
        assert!(shown.len() < 150, "{shown}");
    }
}
