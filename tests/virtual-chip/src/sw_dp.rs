//! Serial wire debug port: how the debug port answers requests on the serial wire.
//!
//! ARM IHI 0031 (ADIv5), B2.2 (registers), B4.2 (acknowledges), B4.3.4 (multi-drop); ARM DDI 0337, 12.4 (the SW-DP of
//! the Cortex-M3); RM0008, 31.8. Reads of the access port are posted: each
//! returns the value of the previous read, and RDBUFF returns the value of the last read.

use crate::ahb_ap::AhbAp;
use crate::bus::Memory;
use crate::debug_port::{DebugPort, STICKY_FLAGS};
use crate::serial_wire::{Answer, Request};
use crate::system::System;

/// Who a debug port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// IDCODE, or DPIDR in later versions.
    pub(crate) idr: u32,
    /// What TARGETSEL has to hold to select the port, if ports share the wire (multi-drop, B4.3.4):
    /// TARGETID, with the number of the instance in its four highest bits.
    pub(crate) target: Option<u32>,
}

/// The SW-DP of the Cortex-M3 r1p1 (RM0008, 31.8.3); the JTAG-DP's code is in the TAP.
pub(crate) const STM32F103: Identity = Identity { idr: 0x1ba0_1477, target: None };

/// A\[3:2\] of the registers: reads, then writes.
const IDR: u8 = 0;
const CTRL_STAT: u8 = 1;
const RESEND: u8 = 2;
const RDBUFF: u8 = 3;
const ABORT: u8 = 0;
const SELECT: u8 = 2;
const TARGETSEL: u8 = 3;

/// The write that selects one of several ports.
const SELECT_TARGET: Request = Request { access_port: false, read: false, address: TARGETSEL };

/// The access port's data register, in bank 0.
const DRW: u8 = 3;

/// CTRL/STAT bits that only SWD has (B2.2.2): READOK and WDATAERR; and the bits that decide an
/// answer.
const READOK: u32 = 1 << 6;
const WDATAERR: u32 = 1 << 7;
const ORUNDETECT: u32 = 1;
const STICKYORUN: u32 = 1 << 1;
const STICKYCMP: u32 = 1 << 4;
const STICKYERR: u32 = 1 << 5;
/// SELECT.CTRLSEL: the wire control register takes the place of CTRL/STAT. A port of version 2 has
/// four bits, DPBANKSEL (B2.2.9).
const CTRLSEL: u32 = 1;
const DPBANKSEL: u32 = 0xf;
const TARGETID_BANK: u32 = 2;
const DLPIDR_BANK: u32 = 3;
/// DLPIDR.PROTVSN: version 2 of the protocol.
const PROTVSN_2: u32 = 1;

/// The part of the debug port that only SWD has.
#[derive(Debug)]
pub(crate) struct SwDp {
    identity: Identity,
    /// The next request is the first one after a line reset.
    was_reset: bool,
    /// The identification has been read since the last line reset.
    identified: bool,
    /// The value of the last access port read.
    posted: u32,
    /// The value that RESEND returns.
    sent: u32,
    read_ok: bool,
    /// The data of a write had wrong parity.
    data_error: bool,
    /// The number of requests for which the access port is still busy.
    pub(crate) busy: u32,
    /// The data of the next write to memory arrive with wrong parity.
    pub(crate) garbles_write: bool,
}

impl SwDp {
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            identity,
            was_reset: false,
            identified: false,
            posted: 0,
            sent: 0,
            read_ok: false,
            data_error: false,
            busy: 0,
            garbles_write: false,
        }
    }

    /// Requires that the next request reads the identification (RM0008, 31.8.3).
    pub(crate) fn line_reset(&mut self) {
        self.identified = false;
        self.was_reset = true;
    }

    /// Answers a request, and executes a read.
    pub(crate) fn request(
        &mut self,
        request: Request,
        port: &mut DebugPort,
        ap: &mut AhbAp,
        system: &mut System<impl Memory>,
    ) -> Answer {
        let Request { access_port, read, address } = request;
        let was_reset = std::mem::take(&mut self.was_reset);
        if was_reset && self.identity.target.is_some() && request == SELECT_TARGET {
            return Answer::Unacknowledged;
        }
        let status = port.read(CTRL_STAT);
        let data_phase = status & ORUNDETECT != 0;
        if !self.identified && request != (Request { access_port: false, read: true, address: IDR }) {
            return Answer::Fault { data_phase };
        }
        self.identified = true;
        // IDCODE, CTRL/STAT and ABORT are never refused (DDI 0337, 12.4.3).
        if access_port || address > CTRL_STAT {
            let sticky = status & STICKY_FLAGS != 0 || self.data_error;
            if sticky || self.busy > 0 && (access_port || read) {
                self.read_ok = false;
                if data_phase {
                    port.set_sticky(STICKYORUN);
                }
                if sticky {
                    return Answer::Fault { data_phase };
                }
                self.busy -= 1;
                return Answer::Wait { data_phase };
            }
        }
        if !read {
            return Answer::Ok(0);
        }
        if access_port {
            self.sent = std::mem::replace(&mut self.posted, port.read_ap(address, ap, system));
            self.read_ok = true;
            return Answer::Ok(self.sent);
        }
        Answer::Ok(match address {
            IDR => self.identity.idr,
            CTRL_STAT if self.bank(port) != 0 => match (self.identity.target, self.bank(port)) {
                // The number of the instance is no part of TARGETID.
                (Some(target), TARGETID_BANK) => target & 0x0fff_ffff,
                (Some(target), DLPIDR_BANK) => target & 0xf000_0000 | PROTVSN_2,
                _ => 0,
            },
            CTRL_STAT => {
                let flag = |set: bool, bit: u32| if set { bit } else { 0 };
                status | flag(self.read_ok, READOK) | flag(self.data_error, WDATAERR)
            }
            RESEND => self.sent,
            _ => {
                debug_assert_eq!(address, RDBUFF);
                self.read_ok = true;
                self.sent = self.posted;
                self.sent
            }
        })
    }

    /// Returns the bank of address 1 that is selected.
    fn bank(&self, port: &DebugPort) -> u32 {
        port.read(SELECT) & if self.identity.target.is_some() { DPBANKSEL } else { CTRLSEL }
    }

    /// Whether a write to TARGETSEL selects another port than this one.
    pub(crate) fn is_deselected_by(&self, request: Request, data: Option<u32>) -> bool {
        !self.identified && request == SELECT_TARGET && data != self.identity.target
    }

    /// Executes a write whose data have arrived.
    pub(crate) fn data(
        &mut self,
        request: Request,
        data: Option<u32>,
        port: &mut DebugPort,
        ap: &mut AhbAp,
        system: &mut System<impl Memory>,
    ) {
        let to_memory = request.access_port && request.address == DRW;
        let garbled = to_memory && std::mem::take(&mut self.garbles_write);
        if !self.identified && request == SELECT_TARGET {
            return;
        }
        let Some(data) = data.filter(|_| !garbled) else {
            self.data_error = true;
            return;
        };
        match (request.access_port, request.address) {
            (true, address) => port.write_ap(address, data, ap, system),
            (false, ABORT) => self.abort(data, port),
            // The wire control register: the turnaround is always one clock here.
            (false, CTRL_STAT) if self.bank(port) != 0 => {}
            (false, address) => port.write(address, data),
        }
    }

    /// DAPABORT, STKCMPCLR, STKERRCLR, WDERRCLR, ORUNERRCLR (B2.2.1).
    fn abort(&mut self, data: u32, port: &mut DebugPort) {
        if data & 1 != 0 {
            self.busy = 0;
        }
        if data & 8 != 0 {
            self.data_error = false;
        }
        for (bit, flag) in [(1, STICKYCMP), (2, STICKYERR), (4, STICKYORUN)] {
            if data >> bit & 1 != 0 {
                port.clear_sticky(flag);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Size;

    const RAM: u32 = 0x2000_0000;
    const CSW: u8 = 0;
    const TAR: u8 = 1;
    /// A chip whose identification has been read, and whose debug domain has power.
    struct Chip {
        dp: SwDp,
        port: DebugPort,
        ap: AhbAp,
        system: System,
    }

    impl Chip {
        fn new() -> Self {
            let mut chip = Self {
                dp: SwDp::new(STM32F103),
                port: DebugPort::default(),
                ap: AhbAp::default(),
                system: System::of_stm32f103(),
            };
            assert_eq!(chip.read(false, IDR), Answer::Ok(0x1ba0_1477));
            assert_eq!(chip.write(false, CTRL_STAT, 0x5000_0000), Answer::Ok(0));
            chip
        }

        fn read(&mut self, access_port: bool, address: u8) -> Answer {
            let request = Request { access_port, read: true, address };
            self.dp.request(request, &mut self.port, &mut self.ap, &mut self.system)
        }

        fn write(&mut self, access_port: bool, address: u8, data: impl Into<Option<u32>>) -> Answer {
            let request = Request { access_port, read: false, address };
            let answer = self.dp.request(request, &mut self.port, &mut self.ap, &mut self.system);
            if answer == Answer::Ok(0) {
                self.dp.data(request, data.into(), &mut self.port, &mut self.ap, &mut self.system);
            }
            answer
        }

        fn status(&mut self) -> u32 {
            match self.read(false, CTRL_STAT) {
                Answer::Ok(status) => status,
                refused => panic!("{refused:?}"),
            }
        }

        /// Makes the access port meet a bus fault.
        fn fail(&mut self) {
            self.write(true, TAR, 0x9000_0000);
            self.read(true, DRW);
        }
    }

    const FAULT: Answer = Answer::Fault { data_phase: false };
    const WAIT: Answer = Answer::Wait { data_phase: false };

    #[test]
    fn after_a_line_reset_the_identification_comes_first() {
        let mut chip = Chip::new();
        chip.dp.line_reset();
        assert_eq!(chip.read(false, CTRL_STAT), FAULT);
        assert_eq!(chip.write(false, ABORT, 0x1e), FAULT);
        assert_eq!(chip.read(false, IDR), Answer::Ok(0x1ba0_1477));
        assert_eq!(chip.read(false, CTRL_STAT), Answer::Ok(0xf000_0000));
    }

    #[test]
    fn reads_of_the_access_port_are_posted_and_can_be_sent_again() {
        let mut chip = Chip::new();
        for (offset, value) in [(0, 0x11), (4, 0x22)] {
            chip.system.debug_write(RAM + offset, Size::Word, value).unwrap();
        }
        chip.write(true, CSW, 0x12);
        chip.write(true, TAR, RAM);
        chip.read(true, DRW);
        assert_eq!(chip.read(true, DRW), Answer::Ok(0x11));
        assert_eq!(chip.read(false, RESEND), Answer::Ok(0x11));
        assert_eq!(chip.read(false, RDBUFF), Answer::Ok(0x22));
        assert_eq!(chip.read(false, RDBUFF), Answer::Ok(0x22), "RDBUFF starts nothing");
        assert_eq!(chip.read(false, RESEND), Answer::Ok(0x22));
        assert_eq!(chip.status() & READOK, READOK);
        chip.read(true, TAR);
        assert_eq!(chip.read(false, RDBUFF), Answer::Ok(RAM + 8));
    }

    #[test]
    fn select_chooses_port_and_bank() {
        let mut chip = Chip::new();
        chip.write(false, SELECT, 0xf0);
        chip.read(true, 3);
        assert_eq!(chip.read(false, RDBUFF), Answer::Ok(0x1477_0011));
        chip.write(false, SELECT, 0x0100_00f0);
        chip.read(true, 3);
        assert_eq!(chip.read(false, RDBUFF), Answer::Ok(0));
        chip.write(false, CTRL_STAT, 0x5000_0000);
        chip.write(false, SELECT, CTRLSEL);
        chip.write(false, CTRL_STAT, 0);
        assert_eq!(chip.read(false, CTRL_STAT), Answer::Ok(0));
        chip.write(false, SELECT, 0);
        assert_eq!(chip.status(), 0xf000_0000 | READOK);
    }

    #[test]
    fn an_error_faults_what_follows_until_abort_clears_it() {
        let mut chip = Chip::new();
        chip.fail();
        assert_eq!(chip.read(false, RDBUFF), FAULT);
        assert_eq!(chip.write(true, TAR, RAM), FAULT);
        assert_eq!(chip.write(false, SELECT, 0), FAULT);
        assert_eq!(chip.status() & (STICKYERR | READOK), STICKYERR);
        assert_eq!(chip.write(false, CTRL_STAT, 0x5000_0020), Answer::Ok(0));
        assert_eq!(chip.status() & STICKYERR, STICKYERR, "writing the flag back is JTAG's way to clear it");
        chip.write(false, ABORT, 1 << 3);
        assert_eq!(chip.status() & STICKYERR, STICKYERR, "that was another flag");
        chip.write(false, ABORT, 1 << 2);
        assert_eq!(chip.status() & STICKYERR, 0);
        assert_eq!(chip.write(true, TAR, RAM), Answer::Ok(0));
    }

    #[test]
    fn wrong_parity_writes_nothing_and_faults_what_follows() {
        let mut chip = Chip::new();
        chip.write(true, TAR, RAM);
        chip.write(true, DRW, None);
        assert_eq!(chip.system.debug_read(RAM, Size::Word), Ok(0));
        assert_eq!(chip.status() & WDATAERR, WDATAERR);
        assert_eq!(chip.write(true, DRW, 7), FAULT);
        chip.write(false, ABORT, 1 << 3);
        assert_eq!(chip.write(true, DRW, 7), Answer::Ok(0));
        assert_eq!(chip.system.debug_read(RAM, Size::Word), Ok(7));
    }

    #[test]
    fn a_busy_access_port_says_wait() {
        let mut chip = Chip::new();
        chip.dp.busy = 2;
        assert_eq!(chip.read(true, TAR), WAIT);
        assert_eq!(chip.status() & STICKY_FLAGS, 0);
        assert_eq!(chip.read(false, RDBUFF), WAIT);
        assert_eq!(chip.read(true, TAR), Answer::Ok(0));
        chip.dp.busy = 9;
        chip.write(false, ABORT, 1);
        assert_eq!(chip.read(true, TAR), Answer::Ok(0));
    }

    #[test]
    fn a_port_that_shares_the_wire_has_to_be_selected() {
        let identity = Identity { idr: 0x0bc1_2477, target: Some(0x1100_2927) };
        let mut chip = Chip { dp: SwDp::new(identity), ..Chip::new() };
        chip.dp.line_reset();
        assert_eq!(chip.read(true, TAR), FAULT, "the identification comes first");
        assert_eq!(chip.write(false, TARGETSEL, 0x1100_2927), FAULT, "that is too late");
        chip.dp.line_reset();
        let select = SELECT_TARGET;
        assert_eq!(chip.dp.request(select, &mut chip.port, &mut chip.ap, &mut chip.system), Answer::Unacknowledged);
        assert!(!chip.dp.is_deselected_by(select, Some(0x1100_2927)));
        assert!(chip.dp.is_deselected_by(select, Some(0x0100_2927)));
        assert!(chip.dp.is_deselected_by(select, None), "parity is wrong");
        chip.dp.data(select, Some(0x1100_2927), &mut chip.port, &mut chip.ap, &mut chip.system);
        assert_eq!(chip.read(false, IDR), Answer::Ok(0x0bc1_2477));
        for (bank, value) in [(DLPIDR_BANK, 0x1000_0001), (TARGETID_BANK, 0x0100_2927), (CTRLSEL, 0)] {
            chip.write(false, SELECT, bank);
            assert_eq!(chip.read(false, CTRL_STAT), Answer::Ok(value));
        }
    }

    #[test]
    fn overrun_detection_keeps_the_data_phase_and_sticks() {
        let mut chip = Chip::new();
        chip.write(false, CTRL_STAT, 0x5000_0001);
        chip.dp.busy = 1;
        assert_eq!(chip.read(true, TAR), Answer::Wait { data_phase: true });
        assert_eq!(chip.read(true, TAR), Answer::Fault { data_phase: true });
        assert_eq!(chip.status() & STICKYORUN, STICKYORUN);
        chip.write(false, ABORT, 1 << 4);
        assert_eq!(chip.read(true, TAR), Answer::Ok(0));
    }
}
