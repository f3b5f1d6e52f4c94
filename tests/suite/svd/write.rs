//! Registers and fields written by name on the virtual chip.

use openocd::svd::FieldValue;
use openocd::{Error, SvdError, TargetError};

use super::{board, ram};

#[test]
fn a_register_is_written_whole() {
    let board = board();
    let svd = board.session.svd();
    svd.write_register("GPIOA", "ODR", 0x5a5a).unwrap();
    assert_eq!(board.chip.read_u32(0x4001_080c), Ok(0x5a5a));

    let error = svd.write_register("GPIOA", "IDR", 1).unwrap_err();
    assert_eq!(error.to_string(), "GPIOA.IDR is read-only");
    let error = svd.write_register("GPIOA", "ODR", 1 << 32).unwrap_err();
    assert!(matches!(error, Error::Svd(SvdError::ValueTooWide { value: 0x1_0000_0000, bits: 32, .. })), "{error}");
}

#[test]
fn a_field_is_written_by_number_and_by_name() {
    let board = board();
    let svd = board.session.svd();
    svd.write_field("RCC", "CFGR", "PLLMUL", "Mul9").unwrap();
    assert_eq!(board.chip.read_u32(0x4002_1004), Ok(7 << 18));
    svd.write_field("RCC", "CFGR", "ADCPRE", 3).unwrap();
    assert_eq!(board.chip.read_u32(0x4002_1004), Ok(7 << 18 | 3 << 14));
    svd.write_field("RCC", "CR", "HSEON", true).unwrap();
    assert_eq!(svd.read_field("RCC", "CR", "HSERDY").unwrap(), 1);
    // A name with bits that don't matter has 0 there.
    svd.write_field("RCC", "CFGR", "PPRE1", "Div1").unwrap();
    svd.write_fields("RCC", "CFGR", &[("PPRE1", "Div16".into()), ("SW", "PLL".into())]).unwrap();
    assert_eq!(svd.read_register("RCC", "CFGR").unwrap().field("SWS").unwrap().value_name(), Some("PLL"));
}

#[test]
fn values_that_a_field_does_not_take_are_refused_before_anything_is_sent() {
    let board = board();
    let svd = board.session.svd();
    board.chip.faults().bus_fault_at(0x4002_1000..0x4002_1400);
    let refused = |field: &str, value: FieldValue<'_>| match svd.write_field("RCC", "CFGR", field, value) {
        Err(Error::Svd(error)) => error.to_string(),
        other => panic!("{field}: {other:?}"),
    };
    assert_eq!(refused("PLLMUL", 16.into()), "the value 0x10 takes more than the 4 bits of RCC.CFGR.PLLMUL");
    assert_eq!(refused("SW", 3.into()), "RCC.CFGR.SW does not take the value 0x3, only 0x0 to 0x2");
    assert_eq!(refused("SWS", 1.into()), "RCC.CFGR.SWS is read-only");
    assert_eq!(
        refused("SW", "pll".into()),
        "field RCC.CFGR.SW has no value \"pll\" for writing; its values are HSI, HSE, PLL"
    );
    assert_eq!(refused("SWX", 0.into()), "register RCC.CFGR has no field \"SWX\"; near: SWS, SW");
    assert_eq!(
        refused("MCO", "None".into()),
        "field RCC.CFGR.MCO has no value \"None\" for writing; its values are SYSCLK, HSI, HSE, PLLDiv2"
    );
    let error = svd.write_field("RCC", "APB2ENR", "IOPAEN", "On").unwrap_err();
    let expected = "field RCC.APB2ENR.IOPAEN has no value \"On\" for writing; the SVD file names none of its values: give a number";
    assert_eq!(error.to_string(), expected);
    let twice = svd.write_fields("RCC", "CFGR", &[("SW", 0.into()), ("SW", 1.into())]).unwrap_err();
    assert_eq!(twice.to_string(), "field RCC.CFGR.SW is given twice");
}

#[test]
fn use_enumerated_values_forbids_other_values() {
    let board = ram(
        "<register><name>R</name><addressOffset>0</addressOffset><fields><field><name>F</name><bitRange>[3:0]</bitRange>\
         <writeConstraint><useEnumeratedValues>true</useEnumeratedValues></writeConstraint><enumeratedValues>\
         <enumeratedValue><name>A</name><value>0b01xx</value></enumeratedValue>\
         <enumeratedValue><name>B</name><value>9</value></enumeratedValue></enumeratedValues></field></fields></register>",
    );
    board.chip.write_u32(0x2000_0100, 0xffff_fff0).unwrap();
    let svd = board.session.svd();
    svd.write_field("M", "R", "F", 6).unwrap();
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0xffff_fff6));
    let error = svd.write_field("M", "R", "F", 8).unwrap_err();
    assert_eq!(error.to_string(), "M.R.F does not take the value 0x8, only A, B");
    let error = svd.write_register("M", "R", 0xffff_fff8).unwrap_err();
    assert_eq!(error.to_string(), "M.R.F does not take the value 0x8, only A, B");
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0xffff_fff6));
}

/// What a write of the field F to 1 leaves in RAM, which takes every bit as written, at first
/// `0b1111_0000` (8 bits).
fn left_by_writing_f(register: &str, others: &str) -> u32 {
    let board = ram(&format!(
        "<register><name>R</name><addressOffset>0</addressOffset><size>8</size>{register}<fields>\
         <field><name>F</name><bitRange>[0:0]</bitRange><modifiedWriteValues>modify</modifiedWriteValues></field>{others}</fields></register>"
    ));
    board.chip.write_u32(0x2000_0100, 0xf0).unwrap();
    board.session.svd().write_field("M", "R", "F", 1).unwrap();
    board.chip.read_u32(0x2000_0100).unwrap()
}

#[test]
fn other_fields_keep_their_value() {
    assert_eq!(left_by_writing_f("", "<field><name>G</name><bitRange>[7:6]</bitRange></field>"), 0xf1);
}

#[test]
fn other_fields_get_the_bit_that_does_nothing() {
    let other = |values: &str| {
        let field = format!(
            "<field><name>G</name><bitRange>[7:6]</bitRange><modifiedWriteValues>{values}</modifiedWriteValues></field>"
        );
        left_by_writing_f("", &field)
    };
    for values in ["oneToClear", "oneToSet", "oneToToggle"] {
        assert_eq!(other(values), 0x31, "{values}");
    }
    for values in ["zeroToClear", "zeroToSet", "zeroToToggle"] {
        assert_eq!(other(values), 0xf1, "{values}");
    }
    // The register says it for all of its bits, those of no field among them.
    assert_eq!(left_by_writing_f("<modifiedWriteValues>oneToClear</modifiedWriteValues>", ""), 0x01);
    assert_eq!(left_by_writing_f("<modifiedWriteValues>zeroToClear</modifiedWriteValues>", ""), 0xff);
}

#[test]
fn a_write_only_field_among_readable_ones_gets_its_reset_value() {
    let field = "<field><name>G</name><bitRange>[7:6]</bitRange><access>write-only</access></field>";
    assert_eq!(left_by_writing_f("<resetValue>0x40</resetValue>", field), 0x71);
}

#[test]
fn a_flag_that_is_not_asked_for_is_not_cleared() {
    // FLASH_SR of the chip: PGERR and EOP are cleared by a 1.
    let board = board();
    board.session.target().halt().unwrap();
    let memory = board.session.memory();
    memory.write_u32(0x4002_2004, 0x4567_0123).unwrap();
    memory.write_u32(0x4002_2004, 0xcdef_89ab).unwrap();
    memory.write_u32(0x4002_2010, 1).unwrap(); // PG
    memory.write_u16(0x0800_0000, 0x1234).unwrap(); // not erased: PGERR
    memory.write_u16(0x0801_0000, 0x1234).unwrap(); // erased: EOP
    let svd = board.session.svd();
    let before = svd.read_register("FLASH", "SR").unwrap();
    assert_eq!((before.field("EOP").unwrap().value, before.field("PGERR").unwrap().value), (1, 1), "{before}");
    svd.write_field("FLASH", "SR", "EOP", 1).unwrap();
    let after = svd.read_register("FLASH", "SR").unwrap();
    assert_eq!((after.field("EOP").unwrap().value, after.field("PGERR").unwrap().value), (0, 1), "{after}");
}

#[test]
fn a_write_only_register_whose_bits_do_nothing_when_zero_needs_no_read() {
    let board = board();
    let svd = board.session.svd();
    svd.write_fields("GPIOB", "BSRR", &[("BS3", 1.into()), ("BS4", 1.into())]).unwrap();
    assert_eq!(board.chip.read_u32(0x4001_0c0c), Ok(0x18));
    svd.write_field("GPIOB", "BRR", "BR3", 1).unwrap();
    assert_eq!(board.chip.read_u32(0x4001_0c0c), Ok(0x10));
}

#[test]
fn a_write_that_would_be_a_guess_is_refused() {
    let registers = |more: &str| {
        format!(
            "<register><name>R</name><addressOffset>0</addressOffset>{more}<resetValue>0x70</resetValue><fields>\
             <field><name>F</name><bitRange>[0:0]</bitRange></field><field><name>G</name><bitRange>[7:4]</bitRange></field>\
             </fields></register>"
        )
    };
    for more in ["<access>write-only</access>", "<readAction>clear</readAction>"] {
        let board = ram(&registers(more));
        board.chip.write_u32(0x2000_0100, 0xaa).unwrap();
        let svd = board.session.svd();
        let error = svd.write_field("M", "R", "F", 1).unwrap_err();
        assert!(matches!(error, Error::Svd(SvdError::NotSeparable { .. })), "{error}");
        assert!(error.to_string().contains("the present value of field G is not known"), "{error}");
        assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0xaa), "nothing was written");

        svd.write_fields_over_reset("M", "R", &[("F", 1.into())]).unwrap();
        assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0x71));
        svd.write_fields("M", "R", &[("F", 0.into()), ("G", 2.into())]).unwrap();
        assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0x20), "all fields are given");
        board.chip.write_u32(0x2000_0100, 0xaa).unwrap();
        let asked = svd.unguarded().write_field("M", "R", "F", 1);
        // What a read of a write-only register gives is nothing to write back.
        let (done, left) = if more.contains("readAction") { (true, 0xab) } else { (false, 0xaa) };
        assert_eq!((asked.is_ok(), board.chip.read_u32(0x2000_0100)), (done, Ok(left)), "{more}");
    }
}

#[test]
fn a_field_that_any_write_clears_cannot_be_spared() {
    let board = ram(
        "<register><name>R</name><addressOffset>0</addressOffset><fields><field><name>F</name><bitRange>[0:0]</bitRange></field>\
         <field><name>G</name><bitRange>[1:1]</bitRange><modifiedWriteValues>clear</modifiedWriteValues></field></fields></register>",
    );
    let svd = board.session.svd();
    let error = svd.write_field("M", "R", "F", 1).unwrap_err();
    assert!(error.to_string().contains("any write has the effect `clear` on field G"), "{error}");
    svd.write_fields("M", "R", &[("F", 1.into()), ("G", 0.into())]).unwrap();
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(1));
}

#[test]
fn a_field_with_write_as_read_takes_only_its_present_value() {
    let board = ram(
        "<register><name>R</name><addressOffset>0</addressOffset><fields><field><name>F</name><bitRange>[3:0]</bitRange>\
         <writeConstraint><writeAsRead>true</writeAsRead></writeConstraint></field>\
         <field><name>G</name><bitRange>[7:4]</bitRange></field></fields></register>",
    );
    board.chip.write_u32(0x2000_0100, 0x05).unwrap();
    let svd = board.session.svd();
    svd.write_fields("M", "R", &[("F", 5.into()), ("G", 1.into())]).unwrap();
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0x15));
    let error = svd.write_field("M", "R", "F", 6).unwrap_err();
    assert!(matches!(error, Error::Svd(SvdError::ForbiddenValue { .. })), "{error}");
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0x15));
}

#[test]
fn every_width_is_changed_within_its_own_bits() {
    let board = ram(
        "<register><name>BYTE</name><addressOffset>1</addressOffset><size>8</size><fields><field><name>F</name><bitRange>[7:7]</bitRange></field></fields></register>\
         <register><name>HALF</name><addressOffset>2</addressOffset><size>16</size><fields><field><name>F</name><bitRange>[11:8]</bitRange></field></fields></register>\
         <register><name>WORD</name><addressOffset>4</addressOffset><fields><field><name>F</name><bitRange>[31:31]</bitRange></field></fields></register>\
         <register><name>LONG</name><addressOffset>8</addressOffset><size>64</size><fields><field><name>F</name><bitRange>[63:60]</bitRange></field>\
         <field><name>MID</name><bitRange>[35:28]</bitRange></field></fields></register>",
    );
    let svd = board.session.svd();
    for offset in [0, 4, 8, 12] {
        board.chip.write_u32(0x2000_0100 + offset, 0x1234_5678).unwrap();
    }
    svd.write_field("M", "BYTE", "F", 1).unwrap();
    svd.write_field("M", "HALF", "F", 0xf).unwrap();
    svd.write_field("M", "WORD", "F", 1).unwrap();
    svd.write_fields("M", "LONG", &[("F", 0xf.into()), ("MID", 0xab.into())]).unwrap();
    let words: Vec<_> = [0, 4, 8, 12].map(|offset| board.chip.read_u32(0x2000_0100 + offset).unwrap()).into();
    assert_eq!(words, [0x1f34_d678, 0x9234_5678, 0xb234_5678, 0xf234_567a]);
}

#[test]
fn fields_written_by_many_threads_are_all_written() {
    let field = |bit| format!("<field><name>F{bit}</name><bitRange>[{bit}:{bit}]</bitRange></field>");
    let fields = (0..8).map(field).collect::<Vec<_>>().concat();
    let board =
        ram(&format!("<register><name>R</name><addressOffset>0</addressOffset><fields>{fields}</fields></register>"));
    board.chip.write_u32(0x2000_0100, 0).unwrap();
    std::thread::scope(|scope| {
        for bit in 0..8 {
            let session = &board.session;
            scope.spawn(move || session.svd().write_field("M", "R", &format!("F{bit}"), 1).unwrap());
        }
    });
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0xff));
}

#[test]
fn a_write_that_fails_says_where() {
    let board = board();
    board.chip.faults().bus_fault_at(0x4001_0800..0x4001_0810);
    let svd = board.session.svd();
    let error = svd.write_register("GPIOA", "ODR", 1).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::MemoryWrite { address: 0x4001_080c, .. })), "{error}");
    let error = svd.write_field("GPIOA", "ODR", "ODR3", 1).unwrap_err();
    assert!(matches!(error, Error::Target(TargetError::MemoryRead { address: 0x4001_080c, .. })), "{error}");
}

#[test]
fn a_whole_register_respects_the_constraints_of_its_fields() {
    let board = board();
    let svd = board.session.svd();
    board.chip.watch_accesses(0x4002_1000..0x4002_2400);
    let refused = |peripheral: &str, register: &str, value: u64| match svd.write_register(peripheral, register, value) {
        Err(Error::Svd(error @ SvdError::ForbiddenValue { .. })) => error.to_string(),
        other => panic!("{peripheral}.{register}: {other:?}"),
    };
    assert_eq!(refused("RCC", "CFGR", 0x0000_0003), "RCC.CFGR.SW does not take the value 0x3, only 0x0 to 0x2");
    assert_eq!(refused("FLASH", "ACR", 0x0000_0037), "FLASH.ACR.LATENCY does not take the value 0x7, only 0x0 to 0x2");
    assert_eq!(board.chip.take_accesses(), [], "nothing was sent");
    svd.write_register("RCC", "CFGR", 0x001d_0400).unwrap();
    assert_eq!(board.chip.read_u32(0x4002_1004), Ok(0x001d_0400));
}

#[test]
fn views_of_the_same_bits_do_not_constrain_a_whole_register() {
    let range = |maximum| {
        format!("<writeConstraint><range><minimum>0</minimum><maximum>{maximum}</maximum></range></writeConstraint>")
    };
    let board = ram(&format!(
        "<register><name>R</name><addressOffset>0</addressOffset>{}<fields>\
         <field><name>A</name><bitRange>[3:0]</bitRange>{}</field><field><name>B</name><bitRange>[1:0]</bitRange></field>\
         <field><name>C</name><bitRange>[7:4]</bitRange><access>read-only</access>{}</field></fields></register>",
        range(0xff),
        range(1),
        range(1)
    ));
    let svd = board.session.svd();
    svd.write_register("M", "R", 0xff).unwrap();
    let error = svd.write_register("M", "R", 0x100).unwrap_err();
    assert_eq!(error.to_string(), "M.R does not take the value 0x100, only 0x0 to 0xff");
    let error = svd.write_field("M", "R", "A", 2).unwrap_err();
    assert_eq!(error.to_string(), "M.R.A does not take the value 0x2, only 0x0 to 0x1");
}

#[test]
fn a_whole_register_respects_a_field_with_write_as_read() {
    let register = |more: &str| {
        format!(
            "<register><name>R</name><addressOffset>0</addressOffset>{more}<fields><field><name>F</name><bitRange>[7:4]</bitRange>\
             <writeConstraint><writeAsRead>true</writeAsRead></writeConstraint></field></fields></register>"
        )
    };
    let board = ram(&register(""));
    board.chip.write_u32(0x2000_0100, 0x50).unwrap();
    let svd = board.session.svd();
    svd.write_register("M", "R", 0x5f).unwrap();
    let error = svd.write_register("M", "R", 0x61).unwrap_err();
    assert_eq!(error.to_string(), "M.R.F does not take the value 0x6, only 0x5, which is read from it");
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0x5f));

    // What must not be read cannot be compared.
    let board = ram(&register("<readAction>clear</readAction>"));
    board.chip.watch_accesses(0x2000_0100..0x2000_0104);
    let svd = board.session.svd();
    for error in [svd.write_register("M", "R", 0).unwrap_err(), svd.write_field("M", "R", "F", 0).unwrap_err()] {
        assert!(error.to_string().starts_with("M.R.F is not read: reading changes the chip's state"), "{error}");
    }
    assert_eq!(board.chip.take_accesses(), []);
    svd.unguarded().write_register("M", "R", 1).unwrap();
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(1));
}

#[test]
fn a_register_with_write_as_read_takes_only_its_present_value() {
    let board = ram(
        "<register><name>R</name><addressOffset>0</addressOffset><writeConstraint><writeAsRead>true</writeAsRead></writeConstraint>\
         <fields><field><name>F</name><bitRange>[3:0]</bitRange></field></fields></register>",
    );
    board.chip.write_u32(0x2000_0100, 0x55).unwrap();
    let svd = board.session.svd();
    svd.write_field("M", "R", "F", 5).unwrap();
    svd.write_register("M", "R", 0x55).unwrap();
    let error = svd.write_field("M", "R", "F", 6).unwrap_err();
    assert_eq!(error.to_string(), "M.R does not take the value 0x6, only 0x5, which is read from it");
    assert!(svd.write_register("M", "R", 0x5).is_err());
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0x55));
}

#[test]
fn what_is_behind_a_register_of_an_odd_width_is_kept() {
    let field = "<fields><field><name>F</name><bitRange>[3:0]</bitRange></field></fields>";
    let board = ram(&format!(
        "<register><name>R</name><addressOffset>0</addressOffset><size>24</size>{field}</register>\
         <register><name>BEHIND</name><addressOffset>3</addressOffset><size>8</size></register>\
         <register><name>S</name><addressOffset>8</addressOffset><size>40</size></register>"
    ));
    board.chip.write_u32(0x2000_0100, 0xdead_beef).unwrap();
    board.chip.write_memory(0x2000_0108, &[0xa5; 8]).unwrap();
    let svd = board.session.svd();
    svd.write_field("M", "R", "F", 1).unwrap();
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0xdead_bee1));
    svd.write_register("M", "R", 0x12_3456).unwrap();
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0xde12_3456));
    svd.write_fields_over_reset("M", "R", &[("F", 2.into())]).unwrap();
    assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0xde00_0002));
    svd.write_register("M", "S", 0x12_3456_789a).unwrap();
    assert_eq!(board.held(0x2000_0108, 8), [0x9a, 0x78, 0x56, 0x34, 0x12, 0xa5, 0xa5, 0xa5]);
}

#[test]
fn unguarded_view_also_keeps_what_is_behind_a_register_that_a_read_changes() {
    for more in ["<readAction>clear</readAction>", "<access>write-only</access>"] {
        let board =
            ram(&format!("<register><name>R</name><addressOffset>0</addressOffset><size>24</size>{more}</register>"));
        board.chip.write_u32(0x2000_0100, 0xdead_beef).unwrap();
        board.session.svd().unguarded().write_register("M", "R", 0x12_3456).unwrap();
        assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0xde12_3456), "{more}");
        board.session.svd().write_register("M", "R", 0x12_3456).unwrap();
        assert_eq!(board.chip.read_u32(0x2000_0100), Ok(0x0012_3456), "{more}");
    }
}
