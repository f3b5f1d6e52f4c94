//! Memory accesses in a batch.

use std::fmt;

use super::{Batch, Handle};
use crate::command::{Request, Script};
use crate::error::{InvalidArgument, Result, TargetError};
use crate::memory::access::{Access, Elements, read_command};
use crate::memory::bytes::Bytes;
use crate::memory::reading::take_values;
use crate::memory::writing::take_written;

/// How many accesses one call makes at most, as many as OpenOCD's own `read_memory`
/// (`src/target/target.c`).
const MOST_ACCESSES: usize = 65536;

/// Memory accesses, put into a [`Batch`].
///
/// The calls are those of [`Memory`](crate::Memory), with the same rules, but each is one command:
/// it takes at most 65536 elements, or 262144 bytes, and its size does not follow the speed of the
/// adapter.
pub struct BatchMemory<'b, 'a> {
    batch: &'b mut Batch<'a>,
    physical: bool,
}

macro_rules! width {
    ($type:ty, $bits:literal, $read:ident, $read_vec:ident, $write:ident, $write_slice:ident) => {
        impl BatchMemory<'_, '_> {
            #[doc = concat!("Reads one ", $bits, "-bit value, like [`Memory::", stringify!($read), "`](crate::Memory::", stringify!($read), ").")]
            pub fn $read(&mut self, address: u64) -> Handle<$type> {
                let one = |values: Vec<$type>| values.first().copied().unwrap_or_default();
                self.read::<Elements<$type>, _>(address, 1, $bits, one)
            }

            #[doc = concat!("Reads `count` consecutive ", $bits, "-bit values, like [`Memory::", stringify!($read_vec), "`](crate::Memory::", stringify!($read_vec), ").")]
            pub fn $read_vec(&mut self, address: u64, count: usize) -> Handle<Vec<$type>> {
                self.read::<Elements<$type>, _>(address, count, $bits, |values| values)
            }

            #[doc = concat!("Writes one ", $bits, "-bit value, like [`Memory::", stringify!($write), "`](crate::Memory::", stringify!($write), ").")]
            pub fn $write(&mut self, address: u64, value: $type) -> Handle<()> {
                self.write::<Elements<$type>>(address, &[value])
            }

            #[doc = concat!("Writes consecutive ", $bits, "-bit values, like [`Memory::", stringify!($write_slice), "`](crate::Memory::", stringify!($write_slice), ").")]
            pub fn $write_slice(&mut self, address: u64, values: &[$type]) -> Handle<()> {
                self.write::<Elements<$type>>(address, values)
            }
        }
    };
}

width!(u8, 8, read_u8, read_u8_vec, write_u8, write_u8_slice);
width!(u16, 16, read_u16, read_u16_vec, write_u16, write_u16_slice);
width!(u32, 32, read_u32, read_u32_vec, write_u32, write_u32_slice);
width!(u64, 64, read_u64, read_u64_vec, write_u64, write_u64_slice);

impl<'b, 'a> BatchMemory<'b, 'a> {
    pub(super) fn of(batch: &'b mut Batch<'a>) -> Self {
        BatchMemory { batch, physical: false }
    }

    /// The same accesses by physical addresses, like [`Memory::physical`](crate::Memory::physical).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let mut batch = session.batch();
    /// let word = batch.memory().physical().read_u32(0x2000_0000);
    /// batch.run()?;
    /// println!("{:#010x}", word.result()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn physical(self) -> Self {
        BatchMemory { physical: true, ..self }
    }

    /// Reads `length` bytes, like [`Memory::read_bytes`](crate::Memory::read_bytes).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let mut batch = session.batch();
    /// let bytes = batch.memory().read_bytes(0x2000_0001, 5);
    /// batch.run()?;
    /// assert_eq!(bytes.result()?.len(), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_bytes(&mut self, address: u64, length: u64) -> Handle<Vec<u8>> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.read::<Bytes, _>(address, length, 8, |bytes| bytes)
    }

    /// Writes bytes, like [`Memory::write_bytes`](crate::Memory::write_bytes).
    ///
    /// ```
    /// # let chip = virtual_chip::VirtualChip::start()?;
    /// # let session = openocd::Session::start(chip.openocd_config())?;
    /// let mut batch = session.batch();
    /// let written = batch.memory().write_bytes(0x2000_0001, b"hello");
    /// batch.run()?;
    /// written.result()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_bytes(&mut self, address: u64, bytes: &[u8]) -> Handle<()> {
        self.write::<Bytes>(address, bytes)
    }

    fn read<A: Access + 'static, R: Send + 'static>(
        &mut self,
        address: u64,
        count: usize,
        bits: u32,
        give: fn(Vec<A::Item>) -> R,
    ) -> Handle<R> {
        let option = self.option();
        let request = Request::new("").shown(read_command(address, bits, count, option));
        match self.check::<A>(address, count) {
            Ok(()) if count > 0 => {}
            checked => return self.batch.settle(&request, checked.map(|()| give(Vec::new()))),
        }
        let script = A::read(Script::default(), address, count, option);
        let request = Request { script: script.into(), ..request }.unpolled();
        self.batch.put(request, move |request, reply| {
            let mut values = vec![A::Item::default(); count];
            take_values::<A>(request, reply, address, &mut values).map(|()| give(values))
        })
    }

    fn write<A: Access>(&mut self, address: u64, values: &[A::Item]) -> Handle<()> {
        let checked = self.check::<A>(address, values.len());
        // What is refused needs no script, only a name.
        let sent = if checked.is_ok() { values } else { &values[..values.len().min(16)] };
        let (script, shown) = A::write(address, sent, self.option());
        let request = Request::new(script).shown(shown).unpolled();
        match checked {
            Ok(()) if !values.is_empty() => {}
            checked => return self.batch.settle(&request, checked),
        }
        let length = size_of_val(values) as u64;
        self.batch.put(request, move |request, reply| take_written(request, reply, address, length))
    }

    fn check<A: Access>(&self, address: u64, count: usize) -> Result<()> {
        let width = size_of::<A::Item>();
        let accesses = count / (A::ACCESS_BYTES / width);
        if accesses > MOST_ACCESSES || (accesses == MOST_ACCESSES && count % (A::ACCESS_BYTES / width) > 0) {
            let expected = "at most 65536 elements, or 262144 bytes, in one call of a batch";
            return Err(TargetError::from(InvalidArgument::new("length", expected, count)).into());
        }
        self.batch.target.check_range(address, width as u64, count as u64, self.physical)
    }

    fn option(&self) -> &'static str {
        if self.physical { "phys" } else { "" }
    }
}

impl fmt::Debug for BatchMemory<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BatchMemory({} calls)", self.batch.len())
    }
}
