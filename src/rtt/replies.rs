//! Answers about RTT.

use super::{RttChannelInfo, RttChannels};
use crate::error::RttError;
use crate::wire::tcl;

/// Reads the listing of `rtt channels`; `None` for anything else. A name may hold blanks.
///
/// `rtt channellist` would not do: it leaves out those not in use without saying so, and newer code
/// does not quote the names there.
///
/// ```text
/// Channels: up=3, down=2
/// Up-channels:
/// 0: Terminal 512 2
/// Down-channels:
/// 0: Terminal 64 2
/// ```
pub(super) fn channels(listing: &str) -> Option<RttChannels> {
    let mut lines = listing.trim_end_matches('\n').split('\n');
    let counts = lines.next()?.strip_prefix("Channels: up=")?;
    let (up_count, down_count) = counts.split_once(", down=")?;
    let (up_count, down_count): (u32, u32) = (up_count.parse().ok()?, down_count.parse().ok()?);
    if lines.next()? != "Up-channels:" {
        return None;
    }
    let (mut up, mut down, mut is_down) = (Vec::new(), Vec::new(), false);
    for line in lines {
        if line == "Down-channels:" && !is_down {
            is_down = true;
            continue;
        }
        let info = channel(line)?;
        let (list, count) = if is_down { (&mut down, down_count) } else { (&mut up, up_count) };
        let follows = list.last().is_none_or(|last: &RttChannelInfo| last.number < info.number);
        if !follows || info.number >= count {
            return None;
        }
        list.push(info);
    }
    is_down.then_some(RttChannels { up, down })
}

/// `2: Log chan 64 2`
fn channel(line: &str) -> Option<RttChannelInfo> {
    let (number, rest) = line.split_once(": ")?;
    let (rest, flags) = rest.rsplit_once(' ')?;
    let (name, size) = rest.rsplit_once(' ')?;
    Some(RttChannelInfo {
        number: number.parse().ok()?,
        name: name.to_owned(),
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

    const OLD: &str = "Channels: up=3, down=2\nUp-channels:\n0: Terminal 512 2\n2: Flood of bytes 2048 2\nDown-channels:\n0: Terminal 64 2\n1: } odd {name\\ 16 0\n";

    #[test]
    fn listings_of_both_generations_are_read() {
        for listing in [OLD, OLD.trim_end()] {
            let RttChannels { up, down } = channels(listing).unwrap();
            let shown = |list: &[RttChannelInfo]| {
                list.iter().map(|c| (c.number, c.name.clone(), c.size, c.flags)).collect::<Vec<_>>()
            };
            assert_eq!(shown(&up), [(0, "Terminal".into(), 512, 2), (2, "Flood of bytes".into(), 2048, 2)]);
            assert_eq!(shown(&down), [(0, "Terminal".into(), 64, 2), (1, "} odd {name\\".into(), 16, 0)]);
        }
    }

    #[test]
    fn listings_may_lack_channels_and_names() {
        let none = channels("Channels: up=0, down=0\nUp-channels:\nDown-channels:\n").unwrap();
        assert!(none.up.is_empty() && none.down.is_empty());
        let RttChannels { up, .. } =
            channels("Channels: up=1, down=0\nUp-channels:\n0:  16 0\nDown-channels:").unwrap();
        assert_eq!((&*up[0].name, up[0].size), ("", 16));
    }

    #[test]
    fn invalid_listings_are_refused() {
        for listing in [
            "",
            "Channels: up=1, down=0",
            "Channels: up=1, down=0\nUp-channels:",
            "Channels: up=x, down=0\nUp-channels:\nDown-channels:",
            "Channels: up=1, down=0\nUp-channels:\n1: a 1 0\nDown-channels:",
            "Channels: up=2, down=0\nUp-channels:\n1: a 1 0\n0: a 1 0\nDown-channels:",
            "Channels: up=1, down=0\nUp-channels:\n0: a 1\nDown-channels:",
            "Channels: up=1, down=0\nUp-channels:\n0: new\nline 1 0\nDown-channels:",
            "rtt: Control block not available",
        ] {
            assert_eq!(channels(listing), None, "{listing:?}");
        }
    }
}
