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
    /// Finds the symbols that the sources call by this name, or by a path that ends in it.
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
        let whole = |name: &str| self.best_first(index.get(name).cloned().unwrap_or_default());
        let end = |name: &str| {
            let ends = index.iter().filter(|(path, _)| is_end_of_path(path, name));
            self.best_first(ends.flat_map(|(_, positions)| positions.iter().copied()).collect())
        };
        let with_these = |mut symbols: Vec<Symbol>| {
            symbols.retain(|symbol| {
                let full = with_parameters(&symbol.name);
                full.is_some_and(|full| full == name || is_end_of_path(&full, name))
            });
            symbols
        };
        let ways: [&dyn Fn() -> Vec<Symbol>; 4] =
            [&|| whole(name), &|| with_these(whole(stem)), &|| end(name), &|| with_these(end(stem))];
        ways.iter().map(|way| way()).find(|symbols| !symbols.is_empty()).unwrap_or_default()
    }
}

/// Whether `path` is longer than `name` and ends in it, from the beginning of one of its parts on.
fn is_end_of_path(path: &str, name: &str) -> bool {
    !name.is_empty() && path.strip_suffix(name).is_some_and(|before| before.ends_with("::"))
}
