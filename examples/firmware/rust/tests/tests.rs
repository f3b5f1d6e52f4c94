//! Tests that run on the board, one reset each. Some of them fail, to show what that looks like.

#![no_std]
#![no_main]

use {cortex_m_rt as _, defmt_rtt as _};

#[embedded_test::setup]
fn setup() {
    firmware::start_clock();
}

#[embedded_test::tests(default_timeout = 5)]
mod tests {
    struct Sensor {
        offset: i32,
    }

    #[init]
    fn init() -> Sensor {
        Sensor { offset: -3 }
    }

    #[test]
    fn offset_is_known(sensor: Sensor) {
        defmt::info!("the offset is {=i32}", sensor.offset);
        assert_eq!(sensor.offset, -3);
    }

    #[test]
    fn sum_is_right() -> Result<(), &'static str> {
        if 2 + 2 == 4 { Ok(()) } else { Err("2 + 2 is not 4") }
    }

    #[test]
    fn this_one_fails(sensor: Sensor) {
        assert_eq!(sensor.offset, 0, "the offset was never set");
    }

    #[test]
    fn this_one_returns_an_error() -> Result<(), &'static str> {
        Err("no answer from the sensor")
    }

    #[test]
    #[ignore]
    fn needs_a_sensor() {
        defmt::panic!("there is no sensor");
    }

    #[test]
    #[should_panic]
    fn negative_index_panics(sensor: Sensor) {
        let index = usize::try_from(sensor.offset).unwrap();
        defmt::info!("index {}", index);
    }

    #[test]
    #[timeout(1)]
    fn this_one_never_ends() {
        loop {
            cortex_m::asm::nop();
        }
    }
}
