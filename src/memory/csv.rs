//! Samples as comma-separated values.

use std::io::{self, Write};

use super::sample::Sample;
use super::variable::Variable;

/// Writes samples as comma-separated values (RFC 4180), which spreadsheets and plotters read.
///
/// The first line names the columns: `time_s`, `missed`, and the names of the variables. Each
/// sample is a line: its time in seconds, the number of samples that were skipped before it, and
/// the values in decimal.
///
/// ```
/// # use virtual_chip::firmware::COUNTER_ADDRESS;
/// # let chip = virtual_chip::VirtualChip::start()?;
/// # let session = openocd::Session::start(chip.openocd_config())?;
/// use std::time::Duration;
/// use openocd::{SampleCsv, Variable};
///
/// let counter = Variable::u32(COUNTER_ADDRESS.into()).named("counter");
/// let samples = session.memory().sample(&[counter], Duration::from_millis(10))?;
/// let mut csv = SampleCsv::new(std::io::stdout(), samples.variables())?;
/// for sample in samples.take(3) {
///     csv.write(&sample?)?; // 0.010012,0,81544
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SampleCsv<W> {
    out: W,
}

impl<W: Write> SampleCsv<W> {
    /// Writes the names of the columns.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W, variables: &[Variable]) -> io::Result<Self> {
        write!(out, "time_s,missed")?;
        variables.iter().try_for_each(|variable| write!(out, ",{}", field(&variable.name)))?;
        writeln!(out)?;
        Ok(SampleCsv { out })
    }

    /// Writes a sample.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&mut self, sample: &Sample) -> io::Result<()> {
        write!(self.out, "{:.6},{}", sample.at.as_secs_f64(), sample.missed)?;
        sample.values.iter().try_for_each(|value| write!(self.out, ",{value}"))?;
        writeln!(self.out)
    }

    /// Returns where it writes to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

/// A field, in quotes where it needs some.
fn field(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::variable::SampleValue;
    use super::*;

    #[test]
    fn samples_are_lines() {
        let variables = [Variable::u8(0x2000_0000), Variable::f32(4).named("a \"b\", c")];
        let mut csv = SampleCsv::new(Vec::new(), &variables).unwrap();
        let values = vec![SampleValue::Unsigned(7), SampleValue::F32(-0.5)];
        csv.write(&Sample { at: Duration::from_millis(1500), took: Duration::ZERO, missed: 2, values }).unwrap();
        let text = String::from_utf8(csv.into_inner()).unwrap();
        assert_eq!(text, "time_s,missed,0x20000000,\"a \"\"b\"\", c\"\n1.500000,2,7,-0.5\n");
    }
}
