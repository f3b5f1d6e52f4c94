//! Which core a target is.

use super::Target;
use crate::error::Result;

/// The kind of core, as far as this crate treats kinds differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CoreKind {
    /// A core of ARM's M profile.
    CortexM,
    /// A RISC-V hart.
    RiscV,
    Other,
}

impl CoreKind {
    /// The kind of a target's type, as `target types` lists them.
    ///
    /// `core_kind` in `src/procedures/target.tcl` is the same rule, for scripts that cannot ask
    /// Rust in between.
    pub(crate) fn of(type_name: &str) -> CoreKind {
        match type_name {
            // The second is a Cortex-M behind a high-level adapter, such as an ST-LINK. Both run
            // the code of cortex_m.c.
            "cortex_m" | "hla_target" => CoreKind::CortexM,
            "riscv" => CoreKind::RiscV,
            // Espressif's Xtensa cores. The types of all its other chips are RISC-V harts.
            "esp32" | "esp32s2" | "esp32s3" => CoreKind::Other,
            _ if type_name.starts_with("esp32") => CoreKind::RiscV,
            _ => CoreKind::Other,
        }
    }
}

impl Target<'_> {
    /// Asks OpenOCD which kind of core this target is.
    pub(crate) fn core(&self) -> Result<CoreKind> {
        let name = self.name()?;
        let targets = self.session().targets()?;
        let info = targets.iter().find(|target| target.name == name);
        Ok(info.map_or(CoreKind::Other, |target| CoreKind::of(&target.kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Request, Script};

    const KINDS: &[(&str, CoreKind)] = &[
        ("cortex_m", CoreKind::CortexM),
        ("hla_target", CoreKind::CortexM),
        ("riscv", CoreKind::RiscV),
        ("esp32c2", CoreKind::RiscV),
        ("esp32c3", CoreKind::RiscV),
        ("esp32c5", CoreKind::RiscV),
        ("esp32c6", CoreKind::RiscV),
        ("esp32c61", CoreKind::RiscV),
        ("esp32h2", CoreKind::RiscV),
        ("esp32h21", CoreKind::RiscV),
        ("esp32h4", CoreKind::RiscV),
        ("esp32p4", CoreKind::RiscV),
        ("esp32s31", CoreKind::RiscV),
        ("esp32", CoreKind::Other),
        ("esp32s2", CoreKind::Other),
        ("esp32s3", CoreKind::Other),
        ("xtensa", CoreKind::Other),
        ("cortex_a", CoreKind::Other),
        ("testee", CoreKind::Other),
        ("", CoreKind::Other),
    ];

    #[test]
    fn each_type_of_target_has_its_kind() {
        for &(name, kind) in KINDS {
            assert_eq!(CoreKind::of(name), kind, "{name}");
        }
    }

    #[test]
    fn the_rule_in_tcl_is_the_same() {
        let session = crate::session::Session::start(r#"-c "adapter driver dummy" -c noinit"#).unwrap();
        for &(name, kind) in KINDS {
            let word = session.run(&Request::new(Script::call("core_kind").word(name)), |reply| reply.result.to_vec());
            let expected = match kind {
                CoreKind::CortexM => "cortex_m",
                CoreKind::RiscV => "riscv",
                CoreKind::Other => "other",
            };
            assert_eq!(String::from_utf8(word.unwrap()).unwrap(), expected, "{name}");
        }
    }
}
