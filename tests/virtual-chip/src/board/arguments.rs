//! The arguments that make OpenOCD use the chips of a board.

use super::{Model, Transport};
use crate::riscv;

/// Names each chip. A chip that is alone has the name that its configuration file gives it.
pub(super) fn names(models: &[Model]) -> Vec<(Model, String)> {
    if models == [Model::Stm32f103] {
        return vec![(Model::Stm32f103, "stm32f1x".to_string())];
    }
    if models == [Model::Rp2040] {
        return vec![(Model::Rp2040, "rp2040".to_string())];
    }
    let (mut chips, mut harts, mut pairs) = (0.., 0.., 0..);
    let numbered = |model: &Model| {
        let (kind, numbers) = match model {
            // An RP2040 is alone.
            Model::Stm32f103 | Model::Rp2040 => ("chip", &mut chips),
            Model::RiscvHart => ("hart", &mut harts),
            Model::RiscvPair => ("pair", &mut pairs),
        };
        (*model, format!("{kind}{}", numbers.next().unwrap_or(0)))
    };
    models.iter().map(numbered).collect()
}

/// Names OpenOCD's targets of a chip.
pub(super) fn target_names(model: Model, name: &str) -> Vec<String> {
    match model {
        Model::Stm32f103 | Model::RiscvHart => vec![format!("{name}.cpu")],
        Model::RiscvPair => vec![format!("{name}.cpu0"), format!("{name}.cpu1")],
        Model::Rp2040 => vec![format!("{name}.core0"), format!("{name}.core1")],
    }
}

/// Joins arguments into one string, quoted as in a shell.
pub(crate) fn quoted(arguments: Vec<String>) -> String {
    let quote = |argument: String| if argument.contains(' ') { format!("\"{argument}\"") } else { argument };
    arguments.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// Returns the arguments that tell OpenOCD that the harts of each pair belong together. For the
/// cores of an RP2040, its configuration file does so.
fn smp_arguments(models: &[Model]) -> Vec<String> {
    let pairs = names(models).into_iter().filter(|(model, _)| *model == Model::RiscvPair);
    pairs
        .flat_map(|(model, name)| ["-c".to_string(), format!("target smp {}", target_names(model, &name).join(" "))])
        .collect()
}

/// Returns the arguments for OpenOCD: the adapter, then the chips from TDO to TDI, which is the
/// order that it wants. With `smp`, cores of one chip are a group.
pub(crate) fn arguments(port: u16, models: &[Model], transport: Transport, smp: bool) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut command = |text: String| arguments.extend(["-c".to_string(), text]);
    command("adapter driver remote_bitbang".to_string());
    command(format!("remote_bitbang host 127.0.0.1; remote_bitbang port {port}"));
    if models == [Model::Rp2040] {
        // The file selects SWD, and makes the cores a group unless told otherwise.
        if !smp {
            command("set USE_CORE {0 1}".to_string());
        }
        arguments.extend(["-f".to_string(), "target/rp2040.cfg".to_string()]);
        return arguments;
    }
    command(match transport {
        // Where the adapter knows SWD too, JTAG must be selected. Where it does not, OpenOCD warns
        // if JTAG is selected.
        Transport::Jtag => {
            "if {[string match *remote_bitbang*swd* [adapter list]]} {transport select jtag}".to_string()
        }
        Transport::Swd => "transport select swd".to_string(),
    });
    for (model, name) in names(models).into_iter().rev() {
        match model {
            Model::Stm32f103 => {
                arguments.extend(["-c".to_string(), format!("set CHIPNAME {name}")]);
                arguments.extend(["-f".to_string(), "target/stm32f1x.cfg".to_string()]);
            }
            Model::RiscvHart | Model::RiscvPair => {
                let mut commands = vec![
                    "adapter speed 1000".to_string(),
                    format!("jtag newtap {name} cpu -irlen 5 -expected-id {:#010x}", riscv::IDCODE),
                ];
                let targets = target_names(model, &name);
                let size = 0x1000 / targets.len();
                for (number, target) in targets.into_iter().enumerate() {
                    let work_area = 0x8000_3000 + number * size;
                    commands.push(format!("target create {target} riscv -chain-position {name}.cpu -coreid {number}"));
                    commands.push(format!(
                        "{target} configure -work-area-phys {work_area:#x} -work-area-size {size:#x} -work-area-backup 1"
                    ));
                }
                arguments.extend(["-c".to_string(), commands.join("; ")]);
            }
            // It is alone; see above.
            Model::Rp2040 => {}
        }
    }
    if smp {
        arguments.extend(smp_arguments(models));
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chip_at_tdo_is_configured_first() {
        let arguments = arguments(1, &[Model::Stm32f103, Model::RiscvHart, Model::Stm32f103], Transport::Jtag, false);
        let named: Vec<_> = arguments
            .iter()
            .filter_map(|argument| argument.split_once("CHIPNAME ").or(argument.split_once("newtap ")))
            .map(|(_, rest)| rest.split(' ').next().unwrap())
            .collect();
        assert_eq!(named, ["chip1", "hart0", "chip0"]);
    }
}
