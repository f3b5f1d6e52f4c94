//! A server that answers at once.
