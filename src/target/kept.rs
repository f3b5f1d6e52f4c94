//! A target that outlives the view that it came from.

use super::Target;
use crate::session::Session;

/// A target with a handle of its session: what channels, samples and breakpoints of a scope own, so
/// that they need no lifetime.
#[derive(Debug, Clone)]
pub(crate) struct KeptTarget {
    session: Session,
    name: Option<String>,
}

impl KeptTarget {
    pub(crate) fn view(&self) -> Target<'_> {
        Target { session: &self.session, name: self.name.as_deref(), deadline: None }
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }
}

impl Target<'_> {
    /// The target of this name, with a handle of its session.
    pub(crate) fn keep_as(&self, name: &str) -> KeptTarget {
        KeptTarget { session: self.session.clone(), name: Some(name.to_owned()) }
    }

    /// The same target, with a handle of its session.
    pub(crate) fn keep(&self) -> KeptTarget {
        KeptTarget { session: self.session.clone(), name: self.name.map(str::to_owned) }
    }
}
