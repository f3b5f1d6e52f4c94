use super::*;
use crate::stm32f103::Stm32f103;

/// The time after which a test takes it that no answer comes.
const SILENCE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(60);

fn server() -> Server {
    Server::start(vec![Stm32f103::with_firmware()], vec![Model::Stm32f103]).unwrap()
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn ask(mut stream: &TcpStream, pins: &[u8], answers: usize) -> String {
    stream.write_all(pins).unwrap();
    let mut buffer = vec![0; answers];
    stream.read_exact(&mut buffer).unwrap();
    String::from_utf8(buffer).unwrap()
}

/// Five clocks with TMS high: Test-Logic-Reset, which selects the IDCODEs.
const RESET: &[u8] = b"2626262626";

#[test]
fn identification_codes_come_out_bit_by_bit() {
    let server = server();
    let stream = connect(&server);
    ask(&stream, RESET, 0);
    // Run-Test/Idle, Select-DR, Capture-DR, Shift-DR.
    ask(&stream, b"04260404", 0);
    let answers = ask(&stream, b"0R4".repeat(64).as_slice(), 64);
    let code = answers.bytes().rev().fold(0_u64, |code, bit| code << 1 | u64::from(bit == b'1'));
    assert_eq!(code, 0x1641_0041_3ba0_0477);
}

/// SWDIO levels, the lowest bit first, each with one clock.
fn clocks(bits: u64, count: usize) -> String {
    (0..count).map(|bit| if bits >> bit & 1 != 0 { "eg" } else { "df" }).collect()
}

#[test]
fn each_question_for_swdio_gets_one_answer() {
    let server = server();
    let stream = connect(&server);
    for sequence in [(u64::MAX, 50), (0xe79e, 16), (u64::MAX, 50), (0, 8)] {
        ask(&stream, clocks(sequence.0, sequence.1).as_bytes(), 0);
    }
    for _ in 0..3 {
        // Read IDCODE: turnaround, acknowledge, data, parity, turnaround.
        ask(&stream, clocks(0xa5, 8).as_bytes(), 0);
        let answers = ask(&stream, format!("o{}O", "dcf".repeat(38)).as_bytes(), 38);
        let bits = answers.bytes().rev().fold(0_u64, |bits, bit| bits << 1 | u64::from(bit == b'1'));
        assert_eq!(bits >> 1 & 7, 0b001, "{answers}");
        assert_eq!(bits >> 4 & 0xffff_ffff, 0x1ba0_1477, "{answers}");
        assert_eq!(bits >> 36 & 1, 0, "{answers}");
        // First the probe drives the level, then nobody does.
        assert_eq!(ask(&stream, b"dcecocOc", 4), "0111");
    }
    // An answer that an earlier probe did not read does not reach the next one.
    ask(&stream, clocks(0xa5, 8).as_bytes(), 0);
    ask(&stream, b"odcfdcfQ", 1 + 36);
    let stream = connect(&server);
    ask(&stream, ("eg".repeat(100) + &clocks(0, 8) + &clocks(0xa5, 8)).as_bytes(), 0);
    assert_eq!(ask(&stream, b"odcfdcfdcfdcf", 1 + 36)[1..4], *"100");
}

#[test]
fn noise_on_the_pins_does_no_lasting_harm() {
    let chip = Stm32f103::with_firmware();
    let shared = Shared { link: Mutex::default(), changed: Condvar::new(), chips: vec![chip] };
    let (mut pins, mut answers) = (Pins::new(), Vec::new());
    let mut state = 1_u32;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        // SWD gets twice as many: most of the code under test is for SWD.
        b"01234567dfegdfegOocRrstu?"[state as usize % 25]
    };
    let select = [(u64::MAX, 50), (0xe79e, 16), (u64::MAX, 50), (0, 8)].map(|(bits, count)| clocks(bits, count));
    for _ in 0..200 {
        let garbage: Vec<u8> = (0..5000).map(|_| noise()).collect();
        process(&shared, &mut pins, &garbage, &mut answers);
        // Puts the pins into their first state, and clocks long enough to end any transfer.
        pins.attach();
        process(&shared, &mut pins, ("rdf".to_string() + &"eg".repeat(100)).as_bytes(), &mut answers);
        process(&shared, &mut pins, (select.concat() + &clocks(0xa5, 8)).as_bytes(), &mut answers);
        answers.clear();
        process(&shared, &mut pins, "odcf".repeat(38).as_bytes(), &mut answers);
        let bits = answers.iter().rev().fold(0_u64, |bits, bit| bits << 1 | u64::from(*bit == b'1'));
        assert_eq!(bits >> 4 & 0xffff_ffff, 0x1ba0_1477, "{}", String::from_utf8_lossy(&answers));
    }
}

#[test]
fn chips_that_share_a_chain_stay_with_jtag() {
    let chips: Vec<SharedChip> = vec![Stm32f103::with_firmware(), Stm32f103::with_firmware()];
    let server = Server::start(chips, vec![Model::Stm32f103; 2]).unwrap();
    let stream = connect(&server);
    for sequence in [(u64::MAX, 50), (0xe79e, 16), (u64::MAX, 50), (0, 8), (0xa5, 8)] {
        ask(&stream, clocks(sequence.0, sequence.1).as_bytes(), 0);
    }
    assert_eq!(ask(&stream, b"odcfdcfdcfdcf", 4), "1111");
}

#[test]
fn a_silent_link_answers_later() {
    let server = server();
    let mut stream = connect(&server);
    ask(&stream, b"R", 1);
    server.set_silent(true);
    stream.write_all(b"R").unwrap();
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    assert!(stream.read(&mut [0]).is_err());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    server.set_silent(false);
    assert_eq!(stream.read(&mut [0]).unwrap(), 1);
}

#[test]
fn after_a_good_bye_the_next_one_is_served() {
    let server = server();
    let mut first = connect(&server);
    let second = connect(&server);
    ask(&first, b"BbR", 1);
    first.write_all(b"Q").unwrap();
    assert_eq!(first.read(&mut [0]).unwrap(), 0, "the connection is closed");
    ask(&second, b"R", 1);
}

#[test]
fn a_server_ends_while_a_client_is_connected_or_kept_waiting() {
    let server = server();
    let mut stream = connect(&server);
    ask(&stream, b"R", 1);
    server.set_silent(true);
    stream.write_all(b"R").unwrap();
    drop(server);
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
}
