//! Images made of images: joined, moved, cut and filled.

use std::ops::{Range, RangeInclusive};

use super::file::LIMIT;
use super::{Image, Segment, segment};
use crate::error::{ImageError, Result};

impl Image {
    /// Joins several images into one, such as a bootloader and an application.
    ///
    /// The result has the format, the entry point and the symbols of the first image. A byte that
    /// several images have in common is accepted.
    ///
    /// # Errors
    /// [`ImageError::Conflict`] names the first address, by image, for which two images hold
    /// different bytes. [`ImageError::Empty`] without images.
    ///
    /// ```
    /// use openocd::Image;
    ///
    /// let bootloader = Image::bin(0x0800_0000, [1, 2, 3, 4])?;
    /// let application = Image::bin(0, [5, 6])?.moved_by(0x0800_4000)?;
    /// let both = Image::merge([&bootloader, &application])?;
    /// assert_eq!((both.segments().len(), both.len()), (2, 6));
    ///
    /// let refused = Image::merge([&bootloader, &Image::bin(0x0800_0003, [0])?]).unwrap_err();
    /// assert_eq!(refused.to_string(), "images 0 and 1 hold different bytes for 0x08000003: 0x04 and 0x00");
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn merge<'i>(images: impl IntoIterator<Item = &'i Image>) -> Result<Image> {
        let images: Vec<_> = images.into_iter().collect();
        let first = images.first().ok_or(ImageError::Empty)?;
        let mut all = first.segments.clone();
        for (index, image) in images.iter().enumerate().skip(1) {
            all.extend(image.segments.iter().cloned());
            all = segment::join(all).map_err(|error| match error {
                ImageError::Overlap { address } => conflict(&images, index, address).unwrap_or(error),
                other => other,
            })?;
        }
        Ok(first.with_segments(all)?)
    }

    /// Returns the image at other addresses: each byte, and the entry point, `offset` higher, or
    /// lower if `offset` is negative.
    ///
    /// The result has no symbols, because the code was linked for the addresses before.
    ///
    /// # Errors
    /// [`ImageError::CannotMove`] if a segment would begin outside of the 64-bit address space, and
    /// [`ImageError::OutOfAddressSpace`] if it would end there.
    ///
    /// ```
    /// let image = openocd::Image::bin(0x0800_0000, [1, 2])?.moved_by(-0x0800_0000)?;
    /// assert_eq!(image.segments()[0].address, 0);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn moved_by(&self, offset: i64) -> Result<Image> {
        let segments = self.segments.iter().map(|Segment { address, data }| {
            let moved = address.checked_add_signed(offset);
            let out = ImageError::CannotMove { address: *address, length: data.len() as u64, offset };
            moved.map(|address| Segment { address, data: data.clone() }).ok_or(out)
        });
        let mut image = Image::of_bytes(segments.collect::<Result<_, _>>()?)?;
        image.format = self.format;
        image.entry = self.entry.and_then(|entry| entry.checked_add_signed(offset));
        Ok(image)
    }

    /// Returns the part of the image that is in a range of addresses, with the entry point and the
    /// symbols of the image.
    ///
    /// # Errors
    /// [`ImageError::Empty`] if no byte is in the range, [`ImageError::ReversedRange`].
    ///
    /// ```
    /// let image = openocd::Image::bin(0x100, [1, 2, 3, 4])?;
    /// assert_eq!(image.within(0x101..0x103)?.segments()[0].data, [2, 3]);
    /// assert_eq!(image.without(0x101..0x103)?.len(), 2);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn within(&self, range: Range<u64>) -> Result<Image> {
        check(&range)?;
        let last = range.end.wrapping_sub(1);
        let parts = self.segments.iter().filter(|_| !range.is_empty());
        let parts = parts.filter_map(|segment| segment.part(&(range.start..=last)));
        Ok(self.with_segments(parts.collect())?)
    }

    /// Returns the image without the part that is in a range of addresses, with the entry point and
    /// the symbols of the image.
    ///
    /// # Errors
    /// [`ImageError::Empty`] if no byte is left, [`ImageError::ReversedRange`].
    pub fn without(&self, range: Range<u64>) -> Result<Image> {
        check(&range)?;
        if range.is_empty() {
            return Ok(self.clone());
        }
        let below = range.start.checked_sub(1).map(|last| 0..=last);
        let parts = self.segments.iter().flat_map(|segment| {
            let below = below.as_ref().and_then(|below| segment.part(below));
            [below, segment.part(&(range.end..=u64::MAX))]
        });
        Ok(self.with_segments(parts.flatten().collect())?)
    }

    /// Returns the image with `byte` at each address of a range where the image holds nothing.
    ///
    /// # Errors
    /// [`ImageError::TooSparse`] for a range of more than 256 MiB, [`ImageError::ReversedRange`].
    ///
    /// ```
    /// let image = openocd::Image::bin(0x102, [1])?.filled(0x100..0x104, 0xff)?;
    /// assert_eq!(image.segments()[0].data, [0xff, 0xff, 1, 0xff]);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn filled(&self, range: Range<u64>, byte: u8) -> Result<Image> {
        check(&range)?;
        let mut segments = self.segments.clone();
        if !range.is_empty() {
            let mut data = filler(range.end - range.start, byte)?;
            for part in self.segments.iter().filter_map(|segment| segment.part(&(range.start..=range.end - 1))) {
                let at = usize::try_from(part.address - range.start).unwrap_or(0);
                data[at..at + part.data.len()].copy_from_slice(&part.data);
            }
            segments.push(Segment { address: range.start, data });
        }
        Ok(self.with_segments(segments)?)
    }

    /// This image with other bytes.
    fn with_segments(&self, segments: Vec<Segment>) -> Result<Image, ImageError> {
        Ok(Image { segments: segment::join(segments)?, ..self.clone() })
    }
}

/// Refuses a range with its ends the wrong way round, of which nobody can tell what was meant.
fn check(range: &Range<u64>) -> Result<(), ImageError> {
    let Range { start, end } = *range;
    if start > end { Err(ImageError::ReversedRange { start, end }) } else { Ok(()) }
}

/// `length` equal bytes, if that is a length for an image.
pub(super) fn filler(length: u64, byte: u8) -> Result<Vec<u8>, ImageError> {
    match usize::try_from(length) {
        Ok(size) if length <= LIMIT => Ok(vec![byte; size]),
        _ => Err(ImageError::TooSparse { length, limit: LIMIT }),
    }
}

/// Names the image that differs from a later one.
fn conflict(images: &[&Image], second: usize, address: u64) -> Option<ImageError> {
    let new = images[second].byte_at(address)?;
    let mut before = images.iter().take(second).enumerate();
    before.find_map(|(first, image)| {
        let held = image.byte_at(address)?;
        (held != new).then_some(ImageError::Conflict { address, images: (first, second), bytes: (held, new) })
    })
}

impl Image {
    fn byte_at(&self, address: u64) -> Option<u8> {
        self.segments.iter().find_map(|segment| {
            let index = usize::try_from(address.checked_sub(segment.address)?).ok()?;
            segment.data.get(index).copied()
        })
    }
}

impl Image {
    /// The first address of the image among `length` addresses from `start`.
    pub(crate) fn first_within(&self, start: u64, length: u64) -> Option<u64> {
        let last = start.saturating_add(length.checked_sub(1)?);
        self.segments.iter().find_map(|segment| segment.part(&(start..=last))).map(|part| part.address)
    }
}

impl Segment {
    /// Whether the segment has a byte for an address.
    pub(crate) fn holds(&self, address: u64) -> bool {
        address.checked_sub(self.address).is_some_and(|index| index < self.data.len() as u64)
    }

    /// The part in a range of addresses, if there is one.
    fn part(&self, range: &RangeInclusive<u64>) -> Option<Segment> {
        let last = self.address + (self.data.len() as u64).checked_sub(1)?;
        let (from, to) = (self.address.max(*range.start()), last.min(*range.end()));
        let index = |address: u64| usize::try_from(address - self.address).unwrap_or(self.data.len());
        (from <= to).then(|| Segment { address: from, data: self.data[index(from)..=index(to)].to_vec() })
    }
}
