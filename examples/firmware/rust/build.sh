#!/usr/bin/env bash
# Builds the programs and the test binary, and copies them to prebuilt/.
#
# It needs no rustup: Debian 12 has a compiler and the sources of `core`, both of one version of Rust.
#   apt-get install binutils-arm-none-eabi
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../../.. && pwd)
version=1.96.0

folder=$root/target/firmware-rust
if [ ! -x "$folder/rustc" ]; then
    # The packages are unpacked, not installed: they conflict with rustup.
    rm -rf "$folder"
    mkdir -p "$folder"
    package_version=$(apt-cache madison rustc-web | cut -d'|' -f2 | tr -d ' ' | grep "^$version+" | head -1)
    library=libstd-rust-web-${version%.*}
    llvm=$(apt-cache depends "$library" | sed -n 's/^ *Depends: \(libllvm.*\)$/\1/p')
    (cd "$folder" && apt-get download "rustc-web=$package_version" "rust-web-src=$package_version" \
        "libstd-rust-web-dev=$package_version" "$library=$package_version" "$llvm")
    for package in "$folder"/*.deb; do dpkg -x "$package" "$folder"; done
    # The compiler finds its libraries only where Debian installs them.
    cat >"$folder/rustc" <<EOF
#!/bin/sh
LD_LIBRARY_PATH="$folder/usr/lib/x86_64-linux-gnu" exec "$folder/usr/bin/rustc" "\$@"
EOF
    chmod +x "$folder/rustc"
fi

registry=${CARGO_HOME:-$HOME/.cargo}/registry/src
# No path of this machine in the files, and none in the panic messages.
remap="--remap-path-prefix=$root/="
for index in "$registry"/*/; do remap+=" --remap-path-prefix=$index=/cargo/"; done
remap+=" --remap-path-prefix=$folder/usr/lib/rustlib/src/rust/=/rustc/"

export RUSTC=$folder/rustc RUSTC_BOOTSTRAP=1
export CARGO_TARGET_DIR=$folder/build
export CARGO_TARGET_THUMBV7M_NONE_EABI_LINKER=arm-none-eabi-ld
export CARGO_TARGET_THUMBV7M_NONE_EABI_RUSTFLAGS=$remap
cargo fetch
out=$CARGO_TARGET_DIR/thumbv7m-none-eabi/debug
rm -f "$out"/deps/tests-*
# compiler_builtins is large, and never in a backtrace.
cargo build -Zbuild-std=core --bins --test tests --config profile.dev.package.compiler_builtins.debug=false
for source in src/bin/*.rs; do
    program=$(basename "$source" .rs)
    install -m 644 "$out/$program" "prebuilt/$program.elf"
done
install -m 644 "$(find "$out/deps" -name 'tests-*' -perm -u+x)" prebuilt/tests.elf
