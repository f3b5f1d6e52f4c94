//! `ocd mem load`.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use openocd::{Image, ImageFormat};
use serde::Serialize;

use super::{memory, watched};
use crate::address::Names;
use crate::context::Context;
use crate::exit_status;
use crate::failure::{Failure, Outcome};
use crate::image_files::with_address;
use crate::number::counted;
use crate::output::Done;
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    /// The file. ELF, Intel HEX, S-record and UF2 go to their own addresses; raw bytes go where
    /// ADDRESS says, or FILE@ADDRESS.
    file: PathBuf,
    /// Where raw bytes go: a number, a symbol of --elf or an SVD register.
    address: Option<String>,
    /// Take the file as raw bytes, whatever it is.
    #[arg(long)]
    raw: bool,
    /// Do not read the bytes back.
    #[arg(long)]
    no_verify: bool,
    /// The addresses are physical, past the MMU.
    #[arg(long)]
    phys: bool,
}

#[derive(Serialize)]
struct Report {
    #[serde(serialize_with = "crate::output::path::lossy")]
    file: PathBuf,
    length: u64,
    segments: Vec<Part>,
    /// Whether they were read back.
    verified: bool,
}

#[derive(Serialize)]
struct Part {
    address: u64,
    length: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Part { address, length } in &self.segments {
            writeln!(f, "{address:#010x}  {}", counted(*length, "byte"))?;
        }
        let verified = if self.verified { "verified" } else { "not verified" };
        write!(f, "loaded {} of {}, {verified}", counted(self.length, "byte"), self.file.display())
    }
}

pub(crate) fn run(context: &Context, arguments: &LoadArgs) -> Outcome<u8> {
    context.each_board_planned(
        |settings| arguments.image(settings),
        |board, (file, image)| {
            let memory = watched(context, board, &memory(board, arguments.phys)?, image.len());
            memory.load_image(image)?;
            if !arguments.no_verify {
                if let Some(mismatch) = memory.verify_image_at(image)? {
                    let message = format!("the memory differs from {}", file.display());
                    return Err(Failure::new(exit_status::MISMATCH, "ocd.mismatch", message)
                        .cause(mismatch.to_string())
                        .help("flash is not written like this: use `ocd flash`"));
                }
            }
            let segments = image.segments().iter();
            let segments =
                segments.map(|part| Part { address: part.address, length: part.data.len() as u64 }).collect();
            let (file, verified) = (file.clone(), !arguments.no_verify);
            Ok(Done::from(Report { file, length: image.len(), segments, verified }))
        },
    )
}

impl LoadArgs {
    /// The file, and what it holds.
    fn image(&self, settings: &Settings) -> Outcome<(PathBuf, Image)> {
        let (file, address) = match (&self.address, with_address(&self.file)) {
            (None, Some((file, address))) => (file, Some(address)),
            (address, _) => (self.file.clone(), address.clone()),
        };
        let image = self.image_at(&file, address.as_deref(), settings)?;
        Ok((file, image))
    }

    fn image_at(&self, file: &Path, address: Option<&str>, settings: &Settings) -> Outcome<Image> {
        let path = file.display();
        let Some(address) = address else {
            if self.raw {
                return Err(Failure::usage("--raw needs an address").help(format!("ocd mem load --raw {path}@ADDRESS")));
            }
            return Image::open(file).map_err(|error| {
                if error.id() == "image.unknown_format" {
                    let message = format!("{path} is neither ELF nor Intel HEX, S-record or UF2");
                    return Failure { id: error.id().to_owned(), ..Failure::configuration(message) }
                        .help("raw bytes need an address: ocd mem load FILE@ADDRESS");
                }
                Failure::from(error)
            });
        };
        let address = Names::new(settings).address(address)?;
        if !self.raw {
            let known = Image::open(file).ok().filter(|image| image.format() != ImageFormat::Bin);
            if let Some(image) = known {
                let message = format!("{path} is {}, which has addresses of its own", image.format());
                return Err(Failure::usage(message).help("leave the address out, or add --raw for the file as it is"));
            }
        }
        Ok(Image::open_bin(file, address)?)
    }
}
