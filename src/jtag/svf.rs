//! SVF files (Serial Vector Format, revision E) and what OpenOCD says of them.

mod command;

use std::borrow::Cow;

use command::Commands;

/// A file as OpenOCD takes it, and the line of the user's file on which each command begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Normalized {
    pub(crate) text: Vec<u8>,
    /// 0 for a command that is not in the user's file.
    pub(crate) lines: Vec<u32>,
    /// How many commands are more than those of the user's file.
    pub(crate) own_commands: u32,
    /// It has a header or a trailer with bits.
    pub(crate) has_surroundings: bool,
}

/// The TAP of a file that is for one TAP and not for the whole chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OneTap {
    /// How many bits its instruction register has.
    pub(crate) ir_length: u32,
    /// How many bits the other TAPs add: HDR, HIR, TDR, TIR.
    pub(crate) around: [u32; 4],
}

/// A scan of an SVF file.
pub(super) struct Scan {
    /// Its length in bits, without what OpenOCD adds for other TAPs.
    pub(super) length: usize,
    /// It is `SIR`, not `SDR`.
    pub(super) is_instruction: bool,
}

impl Normalized {
    /// The line of the user's file where a command begins. OpenOCD's numbers are those of its copy,
    /// where each command has one line.
    pub(super) fn line_of(&self, command: u32) -> Option<u32> {
        self.lines.get((command as usize).checked_sub(1)?).copied().filter(|line| *line > 0)
    }

    /// The commands, in their order; what is not a scan is `None`.
    pub(super) fn scans(&self) -> Vec<Option<Scan>> {
        let scan = |command: &[u8]| {
            let mut words = std::str::from_utf8(command).ok()?.split_whitespace();
            let is_instruction = match words.next()?.to_ascii_uppercase().as_str() {
                "SIR" => true,
                "SDR" => false,
                _ => return None,
            };
            Some(Scan { length: words.next()?.parse().ok()?, is_instruction })
        };
        self.text.split(|byte| *byte == b'\n').map(scan).collect()
    }
}

/// One command to a line, without comments, each line ended.
///
/// OpenOCD reads lines (`svf_read_command_from_file` in `src/svf/svf.c`): it drops what follows a
/// semicolon on its line, and a last line without an end, both without a word. It also counts a
/// command of several lines twice. `Err` has the line where a command begins that no semicolon
/// ends, or that OpenOCD would run in another way than it is written.
///
/// `tap`: the TAP, if the file is for one and not for the whole chain. The file gets the headers
/// and trailers for the other TAPs then. OpenOCD has `-tap` for that, but one file with it makes
/// OpenOCD leave out the headers and trailers of all later files (`svf_tap_is_specified`).
pub(crate) fn normalize(file: &[u8], tap: Option<OneTap>) -> Result<Normalized, Fault> {
    let file = &*with_line_feeds(file);
    let text = Vec::with_capacity(file.len());
    let mut normalized = Normalized { text, lines: Vec::new(), own_commands: 0, has_surroundings: false };
    if let Some(tap) = tap.filter(|tap| tap.around != [0; 4]) {
        for command in tap.surroundings() {
            normalized.text.extend_from_slice(format!("{command};\n").as_bytes());
            normalized.lines.push(0);
            normalized.own_commands += 1;
        }
        normalized.has_surroundings = true;
    }
    let mut begin = None;
    let mut start = normalized.text.len();
    let mut commands = Commands::new(tap);
    for (number, line) in (1_u32..).zip(file.split(|byte| *byte == b'\n')) {
        for &byte in without_comment(line) {
            // OpenOCD reads bytes beyond ASCII as signed characters; none of them belongs into a
            // command.
            let byte = if byte.is_ascii_graphic() { byte } else { b' ' };
            // An empty command makes OpenOCD crash (svf_run_command in `src/svf/svf.c`).
            if begin.is_none() && matches!(byte, b' ' | b';') {
                continue;
            }
            let first = *begin.get_or_insert(number);
            if byte == b';' {
                let command = String::from_utf8_lossy(&normalized.text[start..]);
                let mut played = commands.check(&command).map_err(|problem| Fault::Command(first, problem))?;
                if played.is_empty() {
                    played.push(command.into_owned());
                }
                normalized.text.truncate(start);
                for (number, command) in played.iter().enumerate() {
                    normalized.text.extend_from_slice(without_slash(command).as_bytes());
                    normalized.text.extend_from_slice(b";\n");
                    normalized.lines.push(first);
                    normalized.own_commands += u32::from(number > 0);
                }
                begin = None;
                start = normalized.text.len();
            } else {
                normalized.text.push(byte);
            }
        }
        if begin.is_some() {
            normalized.text.push(b' ');
        }
    }
    normalized.has_surroundings |= commands.have_surroundings();
    match begin {
        Some(line) => Err(Fault::Unterminated(line)),
        None => Ok(normalized),
    }
}

/// The command without OpenOCD's name for the state IDLE, `RUN/IDLE`: its reader of files drops a
/// slash.
fn without_slash(command: &str) -> Cow<'_, str> {
    if !command.contains('/') {
        return Cow::Borrowed(command);
    }
    let words = command.split(' ').map(|word| if word.eq_ignore_ascii_case("RUN/IDLE") { "IDLE" } else { word });
    Cow::Owned(words.collect::<Vec<_>>().join(" "))
}

/// The file with `\n` at the ends of lines that have a lone `\r` there.
fn with_line_feeds(file: &[u8]) -> Cow<'_, [u8]> {
    let is_lone = |at: usize| file[at] == b'\r' && file.get(at + 1) != Some(&b'\n');
    if !memchr::memchr_iter(b'\r', file).any(is_lone) {
        return Cow::Borrowed(file);
    }
    Cow::Owned((0..file.len()).map(|at| if is_lone(at) { b'\n' } else { file[at] }).collect())
}

/// What makes a file unusable, with the line where the command begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Unterminated(u32),
    Command(u32, String),
}

/// The line up to `!` or `//`.
fn without_comment(line: &[u8]) -> &[u8] {
    let slashes = line.windows(2).position(|pair| pair == b"//");
    let mark = line.iter().position(|byte| *byte == b'!');
    let end = [slashes, mark].into_iter().flatten().min().unwrap_or(line.len());
    &line[..end]
}

/// The log of the file: before it, another one may have been played that tries whether OpenOCD
/// leaves out headers.
pub(crate) fn log_of_file(log: &str) -> &str {
    &log[log.rfind("svf processing file: ").unwrap_or_default()..]
}

/// How many commands ran and how many checks failed, from `svf file programmed successfully for 8
/// commands with 0 errors`.
pub(crate) fn counts(result: &str) -> Option<(u32, u32)> {
    let line = result.lines().find(|line| line.starts_with("svf file programmed"))?;
    let (_, counts) = line.split_once(" for ")?;
    let (commands, errors) = counts.split_once(" commands with ")?;
    Some((commands.parse().ok()?, errors.strip_suffix(" errors")?.parse().ok()?))
}

/// A comparison that failed, from what OpenOCD logs of it (`svf_check_tdo`): the command's number,
/// and what was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) command: u32,
    pub(crate) read: String,
    pub(crate) wanted: String,
    pub(crate) mask: String,
}

/// `tdo check error at line 7`, and lines `    READ = 0x01`, `    WANT = …`, `    MASK = …`.
pub(crate) fn mismatches(log: &str) -> Vec<Mismatch> {
    let mut mismatches: Vec<Mismatch> = Vec::new();
    for line in log.lines() {
        if let Some((_, number)) = line.split_once("tdo check error at line ") {
            let Ok(command) = number.trim().parse() else { continue };
            let (read, wanted, mask) = (String::new(), String::new(), String::new());
            mismatches.push(Mismatch { command, read, wanted, mask });
        } else if let (Some(last), Some((name, value))) = (mismatches.last_mut(), line.split_once(" = 0x")) {
            let value = format!("0x{}", value.trim());
            match name.trim().rsplit(' ').next() {
                Some("READ") => last.read = value,
                Some("WANT") => last.wanted = value,
                Some("MASK") => last.mask = value,
                _ => {}
            }
        }
    }
    mismatches
}

/// The number of the command at which OpenOCD gave up, from `fail to run command at line 3`.
pub(crate) fn failed_command(log: &str) -> Option<u32> {
    log.lines().find_map(|line| line.split_once("fail to run command at line ")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(file: &str) -> String {
        String::from_utf8(normalize(file.as_bytes(), None).unwrap().text).unwrap()
    }

    #[test]
    fn every_command_gets_a_line_of_its_own() {
        let file = "! a comment; with a semicolon\nTRST OFF; ENDIR IDLE;\r\n// another\nSDR 8 TDI (01)\n\tTDO (02) // why; so\n MASK (ff);\nSTATE IDLE;";
        let normalized = normalize(file.as_bytes(), None).unwrap();
        assert_eq!(normalized.lines, [2, 2, 4, 7]);
        assert_eq!(
            String::from_utf8(normalized.text).unwrap(),
            "TRST OFF;\nENDIR IDLE;\nSDR 8 TDI (01)  TDO (02)   MASK (ff);\nSTATE IDLE;\n"
        );
    }

    #[test]
    fn each_end_of_a_line_ends_a_comment() {
        for end in ["\n", "\r\n", "\r"] {
            let file = ["! a", "SIR 5 TDI (01); // b", "SDR 8 TDI (00) // c", " TDO (01);"].join(end);
            let normalized = normalize(file.as_bytes(), None).unwrap();
            assert_eq!(normalized.lines, [2, 3], "{end:?}");
            assert!(normalized.text.ends_with(b"MASK (ff);\n"), "{end:?}");
        }
    }

    #[test]
    fn a_file_without_commands_is_empty() {
        for file in ["", "\n\n", "! nothing\n", "// nothing", " \t\r\n", ";\n ;;\n"] {
            assert_eq!(text(file), "", "{file:?}");
        }
    }

    #[test]
    fn a_command_without_an_end_is_an_error() {
        assert_eq!(normalize(b"TRST OFF;\nSDR 8 TDI (01)\n", None), Err(Fault::Unterminated(2)));
        assert_eq!(normalize(b"SDR 8 ! TDI (01);\n", None), Err(Fault::Unterminated(1)));
    }

    #[test]
    fn other_bytes_become_blanks() {
        assert_eq!(text("STATE\x0bIDLE;\x1a\u{e9}"), "STATE IDLE;\n");
        assert_eq!(normalize(b"\xff\x00SDR 0;", None).unwrap().text, b"SDR 0;\n");
    }

    #[test]
    fn file_for_one_tap_gets_headers_and_trailers() {
        let tap = OneTap { ir_length: 5, around: [1, 4, 0, 6] };
        let normalized = normalize(b"SIR 5 TDI (01);\nhir 0;", Some(tap)).unwrap();
        let text = "HDR 1 TDI (0);\nHIR 4 TDI (f);\nTDR 0;\nTIR 6 TDI (3f);\nSIR 5 TDI (01);\nHIR 4 TDI (f);\n";
        assert_eq!(String::from_utf8(normalized.text.clone()).unwrap(), text);
        assert_eq!((&normalized.lines[..], normalized.has_surroundings), (&[0, 0, 0, 0, 1, 2][..], true));
        assert_eq!(normalized.own_commands, 4);
        let alone = normalize(b"SIR 5 TDI (01);", Some(OneTap { ir_length: 5, around: [0; 4] })).unwrap();
        assert_eq!((&alone.lines[..], alone.has_surroundings), (&[1][..], false));
        assert!(normalize(b"HDR 1 TDI (0);", None).unwrap().has_surroundings);
        assert!(!normalize(b"HDR 0;", None).unwrap().has_surroundings);
    }

    #[test]
    fn parts_of_a_path_are_commands_of_their_own() {
        let file = "RUNTEST RUN/IDLE 1 TCK;\nSTATE DRSELECT DRCAPTURE DREXIT1 DRPAUSE DREXIT2 DRUPDATE DRSELECT IRSELECT RESET IDLE; ENDIR run/idle;";
        let normalized = normalize(file.as_bytes(), None).unwrap();
        let text =
            "RUNTEST IDLE 1 TCK;\nSTATE DRSELECT DRCAPTURE DREXIT1 DRPAUSE;\nSTATE RESET;\nSTATE IDLE;\nENDIR IDLE;\n";
        assert_eq!(String::from_utf8(normalized.text).unwrap(), text);
        assert_eq!((&normalized.lines[..], normalized.own_commands), (&[1, 2, 2, 2, 2][..], 2));
    }

    #[test]
    fn counts_are_read_from_the_result() {
        let result = "\r\nTime used: 0m0s1ms \nsvf file programmed successfully for 8 commands with 0 errors\n";
        assert_eq!(counts(result), Some((8, 0)));
        assert_eq!(counts("svf file programmed unsuccessfully for 3 commands with 2 errors"), Some((3, 2)));
        for other in ["", "svf file programmed failed", "svf file programmed for x commands with 0 errors"] {
            assert_eq!(counts(other), None, "{other:?}");
        }
    }

    #[test]
    fn logs_of_failed_checks() {
        let log = "svf processing file: \"x\"\ntdo check error at line 7\n    READ = 0x01\n    WANT = 0x02\n    MASK = 0xff\n\
                   tdo check error at line 9\n    READ = 0x0\n";
        let found = mismatches(log);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].command, &*found[0].read, &*found[0].wanted, &*found[0].mask),
            (7, "0x01", "0x02", "0xff")
        );
        assert_eq!((found[1].command, &*found[1].read, &*found[1].wanted), (9, "0x0", ""));
        assert_eq!(mismatches("tdo check error at line many\n READ = 0x1"), []);
        assert_eq!(failed_command("x\nfail to run command at line 3\n"), Some(3));
        assert_eq!(failed_command("fail to run command at line"), None);
    }
}
