use std::time::Instant;

use super::super::log_tail::LOG_TAIL_LINES;
use super::*;
use crate::command::Token;

fn token() -> Token {
    Token::parse("1234567812345678901").unwrap()
}

fn drain(log: impl Read) -> Vec<String> {
    let tail = LogTail::default();
    drain_stderr(log, &tail, &EchoFilter::new(&token()), None);
    tail.lines()
}

/// Gives a few bytes at a time.
struct Drip<'b>(&'b [u8], usize);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(self.0.len()).min(buffer.len());
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

#[test]
fn tail_is_bounded_in_lines_and_in_their_length() {
    let mut text = vec![b'x'; 3 * LINE_BYTES];
    text.push(b'\n');
    for n in 0..2 * LOG_TAIL_LINES {
        text.extend_from_slice(format!("line {n}\r\n").as_bytes());
    }
    text.extend_from_slice(b"no end");
    let lines = drain(&text[..]);
    assert_eq!(lines.len(), LOG_TAIL_LINES);
    assert_eq!(lines.last().unwrap(), "no end");
    assert_eq!(lines[LOG_TAIL_LINES - 2], format!("line {}", 2 * LOG_TAIL_LINES - 1));
    assert_eq!(drain(&vec![b'x'; 3 * LINE_BYTES][..]).last().unwrap().len(), LINE_BYTES);
}

#[test]
fn replies_are_left_out_wherever_the_reads_cut_them() {
    let log = "Info : up\n\
        openocd-rs {Open On-Chip Debugger 0.12.0} 1234567812345678901 1\n\
        1234567800000000001 \n\
        one\n\
        partial1234567800000000003 \n\
        1234567800000000005 0 openocd-rs-marker\n\
        User : 9 1 command.c:602 output(): 1234567800000000006 User : 10 1 command.c:603 output(): \n\
        42 0 {} {}\n\
        \n\
        end1234567";
    let expected = ["Info : up", "one", "partial", "42 0 {} {}", "", "end1234567"];
    for size in 1..log.len() {
        assert_eq!(drain(Drip(log.as_bytes(), size)), expected, "{size}");
    }
}

#[test]
fn log_is_read_with_pauses_once_a_client_has_connected() {
    struct Lines(Vec<&'static str>, Vec<Instant>);
    impl Read for &mut Lines {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1.push(Instant::now());
            let line = self.0.pop().unwrap_or_default();
            buffer[..line.len()].copy_from_slice(line.as_bytes());
            Ok(line.len())
        }
    }
    let client = "Info : accepting 'tcl' connection on tcp/1\n";
    let mut lines = Lines(vec!["42\n", "1 0 42 {}\n", client, "Info : up\n"], Vec::new());
    assert_eq!(drain(&mut lines).len(), 4);
    let gaps: Vec<_> = lines.1.windows(2).map(|two| two[1] - two[0]).collect();
    // Nothing bounds the first two from above but the machine; the pause bounds the rest from
    // below.
    assert!(gaps.len() == 4 && gaps[2..].iter().all(|gap| *gap >= PAUSE), "{gaps:?}");
}

#[test]
fn flood_is_over_once_little_comes_for_a_while() {
    let tail = LogTail::default();
    let mut log = PacedReader { from: io::repeat(b'x'), tail: &tail, flood: 0 };
    let mut read = |length: usize| {
        assert_eq!(log.read(&mut vec![0; length]).unwrap(), length);
        log.flood
    };
    assert_eq!(read(FLOOD_BYTES - 1), 0);
    assert_eq!(read(FLOOD_BYTES), FLOOD_READS);
    for left in (0..FLOOD_READS).rev() {
        assert_eq!(read(1), left);
    }
    assert_eq!(read(1), 0);
}

#[test]
fn output_is_kept_until_the_telnet_session_begins() {
    let tail = LogTail::default();
    drain_stdout(&b"hello\nworld\n\xff\xfb\x03Open On-Chip Debugger\r\n\r> Info : x\n"[..], &tail);
    assert_eq!(tail.lines(), ["hello", "world"]);
}
