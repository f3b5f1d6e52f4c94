//! Several chips on one JTAG chain, and what OpenOCD has to be told about them.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use crate::riscv::{self, RiscvChip};
use crate::server::{Server, SharedChip};
use crate::stm32f103::Stm32f103;
use crate::virtual_chip::VirtualChip;
use crate::virtual_hart::VirtualHart;

/// A kind of chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// A [`VirtualChip`].
    Stm32f103,
    /// A [`VirtualHart`].
    RiscvHart,
}

/// The wire between the probe and a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Four pins, and any number of chips in a row.
    Jtag,
    /// Two pins, for a [`VirtualChip`] that is alone. OpenOCD's `remote_bitbang` drives it since 0f70c6c32 (December 2023);
    /// OpenOCD 0.12.0 knows JTAG only there, and ends with "Can't change session's transport after the initial selection was made".
    Swd,
}

/// Several virtual chips that share one JTAG chain and one socket.
///
/// OpenOCD knows the chips of a board by names with numbers: `chip0.cpu`, `chip1.cpu` for the first and second STM32F103,
/// `hart0.cpu` for the first RISC-V hart.
pub struct VirtualBoard {
    server: Arc<Server>,
    chips: Vec<VirtualChip>,
    harts: Vec<VirtualHart>,
}

impl VirtualBoard {
    /// Starts chips of these models, ordered from TDI to TDO, on a free port of the loopback interface.
    ///
    /// # Errors
    /// When no socket can be bound or no thread started.
    pub fn start(models: &[Model]) -> io::Result<Self> {
        let mut stm32s: Vec<Arc<Mutex<Stm32f103>>> = Vec::new();
        let mut riscvs: Vec<Arc<Mutex<RiscvChip>>> = Vec::new();
        let mut shared: Vec<SharedChip> = Vec::new();
        for model in models {
            match model {
                Model::Stm32f103 => {
                    let chip = Stm32f103::with_firmware();
                    stm32s.push(Arc::clone(&chip));
                    shared.push(chip);
                }
                Model::RiscvHart => {
                    let chip = RiscvChip::with_firmware();
                    riscvs.push(Arc::clone(&chip));
                    shared.push(chip);
                }
            }
        }
        let server = Arc::new(Server::start(shared, models.to_vec())?);
        let numbered = names(models);
        let named = |wanted: Model| numbered.iter().filter(move |(model, _)| *model == wanted);
        let target = |name: &str| format!("{name}.cpu");
        let chips = stm32s
            .into_iter()
            .zip(named(Model::Stm32f103))
            .map(|(chip, (_, name))| VirtualChip::on_board(chip, Arc::clone(&server), target(name)))
            .collect();
        let harts = riscvs
            .into_iter()
            .zip(named(Model::RiscvHart))
            .map(|(chip, (_, name))| VirtualHart::on_board(chip, Arc::clone(&server), target(name)))
            .collect();
        Ok(Self { server, chips, harts })
    }

    /// The STM32F103s, in the order of [`VirtualBoard::start`].
    pub fn chips(&self) -> &[VirtualChip] {
        &self.chips
    }

    /// The RISC-V harts, in the order of [`VirtualBoard::start`].
    pub fn harts(&self) -> &[VirtualHart] {
        &self.harts
    }

    /// The port to which OpenOCD's `remote_bitbang` driver is to connect.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Arguments that make OpenOCD use all chips. They hold neither `init` nor the ports on which OpenOCD itself listens.
    pub fn openocd_args(&self) -> Vec<String> {
        self.server.openocd_args(Transport::Jtag)
    }

    /// [`VirtualBoard::openocd_args`] as one string, quoted as in a shell.
    pub fn openocd_config(&self) -> String {
        self.server.openocd_config(Transport::Jtag)
    }
}

impl fmt::Debug for VirtualBoard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualBoard")
            .field("port", &self.port())
            .field("chips", &self.chips)
            .field("harts", &self.harts)
            .finish_non_exhaustive()
    }
}

/// What OpenOCD calls each chip. A chip that is alone has the name that its configuration file gives it.
fn names(models: &[Model]) -> Vec<(Model, String)> {
    let (mut chips, mut harts) = (0.., 0..);
    let numbered = |model: &Model| match model {
        Model::Stm32f103 => (*model, format!("chip{}", chips.next().unwrap_or(0))),
        Model::RiscvHart => (*model, format!("hart{}", harts.next().unwrap_or(0))),
    };
    match models {
        [Model::Stm32f103] => vec![(Model::Stm32f103, "stm32f1x".to_string())],
        _ => models.iter().map(numbered).collect(),
    }
}

/// The arguments for OpenOCD: the adapter, then the chips from TDO to TDI, which is the order that it wants.
pub(crate) fn arguments(port: u16, models: &[Model], transport: Transport) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut command = |text: String| arguments.extend(["-c".to_string(), text]);
    command("adapter driver remote_bitbang".to_string());
    command(format!("remote_bitbang host 127.0.0.1; remote_bitbang port {port}"));
    command(match transport {
        // Where the adapter knows SWD too, JTAG has to be chosen; where it does not, choosing it is warned about.
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
            Model::RiscvHart => {
                let commands = [
                    "adapter speed 1000".to_string(),
                    format!("jtag newtap {name} cpu -irlen 5 -expected-id {:#010x}", riscv::IDCODE),
                    format!("target create {name}.cpu riscv -chain-position {name}.cpu"),
                    format!(
                        "{name}.cpu configure -work-area-phys 0x80003000 -work-area-size 0x1000 -work-area-backup 1"
                    ),
                ];
                arguments.extend(["-c".to_string(), commands.join("; ")]);
            }
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openocd_hears_of_the_chip_at_tdo_first() {
        let arguments = arguments(1, &[Model::Stm32f103, Model::RiscvHart, Model::Stm32f103], Transport::Jtag);
        let named: Vec<_> = arguments
            .iter()
            .filter_map(|argument| argument.split_once("CHIPNAME ").or(argument.split_once("newtap ")))
            .map(|(_, rest)| rest.split(' ').next().unwrap())
            .collect();
        assert_eq!(named, ["chip1", "hart0", "chip0"]);
    }
}
