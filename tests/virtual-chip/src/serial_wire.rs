//! Serial wire debug: requests, acknowledges and data on SWDIO, one bit with each clock.
//!
//! ARM IHI 0031 (ADIv5), chapter B4 (the SWD protocol); ARM DDI 0337, 12.4; RM0008, 31.8. Both
//! sides change SWDIO after a rising edge of SWCLK and read it at the next one. Every field goes
//! least significant bit first:
//!
//! ```text
//! read     start APnDP RnW A2 A3 parity stop park | turn | ACK (3) data (32) parity        | turn
//! write    start APnDP RnW A2 A3 parity stop park | turn | ACK (3) | turn | data (32) parity
//! refused  start APnDP RnW A2 A3 parity stop park | turn | ACK (3) | turn (data only with overrun detection)
//! ```

/// The number of clocks with SWDIO high that make a line reset (B4.3.3).
pub(crate) const LINE_RESET: u32 = 50;

/// A complete request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Whether the request is for the access port; otherwise it is for the debug port.
    pub(crate) access_port: bool,
    pub(crate) read: bool,
    /// A\[3:2\].
    pub(crate) address: u8,
}

impl Request {
    /// Reads the eight bits (B4.1.1); `None` if parity, stop or park is wrong.
    fn decode(bits: u8) -> Option<Self> {
        let odd = (bits >> 1 & 0xf).count_ones() & 1 != 0;
        let framed = bits & 1 != 0 && bits & 0x40 == 0 && bits & 0x80 != 0;
        let request = Self { access_port: bits & 2 != 0, read: bits & 4 != 0, address: bits >> 3 & 3 };
        (framed && odd == (bits & 0x20 != 0)).then_some(request)
    }
}

/// The debug port's reply to a request (B4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// OK, and the value for a read; a write waits for its data.
    Ok(u32),
    /// WAIT: the host must repeat the request.
    Wait {
        /// The data phase still takes place, as overrun detection requires.
        data_phase: bool,
    },
    /// No acknowledge at all, since other targets hear the same write; its data follow (B4.3.4).
    Unacknowledged,
    /// FAULT: a sticky flag is set.
    Fault {
        /// As for `Wait`.
        data_phase: bool,
    },
}

/// An event that the owner of the wire must handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The host reset the line.
    LineReset,
    /// A request, which the owner answers by [`SerialWire::answer`] before the next clock.
    Request(Request),
    /// The data of a write that was answered with OK; `None` if their parity is wrong.
    Data(Request, Option<u32>),
}

/// The state of the wire as the target sees it.
#[derive(Debug)]
pub(crate) struct SerialWire {
    state: State,
    /// The number of clocks for which SWDIO has been high.
    ones: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// A protocol error occurred; only a line reset ends this state (B4.2.5).
    Deaf,
    /// The line is being reset.
    Reset,
    Idle,
    Request {
        bits: u8,
        count: u32,
    },
    /// The request waits for [`SerialWire::answer`].
    Asked(Request),
    /// The turnaround before the reply.
    Turn(Reply),
    /// The target drives the reply; bit 0 is on the line.
    Drive(Reply),
    /// The target neither drives nor listens.
    Pause {
        clocks: u32,
        receive: Option<Request>,
    },
    Receive {
        request: Request,
        bits: u64,
        count: u32,
    },
}

/// The levels that the target drives, and the next state.
#[derive(Clone, Copy, Debug)]
struct Reply {
    bits: u64,
    count: u32,
    /// The number of clocks to skip afterwards.
    pause: u32,
    /// The write whose data follow.
    receive: Option<Request>,
}

const DATA_AND_PARITY: u32 = 33;

impl SerialWire {
    /// Creates a port that has not seen a line reset yet.
    pub(crate) fn new() -> Self {
        Self { state: State::Deaf, ones: 0 }
    }

    /// Returns the levels that the target will drive, bit 0 first, and their number.
    pub(crate) fn to_drive(&self) -> Option<(u64, u32)> {
        match self.state {
            State::Drive(reply) => Some((reply.bits, reply.count)),
            _ => None,
        }
    }

    /// Returns the level that the target drives.
    pub(crate) fn driven(&self) -> Option<bool> {
        self.to_drive().map(|(bits, _)| bits & 1 != 0)
    }

    /// Handles a rising edge of SWCLK with this level on SWDIO.
    pub(crate) fn clock(&mut self, swdio: bool) -> Option<Event> {
        // While the target drives, the level on the line is the target's.
        let high = swdio && self.driven().is_none();
        self.ones = if high { self.ones.saturating_add(1) } else { 0 };
        if self.ones >= LINE_RESET {
            self.state = State::Reset;
            return (self.ones == LINE_RESET).then_some(Event::LineReset);
        }
        let (state, event) = self.next(swdio);
        self.state = state;
        event
    }

    fn next(&self, swdio: bool) -> (State, Option<Event>) {
        let state = match self.state {
            // Nobody answered a request: the target is silent, as after a protocol error.
            State::Deaf | State::Asked(_) => State::Deaf,
            State::Reset if swdio => State::Reset,
            State::Idle if swdio => State::Request { bits: 1, count: 1 },
            State::Request { bits, count } => {
                let bits = bits | u8::from(swdio) << count;
                if count < 7 {
                    State::Request { bits, count: count + 1 }
                } else if let Some(request) = Request::decode(bits) {
                    return (State::Asked(request), Some(Event::Request(request)));
                } else {
                    State::Deaf
                }
            }
            State::Turn(reply) => State::Drive(reply),
            State::Drive(reply) if reply.count > 1 => {
                State::Drive(Reply { bits: reply.bits >> 1, count: reply.count - 1, ..reply })
            }
            State::Drive(Reply { pause: clocks, receive, .. }) => State::Pause { clocks, receive },
            State::Pause { clocks, receive } if clocks > 1 => State::Pause { clocks: clocks - 1, receive },
            State::Pause { receive: Some(request), .. } => State::Receive { request, bits: 0, count: 0 },
            State::Reset | State::Idle | State::Pause { receive: None, .. } => State::Idle,
            State::Receive { request, bits, count } => {
                let bits = bits | u64::from(swdio) << count;
                let count = count + 1;
                if count == DATA_AND_PARITY {
                    let data = (bits.count_ones() & 1 == 0).then_some(bits as u32);
                    return (State::Idle, Some(Event::Data(request, data)));
                }
                State::Receive { request, bits, count }
            }
        };
        (state, None)
    }

    /// Stops to listen until the next line reset.
    pub(crate) fn ignore(&mut self) {
        self.state = State::Deaf;
    }

    /// Answers the request that [`SerialWire::clock`] has just reported.
    pub(crate) fn answer(&mut self, answer: Answer) {
        let State::Asked(request) = self.state else { return };
        // The data phase of a refusal is between acknowledge and turnaround for a read, after the
        // turnaround for a write; either way the target does not drive it.
        let refusal = |bits, data_phase| Reply {
            bits,
            count: 3,
            pause: if data_phase { 1 + DATA_AND_PARITY } else { 1 },
            receive: None,
        };
        let reply = match answer {
            Answer::Unacknowledged => {
                // Turnaround, three bits that nobody drives, turnaround.
                self.state = State::Pause { clocks: 5, receive: Some(request) };
                return;
            }
            Answer::Ok(data) if request.read => {
                let parity = u64::from(data.count_ones() & 1);
                let bits = 0b001 | u64::from(data) << 3 | parity << 35;
                Reply { bits, count: 3 + DATA_AND_PARITY, pause: 1, receive: None }
            }
            Answer::Ok(_) => Reply { bits: 0b001, count: 3, pause: 1, receive: Some(request) },
            Answer::Wait { data_phase } => refusal(0b010, data_phase),
            Answer::Fault { data_phase } => refusal(0b100, data_phase),
        };
        self.state = State::Turn(reply);
    }
}

#[cfg(test)]
pub(crate) mod host {
    //! The other side of the wire, for tests.

    /// The eight bits of a request.
    pub(crate) fn request(access_port: bool, read: bool, address: u8) -> u8 {
        let fields = u8::from(access_port) | u8::from(read) << 1 | address << 2;
        let parity = (fields.count_ones() & 1) as u8;
        0x81 | fields << 1 | parity << 5
    }

    /// The 33 bits of data.
    pub(crate) fn data(value: u32) -> u64 {
        u64::from(value) | u64::from(value.count_ones() & 1) << 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIGH: bool = true;

    fn send(wire: &mut SerialWire, bits: u64, count: u32) -> Option<Event> {
        let mut event = None;
        for bit in 0..count {
            assert_eq!(wire.driven(), None, "both sides drive at bit {bit}");
            event = wire.clock(bits >> bit & 1 != 0).or(event);
        }
        event
    }

    fn receive(wire: &mut SerialWire, count: u32) -> u64 {
        (0..count).fold(0, |bits, bit| {
            let level = wire.driven().unwrap_or_else(|| panic!("the target does not drive bit {bit}"));
            wire.clock(level);
            bits | u64::from(level) << bit
        })
    }

    /// Also against what the target drives.
    fn hold(wire: &mut SerialWire, level: bool, clocks: u32) {
        for _ in 0..clocks {
            wire.clock(level);
        }
    }

    /// The line pulled up, driven by nobody.
    fn pass(wire: &mut SerialWire, clocks: u32) {
        send(wire, u64::MAX, clocks);
    }

    fn awake() -> SerialWire {
        let mut wire = SerialWire::new();
        assert_eq!(send(&mut wire, u64::MAX, 50), Some(Event::LineReset));
        send(&mut wire, 0, 2);
        wire
    }

    const READ: Request = Request { access_port: true, read: true, address: 3 };
    const WRITE: Request = Request { access_port: false, read: false, address: 2 };

    fn ask(wire: &mut SerialWire, request: Request) {
        let bits = host::request(request.access_port, request.read, request.address);
        assert_eq!(send(wire, bits.into(), 8), Some(Event::Request(request)));
    }

    #[test]
    fn requests_look_as_in_the_manual() {
        // Read IDCODE, write ABORT, write SELECT, read RDBUFF, read DRW: bytes that every SWD host
        // knows.
        for (byte, access_port, read, address) in [
            (0xa5, false, true, 0),
            (0x81, false, false, 0),
            (0xb1, false, false, 2),
            (0xbd, false, true, 3),
            (0x9f, true, true, 3),
        ] {
            assert_eq!(host::request(access_port, read, address), byte);
            assert_eq!(Request::decode(byte), Some(Request { access_port, read, address }));
        }
    }

    #[test]
    fn a_read_carries_acknowledge_data_and_parity() {
        let mut wire = awake();
        for value in [0x1ba0_1477, 0, u32::MAX, 0x8000_0000] {
            ask(&mut wire, READ);
            wire.answer(Answer::Ok(value));
            pass(&mut wire, 1);
            assert_eq!(receive(&mut wire, 3), 0b001);
            assert_eq!(receive(&mut wire, 33), host::data(value), "{value:#x}");
            pass(&mut wire, 1);
        }
    }

    #[test]
    fn a_write_takes_its_data_after_two_turnarounds() {
        let mut wire = awake();
        for value in [0x5000_0000, 0, u32::MAX] {
            ask(&mut wire, WRITE);
            wire.answer(Answer::Ok(0));
            pass(&mut wire, 1);
            assert_eq!(receive(&mut wire, 3), 0b001);
            pass(&mut wire, 1);
            assert_eq!(send(&mut wire, host::data(value), 33), Some(Event::Data(WRITE, Some(value))));
        }
    }

    #[test]
    fn data_of_wrong_parity_are_told() {
        let mut wire = awake();
        ask(&mut wire, WRITE);
        wire.answer(Answer::Ok(0));
        pass(&mut wire, 1);
        receive(&mut wire, 3);
        pass(&mut wire, 1);
        assert_eq!(send(&mut wire, host::data(5) ^ 1 << 7, 33), Some(Event::Data(WRITE, None)));
    }

    #[test]
    fn refusals_have_a_data_phase_only_with_overrun_detection() {
        for (request, data_phase) in [(READ, false), (READ, true), (WRITE, false), (WRITE, true)] {
            for (answer, acknowledge) in [(Answer::Wait { data_phase }, 0b010), (Answer::Fault { data_phase }, 0b100)] {
                let mut wire = awake();
                ask(&mut wire, request);
                wire.answer(answer);
                pass(&mut wire, 1);
                assert_eq!(receive(&mut wire, 3), acknowledge);
                pass(&mut wire, if data_phase { 34 } else { 1 });
                ask(&mut wire, READ);
            }
        }
    }

    #[test]
    fn a_bad_request_makes_the_target_deaf_until_a_line_reset() {
        let good = host::request(false, true, 0);
        for bit in [1, 5, 6, 7] {
            let mut wire = awake();
            assert_eq!(send(&mut wire, u64::from(good ^ 1 << bit), 8), None, "bit {bit} is wrong");
            send(&mut wire, 0, 8);
            assert_eq!(send(&mut wire, good.into(), 8), None);
            send(&mut wire, 0, 1);
            send(&mut wire, u64::MAX, 49);
            send(&mut wire, 0, 2);
            assert_eq!(send(&mut wire, good.into(), 8), None, "49 are not enough");
            assert_eq!(send(&mut wire, u64::MAX, 50), Some(Event::LineReset));
            send(&mut wire, 0, 2);
            assert!(send(&mut wire, good.into(), 8).is_some());
        }
    }

    #[test]
    fn a_line_reset_helps_in_the_middle_of_anything() {
        for clocks in 0..60 {
            let mut wire = awake();
            ask(&mut wire, READ);
            wire.answer(Answer::Ok(u32::MAX));
            hold(&mut wire, HIGH, clocks);
            // The host is out of step: some of its clocks may fall into the reply.
            hold(&mut wire, HIGH, 50 + 38);
            hold(&mut wire, !HIGH, 2);
            ask(&mut wire, READ);
        }
    }
}
