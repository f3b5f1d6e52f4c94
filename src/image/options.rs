//! How a file becomes an image, where there is a choice.

/// Which parts of an ELF file are loaded.
///
/// Sections are what the program consists of, and segments are what the file maps into memory. A
/// segment may also hold padding or the headers of the file, which belong to no section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ElfParts {
    /// Allocated sections where the file has section headers, as GDB and objcopy do it, and
    /// segments where it has none.
    #[default]
    Auto,
    /// Allocated sections. A file without section headers is refused.
    Sections,
    /// Whole segments of type `PT_LOAD`, as OpenOCD does it.
    Segments,
}

/// Options of [`Image::open_with`](crate::Image::open_with).
///
/// ```
/// use openocd::{ElfParts, ImageOptions};
///
/// let options = ImageOptions::new().elf_parts(ElfParts::Segments);
/// assert_ne!(options, ImageOptions::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use]
pub struct ImageOptions {
    pub(super) elf_parts: ElfParts,
    pub(super) uf2_family: Option<u32>,
}

impl ImageOptions {
    /// Returns the defaults.
    pub const fn new() -> Self {
        ImageOptions { elf_parts: ElfParts::Auto, uf2_family: None }
    }

    /// Sets which parts of an ELF file are loaded. Other formats ignore it.
    pub const fn elf_parts(mut self, parts: ElfParts) -> Self {
        self.elf_parts = parts;
        self
    }

    /// Chooses the family of chips in a UF2 file that holds several, such as `0xe48b_ff56` for the
    /// RP2040. Other formats ignore it.
    pub const fn uf2_family(mut self, family: u32) -> Self {
        self.uf2_family = Some(family);
        self
    }
}
