//! The formats of image files.

use std::fmt;

/// The format of an image file.
///
/// ```
/// use openocd::ImageFormat;
///
/// let format: ImageFormat = "hex".parse()?;
/// assert_eq!(format, ImageFormat::IntelHex);
/// assert_eq!(format.to_string(), "Intel HEX");
/// # Ok::<(), openocd::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ImageFormat {
    /// Executable and Linkable Format.
    Elf,
    /// Intel HEX.
    IntelHex,
    /// Motorola S-record.
    SRecord,
    /// USB Flashing Format, as drag-and-drop bootloaders take it.
    Uf2,
    /// Raw bytes.
    Bin,
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ImageFormat::Elf => "ELF",
            ImageFormat::IntelHex => "Intel HEX",
            ImageFormat::SRecord => "S-record",
            ImageFormat::Uf2 => "UF2",
            ImageFormat::Bin => "BIN",
        })
    }
}
