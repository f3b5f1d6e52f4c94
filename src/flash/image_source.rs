//! What the calls for images accept.

use std::borrow::Borrow;
use std::path::Path;

use crate::error::Result;
use crate::image::Image;

/// An image to write or compare: an [`Image`], or a path to an ELF, Intel HEX, S-record or UF2
/// file.
///
/// A path is read by [`Image::open`] before anything is sent. A raw binary has no addresses: open
/// it with [`Image::open_bin`].
///
/// ```no_run
/// # let session = openocd::Session::connect("localhost:6666")?;
/// use openocd::Image;
///
/// session.flash().write_image("firmware.elf")?;
/// session.flash().write_image(&Image::open_bin("bootloader.bin", 0x0800_0000)?)?;
/// # Ok::<(), openocd::Error>(())
/// ```
pub trait ImageSource: sealed::Sealed {
    /// The image, owned or borrowed.
    #[doc(hidden)]
    type Image: Borrow<Image>;

    /// Returns the image, which a path makes it read.
    #[doc(hidden)]
    fn load(self) -> Result<Self::Image>;
}

impl<'i> ImageSource for &'i Image {
    type Image = &'i Image;

    fn load(self) -> Result<&'i Image> {
        Ok(self)
    }
}

impl<P: AsRef<Path>> ImageSource for P {
    type Image = Image;

    fn load(self) -> Result<Image> {
        Image::open(self)
    }
}

mod sealed {
    use super::{Image, Path};

    pub trait Sealed {}
    impl Sealed for &Image {}
    impl<P: AsRef<Path>> Sealed for P {}
}
