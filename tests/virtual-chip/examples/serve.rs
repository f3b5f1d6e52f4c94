//! Serves virtual chips until the process is ended, and prints what to start `openocd` with.
//!
//! ```text
//! cargo run -p virtual-chip --example serve             # an STM32F103
//! cargo run -p virtual-chip --example serve stm32 riscv # several chips on one chain, from TDI to TDO
//! ```

use virtual_chip::{Model, VirtualBoard};

fn main() -> std::io::Result<()> {
    let models: Vec<Model> = std::env::args()
        .skip(1)
        .map(|name| if name == "riscv" { Model::RiscvHart } else { Model::Stm32f103 })
        .collect();
    let models = if models.is_empty() { vec![Model::Stm32f103] } else { models };
    let board = VirtualBoard::start(&models)?;
    println!("openocd {}", board.openocd_config());
    loop {
        std::thread::park();
    }
}
