//! The CAN controller without a bus: modes, mailboxes and filters. Nothing is ever sent or
//! received.
//!
//! RM0008, chapter 24. It leaves sleep for initialisation and back; for normal mode it would have
//! to see a bus.

const MCR: u32 = 0x000;
const MSR: u32 = 0x004;
const TRANSMIT: u32 = 0x180;
const RECEIVE: u32 = 0x1b0;
const RECEIVE_END: u32 = 0x1d0;
const FMR: u32 = 0x200;
const FM1R: u32 = 0x204;
const FS1R: u32 = 0x20c;
const FFA1R: u32 = 0x214;
const FA1R: u32 = 0x21c;
const FILTERS: u32 = 0x240;
const FILTERS_END: u32 = 0x2b0;

/// INRQ and SLEEP in MCR; INAK and SLAK in MSR.
const MODES: u32 = 3;
const FINIT: u32 = 1;

#[derive(Clone, Debug)]
pub(crate) struct Can {
    master_control: u32,
    transmit: [u32; 12],
    /// FINIT.
    filters_open: bool,
    /// FM1R, FS1R, FFA1R, FA1R: a bit for each of 14 filters.
    filter_settings: [u32; 4],
    filters: [u32; 28],
}

impl Can {
    pub(crate) fn new() -> Self {
        Self {
            master_control: 0x0001_0002,
            transmit: [0; 12],
            filters_open: true,
            filter_settings: [0; 4],
            filters: [0; 28],
        }
    }

    pub(crate) fn read(&self, offset: u32) -> u32 {
        match offset {
            MCR => self.master_control,
            // RX is recessive, and so were the last samples.
            MSR => 0x0c00 | self.mode(),
            TRANSMIT..RECEIVE => self.transmit[(offset - TRANSMIT) as usize / 4],
            RECEIVE..RECEIVE_END => 0,
            FMR => 0x2a1c_0e00 | u32::from(self.filters_open),
            FILTERS..FILTERS_END => self.filters[(offset - FILTERS) as usize / 4],
            _ => setting(offset).map_or(0, |index| self.filter_settings[index]),
        }
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        match offset {
            MCR => self.master_control = value & 0x0001_00ff,
            TRANSMIT..RECEIVE => {
                let index = (offset - TRANSMIT) as usize / 4;
                // A mailbox that waits to be sent is closed; nothing here sends it.
                if self.transmit[index & !3] & 1 == 0 {
                    self.transmit[index] = if index & 3 == 1 { value & 0xffff_010f } else { value };
                }
            }
            FMR => self.filters_open = value & FINIT != 0,
            FILTERS..FILTERS_END if self.filters_open => self.filters[(offset - FILTERS) as usize / 4] = value,
            _ => {
                if let Some(index) = setting(offset).filter(|index| *index == 3 || self.filters_open) {
                    self.filter_settings[index] = value & 0x3fff;
                }
            }
        }
    }

    /// The mode that it is in: the one asked for, sleep before initialisation.
    fn mode(&self) -> u32 {
        match self.master_control & MODES {
            0 | 1 => 1,
            _ => 2,
        }
    }
}

fn setting(offset: u32) -> Option<usize> {
    [FM1R, FS1R, FFA1R, FA1R].iter().position(|register| *register == offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sleeps_until_initialisation_is_asked_for() {
        let mut can = Can::new();
        assert_eq!((can.read(MCR), can.read(MSR)), (0x0001_0002, 0x0c02));
        can.write(MCR, 0x0001_0001);
        assert_eq!(can.read(MSR), 0x0c01);
        can.write(MCR, 0x0001_0000);
        assert_eq!(can.read(MSR), 0x0c01, "normal mode needs a bus");
    }

    #[test]
    fn filters_change_only_while_they_are_open() {
        let mut can = Can::new();
        can.write(FILTERS + 4, 7);
        can.write(FMR, 0);
        can.write(FILTERS + 4, 8);
        can.write(FM1R, 1);
        can.write(FA1R, 1);
        assert_eq!((can.read(FILTERS + 4), can.read(FM1R), can.read(FA1R)), (7, 0, 1));
    }

    #[test]
    fn a_mailbox_that_waits_is_closed_and_received_ones_take_no_write() {
        let mut can = Can::new();
        can.write(TRANSMIT + 8, 0x1234);
        can.write(TRANSMIT, 1);
        can.write(TRANSMIT + 8, 0);
        can.write(RECEIVE + 8, 1);
        assert_eq!((can.read(TRANSMIT + 8), can.read(RECEIVE + 8)), (0x1234, 0));
    }
}
