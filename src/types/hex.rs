//! Numbers in hexadecimal, for `Debug`.

use std::fmt;

/// A number that `Debug` writes in hexadecimal, also within `Some`.
pub(crate) struct Hex(pub(crate) u64);

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// A field that is shown in hexadecimal: a number, one that may be missing, or several.
pub(crate) trait HexField {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl HexField for $number {
            fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self:#x}")
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64);

impl<T: HexField> HexField for Option<T> {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Some(value) => f.debug_tuple("Some").field(&InHex(value)).finish(),
            None => f.write_str("None"),
        }
    }
}

impl<T: HexField> HexField for Vec<T> {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(InHex)).finish()
    }
}

impl<T: HexField, const N: usize> HexField for [T; N] {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(InHex)).finish()
    }
}

/// Shows a field in hexadecimal.
pub(crate) struct InHex<'a, T: ?Sized>(pub(crate) &'a T);

impl<T: HexField + ?Sized> fmt::Debug for InHex<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f)
    }
}

/// Implements `Debug` with all fields: first those that look as usual, then those in hexadecimal. A
/// field that is forgotten does not compile.
macro_rules! debug_in_hex {
    ($type:ident { $($plain:ident),*; $($hex:ident),* $(; without $($hidden:ident),+)? }) => {
        /// Addresses and values in hexadecimal.
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let $type { $($plain,)* $($hex,)* $($($hidden: _),+)? } = self;
                f.debug_struct(stringify!($type))
                    $(.field(stringify!($plain), $plain))*
                    $(.field(stringify!($hex), &$crate::types::InHex($hex)))*
                    .finish()
            }
        }
    };
}
pub(crate) use debug_in_hex;

#[cfg(test)]
mod tests {
    struct Shown {
        name: &'static str,
        address: u64,
        value: Option<u8>,
        none: Option<u32>,
        list: Vec<u16>,
        #[allow(dead_code, reason = "hidden")]
        secret: bool,
    }

    debug_in_hex!(Shown { name; address, value, none, list; without secret });

    #[test]
    fn numbers_are_hexadecimal_and_the_rest_is_as_usual() {
        let shown =
            Shown { name: "a", address: 0x0800_0000, value: Some(16), none: None, list: vec![1, 255], secret: true };
        assert_eq!(
            format!("{shown:?}"),
            "Shown { name: \"a\", address: 0x8000000, value: Some(0x10), none: None, list: [0x1, 0xff] }"
        );
    }
}
