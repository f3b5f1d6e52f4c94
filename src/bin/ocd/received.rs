//! What comes from the target by way of OpenOCD: RTT channels, semihosting.

use std::io::Read;

use openocd::{Error, TimeoutError};

use crate::exit_status;
use crate::failure::{Failure, Outcome};

/// What has come, if anything has before the source's own timeout.
pub(crate) fn receive(source: &mut impl Read) -> Outcome<Option<Vec<u8>>> {
    let mut buffer = vec![0; 16 * 1024];
    match source.read(&mut buffer) {
        Ok(0) => Ok(None),
        Ok(length) => {
            buffer.truncate(length);
            Ok(Some(buffer))
        }
        Err(error) => match error.downcast::<Error>() {
            Ok(Error::Timeout(TimeoutError::Rtt { .. } | TimeoutError::Semihosting { .. })) => Ok(None),
            Ok(error) => Err(error.into()),
            Err(error) => Err(failure(error)),
        },
    }
}

/// The library's error, where it is one.
pub(crate) fn failure(error: std::io::Error) -> Failure {
    match error.downcast::<Error>() {
        Ok(error) => error.into(),
        Err(error) => Failure::new(exit_status::CONNECTION, "ocd.stream", error.to_string()),
    }
}
