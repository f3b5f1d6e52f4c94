//! Serves a virtual chip until the process is ended, and prints what to start `openocd` with.
//!
//! ```text
//! cargo run -p virtual-chip --example serve
//! ```

fn main() -> std::io::Result<()> {
    let chip = virtual_chip::VirtualChip::start()?;
    println!("openocd {}", chip.openocd_config());
    loop {
        std::thread::park();
    }
}
