//! Answers about RTT.

use super::{RttChannelInfo, RttChannels};
use crate::error::RttError;
use crate::wire::tcl;

/// Reads the answer of the procedure `rtt_channels`; in it `None` if there is no control block.
pub(super) fn channels(answer: &[u8]) -> Option<Result<Option<RttChannels>, RttError>> {
    match answer {
        b"unset" => return Some(Err(RttError::NotSetUp)),
        b"stopped" => return Some(Err(RttError::NotStarted)),
        b"lost" => return Some(Ok(None)),
        _ => {}
    }
    let [up, down] = tcl::elements(answer).take_array()?;
    let list = |list: &[u8]| tcl::elements(list).map(|row| channel(&row.ok()?)).collect::<Option<_>>();
    Some(Ok(Some(RttChannels { up: list(&up)?, down: list(&down)? })))
}

/// `2 64 2 {76 111 103}`
fn channel(row: &[u8]) -> Option<RttChannelInfo> {
    let [number, size, flags, name] = tcl::strings::<4>(row)?;
    let name: Vec<u8> = name.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    Some(RttChannelInfo {
        number: number.parse().ok()?,
        name: String::from_utf8_lossy(&name).into_owned(),
        size: size.parse().ok()?,
        flags: flags.parse().ok()?,
    })
}

/// Reads the answer of the procedure `rtt_serve`.
pub(super) fn server(answer: &[u8], channel: u32) -> Option<Result<u16, RttError>> {
    let [kind, value] = tcl::strings::<2>(answer)?;
    match &*kind {
        "port" => port(&value).map(Ok),
        "none" => Some(Err(RttError::NoPort { channel, log: value })),
        _ => None,
    }
}

/// A port in decimal.
pub(crate) fn port(text: &str) -> Option<u16> {
    text.trim().parse().ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(list: &[RttChannelInfo]) -> Vec<(u32, &str, u32, u32)> {
        list.iter().map(|channel| (channel.number, &*channel.name, channel.size, channel.flags)).collect()
    }

    #[test]
    fn channels_are_read() {
        let answer = b"{{0 512 2 {84 101 114 109}} {2 2048 4294967294 {}}} {{1 16 0 {49 58 32 66 10 255}}}";
        let RttChannels { up, down } = channels(answer).unwrap().unwrap().unwrap();
        assert_eq!(shown(&up), [(0, "Term", 512, 2), (2, "", 2048, 0xffff_fffe)]);
        assert_eq!(shown(&down), [(1, "1: B\n\u{fffd}", 16, 0)]);
        let none = channels(b"{} {}").unwrap().unwrap().unwrap();
        assert!(none.up.is_empty() && none.down.is_empty());
    }

    #[test]
    fn answers_without_channels_are_read() {
        assert!(matches!(channels(b"unset"), Some(Err(RttError::NotSetUp))));
        assert!(matches!(channels(b"stopped"), Some(Err(RttError::NotStarted))));
        assert!(matches!(channels(b"lost"), Some(Ok(None))));
    }

    #[test]
    fn invalid_answers_are_refused() {
        for answer in [
            "",
            "{}",
            "{{0 512 2}} {}",
            "{{0 512 2 {256}}} {}",
            "{{0 512 2 {a}}} {}",
            "{{-1 512 2 {}}} {}",
            "{{0 4294967296 2 {}}} {}",
            "{{0 512 2 {}} {} {}",
            "Channels: up=0, down=0",
        ] {
            assert!(channels(answer.as_bytes()).is_none(), "{answer:?}");
        }
    }
}
