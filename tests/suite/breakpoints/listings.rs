//! The listings against what was set.

use openocd::{Breakpoint, BreakpointKind, WatchpointAccess};
use virtual_chip::firmware::{LOOP, WORK};

use super::{COUNTER, PROGRAM, SECOND, listed};
use crate::board::Board;

#[test]
fn the_listing_is_what_was_set() {
    let board = Board::with_program();
    let breakpoints = board.session.breakpoints();
    let set = [
        breakpoints.add(LOOP.into(), BreakpointKind::Hardware).unwrap(),
        breakpoints.add(SECOND, BreakpointKind::Software).unwrap(),
        breakpoints.add(WORK.into(), BreakpointKind::Hardware).unwrap(),
    ];
    assert_eq!(listed(&board.session), [set[0], set[2], set[1]]);
    let expected = [
        (u64::from(LOOP), 2, BreakpointKind::Hardware, Some(0)),
        (SECOND, 2, BreakpointKind::Software, None),
        (u64::from(WORK), 2, BreakpointKind::Hardware, Some(1)),
    ];
    let fields =
        |breakpoint: Breakpoint| (breakpoint.address, breakpoint.length, breakpoint.kind, breakpoint.comparator);
    assert_eq!(set.map(fields), expected);
    // 0.12.0 prints the wrong bits of it.
    let original = set[1].original_instruction;
    let prints_it = board.command("bp").contains("orig_instr=");
    assert_eq!(original, prints_it.then_some(u64::from(PROGRAM[1])));
}

#[test]
fn the_listing_of_watchpoints_is_what_was_set() {
    use WatchpointAccess::{Access, Read, Write};
    let board = Board::halted();
    let breakpoints = board.session.breakpoints();
    let wanted = [(COUNTER, 4, Read), (COUNTER + 4, 1, Write), (COUNTER + 0x40, 0x40, Access)];
    let set = wanted.map(|(address, length, access)| breakpoints.add_watchpoint(address, length, access).unwrap());
    assert_eq!(set.map(|watchpoint| (watchpoint.address, watchpoint.length, watchpoint.access)), wanted);
    assert!(set.iter().all(|watchpoint| watchpoint.value.is_none()));
    let mut listed = breakpoints.list_watchpoints().unwrap();
    listed.sort_by_key(|watchpoint| watchpoint.address);
    assert_eq!(listed, set);
}

#[test]
fn listing_needs_no_halted_target() {
    let board = Board::start();
    assert_eq!(board.session.breakpoints().list().unwrap(), []);
    assert_eq!(board.session.breakpoints().list_watchpoints().unwrap(), []);
}
