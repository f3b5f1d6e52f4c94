//! Tells the linker where memory is, and which linker scripts the crates bring.

/// The programs that log with defmt.
const DEFMT: [&str; 8] = ["hello", "exits", "fails", "faults", "hangs", "locks_up", "overflows", "panics"];

fn main() {
    // The folder of memory.x, which link.x of cortex-m-rt includes.
    println!("cargo::rustc-link-search={}", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    println!("cargo::rerun-if-changed=memory.x");
    println!("cargo::rustc-link-arg=--nmagic");
    println!("cargo::rustc-link-arg=-Tlink.x");
    for program in DEFMT {
        println!("cargo::rustc-link-arg-bin={program}=-Tdefmt.x");
    }
    println!("cargo::rustc-link-arg-tests=-Tdefmt.x");
    println!("cargo::rustc-link-arg-tests=-Tembedded-test.x");
    // embedded-test asks for it.
    println!("cargo::rustc-check-cfg=cfg(rust_analyzer)");
}
