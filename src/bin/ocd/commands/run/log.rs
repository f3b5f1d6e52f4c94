//! The log of the firmware: its options, and the decoder of defmt.

use std::ops::Range;

use clap::{Args, ValueEnum};
use defmt_decoder::log::format::{Formatter, FormatterConfig, FormatterFormat};
use defmt_decoder::{DecodeError, Encoding, Frame, Location, Locations, StreamDecoder};
use serde::Serialize;

use super::firmware::Firmware;
use super::log_filter::LogFilter;
use super::log_format;
use crate::address::Names;
use crate::control_block;
use crate::failure::Outcome;
use crate::output::escape::escaped_line;
use crate::settings::Settings;
use crate::{number, panics};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Log")]
pub(crate) struct LogArgs {
    /// Show this RTT channel [default: 0]. With several, each line has its channel's number.
    #[arg(long, value_name = "NUMBER", value_parser = number::number_u32)]
    channel: Vec<u32>,
    /// Search for the RTT control block here, if the file has no symbol for it: START+LENGTH,
    /// START..+LENGTH or START..END.
    #[arg(long, value_name = "RANGE")]
    ram: Option<String>,
    /// How to show the log of defmt: oneline, full (with the place in the sources below), or a
    /// format as in defmt's documentation.
    #[arg(long, value_name = "FORMAT", default_value = "oneline", value_parser = log_format::parse)]
    log_format: String,
    /// Show only these levels of defmt: a level, or MODULE=LEVEL for some.
    #[arg(long, value_name = "FILTER", value_parser = LogFilter::parse)]
    log_filter: Option<LogFilter>,
    /// Use FILE although flash differs from it, as for firmware that writes to its own flash. By
    /// default, no log is decoded with a file that differs from flash, and its symbols and tests
    /// are not used.
    #[arg(long)]
    trust_file: bool,
    /// Which times to show.
    #[arg(long, value_enum, value_name = "WHICH", default_value = "target")]
    timestamps: Timestamps,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Timestamps {
    Off,
    /// Those that the firmware sends with defmt.
    Target,
    /// When a line arrived here, from the beginning of the run.
    Host,
    Both,
}

impl Timestamps {
    pub(super) fn of_host(self) -> bool {
        matches!(self, Timestamps::Host | Timestamps::Both)
    }

    fn of_target(self) -> bool {
        matches!(self, Timestamps::Target | Timestamps::Both)
    }
}

impl LogArgs {
    pub(crate) fn channels(&self) -> &[u32] {
        if self.channel.is_empty() { &[0] } else { &self.channel }
    }

    /// Where the control block is; `None` if the firmware has no RTT.
    pub(crate) fn range(&self, firmware: &Firmware, settings: &Settings) -> Outcome<Option<Range<u64>>> {
        match (&self.ram, &firmware.rtt) {
            (Some(range), _) => control_block::searched(&Names::with_image(settings, &firmware.image), range).map(Some),
            (None, Some(range)) => Ok(Some(range.clone())),
            // Somebody asked for a channel: that it cannot be had is no side remark.
            (None, None) if !self.channel.is_empty() => {
                Err(firmware.wrong("its symbol table lacks _SEGGER_RTT").help("name the RAM to search with --ram"))
            }
            (None, None) => Ok(None),
        }
    }

    /// Whether somebody asked for RTT, which firmware need not have.
    pub(super) fn asks_for_rtt(&self) -> bool {
        !self.channel.is_empty() || self.ram.is_some()
    }

    /// Whether the file counts also if flash differs from it.
    pub(crate) fn trusts_file(&self) -> bool {
        self.trust_file
    }

    pub(super) fn timestamps(&self) -> Timestamps {
        self.timestamps
    }
}

/// A frame of defmt, decoded.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    pub(super) level: Option<String>,
    pub(super) message: String,
    /// The firmware's own timestamp, as it formats it.
    pub(super) timestamp: Option<String>,
    pub(super) module: Option<String>,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
    /// How it is shown.
    #[serde(skip)]
    pub(super) shown: String,
}

/// Decodes the frames of defmt.
pub(super) struct Decoder<'f> {
    stream: Box<dyn StreamDecoder + Send + Sync + 'f>,
    can_recover: bool,
    is_broken: bool,
    locations: &'f Locations,
    formatter: Formatter,
    /// For entries whose place is not known, such as those of `core`.
    without_place: Formatter,
    filter: Option<LogFilter>,
    /// Number of frames that could not be decoded.
    pub(super) malformed: u64,
}

impl<'f> Decoder<'f> {
    pub(super) fn new(firmware: &'f Firmware, arguments: &LogArgs) -> Option<Self> {
        let table = firmware.defmt.as_ref()?;
        let is_timestamp_available = table.has_timestamp() && arguments.timestamps.of_target();
        let formatter = |with_location| {
            let format = match arguments.log_format.as_str() {
                "oneline" => FormatterFormat::OneLine { with_location },
                "full" => FormatterFormat::Default { with_location },
                custom => FormatterFormat::Custom(custom),
            };
            Formatter::new(FormatterConfig { format, is_timestamp_available })
        };
        Some(Decoder {
            stream: table.new_stream_decoder(),
            can_recover: table.encoding() == Encoding::Rzcobs,
            is_broken: false,
            locations: &firmware.locations,
            formatter: formatter(true),
            without_place: formatter(false),
            filter: arguments.log_filter.clone(),
            malformed: 0,
        })
    }

    /// Takes bytes, and calls `entry` with each frame that is complete and that the filter lets
    /// through.
    pub(super) fn take(&mut self, bytes: &[u8], mut entry: impl FnMut(Entry)) {
        if self.is_broken {
            return;
        }
        self.stream.received(bytes);
        let Decoder { stream, locations, formatter, without_place, filter, .. } = self;
        loop {
            // The decoder panics at some strings and values that make no sense.
            let Ok(decoded_frame) = panics::caught(|| stream.decode()) else {
                self.malformed += 1;
                self.is_broken = true;
                return;
            };
            match decoded_frame {
                Ok(frame) => {
                    let location = locations.get(&frame.index());
                    let formatter = if location.is_some() { &*formatter } else { &*without_place };
                    match panics::caught(|| decoded(frame, location, formatter, filter.as_ref())) {
                        Ok(decoded) => decoded.into_iter().for_each(&mut entry),
                        Err(_) => self.malformed += 1,
                    }
                }
                Err(DecodeError::UnexpectedEof) => return,
                Err(DecodeError::Malformed) => {
                    self.malformed += 1;
                    if !self.can_recover {
                        // Raw frames have no ends: what follows cannot be told apart.
                        self.is_broken = true;
                        return;
                    }
                }
            }
        }
    }
}

fn decoded(
    frame: Frame<'_>,
    location: Option<&Location>,
    formatter: &Formatter,
    filter: Option<&LogFilter>,
) -> Option<Entry> {
    let module = location.map(|location| location.module.clone());
    let level = frame.level();
    if filter.is_some_and(|filter| !filter.lets_through(level, module.as_deref())) {
        return None;
    }
    let file = location.map(|location| location.file.display().to_string());
    let line = location.and_then(|location| u32::try_from(location.line).ok());
    // The firmware's own text is shown as it is, but this is of the file.
    let of_file = |text: &Option<String>| text.as_deref().map(escaped_line);
    Some(Entry {
        level: level.map(|level| level.as_str().to_owned()),
        message: frame.display_message().to_string(),
        timestamp: frame.display_timestamp().map(|time| time.to_string()),
        shown: formatter.format_frame(frame, of_file(&file).as_deref(), line, of_file(&module).as_deref()),
        module,
        file,
        line,
    })
}
