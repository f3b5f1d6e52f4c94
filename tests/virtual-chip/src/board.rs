//! Several chips on one JTAG chain, or the cores of one chip.

mod arguments;

pub(crate) use arguments::{arguments, quoted};

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::firmware;
use crate::riscv::RiscvChip;
use crate::rp2040::Rp2040;
use crate::server::{Server, SharedChip};
use crate::stm32f103::Stm32f103;
use crate::virtual_chip::VirtualChip;
use crate::virtual_core::VirtualCore;
use crate::virtual_hart::VirtualHart;
use arguments::{names, target_names};

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
    /// An RP2040 with two [`VirtualCore`]s, which run
    /// [`firmware::rp2040`](crate::firmware::rp2040).
    ///
    /// It has no JTAG, so it is alone on a board.
    Rp2040,
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
    /// Two pins, for a [`VirtualChip`] that is alone, and for a [`Model::Rp2040`], which has no
    /// other.
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
/// are the harts of the first pair. `rp2040.core0` and `rp2040.core1` are the cores of an RP2040.
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
    cores: Vec<VirtualCore>,
}

impl VirtualBoard {
    /// Starts chips of these models, ordered from TDI to TDO, on a free port of the loopback
    /// interface.
    ///
    /// # Errors
    /// When no socket can be bound or no thread started, or an RP2040 is not alone.
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
    /// When the port is in use, no socket can be bound or no thread started, or an RP2040 is not
    /// alone.
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
        if models.contains(&Model::Rp2040) && models.len() > 1 {
            let reason = "an RP2040 has no JTAG: it cannot share a chain with other chips";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let mut rp2040s = Vec::new();
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
                Model::Rp2040 => {
                    let chip = Rp2040::with_firmware();
                    shared.push(Arc::clone(&chip) as SharedChip);
                    let cores = targets.into_iter().enumerate();
                    rp2040s.extend(cores.map(|(index, target)| (Arc::clone(&chip), index, target)));
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
        let cores = rp2040s
            .into_iter()
            .map(|(chip, index, target)| VirtualCore::on_board(chip, index, Arc::clone(&server), target))
            .collect();
        Ok(Self { server, chips, harts, cores })
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

    /// Returns the cores of an RP2040: none, or two.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// let names: Vec<_> = board.cores().iter().map(|core| core.target_name()).collect();
    /// assert_eq!(names, ["rp2040.core0", "rp2040.core1"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cores(&self) -> &[VirtualCore] {
        &self.cores
    }

    /// Whether an OpenOCD is connected.
    ///
    /// ```
    /// # use virtual_chip::{Model, VirtualBoard};
    /// # let board = VirtualBoard::start(&[Model::Rp2040])?;
    /// assert!(!board.is_connected());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_connected(&self) -> bool {
        self.server.is_connected()
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
    /// ports on which OpenOCD itself listens. The harts of a pair and the cores of an RP2040 are
    /// independent targets; see [`VirtualBoard::openocd_args_smp`]. For an RP2040 they select SWD,
    /// for other chips JTAG.
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

    /// Returns [`VirtualBoard::openocd_args`] with a `target smp` for each pair of harts, and for
    /// the cores of an RP2040.
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
            .field("cores", &self.cores)
            .finish_non_exhaustive()
    }
}
