//! Symbols of an ELF image.

#[cfg(feature = "demangle")]
mod demangle;
mod table;

use std::fmt;

#[cfg(all(feature = "debuginfo", feature = "demangle"))]
pub(super) use demangle::with_parameters as demangled;
pub(super) use table::SymbolTable;

use super::Image;
use crate::error::{ImageError, Result};
use crate::types::Symbol;

impl Symbol {
    /// Returns the name as the sources have it: `my_crate::counter`, `ns::f(int)`. Names that are
    /// not mangled, or are mangled in an unknown way, stay as they are. Hashes of Rust names are
    /// left out.
    ///
    /// ```
    /// # let image = openocd::Image::open("examples/firmware/counter.elf")?;
    /// # let symbol = image.symbols().next().unwrap();
    /// println!("{} at {:#010x}", symbol.demangled(), symbol.address);
    /// # Ok::<(), openocd::Error>(())
    /// ```
    #[cfg(feature = "demangle")]
    pub fn demangled(&self) -> String {
        demangle::with_parameters(&self.name).unwrap_or_else(|| self.name.clone())
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(feature = "demangle")]
        let name = self.demangled();
        #[cfg(not(feature = "demangle"))]
        let name = &self.name;
        write!(f, "{} at {:#010x}", name.escape_debug(), self.address)
    }
}

impl Image {
    /// Finds a symbol by its name: as the file has it, or as the sources have it (feature
    /// `demangle`).
    ///
    /// A source name has no Rust hash. The end of a path such as `my_crate::state::counter` is
    /// enough if only one symbol has it: `state::counter`, `counter`. A symbol with exactly this
    /// name takes precedence. For C++ functions the parameters may be left out (`ns::f`) or given
    /// (`ns::f(int)`). Aliases, which share an address, are one symbol.
    ///
    /// # Errors
    /// [`ImageError::UnknownSymbol`] with similar names, [`ImageError::AmbiguousSymbol`] with the
    /// candidates if the name stands for several addresses, [`ImageError::NoSymbols`] if the file
    /// has no symbol table.
    ///
    /// ```
    /// use openocd::{Image, SymbolKind};
    ///
    /// let image = Image::open("examples/firmware/counter.elf")?;
    /// let greeting = image.symbol("greeting")?;
    /// assert_eq!((greeting.address, greeting.kind), (0x2000_0000, SymbolKind::Other));
    ///
    /// let error = image.symbol("greting").unwrap_err();
    /// assert_eq!(error.to_string(), "the image has no symbol \"greting\"; near: greeting");
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn symbol(&self, name: &str) -> Result<Symbol> {
        let table = self.symbol_table()?;
        let mut candidates = table.named(name);
        #[cfg(feature = "demangle")]
        if candidates.is_empty() {
            candidates = table.demangled(name);
        }
        let one_address = candidates.windows(2).all(|pair| pair[0].address == pair[1].address);
        if candidates.is_empty() {
            return Err(ImageError::UnknownSymbol { name: name.to_owned(), near: table.near(name) }.into());
        }
        if !one_address {
            return Err(ImageError::AmbiguousSymbol { name: name.to_owned(), candidates }.into());
        }
        Ok(candidates.swap_remove(0))
    }

    /// Finds the symbol that covers an address: the innermost function or variable around it.
    ///
    /// In code, a label without a size covers what follows it, up to the next symbol of its
    /// section.
    ///
    /// ```
    /// let image = openocd::Image::open("examples/firmware/counter.elf")?;
    /// let entry = image.entry().unwrap();
    /// if let Some(function) = image.symbol_at(entry) {
    ///     println!("the program begins in {function}");
    /// }
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn symbol_at(&self, address: u64) -> Option<Symbol> {
        self.symbol_table().ok()?.covering(address)
    }

    /// Iterates over the symbols, in the order of the file. An image without a symbol table yields
    /// none.
    ///
    /// Symbols that are undefined, thread-local or only marks of the toolchain (`$t`, files,
    /// sections) are left out. So are symbols of sections outside the target's memory, such as the
    /// strings of defmt: their values are not addresses.
    ///
    /// ```
    /// let image = openocd::Image::open("examples/firmware/counter.elf")?;
    /// for symbol in image.symbols() {
    ///     println!("{:#010x} {:6} {:8} {}", symbol.address, symbol.size, symbol.kind, symbol.name);
    /// }
    /// # Ok::<(), openocd::Error>(())
    /// ```
    pub fn symbols(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.symbol_table().into_iter().flat_map(SymbolTable::symbols)
    }

    fn symbol_table(&self) -> Result<&SymbolTable, ImageError> {
        let table = &*self.symbols;
        match table.problem() {
            Some(problem) => Err(ImageError::Elf { problem }),
            None if table.is_empty() => Err(ImageError::NoSymbols { format: self.format }),
            None => Ok(table),
        }
    }
}
