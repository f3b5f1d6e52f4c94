//! Names as the sources have them.

use std::collections::HashMap;
use std::fmt::{self, Write};

use cpp_demangle::DemangleOptions;

use super::Symbol;
use super::table::SymbolTable;

/// The longest demangled name in bytes. A short mangled name can stand for a text without end.
const LONGEST: usize = 4096;

/// Demangles a name; `None` if it is not mangled.
pub(in crate::image) fn with_parameters(name: &str) -> Option<String> {
    rust(name).or_else(|| cpp(name, DemangleOptions::new()))
}

/// Demangles a name and leaves out the parameters of C++ functions.
pub(super) fn without_parameters(name: &str) -> Option<String> {
    rust(name).or_else(|| cpp(name, DemangleOptions::new().no_params().no_return_type()))
}

fn rust(name: &str) -> Option<String> {
    let demangled = rustc_demangle::try_demangle(name).ok()?;
    let mut text = Bounded(String::new());
    write!(text, "{demangled:#}").ok().map(|()| text.0)
}

fn cpp(name: &str, options: DemangleOptions) -> Option<String> {
    if !name.starts_with("_Z") {
        return None;
    }
    let symbol = cpp_demangle::BorrowedSymbol::new(name.as_bytes()).ok()?;
    let mut text = Bounded(String::new());
    symbol.structured_demangle(&mut text, &options).ok().map(|()| text.0)
}

struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > LONGEST {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

impl SymbolTable {
    /// Finds the symbols that the sources call by this name.
    pub(super) fn demangled(&self, name: &str) -> Vec<Symbol> {
        // With parameters only those names are compared that are equal without them.
        let stem = name.split('(').next().unwrap_or_default();
        let index = self.by_source.get_or_init(|| {
            let mut index = HashMap::<_, Vec<_>>::new();
            for (position, name) in self.names() {
                if let Some(demangled) = without_parameters(&name) {
                    index.entry(demangled).or_default().push(position);
                }
            }
            index
        });
        let found = |name: &str| self.best_first(index.get(name).cloned().unwrap_or_default());
        let mut symbols = found(name);
        if symbols.is_empty() && stem != name {
            symbols = found(stem);
            symbols.retain(|symbol| with_parameters(&symbol.name).as_deref() == Some(name));
        }
        symbols
    }
}
