//! Which numbers are values of registers.

use std::convert::Infallible;

use crate::error::{Error, InvalidArgument, TargetError};
use crate::types::RegisterValue;

/// For conversions that cannot fail, beside those that can.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

macro_rules! from_signed {
    ($($signed:ty as $unsigned:ty),*) => {$(
        /// Fails for a negative number: a register's value has no sign.
        impl TryFrom<$signed> for RegisterValue {
            type Error = Error;

            fn try_from(number: $signed) -> Result<Self, Error> {
                let value = <$unsigned>::try_from(number).map(RegisterValue::from);
                value.map_err(|_| {
                    let expected = "a number that is not negative";
                    TargetError::from(InvalidArgument::new("register value", expected, number)).into()
                })
            }
        }
    )*};
}
from_signed!(i8 as u8, i16 as u16, i32 as u32, i64 as u64, i128 as u128, isize as usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_number_is_a_value_unless_it_is_negative() {
        assert_eq!(RegisterValue::try_from(5_i32).unwrap(), RegisterValue::from(5_u32));
        assert_eq!(RegisterValue::try_from(i64::MAX).unwrap().to_u64(), Some(i64::MAX as u64));
        let error = RegisterValue::try_from(-1_i32).unwrap_err();
        assert_eq!(error.to_string(), "invalid register value: expected a number that is not negative, got -1");
    }
}
