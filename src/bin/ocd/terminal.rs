//! The terminal's mode, which a line editor changes while it reads.

#[cfg(unix)]
mod unix {
    use std::io;
    use std::sync::{Mutex, PoisonError};

    use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};

    /// The mode before anything was changed.
    static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

    pub(crate) fn save() {
        if let Ok(mode) = tcgetattr(io::stdin()) {
            SAVED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(mode);
        }
    }

    pub(crate) fn restore() {
        if let Some(mode) = SAVED.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            // A terminal that is gone needs no mode.
            let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, mode);
        }
    }
}

#[cfg(unix)]
pub(crate) use unix::{restore, save};

/// Keeps the terminal's mode, before a line editor changes it.
#[cfg(not(unix))]
pub(crate) fn save() {}

/// Puts the terminal's mode back.
#[cfg(not(unix))]
pub(crate) fn restore() {}
