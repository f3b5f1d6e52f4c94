//! How results are serialized whose form differs from their fields. The form is documented in
//! `guide/json.md`; a change to it is a change of the interface.
//!
//! Types whose form is their fields derive `Serialize` where they are defined. Errors have theirs in
//! `error/form.rs`.

mod crash;
mod event;
mod run;
#[cfg(feature = "svd")]
mod svd;
mod value;

/// Serializes a type by way of a form of it.
macro_rules! serialize_as {
    ($($type:ty => |$value:ident| $form:expr;)*) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $value = self;
                serde::Serialize::serialize(&$form, serializer)
            }
        }
    )*};
}
use serialize_as;

#[cfg(test)]
mod tests;
