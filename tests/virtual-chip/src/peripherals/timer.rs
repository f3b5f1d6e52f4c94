//! A general-purpose timer that counts up or down, at the chip's clock.
//!
//! RM0008, chapter 15. Captures are made only by the capture bits of EGR; centre-aligned counting,
//! the slave modes and DMA bursts are not here, nor do pins follow the compare registers.

const CR1: u32 = 0x00;
const SR: u32 = 0x10;
const EGR: u32 = 0x14;
const CCMR1: u32 = 0x18;
const CNT: u32 = 0x24;
const PSC: u32 = 0x28;
const ARR: u32 = 0x2c;
const CCR1: u32 = 0x34;
const CCR4: u32 = 0x40;

const CEN: u32 = 1 << 0;
const UDIS: u32 = 1 << 1;
const URS: u32 = 1 << 2;
const OPM: u32 = 1 << 3;
const DIR: u32 = 1 << 4;
/// UIF in SR, UG in EGR.
const UPDATE: u32 = 1 << 0;
/// TIF in SR, TG in EGR.
const TRIGGER: u32 = 1 << 6;
/// UIF, CC1IF to CC4IF, TIF, CC1OF to CC4OF: a 0 clears each (RM0008, 15.4.5).
const FLAGS: u32 = 0x1e5f;

/// The bits of CR1 to CCER. SR and EGR are no plain storage.
const WRITABLE: [u32; 9] = [0x03ff, 0x00f8, 0xfff7, 0x5f5f, 0, 0, 0xffff, 0xffff, 0x3333];

#[derive(Clone, Debug)]
pub(crate) struct Timer {
    /// CR1 to CCER by number; SR among them, EGR always 0.
    words: [u32; 9],
    count: u32,
    /// Clocks since the last count.
    phase: u64,
    /// PSC as written; it counts from the next update on.
    prescaler: u32,
    prescaler_in_use: u32,
    reload: u32,
    compare: [u32; 4],
    /// The clock at which all this is true.
    as_of: u64,
}

impl Timer {
    pub(crate) fn new(now: u64) -> Self {
        Self {
            words: [0; 9],
            count: 0,
            phase: 0,
            prescaler: 0,
            prescaler_in_use: 0,
            reload: 0xffff,
            compare: [0; 4],
            as_of: now,
        }
    }

    /// Whether it counts.
    pub(crate) fn is_on(&self) -> bool {
        self.words[0] & CEN != 0
    }

    /// Time passes that it does not count: the core stands and DBGMCU says to stop.
    pub(crate) fn skip(&mut self, clocks: u64) {
        self.as_of += clocks;
    }

    pub(crate) fn read(&mut self, offset: u32, now: u64) -> u32 {
        self.advance(now);
        match offset {
            CNT => self.count,
            PSC => self.prescaler,
            ARR => self.reload,
            CCR1..=CCR4 => {
                let channel = (offset - CCR1) as usize / 4;
                if self.captures(channel) {
                    // Taking the captured value clears its flag (RM0008, 15.4.5).
                    self.words[SR as usize / 4] &= !(1 << (channel + 1));
                }
                self.compare[channel]
            }
            0x00..=0x20 => self.words[offset as usize / 4],
            _ => 0,
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32, now: u64) {
        self.advance(now);
        match offset {
            SR => self.words[SR as usize / 4] &= value | !FLAGS,
            EGR => self.generate(value),
            CNT => self.count = value & 0xffff,
            PSC => self.prescaler = value & 0xffff,
            ARR => self.reload = value & 0xffff,
            CCR1..=CCR4 => self.compare[(offset - CCR1) as usize / 4] = value & 0xffff,
            CR1..=0x20 => {
                let index = offset as usize / 4;
                self.words[index] = value & WRITABLE[index];
            }
            _ => {}
        }
    }

    fn flag(&mut self, flags: u32) {
        self.words[SR as usize / 4] |= flags;
    }

    /// A channel is an input: CCxS is not 0.
    fn captures(&self, channel: usize) -> bool {
        self.words[CCMR1 as usize / 4 + channel / 2] >> (8 * (channel % 2)) & 3 != 0
    }

    fn generate(&mut self, events: u32) {
        for channel in 0..4 {
            let bit = 1 << (channel + 1);
            if events & bit == 0 {
                continue;
            }
            if self.captures(channel) {
                self.compare[channel] = self.count;
                if self.words[SR as usize / 4] & bit != 0 {
                    self.flag(bit << 8);
                }
            }
            self.flag(bit);
        }
        self.flag(events & TRIGGER);
        if events & UPDATE != 0 {
            self.phase = 0;
            self.count = if self.words[0] & DIR == 0 { 0 } else { self.reload };
            self.update(self.words[0] & URS == 0);
        }
    }

    fn update(&mut self, tell: bool) {
        if self.words[0] & UDIS == 0 {
            self.prescaler_in_use = self.prescaler;
            if tell {
                self.flag(UPDATE);
            }
        }
    }

    /// The counter passes from `first` to `last`, both included.
    fn pass(&mut self, first: u32, last: u32) {
        for channel in 0..4 {
            if (first..=last).contains(&self.compare[channel]) && !self.captures(channel) {
                self.flag(1 << (channel + 1));
            }
        }
    }

    /// Counts up to `now`. Whole rounds are left out: they change nothing but flags that are set by
    /// then.
    fn advance(&mut self, now: u64) {
        let mut clocks = now.saturating_sub(self.as_of);
        self.as_of = self.as_of.max(now);
        // A reload value of 0 blocks the counter (RM0008, 15.4.12).
        while self.is_on() && self.reload != 0 {
            let rate = u64::from(self.prescaler_in_use) + 1;
            let down = self.words[0] & DIR != 0;
            let end = match (down, self.count <= self.reload) {
                (true, _) => 0,
                (false, true) => self.reload,
                (false, false) => 0xffff,
            };
            let round = (u64::from(end.abs_diff(self.count)) + 1) * rate - self.phase;
            if clocks < round {
                let counts = ((self.phase + clocks) / rate) as u32;
                self.phase = (self.phase + clocks) % rate;
                if counts > 0 {
                    let before = self.count;
                    self.count = if down { before - counts } else { before + counts };
                    let (first, last) = if down { (self.count, before - 1) } else { (before + 1, self.count) };
                    self.pass(first, last);
                }
                return;
            }
            clocks -= round;
            if self.count != end {
                let (first, last) = if down { (end, self.count - 1) } else { (self.count + 1, end) };
                self.pass(first, last);
            }
            self.phase = 0;
            self.count = if down { self.reload } else { 0 };
            self.pass(self.count, self.count);
            self.update(true);
            if self.words[0] & OPM != 0 {
                self.words[0] &= !CEN;
            }
            let period = (u64::from(self.reload) + 1) * (u64::from(self.prescaler_in_use) + 1);
            if self.is_on() && clocks >= period {
                self.pass(0, self.reload);
                clocks %= period;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counting to 9, one count in 4 clocks.
    fn running(more: u32) -> Timer {
        let mut timer = Timer::new(0);
        timer.write(PSC, 3, 0);
        timer.write(ARR, 9, 0);
        timer.write(CR1, URS | more, 0);
        timer.write(EGR, UPDATE, 0);
        assert_eq!(timer.read(SR, 0), 0, "URS: the update by UG is not told");
        timer.write(CR1, CEN | more, 0);
        timer
    }

    #[test]
    fn it_counts_at_the_prescaled_clock_and_starts_anew() {
        let mut timer = running(0);
        assert_eq!(timer.read(CNT, 3), 0);
        assert_eq!(timer.read(CNT, 4), 1);
        assert_eq!(timer.read(CNT, 39), 9);
        assert_eq!(timer.read(SR, 39) & UPDATE, 0);
        assert_eq!(timer.read(CNT, 40), 0);
        assert_eq!(timer.read(SR, 40) & UPDATE, UPDATE);
        assert_eq!(timer.read(CNT, 40_000_000_000 + 9), 2);
    }

    #[test]
    fn it_counts_down() {
        let mut timer = running(DIR);
        assert_eq!(timer.read(CNT, 0), 9);
        assert_eq!(timer.read(CNT, 8), 7);
        assert_eq!(timer.read(CNT, 41), 9);
    }

    #[test]
    fn one_pulse_ends_with_the_first_update() {
        let mut timer = running(OPM);
        assert_eq!((timer.read(CNT, 1_000), timer.is_on()), (0, false));
    }

    #[test]
    fn a_prescaler_waits_for_the_update() {
        let mut timer = running(0);
        timer.write(PSC, 0, 0);
        assert_eq!(timer.read(CNT, 36), 9);
        assert_eq!(timer.read(CNT, 45), 5);
    }

    #[test]
    fn a_compare_flag_is_set_on_the_way_and_cleared_by_zero() {
        let mut timer = running(0);
        timer.write(CCR1, 5, 0);
        timer.write(CCR1 + 4, 8, 0);
        assert_eq!(timer.read(SR, 24) & 6, 2);
        assert_eq!(timer.read(SR, 36) & 6, 6);
        timer.write(SR, !2, 36);
        assert_eq!(timer.read(SR, 36) & 6, 4);
    }

    #[test]
    fn a_second_capture_is_told_and_reading_takes_the_first() {
        let mut timer = running(0);
        timer.write(CCMR1, 1, 0);
        timer.write(EGR, 2, 12);
        assert_eq!(timer.read(SR, 12), 2);
        assert_eq!(timer.read(CCR1, 12), 3);
        assert_eq!(timer.read(SR, 12), 0);
        timer.write(EGR, 2 | TRIGGER, 16);
        timer.write(EGR, 2, 16);
        assert_eq!(timer.read(SR, 16), 0x0242);
    }

    #[test]
    fn the_event_register_reads_zero() {
        let mut timer = running(0);
        timer.write(EGR, 0x5f, 0);
        assert_eq!(timer.read(EGR, 0), 0);
    }
}
