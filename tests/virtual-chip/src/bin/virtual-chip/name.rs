//! The cores of a board, by the names that OpenOCD has for their targets.

use std::path::Path;

use virtual_chip::{LoadError, Unmapped, VirtualBoard, VirtualChip, VirtualCore, VirtualHart};

/// One core of a board.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Core<'a> {
    Chip(&'a VirtualChip),
    Hart(&'a VirtualHart),
    M0Plus(&'a VirtualCore),
}

impl<'a> Core<'a> {
    /// Returns all cores of a board.
    pub(crate) fn all(board: &'a VirtualBoard) -> Vec<Self> {
        let chips = board.chips().iter().map(Self::Chip);
        let harts = board.harts().iter().map(Self::Hart);
        chips.chain(harts).chain(board.cores().iter().map(Self::M0Plus)).collect()
    }

    /// Finds a core by the name of its target. The part before the dot is enough, if only one core
    /// has it. So is an empty name, if there is only one core.
    pub(crate) fn find(board: &'a VirtualBoard, name: &str) -> Result<Self, String> {
        let fits = |core: &Self| name.is_empty() || core.name() == name || core.short_name() == name;
        let found: Vec<_> = Self::all(board).into_iter().filter(fits).collect();
        match found[..] {
            [core] => Ok(core),
            [] => Err(format!("there is no core {name:?}: there are {}", names(&Self::all(board)))),
            _ if name.is_empty() => Err(format!("name the core: there are {}", names(&found))),
            _ => Err(format!("{name:?} has several cores: {}", names(&found))),
        }
    }

    pub(crate) fn name(&self) -> &'a str {
        match self {
            Self::Chip(chip) => chip.target_name(),
            Self::Hart(hart) => hart.target_name(),
            Self::M0Plus(core) => core.target_name(),
        }
    }

    fn short_name(&self) -> &'a str {
        self.name().split('.').next().unwrap_or_default()
    }

    pub(crate) fn load_file(&self, file: &Path) -> Result<(), String> {
        let explain = |error: &dyn std::error::Error| format!("cannot load {}: {error}", file.display());
        let bytes = std::fs::read(file).map_err(|error| explain(&error))?;
        self.load(&bytes).map_err(|error| explain(&error))
    }

    fn load(&self, bytes: &[u8]) -> Result<(), LoadError> {
        match self {
            Self::Chip(chip) => chip.try_load_elf(bytes),
            Self::Hart(hart) => hart.try_load_elf(bytes),
            Self::M0Plus(core) => core.try_load_elf(bytes),
        }
    }

    pub(crate) fn read_memory(&self, address: u32, buffer: &mut [u8]) -> Result<(), Unmapped> {
        match self {
            Self::Chip(chip) => chip.read_memory(address, buffer),
            Self::Hart(hart) => hart.read_memory(address, buffer),
            Self::M0Plus(core) => core.read_memory(address, buffer),
        }
    }

    pub(crate) fn write_memory(&self, address: u32, bytes: &[u8]) -> Result<(), Unmapped> {
        match self {
            Self::Chip(chip) => chip.write_memory(address, bytes),
            Self::Hart(hart) => hart.write_memory(address, bytes),
            Self::M0Plus(core) => core.write_memory(address, bytes),
        }
    }
}

/// Lists cores by their names.
pub(crate) fn names(cores: &[Core<'_>]) -> String {
    cores.iter().map(Core::name).collect::<Vec<_>>().join(" ")
}
