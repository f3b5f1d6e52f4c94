//! Several chips on one JTAG chain, and the arguments that make OpenOCD use them.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::firmware;
use crate::riscv::{self, RiscvChip};
use crate::server::{Server, SharedChip};
use crate::stm32f103::Stm32f103;
use crate::virtual_chip::VirtualChip;
use crate::virtual_hart::VirtualHart;

/// A kind of chip.
///
/// ```
/// use virtual_chip::{Model, VirtualBoard};
///
/// let board = VirtualBoard::start(&[Model::Stm32f103, Model::RiscvPair])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Model {
    /// A [`VirtualChip`].
    Stm32f103,
    /// A [`VirtualHart`].
    RiscvHart,
    /// Two [`VirtualHart`]s that share one RAM, one debug module and one TAP, and run
    /// [`firmware::harts`](crate::firmware::harts).
    RiscvPair,
}

/// The transport between the probe and a chip.
///
/// ```
/// # let chip = virtual_chip::VirtualChip::start()?;
/// use virtual_chip::Transport;
///
/// println!("openocd {} -c init", chip.openocd_config_over(Transport::Swd));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Four pins, and any number of chips in a row.
    Jtag,
    /// Two pins, for a [`VirtualChip`] that is alone.
    ///
    /// OpenOCD's `remote_bitbang` knows SWD since 0f70c6c32 (December 2023). OpenOCD 0.12.0 knows
    /// only JTAG for it, and ends with "Can't change session's transport after the initial
    /// selection was made".
    Swd,
}

/// Several virtual chips that share one JTAG chain and one socket.
///
/// OpenOCD knows the targets of a board by names with numbers: `chip0.cpu` and `chip1.cpu` are the
/// first and second STM32F103, `hart0.cpu` is the first RISC-V hart, `pair0.cpu0` and `pair0.cpu1`
/// are the harts of the first pair.
///
/// ```
/// use virtual_chip::{Model, VirtualBoard};
///
/// let board = VirtualBoard::start(&[Model::Stm32f103, Model::RiscvPair])?;
/// let names: Vec<_> = board.harts().iter().map(|hart| hart.target_name()).collect();
/// assert_eq!(names, ["pair0.cpu0", "pair0.cpu1"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct VirtualBoard {
    server: Arc<Server>,
    chips: Vec<VirtualChip>,
    harts: Vec<VirtualHart>,
}

impl VirtualBoard {
    /// Starts chips of these models, ordered from TDI to TDO, on a free port of the loopback
    /// interface.
    ///
    /// # Errors
    /// When no socket can be bound or no thread started.
    ///
    /// ```
    /// use virtual_chip::{Model, VirtualBoard};
    ///
    /// let board = VirtualBoard::start(&[Model::Stm32f103, Model::RiscvHart])?;
    /// assert_eq!(board.chips()[0].target_name(), "chip0.cpu");
    /// assert_eq!(board.harts()[0].target_name(), "hart0.cpu");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn start(models: &[Model]) -> io::Result<Self> {
        Self::start_on_port(models, 0)
    }

    /// Starts chips as [`VirtualBoard::start`] does, on a chosen port; 0 is a free one.
    ///
    /// # Errors
    /// When the port is in use, no socket can be bound or no thread started.
    ///
    /// ```
    /// use virtual_chip::{Model, VirtualBoard};
    ///
    /// let board = VirtualBoard::start(&[Model::Stm32f103])?;
    /// let error = VirtualBoard::start_on_port(&[Model::Stm32f103], board.port()).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn start_on_port(models: &[Model], port: u16) -> io::Result<Self> {
        let mut stm32s = Vec::new();
        let mut riscvs = Vec::new();
        let mut shared: Vec<SharedChip> = Vec::new();
        for (model, name) in names(models) {
            let targets = target_names(model, &name);
            match model {
                Model::Stm32f103 => {
                    let chip = Stm32f103::with_firmware();
                    shared.push(Arc::clone(&chip) as SharedChip);
                    stm32s.extend(targets.into_iter().map(|target| (Arc::clone(&chip), target)));
                }
                Model::RiscvHart | Model::RiscvPair => {
                    let image = if model == Model::RiscvPair { firmware::harts::IMAGE } else { firmware::hart::IMAGE };
                    let chip = RiscvChip::with_firmware(targets.len() as u32, image);
                    shared.push(Arc::clone(&chip) as SharedChip);
                    let harts = targets.into_iter().enumerate();
                    riscvs.extend(harts.map(|(index, target)| (Arc::clone(&chip), index, target)));
                }
            }
        }
        let server = Arc::new(Server::start_on_port(shared, models.to_vec(), port)?);
        let chips =
            stm32s.into_iter().map(|(chip, target)| VirtualChip::on_board(chip, Arc::clone(&server), target)).collect();
        let harts = riscvs
            .into_iter()
            .map(|(chip, index, target)| VirtualHart::on_board(chip, index, Arc::clone(&server), target))
            .collect();
        Ok(Self { server, chips, harts })
    }

    /// Returns the STM32F103s, in the order of [`VirtualBoard::start`].
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Stm32f103, Model::RiscvPair])?;
    /// assert_eq!(board.chips().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn chips(&self) -> &[VirtualChip] {
        &self.chips
    }

    /// Returns the RISC-V harts, in the order of [`VirtualBoard::start`]; a pair has two.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Stm32f103, Model::RiscvPair])?;
    /// assert_eq!(board.harts().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn harts(&self) -> &[VirtualHart] {
        &self.harts
    }

    /// Returns the port to which OpenOCD's `remote_bitbang` driver connects.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Stm32f103, Model::RiscvPair])?;
    /// assert_ne!(board.port(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Returns the arguments that make OpenOCD use all chips. They hold neither `init` nor the
    /// ports on which OpenOCD itself listens. The harts of a pair are independent targets; see
    /// [`VirtualBoard::openocd_args_smp`].
    ///
    /// ```no_run
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Stm32f103, Model::RiscvPair])?;
    /// use std::process::Command;
    ///
    /// let openocd = Command::new("openocd").args(board.openocd_args()).args(["-c", "init"]).spawn()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn openocd_args(&self) -> Vec<String> {
        self.server.openocd_args(Transport::Jtag)
    }

    /// Returns [`VirtualBoard::openocd_args`] as one string, quoted as in a shell.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Stm32f103, Model::RiscvPair])?;
    /// println!("openocd {} -c init", board.openocd_config());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn openocd_config(&self) -> String {
        self.server.openocd_config(Transport::Jtag)
    }

    /// Returns [`VirtualBoard::openocd_args`] with a `target smp` for each pair of harts.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Stm32f103, Model::RiscvPair])?;
    /// let smp = "target smp pair0.cpu0 pair0.cpu1".to_string();
    /// assert!(board.openocd_args_smp().contains(&smp));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn openocd_args_smp(&self) -> Vec<String> {
        self.server.openocd_args_smp()
    }

    /// Returns [`VirtualBoard::openocd_args_smp`] as one string, quoted as in a shell.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Stm32f103, Model::RiscvPair])?;
    /// println!("openocd {} -c init", board.openocd_config_smp());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn openocd_config_smp(&self) -> String {
        quoted(self.openocd_args_smp())
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

/// Names each chip. A chip that is alone has the name that its configuration file gives it.
fn names(models: &[Model]) -> Vec<(Model, String)> {
    if models == [Model::Stm32f103] {
        return vec![(Model::Stm32f103, "stm32f1x".to_string())];
    }
    let (mut chips, mut harts, mut pairs) = (0.., 0.., 0..);
    let numbered = |model: &Model| {
        let (kind, numbers) = match model {
            Model::Stm32f103 => ("chip", &mut chips),
            Model::RiscvHart => ("hart", &mut harts),
            Model::RiscvPair => ("pair", &mut pairs),
        };
        (*model, format!("{kind}{}", numbers.next().unwrap_or(0)))
    };
    models.iter().map(numbered).collect()
}

/// Names OpenOCD's targets of a chip.
fn target_names(model: Model, name: &str) -> Vec<String> {
    match model {
        Model::Stm32f103 | Model::RiscvHart => vec![format!("{name}.cpu")],
        Model::RiscvPair => vec![format!("{name}.cpu0"), format!("{name}.cpu1")],
    }
}

/// Joins arguments into one string, quoted as in a shell.
pub(crate) fn quoted(arguments: Vec<String>) -> String {
    let quote = |argument: String| if argument.contains(' ') { format!("\"{argument}\"") } else { argument };
    arguments.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// Returns the arguments that tell OpenOCD that the harts of each pair belong together.
pub(crate) fn smp_arguments(models: &[Model]) -> Vec<String> {
    let pairs = names(models).into_iter().filter(|(model, _)| *model == Model::RiscvPair);
    pairs
        .flat_map(|(model, name)| ["-c".to_string(), format!("target smp {}", target_names(model, &name).join(" "))])
        .collect()
}

/// Returns the arguments for OpenOCD: the adapter, then the chips from TDO to TDI, which is the
/// order that it wants.
pub(crate) fn arguments(port: u16, models: &[Model], transport: Transport) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut command = |text: String| arguments.extend(["-c".to_string(), text]);
    command("adapter driver remote_bitbang".to_string());
    command(format!("remote_bitbang host 127.0.0.1; remote_bitbang port {port}"));
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
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chip_at_tdo_is_configured_first() {
        let arguments = arguments(1, &[Model::Stm32f103, Model::RiscvHart, Model::Stm32f103], Transport::Jtag);
        let named: Vec<_> = arguments
            .iter()
            .filter_map(|argument| argument.split_once("CHIPNAME ").or(argument.split_once("newtap ")))
            .map(|(_, rest)| rest.split(' ').next().unwrap())
            .collect();
        assert_eq!(named, ["chip1", "hart0", "chip0"]);
    }
}
