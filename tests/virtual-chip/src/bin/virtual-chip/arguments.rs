//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use virtual_chip::{Model, Transport};

use crate::number::number;

/// The text of `--help`.
pub(crate) const HELP: &str = "\
Serves virtual chips that an unmodified OpenOCD debugs and flashes like real ones.

Usage: virtual-chip serve [OPTIONS] [MODEL]...
       virtual-chip svd

Models, from TDI to TDO (default: stm32f103):
  stm32f103           a Cortex-M3 with 128 KiB of flash, 20 KiB of RAM and peripherals
  riscv               an RV32I hart with 16 KiB of RAM
  riscv-pair          two harts that share one RAM
  rp2040              two Cortex-M0+ cores on one serial wire, alone: it has no JTAG

Options of serve:
  --port PORT         the port for OpenOCD's remote_bitbang driver (default: a free one)
  --control PORT      open a control socket on this port; 0 is a free one
  --transport NAME    jtag or swd, for the openocd command line that is printed; swd needs an
                      stm32f103 that is alone, and an OpenOCD newer than 0.12.0 (default: jtag).
                      An rp2040 has only swd
  --firmware FILE     load this ELF file; CORE=FILE if there are several cores. Can be repeated
  --smp               group the two harts of a pair, or the cores of an rp2040, in the printed
                      command line
  --exit-with-stdin   end when standard input ends

Serve prints one line each: `port PORT`, `control PORT` if asked for, `openocd ARGUMENTS`. All
sockets listen on 127.0.0.1 only. Serve ends when it is killed, or by `shutdown` on the control
socket. Send `help` to the control socket for its commands.

  -h, --help          print this text
  -V, --version       print the version

`svd` prints the SVD description of the stm32f103.
Exit status: 0 done, 1 failed, 2 wrong command line.
";

/// What a command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Arguments {
    Help,
    Version,
    Svd,
    Serve(Serve),
}

/// The options of `serve`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Serve {
    pub(crate) models: Vec<Model>,
    pub(crate) port: u16,
    pub(crate) control: Option<u16>,
    pub(crate) transport: Option<Transport>,
    /// The core, or an empty name if there is only one, and the file.
    pub(crate) firmware: Vec<(String, PathBuf)>,
    pub(crate) smp: bool,
    pub(crate) exit_with_stdin: bool,
}

impl Arguments {
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let arguments = arguments.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
        if arguments.iter().any(|argument| argument == "-h" || argument == "--help") {
            return Ok(Self::Help);
        }
        let mut arguments = arguments.into_iter();
        match arguments.next().as_deref() {
            Some("serve") => serve(arguments).map(Self::Serve),
            Some("svd") => alone(arguments, Self::Svd),
            Some("-V" | "--version") => alone(arguments, Self::Version),
            Some("help") => alone(arguments, Self::Help),
            Some(other) => Err(format!("unknown command {other:?}, expected serve or svd")),
            None => Err("no command given, expected serve or svd".to_string()),
        }
    }
}

fn text(argument: OsString) -> Result<String, String> {
    argument.into_string().map_err(|argument| format!("the argument {argument:?} is not UTF-8"))
}

fn alone(mut arguments: impl Iterator<Item = String>, meant: Arguments) -> Result<Arguments, String> {
    match arguments.next() {
        None => Ok(meant),
        Some(extra) => Err(format!("unexpected argument {extra:?}")),
    }
}

fn serve(mut arguments: impl Iterator<Item = String>) -> Result<Serve, String> {
    let mut serve = Serve::default();
    while let Some(argument) = arguments.next() {
        let (option, attached) = match argument.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value.to_string())),
            _ => (argument.as_str(), None),
        };
        let is_flag = matches!(option, "--smp" | "--exit-with-stdin");
        if is_flag && attached.is_some() {
            return Err(format!("{option} takes no value"));
        }
        let mut value =
            || attached.clone().or_else(|| arguments.next()).ok_or_else(|| format!("{option} needs a value"));
        match option {
            "--port" => serve.port = port(option, &value()?)?,
            "--control" => serve.control = Some(port(option, &value()?)?),
            "--transport" => serve.transport = Some(transport(&value()?)?),
            "--firmware" => serve.firmware.push(firmware(&value()?)),
            "--smp" => serve.smp = true,
            "--exit-with-stdin" => serve.exit_with_stdin = true,
            _ if option.starts_with('-') => return Err(format!("unknown option {option:?}")),
            _ => serve.models.push(model(&argument)?),
        }
    }
    if serve.models.is_empty() {
        serve.models.push(Model::Stm32f103);
    }
    let is_rp2040 = serve.models.contains(&Model::Rp2040);
    if is_rp2040 && serve.models.len() > 1 {
        return Err("an rp2040 has no JTAG: it cannot share a chain with other chips".to_string());
    }
    if serve.transport == Some(Transport::Jtag) && is_rp2040 {
        return Err("--transport jtag: an rp2040 has only swd".to_string());
    }
    if serve.transport == Some(Transport::Swd) && !is_rp2040 && serve.models != [Model::Stm32f103] {
        return Err("--transport swd needs an stm32f103 that is alone, or an rp2040".to_string());
    }
    if serve.smp && !is_rp2040 && !serve.models.contains(&Model::RiscvPair) {
        return Err("--smp needs a riscv-pair or an rp2040".to_string());
    }
    Ok(serve)
}

fn port(option: &str, text: &str) -> Result<u16, String> {
    number(text).map_err(|error| format!("{option}: {error}"))
}

fn transport(name: &str) -> Result<Transport, String> {
    match name {
        "jtag" => Ok(Transport::Jtag),
        "swd" => Ok(Transport::Swd),
        _ => Err(format!("unknown transport {name:?}, expected jtag or swd")),
    }
}

fn model(name: &str) -> Result<Model, String> {
    match name {
        "stm32f103" => Ok(Model::Stm32f103),
        "riscv" => Ok(Model::RiscvHart),
        "riscv-pair" => Ok(Model::RiscvPair),
        "rp2040" => Ok(Model::Rp2040),
        _ => Err(format!("unknown model {name:?}, expected stm32f103, riscv, riscv-pair or rp2040")),
    }
}

/// Splits `CORE=FILE`. A file whose path has an equals sign needs the core in front.
fn firmware(value: &str) -> (String, PathBuf) {
    let (core, file) = value.split_once('=').unwrap_or(("", value));
    (core.to_string(), file.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn each_option_is_read() {
        let line = "serve --port 4000 riscv-pair --control=0x10 --firmware chip0=a=b.elf stm32f103 --smp \
                    --exit-with-stdin --firmware c.elf";
        let expected = Serve {
            models: vec![Model::RiscvPair, Model::Stm32f103],
            port: 4000,
            control: Some(16),
            transport: None,
            firmware: vec![("chip0".to_string(), "a=b.elf".into()), (String::new(), "c.elf".into())],
            smp: true,
            exit_with_stdin: true,
        };
        assert_eq!(parse(line), Ok(Arguments::Serve(expected)));
        let swd = Serve { models: vec![Model::Stm32f103], transport: Some(Transport::Swd), ..Serve::default() };
        assert_eq!(parse("serve --transport swd"), Ok(Arguments::Serve(swd)));
    }

    #[test]
    fn a_wrong_command_line_is_refused_with_its_reason() {
        for (line, reason) in [
            ("", "no command given"),
            ("server", "unknown command \"server\""),
            ("svd x", "unexpected argument \"x\""),
            ("serve --prot 1", "unknown option \"--prot\""),
            ("serve --port", "--port needs a value"),
            ("serve --port 65536", "--port: 65536 is out of range"),
            ("serve --smp=yes riscv-pair", "--smp takes no value"),
            ("serve --smp", "--smp needs a riscv-pair or an rp2040"),
            ("serve rp2040 stm32f103", "an rp2040 has no JTAG"),
            ("serve rp2040 --transport jtag", "an rp2040 has only swd"),
            ("serve stm32", "unknown model \"stm32\""),
            ("serve --transport spi", "unknown transport \"spi\""),
            ("serve --transport swd stm32f103 riscv", "--transport swd needs an stm32f103 that is alone"),
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.contains(reason), "{line:?}: {error}");
        }
    }
}
