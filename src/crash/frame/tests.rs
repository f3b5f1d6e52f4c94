use super::*;

const MAIN_STACK: u32 = 0xffff_fff9;
const PROCESS_STACK: u32 = 0xffff_fffd;
/// A frame as the virtual chip stores it: a load from 0x60000000 failed.
const FRAME: [u32; 8] = [0x6000_0000, 7, 2, 3, 12, 0x0800_004d, 0x0800_0048, 0x6100_0000];

fn stack(words: &[u32]) -> Stack<'_> {
    Stack { address: 0x2000_4fc0, words }
}

fn exc_return(value: u32) -> ExcReturn {
    ExcReturn::new(value).unwrap()
}

fn found(state: StackedState) -> StackedFrame {
    match state {
        StackedState::Found(frame) => frame,
        other => panic!("{other:?}"),
    }
}

#[test]
fn frame_is_at_the_stack_pointer_when_the_handler_starts() {
    let frame = found(search(stack(&FRAME), Some(exc_return(MAIN_STACK)), false));
    assert_eq!((frame.source, frame.address, frame.sp), (FrameSource::StackPointer, 0x2000_4fc0, 0x2000_4fe0));
    assert_eq!((frame.r0, frame.r12, frame.lr, frame.pc), (0x6000_0000, 12, 0x0800_004d, 0x0800_0048));
    assert!(frame.exception().is_thread());
}

#[test]
fn padding_of_the_stack_belongs_to_the_frame() {
    let mut words = FRAME;
    words[7] |= ALIGNED;
    assert_eq!(found(search(stack(&words), Some(exc_return(MAIN_STACK)), false)).sp, 0x2000_4fe4);
}

#[test]
fn frame_is_found_above_what_the_handler_stored() {
    // push {r4, lr}; sub sp, #8
    let words = [&[0xdead_beef, 1, 4, MAIN_STACK][..], &FRAME].concat();
    for lr in [None, Some(exc_return(MAIN_STACK))] {
        let frame = found(search(stack(&words), lr, false));
        assert_eq!((frame.source, frame.address, frame.pc), (FrameSource::Search, 0x2000_4fd0, 0x0800_0048));
    }
    // push {r4, r5}: only LR itself says what to look for.
    let words = [&[0xdead_beef, 1][..], &FRAME].concat();
    assert_eq!(found(search(stack(&words), Some(exc_return(MAIN_STACK)), false)).address, 0x2000_4fc8);
    assert_eq!(search(stack(&words), None, false), StackedState::NotFound { address: 0x2000_4fc0 });
}

#[test]
fn frame_with_another_mode_than_exc_return_is_none() {
    let mut words = FRAME;
    words[7] = 0x0100_0003;
    assert!(matches!(search(stack(&words), Some(exc_return(MAIN_STACK)), false), StackedState::NotFound { .. }));
    let nested = found(search(stack(&words), Some(exc_return(0xffff_fff1)), false));
    assert_eq!(nested.exception(), ExceptionNumber(3));
}

#[test]
fn clear_thumb_bit_is_believed_at_the_stack_pointer_only() {
    let mut words = FRAME;
    words[7] = 0x2000_0000;
    assert_eq!(found(search(stack(&words), Some(exc_return(MAIN_STACK)), false)).xpsr, 0x2000_0000);
    let moved = [&[0xdead_beef, MAIN_STACK][..], &words].concat();
    assert!(matches!(search(stack(&moved), None, false), StackedState::NotFound { .. }));
}

#[test]
fn unreadable_or_cut_memory_is_said_to_be_so() {
    let lr = Some(exc_return(MAIN_STACK));
    assert_eq!(search(stack(&[]), lr, false), StackedState::Unreadable { address: 0x2000_4fc0 });
    assert_eq!(search(stack(&FRAME[..7]), lr, false), StackedState::NotFound { address: 0x2000_4fc0 });
    let at_pointer = at_pointer(stack(&[]), exc_return(PROCESS_STACK), false, FrameSource::StackPointer);
    assert_eq!(at_pointer, StackedState::Unreadable { address: 0x2000_4fc0 });
}

#[test]
fn process_stack_is_named_by_what_the_handler_stored() {
    assert_eq!(saved_for_psp(&[1, 2, PROCESS_STACK]), Some(exc_return(PROCESS_STACK)));
    assert_eq!(saved_for_psp(&[1, MAIN_STACK, PROCESS_STACK]), None);
    let frame = found(at_pointer(stack(&FRAME), exc_return(PROCESS_STACK), false, FrameSource::Search));
    assert_eq!((frame.source, frame.sp), (FrameSource::Search, 0x2000_4fe0));
}

#[test]
fn fpu_registers_follow_the_basic_frame() {
    let fpu: Vec<u32> = (0..16).map(|number| 0x3f80_0000 + number).chain([0x0300_0000, 0]).collect();
    let words = [&FRAME[..], &fpu].concat();
    let frame = found(search(stack(&words), Some(exc_return(0xffff_ffe9)), true));
    let state = frame.fpu.unwrap();
    assert_eq!((state.s[0], state.s[15], state.fpscr), (0x3f80_0000, 0x3f80_000f, 0x0300_0000));
    assert!(state.is_pending);
    assert_eq!(frame.sp, 0x2000_4fc0 + 0x68);
    // The room for it cannot be read in full.
    assert_eq!(found(search(stack(&words[..20]), Some(exc_return(0xffff_ffe9)), true)).fpu, None);
}

#[test]
fn secure_state_has_callee_registers_below_the_frame() {
    let words = [&[0xfefa_125b, 0, 4, 5, 6, 7, 8, 9, 10, 11][..], &FRAME].concat();
    let frame = found(at_pointer(stack(&words), exc_return(0xffff_fff8), false, FrameSource::StackPointer));
    assert_eq!((frame.address, frame.pc, frame.sp), (0x2000_4fe8, 0x0800_0048, 0x2000_5008));
}
