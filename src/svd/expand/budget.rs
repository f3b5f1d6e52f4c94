//! How much a description may give: more than any device has, and little enough to fit into memory.

use crate::svd::warnings::shown;

const MOST_REGISTERS: usize = 1 << 20;
/// Elements of all levels: a register in a cluster is one of its cluster's, and one of its
/// peripheral's.
const MOST_ELEMENTS: usize = 1 << 21;
/// The fields of one register.
const MOST_FIELDS: usize = 1 << 12;
/// The fields of all registers. An array of registers has its fields once.
const MOST_FIELDS_IN_ALL: usize = 1 << 21;
/// Names, and texts that differ from element to element.
const MOST_TEXT: usize = 64 << 20;

/// What a description has given so far.
#[derive(Debug, Default)]
pub(super) struct Budget {
    registers: usize,
    elements: usize,
    fields: usize,
    text: usize,
}

impl Budget {
    /// Adds registers, or peripherals without any.
    pub(super) fn registers(&mut self, more: usize, name: &str) -> Result<(), String> {
        self.registers = self.registers.saturating_add(more);
        if self.registers > MOST_REGISTERS { Err(too_many_registers(name)) } else { Ok(()) }
    }

    /// Adds elements of clusters and peripherals.
    pub(super) fn elements(&mut self, more: usize, name: &str) -> Result<(), String> {
        self.elements = self.elements.saturating_add(more);
        if self.elements > MOST_ELEMENTS { Err(too_many_registers(name)) } else { Ok(()) }
    }

    /// Adds fields to a register that has some already.
    pub(super) fn fields(&mut self, present: usize, more: usize, register: &str) -> Result<(), String> {
        if present.saturating_add(more) > MOST_FIELDS {
            return Err(format!("register {} has more than {MOST_FIELDS} fields", shown(register)));
        }
        self.fields += more;
        if self.fields > MOST_FIELDS_IN_ALL {
            return Err(format!("there are more than {MOST_FIELDS_IN_ALL} fields, at {} and before", shown(register)));
        }
        Ok(())
    }

    /// Adds bytes of text.
    pub(super) fn text(&mut self, bytes: usize) -> Result<(), String> {
        self.text = self.text.saturating_add(bytes);
        if self.text > MOST_TEXT {
            return Err(format!("the names and texts of all elements have more than {} MiB", MOST_TEXT >> 20));
        }
        Ok(())
    }
}

fn too_many_registers(name: &str) -> String {
    format!("there are more than {MOST_REGISTERS} registers, at {} and before", shown(name))
}
