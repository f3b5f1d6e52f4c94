//! The search for the control block.

use std::time::Duration;

use super::Rtt;
use super::ring::RingState;
use super::write::of_failed_access;
use crate::command::{Request, Script};
use crate::error::{Error, RejectedBlock, Result, RttError, TimeoutError};
use crate::memory::numbers::decode;
use crate::stop_token::StopTokens;
use crate::target::Target;
use crate::types::{RttDirection, RttWait};
use crate::wire::{Deadline, tcl};

/// The usual id of a control block.
pub(crate) const ID: &str = "SEGGER RTT";

/// How often [`Rtt::start_wait`] searches for the control block.
const SEARCH_PERIOD: Duration = Duration::from_millis(20);

/// How many bytes one command of the search reads at most.
const PIECE: u64 = 1024;

/// What comes before the bytes of a control block that a search needs, at most.
const LONGEST_ID: u64 = 16;

/// How many rejected places an error lists.
const REJECTED_LISTED: usize = 8;

/// Where the control block is searched for, as [`Rtt::setup`] says.
#[derive(Debug)]
struct Setup {
    target: String,
    address: u64,
    size: u32,
    id: String,
}

/// The outcome of a search that may go on, for [`search`].
enum Found<T> {
    Block(T),
    Rejected(String),
}

impl Rtt<'_> {
    /// Searches for the control block and starts the transfer (OpenOCD: `rtt stop`, `rtt setup`,
    /// `rtt start`). Returns the address of the control block.
    ///
    /// Starting again is allowed and searches again, as after a reset or with other firmware; open
    /// channels go on. A control block is aligned to 4 bytes, has nothing but zeros behind its id,
    /// and its rings lie in readable memory. Anything else with the id is skipped: a text that
    /// contains it, for example. The target need not be halted.
    ///
    /// RAM survives a reset. A block that earlier firmware left behind looks like a new one, and is
    /// found too. [`clear`](Self::clear) removes it before the new firmware runs.
    ///
    /// # Errors
    /// [`RttError::NotSetUp`], [`RttError::NoControlBlock`], and [`RttError::Refused`] if the
    /// memory cannot be read.
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// # session.rtt().start_wait(std::time::Duration::from_secs(5))?;
    /// let block = session.rtt().start()?;
    /// println!("control block at {block:#010x}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start(&self) -> Result<u64> {
        self.start_unless(&StopTokens::default())
    }

    /// Starts like [`start`](Self::start). The search ends with a timeout when a token stops.
    pub(crate) fn start_unless(&self, stops: &StopTokens) -> Result<u64> {
        self.start_before(Deadline::NEVER, false, stops)
    }

    /// Starts like [`start`](Self::start), for firmware that comes up later: searches again and
    /// again until the control block is there.
    ///
    /// A block that earlier firmware left behind ends the wait at once; see [`clear`](Self::clear).
    ///
    /// # Errors
    /// [`TimeoutError::Rtt`] if the block is not there in time, and the errors of
    /// [`start`](Self::start) that waiting cannot resolve.
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// use openocd::ResetMode;
    /// use std::time::Duration;
    ///
    /// session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// session.target().reset(ResetMode::Run)?;
    /// session.rtt().start_wait(Duration::from_secs(5))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_wait(&self, timeout: Duration) -> Result<u64> {
        let deadline = Deadline::after(Some(timeout));
        loop {
            let search_deadline = deadline.extended_by(super::SEARCH_GRACE);
            match self.start_before(search_deadline, false, &StopTokens::default()) {
                Err(Error::Rtt(RttError::NoControlBlock { .. })) => {}
                // The search was too slow for the time that was left.
                Err(Error::Timeout(_)) if search_deadline.has_passed() => {}
                done => return done,
            }
            let left = deadline.remaining().unwrap_or(SEARCH_PERIOD);
            if left.is_zero() {
                return Err(TimeoutError::Rtt { waiting_for: RttWait::ControlBlock, after: timeout }.into());
            }
            std::thread::sleep(SEARCH_PERIOD.min(left));
        }
    }

    /// Fails if the firmware does not use the channel. Restarts a transfer that has lost its block.
    pub(crate) fn check_channel(&self, number: u32, deadline: Deadline) -> Result<()> {
        let mut up = self.ring(RttDirection::Up, number, deadline)?;
        if up.state == RingState::Lost {
            // As after a reset, when the firmware has put it elsewhere.
            self.start_before(deadline, true, &StopTokens::default())?;
            up = self.ring(RttDirection::Up, number, deadline)?;
        }
        if up.state != RingState::Ready && self.ring(RttDirection::Down, number, deadline)?.state != RingState::Ready {
            return Err(up.no_channel(RttDirection::Up, number).into());
        }
        Ok(())
    }

    /// Starts; with `is_restart` the transfer counts as started also if the control block is not
    /// there yet.
    ///
    /// The deadline is looked at between the commands, each of which may take some time more.
    pub(super) fn start_before(&self, deadline: Deadline, is_restart: bool, stops: &StopTokens) -> Result<u64> {
        let hard_deadline = deadline.extended_by(super::GRACE);
        let setup = self.stored_setup(hard_deadline)?;
        // OpenOCD must not take other bytes for the rings that were there, and its polling would
        // slow the search.
        self.stop_before(hard_deadline, is_restart)?;
        let target = Target::of(self.session(), &setup.target);
        search(target, setup.address, setup.size, &setup.id, (deadline, stops), |block| {
            let request = self.request(Script::call("rtt_start").hex(block)).shown("rtt start").to("start RTT");
            let request = request.before(hard_deadline).expecting("an answer about RTT");
            let flaw = self.ask(&request, tcl::all_strings)?;
            Ok(flaw_text(&flaw).map_or(Found::Block(block), Found::Rejected))
        })
    }

    fn stored_setup(&self, deadline: Deadline) -> Result<Setup> {
        let request = self.request(Script::call("rtt_where")).shown("rtt setup").to("find the setup of RTT");
        let setup = self.ask(&request.before(deadline).expecting("the setup of RTT"), |answer| {
            if answer == b"unset" {
                return Some(Err(RttError::NotSetUp));
            }
            let [target, address, size, id] = tcl::strings::<4>(answer)?;
            let number = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
            Some(Ok(Setup { target, address: number(&address)?, size: u32::try_from(number(&size)?).ok()?, id }))
        })?;
        Ok(setup?)
    }

    /// Overwrites every control block in the `size` bytes from `address` with zeros, and returns
    /// how many there were.
    ///
    /// RAM survives a reset, and with it the control block and the rings of whatever ran before.
    /// Firmware writes its own block only some time after its start; firmware without RTT never
    /// does. So clear the RAM between the reset and the first instruction of the new firmware
    /// (after `reset(ResetMode::Halt)`), if the output of RTT is to be evidence. Open channels
    /// still hold the bytes that came before: [`RttChannel::discard`](crate::RttChannel::discard)
    /// drops them.
    ///
    /// The target may be halted or run; firmware that runs loses its block, and prints nothing
    /// more. Only what [`start`](Self::start) would accept is overwritten, so a text that contains
    /// the id stays. The setup and open channels stay, too.
    ///
    /// # Errors
    /// [`RttError::InvalidArgument`] before anything is sent, and [`RttError::Refused`] if the
    /// memory cannot be read or written, or keeps its contents, as flash does.
    ///
    /// ```
    /// # use virtual_chip::firmware::rtt;
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # chip.load_firmware(rtt::IMAGE);
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// # session.rtt().setup(0x2000_0000, 0x5000, "SEGGER RTT")?;
    /// # session.rtt().start_wait(std::time::Duration::from_secs(5))?;
    /// use openocd::ResetMode;
    ///
    /// session.target().reset(ResetMode::Halt)?;
    /// assert_eq!(session.rtt().clear(0x2000_0000, 0x5000, "SEGGER RTT")?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clear(&self, address: u64, size: u32, id: &str) -> Result<u32> {
        self.clear_unless(address, size, id, &StopTokens::default())
    }

    /// Clears like [`clear`](Self::clear). The search ends with a timeout when a token stops.
    pub(crate) fn clear_unless(&self, address: u64, size: u32, id: &str, stops: &StopTokens) -> Result<u32> {
        self.check_setup(address, size, id)?;
        let mut places = Vec::new();
        let searched = search::<()>(self.target, address, size, id, (Deadline::NEVER, stops), |place| {
            places.push(place);
            Ok(Found::Rejected(String::new()))
        });
        match searched {
            Err(Error::Rtt(RttError::NoControlBlock { .. })) => {}
            other => other?,
        }
        // All memory was read, so nothing is overwritten if a part of it cannot be.
        let mut cleared = 0;
        for place in places {
            let request = self.request(Script::call("rtt_clear").hex(place).word(id)).shown("write_memory");
            let request = request.to("clear the RTT control block").expecting("0 or 1");
            let answer = self.ask(&request, |answer| match answer {
                b"0" => Some(0),
                b"1" => Some(1),
                _ => None,
            });
            cleared += answer.map_err(of_failed_access)?;
        }
        Ok(cleared)
    }
}

/// Offers each place that holds the id to `judge`, up to the first that is a control block. Gives
/// up at the deadline, or when a token stops.
fn search<T>(
    target: Target<'_>,
    address: u64,
    size: u32,
    id: &str,
    (deadline, stops): (Deadline, &StopTokens),
    mut judge: impl FnMut(u64) -> Result<Found<T>>,
) -> Result<T> {
    let last = address.saturating_add(u64::from(size));
    // OpenOCD reads whole words.
    let (begin, end) = (address & !3, last.checked_next_multiple_of(4).unwrap_or(last & !3));
    let mut rejected = Vec::new();
    let mut next = address;
    let mut piece = begin;
    while piece < end {
        if (piece > begin && deadline.has_passed()) || stops.is_stopped() {
            return Err(TimeoutError::Rtt { waiting_for: RttWait::ControlBlock, after: deadline.span() }.into());
        }
        let piece_end = end.min(piece.saturating_add(PIECE));
        // An id that ends in the next piece is found there.
        let from = piece.saturating_sub(LONGEST_ID).max(begin);
        let bytes = read(target, from, piece_end, deadline.extended_by(super::GRACE))?;
        for block in memchr::memmem::find_iter(&bytes, id.as_bytes()).map(|offset| from + offset as u64) {
            if block < next || last - block < id.len() as u64 {
                continue;
            }
            next = block + 1;
            match judge(block)? {
                Found::Block(value) => return Ok(value),
                Found::Rejected(reason) if rejected.len() < REJECTED_LISTED => {
                    rejected.push(RejectedBlock { address: block, reason });
                }
                Found::Rejected(_) => {}
            }
        }
        piece = piece_end;
    }
    Err(RttError::NoControlBlock { address, size, id: id.to_owned(), rejected }.into())
}

fn read(target: Target<'_>, from: u64, end: u64, deadline: Deadline) -> Result<Vec<u8>> {
    let mut words = vec![0_u32; usize::try_from((end - from) / 4).unwrap_or_default()];
    let script = Script::call("read_memory").hex(from).literal("32").number(words.len() as u64);
    let shown = format!("read_memory {from:#x} 32 {}", words.len());
    let request =
        target.request(script).shown(shown).to("search for the RTT control block").expecting("words of memory");
    target.session().ask::<RttError, _>(&Request::before(request, deadline), |answer| decode(answer, &mut words))?;
    Ok(words.iter().flat_map(|word| word.to_le_bytes()).collect())
}

/// Why a place is no control block, from what the procedure `rtt_flaw` says; `None` if it is one.
fn flaw_text(flaw: &[String]) -> Option<String> {
    let words: Vec<_> = flaw.iter().map(String::as_str).collect();
    Some(match words[..] {
        [] => return None,
        ["unaligned"] => "it is not aligned to 4 bytes".to_owned(),
        ["id"] => "more than zeros follows the id".to_owned(),
        ["channels", ups, downs] => format!("it would have {ups} up-channels and {downs} down-channels"),
        ["ring", direction, number] => format!("the ring of {direction}-channel {number} is invalid"),
        ["unreadable", direction, number] => format!("the ring of {direction}-channel {number} is not readable"),
        _ => "OpenOCD did not find it".to_owned(),
    })
}
