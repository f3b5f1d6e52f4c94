//! Serves virtual chips until the process is ended, and prints the command line of an `openocd`
//! that uses them.
//!
//! ```text
//! cargo run -p virtual-chip --example serve             # an STM32F103
//! cargo run -p virtual-chip --example serve stm32 riscv # several chips on one chain, from TDI to TDO
//! cargo run -p virtual-chip --example serve pair        # two RISC-V harts that share their RAM
//! ```

use virtual_chip::{Model, VirtualBoard};

fn main() -> std::io::Result<()> {
    let models: Vec<Model> = std::env::args()
        .skip(1)
        .map(|name| match name.as_str() {
            "riscv" => Model::RiscvHart,
            "pair" => Model::RiscvPair,
            _ => Model::Stm32f103,
        })
        .collect();
    let models = if models.is_empty() { vec![Model::Stm32f103] } else { models };
    let board = VirtualBoard::start(&models)?;
    println!("openocd {}", board.openocd_config());
    loop {
        std::thread::park();
    }
}
