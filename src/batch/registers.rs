//! Register accesses in a batch.

use super::{Batch, Handle};
use crate::command::Request;
use crate::error::Error;
use crate::registers::{self, Register};
use crate::types::RegisterValue;

/// Register accesses, put into a [`Batch`]. The calls are those of [`Registers`](crate::Registers),
/// with the same rules.
#[derive(Debug)]
pub struct BatchRegisters<'b, 'a> {
    batch: &'b mut Batch<'a>,
}

impl<'b, 'a> BatchRegisters<'b, 'a> {
    pub(super) fn of(batch: &'b mut Batch<'a>) -> Self {
        BatchRegisters { batch }
    }

    /// Reads one register; see [`Registers::read`](crate::Registers::read).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// session.target().halt()?;
    /// let mut batch = session.batch();
    /// let pc = batch.registers().read("pc");
    /// batch.run()?;
    /// println!("{}", pc.result()?); // pc = 0x08000046
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(&mut self, name: &str) -> Handle<Register> {
        let name = name.to_owned();
        self.batch.put_checked(registers::read_request(&[&name], false, 0, true), move |request, reply| {
            let register = registers::take_registers(request, reply, &[&name])?.pop();
            register.ok_or_else(|| registers::unknown("the target", &name, &[]))
        })
    }

    /// Reads several registers; see [`Registers::read_many`](crate::Registers::read_many). Faster
    /// than one by one, also in a batch.
    pub fn read_many(&mut self, names: &[&str]) -> Handle<Vec<Register>> {
        let request = registers::read_request(names, false, 0, true);
        if names.is_empty() {
            // Without a name the script would read all registers.
            return self.batch.settle(&request, Ok(Vec::new()));
        }
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        self.batch.put_checked(request, move |request, reply| {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            registers::take_registers(request, reply, &names)
        })
    }

    /// Writes one register; see [`Registers::write`](crate::Registers::write).
    pub fn write<V: TryInto<RegisterValue>>(&mut self, name: &str, value: V) -> Handle<()>
    where
        V::Error: Into<Error>,
    {
        let name = name.to_owned();
        let value = match value.try_into() {
            Ok(value) => value,
            Err(error) => {
                let request = Request::new("").shown(format!("reg {name}"));
                return self.batch.settle(&request, Err(error.into()));
            }
        };
        self.batch.put_checked(registers::write_request(&name, &value), move |request, reply| {
            registers::take_written(request, reply, &name, &value)
        })
    }
}
