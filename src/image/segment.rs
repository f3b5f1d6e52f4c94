//! Segments: in the order of a file, and joined.

use std::fmt;

use crate::error::ImageError;

/// Consecutive bytes of an [`Image`](crate::Image).
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// The address of the first byte.
    pub address: u64,
    /// The bytes.
    pub data: Vec<u8>,
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment {{ {} bytes at {:#010x} }}", self.data.len(), self.address)
    }
}

/// What the reader of a format yields: segments in any order, and the entry point.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) segments: Vec<Segment>,
    pub(super) entry: Option<u64>,
}

impl Contents {
    /// Adds bytes. Bytes that follow the last segment extend it, so that thousands of records are
    /// few segments.
    pub(super) fn push(&mut self, address: u64, data: &[u8]) {
        match self.segments.last_mut() {
            Some(last) if last.address.checked_add(last.data.len() as u64) == Some(address) => {
                last.data.extend_from_slice(data);
            }
            _ => self.segments.push(Segment { address, data: data.to_vec() }),
        }
    }
}

/// Sorts segments by address and joins those that touch. The same byte twice at one address is one
/// byte.
pub(super) fn join(mut segments: Vec<Segment>) -> Result<Vec<Segment>, ImageError> {
    segments.retain(|segment| !segment.data.is_empty());
    segments.sort_by_key(|segment| segment.address);
    let mut joined: Vec<Segment> = Vec::new();
    for segment in segments {
        let length = segment.data.len() as u64;
        if segment.address.checked_add(length - 1).is_none() {
            return Err(ImageError::OutOfAddressSpace { address: segment.address, length });
        }
        match joined.last_mut() {
            Some(last) if segment.address - last.address <= last.data.len() as u64 => extend(last, &segment)?,
            _ => joined.push(segment),
        }
    }
    if joined.is_empty() { Err(ImageError::Empty) } else { Ok(joined) }
}

/// Adds `next`, which begins within `last` or at its end.
fn extend(last: &mut Segment, next: &Segment) -> Result<(), ImageError> {
    // The difference is at most the length of `last`, which is a `usize`.
    let start = usize::try_from(next.address - last.address).unwrap_or(last.data.len());
    let held = &last.data[start..];
    let shared = held.len().min(next.data.len());
    if held[..shared] != next.data[..shared] {
        let differs = held.iter().zip(&next.data).take_while(|(held, new)| held == new).count();
        return Err(ImageError::Overlap { address: next.address + differs as u64 });
    }
    last.data.extend_from_slice(&next.data[shared..]);
    Ok(())
}
