//! What a client does with an OpenOCD that runs already, perhaps under another operating system.
//!
//! `.ci/windows` builds this test for Windows and names in `OPENOCD_AT` (`HOST:PORT`) an OpenOCD
//! that drives a virtual chip under Linux. Without it, the test starts a chip and an OpenOCD of its
//! own.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use openocd::{ConnectionError, Error, Event, Image, OpenOcdProcess, ResetMode, Session, TargetEvent, TargetState};
use virtual_chip::VirtualChip;

const PATIENCE: Duration = Duration::from_secs(60);
const RAM: u64 = 0x2000_0000;
const FLASH: u64 = 0x0800_4000;

/// The fields are dropped in this order.
struct Server {
    session: Session,
    _process: Option<OpenOcdProcess>,
    _chip: Option<VirtualChip>,
}

impl Server {
    fn new() -> Server {
        let builder = Session::builder().timeout(PATIENCE);
        if let Ok(address) = std::env::var("OPENOCD_AT") {
            return Server { session: builder.connect(&*address).unwrap(), _process: None, _chip: None };
        }
        let chip = VirtualChip::start().unwrap();
        let process = OpenOcdProcess::builder().config(chip.openocd_config()).spawn().unwrap();
        let session = builder.connect(process.tcl_address()).unwrap();
        Server { session, _process: Some(process), _chip: Some(chip) }
    }
}

/// A directory whose name is hard on every operating system: a space, and letters beyond ASCII.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        let path = std::env::temp_dir().join(format!("openocd Prüfstand ж {}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One test, because all of it is about one chip.
#[test]
fn a_client_of_a_running_openocd_can_do_everything() {
    let server = Server::new();
    let session = &server.session;
    run_control_and_events(session);
    memory_and_registers(session);
    batches(session);
    flash_and_files(session);
    failures_and_recovery(session);
    session.target().reset(ResetMode::Run).unwrap();
}

fn run_control_and_events(session: &Session) {
    let events = session.events().unwrap();
    session.target().reset(ResetMode::Run).unwrap();
    assert_eq!(session.target().status().unwrap().state, TargetState::Running);
    let halted = session.target().halt().unwrap();
    assert_eq!(halted.state, TargetState::Halted);
    events.wait_for(|event| *event == Event::Target(TargetEvent::Halted), PATIENCE).unwrap();
    session.target().step().unwrap();
    events.wait_for(|event| *event == Event::Target(TargetEvent::StepEnd), PATIENCE).unwrap();
}

fn memory_and_registers(session: &Session) {
    let memory = session.memory();
    let bytes: Vec<u8> = (0..3001_u32).map(|i| (i * 7).to_le_bytes()[0]).collect();
    memory.write_bytes(RAM + 1, &bytes).unwrap();
    assert_eq!(memory.read_bytes(RAM + 1, 3001).unwrap(), bytes);
    memory.write_u32(RAM, 0x1234_5678).unwrap();
    assert_eq!(memory.read_u8(RAM + 3).unwrap(), 0x12);
    session.registers().write("r7", 0xdead_beef_u32).unwrap();
    assert_eq!(session.registers().read("r7").unwrap().value.to_u64(), Some(0xdead_beef));
}

fn batches(session: &Session) {
    let mut batch = session.batch();
    let word = batch.memory().read_u32(RAM);
    let missing = batch.memory().read_u32(0x6000_0000);
    let text = batch.command("set x {  spaces and \u{e9}  }");
    batch.run().unwrap();
    assert_eq!(word.result().unwrap(), 0x1234_5678);
    assert!(matches!(missing.result(), Err(Error::Target(_))));
    assert_eq!(text.result().unwrap(), "  spaces and \u{e9}  ");
}

fn flash_and_files(session: &Session) {
    let directory = Directory::new();
    let (firmware, dump) = (directory.0.join("firmware.bin"), directory.0.join("dump.bin"));
    fs::write(&firmware, [0x5a; 5000]).unwrap();
    let image = Image::open_bin(&firmware, FLASH).unwrap();
    session.flash().erase_all(0).unwrap();
    assert!(!session.flash().verify_image(&image).unwrap());
    session.flash().write_image(&image).unwrap();
    assert!(session.flash().verify_image(&image).unwrap());
    session.memory().dump(FLASH, 5000, &dump).unwrap();
    assert_eq!(fs::read(&dump).unwrap(), [0x5a; 5000]);

    let missing = Image::open(directory.0.join("missing.elf")).unwrap_err();
    assert!(matches!(missing, Error::Image(_)) && missing.to_string().contains("missing.elf"), "{missing:?}");
}

fn failures_and_recovery(session: &Session) {
    let error = session.command_within("sleep 1000", Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, Error::Timeout(_)) && error.is_timeout(), "{error:?}");
    // The late reply belongs to nothing that is asked from now on.
    assert_eq!(session.command_within("expr {6 * 7}", PATIENCE).unwrap(), "42");
    let failure = session.command("no_such_command").unwrap_err();
    assert!(matches!(failure, Error::Command(_)), "{failure:?}");

    // Nobody listens: the port was given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = Session::builder().timeout(PATIENCE).connect(port).unwrap_err();
    assert!(matches!(refused, Error::Connection(ConnectionError::Unreachable { .. })), "{refused:?}");
    assert!(refused.to_string().contains(&port.to_string()), "{refused}");
}
