//! Lines of an RTT channel.

use std::borrow::BorrowMut;

use super::RttChannel;
use crate::error::{Error, Result};

/// Iterator over the lines that come by a channel, from [`RttChannel::lines`] or
/// [`RttChannel::into_lines`].
///
/// A line ends with `\n` or `\r\n`, which is not part of it. Bytes that are not UTF-8 become
/// U+FFFD. A line of more than 64 KiB comes in parts. When the read timeout passes, the iterator
/// returns that error and can go on afterwards: the beginning of a line waits for its end. After
/// any other error it ends.
#[derive(Debug)]
pub struct RttLines<C = RttChannel> {
    channel: C,
    ended: bool,
}

impl RttChannel {
    /// Iterates over the lines from the target.
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use std::time::Duration;
    ///
    /// session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// session.rtt().start_wait(Duration::from_secs(5))?;
    /// let mut terminal = session.rtt().channel(0)?;
    /// terminal.write_text("ping\n")?; // which the firmware echoes
    /// for line in terminal.lines() {
    ///     let line = line?;
    ///     println!("{line}");
    ///     if line == "ping" {
    ///         break;
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lines(&mut self) -> RttLines<&mut RttChannel> {
        RttLines { channel: self, ended: false }
    }

    /// Makes an iterator over the lines that come from the target, which owns the channel.
    pub fn into_lines(self) -> RttLines {
        RttLines { channel: self, ended: false }
    }
}

impl RttLines {
    /// Returns the channel.
    pub fn into_channel(self) -> RttChannel {
        self.channel
    }
}

impl<C: BorrowMut<RttChannel>> Iterator for RttLines<C> {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        if self.ended {
            return None;
        }
        let channel = self.channel.borrow_mut();
        let deadline = channel.read_deadline();
        loop {
            if let Some(line) = channel.take_line() {
                return Some(Ok(line));
            }
            if let Err(error) = channel.fetch(deadline) {
                self.ended = !matches!(error, Error::Timeout(_));
                return Some(Err(error));
            }
        }
    }
}
