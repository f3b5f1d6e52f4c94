//! Plans which addresses to read for a peripheral, and in which accesses.

use crate::svd::device::{Device, Peripheral};
use crate::svd::register::Register;
use crate::types::SkipReason;

/// The most elements that one command reads: enough for nearly any peripheral, and few enough for a
/// slow probe to read them well within the default timeout.
pub(super) const MOST_AT_ONCE: usize = 2048;

/// Consecutive elements of one width, read by one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) address: u64,
    pub(super) bits: u32,
    pub(super) count: usize,
}

impl Run {
    pub(super) fn bytes(&self) -> u64 {
        u64::from(self.bits / 8)
    }

    /// The number of bytes of all elements.
    fn length(&self) -> u64 {
        self.bytes() * self.count as u64
    }

    /// Each element as a run of its own.
    pub(super) fn singles(self) -> impl Iterator<Item = Run> {
        (0..self.count as u64).map(move |index| Run { address: self.address + index * self.bytes(), count: 1, ..self })
    }
}

/// Where a register's value comes from: an element of a run, and the number of bits to shift it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Element { run: usize, index: usize, shift: u32 },
    Skipped(SkipReason),
}

/// The accesses that read a peripheral, and where in them the values of its registers are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) runs: Vec<Run>,
    /// One origin for each register of the peripheral.
    pub(super) origins: Vec<Origin>,
}

/// The reason to skip a register that was not asked for by name.
pub(in crate::svd) fn refusal(device: &Device, register: &Register) -> Option<SkipReason> {
    if !register.access().can_read() {
        return Some(SkipReason::WriteOnly);
    }
    let (guarded, action) = device.read_action_within(register.address(), register.bytes())?;
    Some(SkipReason::ReadChangesState { register: guarded.path(), action })
}

/// The reason why one access cannot read a register.
fn obstacle(register: &Register) -> Option<SkipReason> {
    let Some(bits) = register.access_bits() else {
        return Some(SkipReason::UnsupportedSize { bits: register.size() });
    };
    let address = register.address();
    (address % u64::from(bits / 8) != 0).then_some(SkipReason::Misaligned { address, bits })
}

pub(super) fn plan(device: &Device, peripheral: &Peripheral, unguarded: bool) -> Plan {
    let registers = peripheral.registers();
    let mut order: Vec<_> = (0..registers.len()).collect();
    // Of registers that share an address, the widest is read, and the others are taken from its
    // value. Aligned accesses are nested or apart.
    order.sort_by_key(|&index| (registers[index].address(), std::cmp::Reverse(registers[index].bytes())));
    let mut runs: Vec<Run> = Vec::new();
    let mut last_is_alone = false;
    let mut origins: Vec<Option<Origin>> = registers.iter().map(|_| None).collect();
    for index in order {
        let register = &registers[index];
        let refused = if unguarded { None } else { refusal(device, register) };
        if let Some(reason) = obstacle(register).or(refused) {
            origins[index] = Some(Origin::Skipped(reason));
            continue;
        }
        let (address, bytes) = (register.address(), register.bytes());
        let bits = register.access_bits().unwrap_or(64);
        // A register that a read changes must not be read again because a neighbor failed.
        let is_alone = device.read_action_within(address, bytes).is_some();
        let shares_run = match runs.last_mut() {
            Some(run) if address - run.address < run.length() => true,
            Some(run) if address - run.address == run.length() && bits == run.bits && run.count < MOST_AT_ONCE => {
                let joins = !is_alone && !last_is_alone;
                run.count += usize::from(joins);
                joins
            }
            _ => false,
        };
        if !shares_run {
            runs.push(Run { address, bits, count: 1 });
            last_is_alone = is_alone;
        }
        let number = runs.len() - 1;
        let run = runs[number];
        let within = address - run.address;
        let element = usize::try_from(within / run.bytes()).unwrap_or(usize::MAX);
        let byte = within % run.bytes();
        let byte = if device.big_endian { run.bytes() - bytes - byte } else { byte };
        let shift = u32::try_from(byte * 8).unwrap_or(0);
        origins[index] = Some(Origin::Element { run: number, index: element, shift });
    }
    Plan { runs, origins: origins.into_iter().flatten().collect() }
}

#[cfg(test)]
mod tests;
