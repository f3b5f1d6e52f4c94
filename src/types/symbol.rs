//! Symbols of firmware images.

use std::fmt;
use std::ops::Range;

/// A named address of an [`Image`](crate::Image): a function, a variable, or a label.
///
/// [`Display`](fmt::Display) writes the name as the sources have it where the feature `demangle` is
/// enabled.
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Symbol {
    /// The name as the file has it. Rust and C++ compilers mangle names.
    pub name: String,
    /// The address that the symbol has at run time, without the Thumb bit.
    pub address: u64,
    /// The length in bytes. It is 0 for labels, and for assembler functions without a `.size`.
    pub size: u64,
    /// What the symbol names.
    pub kind: SymbolKind,
    /// Whether the symbol is a function in Arm's Thumb instruction set. A pointer to the function
    /// has bit 0 set.
    pub thumb: bool,
}

/// What a [`Symbol`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum SymbolKind {
    /// A function.
    Function,
    /// A variable or a constant.
    Object,
    /// Something without a type: a label, or a symbol of the linker script.
    Other,
}

impl Symbol {
    /// Returns the addresses that the symbol takes, for calls that want a range.
    ///
    /// ```
    /// let image = openocd::Image::open("examples/firmware/rust/prebuilt/hello.elf")?;
    /// let block = image.symbol("_SEGGER_RTT")?;
    /// assert_eq!(block.range(), block.address..block.address + block.size);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn range(&self) -> Range<u64> {
        self.address..self.address.saturating_add(self.size)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Symbol { name, address, size, kind, thumb } = self;
        let thumb = if *thumb { ", Thumb" } else { "" };
        write!(f, "Symbol {{ {name:?}: {kind} of {size} bytes at {address:#010x}{thumb} }}")
    }
}

impl fmt::Display for SymbolKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            SymbolKind::Function => "function",
            SymbolKind::Object => "object",
            SymbolKind::Other => "other",
        })
    }
}
