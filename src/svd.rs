//! Peripherals and registers by the names of a device description (CMSIS-SVD).
//!
//! [`Device`] is a description, loaded from a file, and needs no session. [`Svd`], from
//! [`Session::svd`](crate::Session::svd), reads and writes registers of a target by name.

mod decode;
mod derive;
mod device;
mod expand;
mod field;
mod load;
mod lookup;
mod properties;
mod register;
mod repair;

pub use decode::{DecodedField, DecodedRegister};
pub use device::{AddressBlock, Device, Interrupt, Peripheral};
pub use field::{EnumeratedValue, Field};
pub use properties::{Access, ModifiedWriteValues, ReadAction, SkipReason, WriteConstraint};
pub use register::Register;

use std::sync::{Arc, RwLock};

/// The description that a session has loaded.
pub(crate) type Loaded = RwLock<Option<Arc<Device>>>;

/// View.
#[derive(Debug)]
pub struct Svd;
