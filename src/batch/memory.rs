//! Memory accesses in a batch.

use super::{Batch, Handle};
use crate::command::Request;
use crate::error::{InvalidArgument, Result, TargetError};
use crate::memory::access::{self, width};
use crate::memory::bytes;
use crate::memory::numbers::Element;

/// How many elements one command moves, here as in OpenOCD's own `read_memory` (`src/target/target.c`).
const MOST: usize = 65536;

/// Memory accesses, put into a [`Batch`]. The calls are those of [`Memory`](crate::Memory), whose rules hold here too, except that one
/// call takes at most 65536 elements, or 262144 bytes.
#[derive(Debug)]
pub struct BatchMemory<'b, 'a> {
    batch: &'b mut Batch<'a>,
    physical: bool,
}

macro_rules! width {
    ($type:ty, $bits:literal, $read:ident, $read_vec:ident, $write:ident, $write_slice:ident) => {
        impl BatchMemory<'_, '_> {
            #[doc = concat!("Reads one ", $bits, "-bit value; as [`Memory::", stringify!($read), "`](crate::Memory::", stringify!($read), ").")]
            pub fn $read(&mut self, address: u64) -> Handle<$type> {
                self.read(address, 1, |values: Vec<$type>| values.first().copied().unwrap_or_default())
            }

            #[doc = concat!("Reads `count` consecutive ", $bits, "-bit values; as [`Memory::", stringify!($read_vec), "`](crate::Memory::", stringify!($read_vec), ").")]
            pub fn $read_vec(&mut self, address: u64, count: usize) -> Handle<Vec<$type>> {
                self.read(address, count, |values| values)
            }

            #[doc = concat!("Writes one ", $bits, "-bit value; as [`Memory::", stringify!($write), "`](crate::Memory::", stringify!($write), ").")]
            pub fn $write(&mut self, address: u64, value: $type) -> Handle<()> {
                self.write(address, &[value])
            }

            #[doc = concat!("Writes consecutive ", $bits, "-bit values; as [`Memory::", stringify!($write_slice), "`](crate::Memory::", stringify!($write_slice), ").")]
            pub fn $write_slice(&mut self, address: u64, values: &[$type]) -> Handle<()> {
                self.write(address, values)
            }
        }
    };
}

width!(u8, "8", read_u8, read_u8_vec, write_u8, write_u8_slice);
width!(u16, "16", read_u16, read_u16_vec, write_u16, write_u16_slice);
width!(u32, "32", read_u32, read_u32_vec, write_u32, write_u32_slice);
width!(u64, "64", read_u64, read_u64_vec, write_u64, write_u64_slice);

impl<'b, 'a> BatchMemory<'b, 'a> {
    pub(super) fn of(batch: &'b mut Batch<'a>) -> Self {
        BatchMemory { batch, physical: false }
    }

    /// By physical addresses; as [`Memory::physical`](crate::Memory::physical).
    #[must_use]
    pub fn physical(self) -> Self {
        BatchMemory { physical: true, ..self }
    }

    /// Reads `length` bytes; as [`Memory::read_bytes`](crate::Memory::read_bytes).
    pub fn read_bytes(&mut self, address: u64, length: usize) -> Handle<Vec<u8>> {
        let request = bytes::read_bytes_request(address, length, self.suffix());
        match self.check(address, 1, length, 4 * MOST) {
            Ok(()) if length > 0 => {}
            checked => return self.batch.settle(&request, checked.map(|()| Vec::new())),
        }
        self.batch.put(request.unpolled(), move |request, reply| {
            let mut bytes = vec![0; length];
            bytes::take_bytes(request, reply, address, &mut bytes).map(|()| bytes)
        })
    }

    /// Writes bytes; as [`Memory::write_bytes`](crate::Memory::write_bytes).
    pub fn write_bytes(&mut self, address: u64, bytes: &[u8]) -> Handle<()> {
        let request = bytes::write_bytes_request(address, bytes, self.suffix());
        self.put_write(request, address, 1, bytes.len(), 4 * MOST)
    }

    fn read<T: Element + 'static, R: Send + 'static>(
        &mut self,
        address: u64,
        count: usize,
        give: fn(Vec<T>) -> R,
    ) -> Handle<R> {
        let mut script = String::new();
        access::push_read::<T>(&mut script, address, count, self.suffix());
        let request = Request::new(script).shown(access::read_command(address, T::BITS, count, self.suffix()));
        match self.check(address, width::<T>(), count, MOST) {
            Ok(()) if count > 0 => {}
            checked => return self.batch.settle(&request, checked.map(|()| give(Vec::new()))),
        }
        self.batch.put(request.unpolled(), move |request, reply| {
            let mut values = vec![T::default(); count];
            access::take_elements(request, reply, address, &mut values).map(|()| give(values))
        })
    }

    fn write<T: Element>(&mut self, address: u64, values: &[T]) -> Handle<()> {
        let request = access::write_request(address, values, self.suffix());
        self.put_write(request, address, width::<T>(), values.len(), MOST)
    }

    fn put_write(
        &mut self,
        request: Request<'static>,
        address: u64,
        width: u64,
        count: usize,
        most: usize,
    ) -> Handle<()> {
        match self.check(address, width, count, most) {
            Ok(()) if count > 0 => {}
            checked => return self.batch.settle(&request, checked),
        }
        let length = count as u64 * width;
        self.batch.put(request.unpolled(), move |request, reply| access::take_written(request, reply, address, length))
    }

    fn check(&self, address: u64, width: u64, count: usize, most: usize) -> Result<()> {
        if count > most {
            let argument = "the number of elements of a call in a batch";
            let expected = "at most 65536, or 262144 of bytes";
            return Err(
                TargetError::InvalidArgument(InvalidArgument { argument, given: count.to_string(), expected }).into()
            );
        }
        self.batch.target.check_range(address, width, count, self.physical)
    }

    fn suffix(&self) -> &'static str {
        if self.physical { " phys" } else { "" }
    }
}
