//! What is the same on every connection, whatever is at its other end: how messages are cut out of
//! a stream, what both sides say first, and why one of them closes.

pub(crate) mod close;
pub(crate) mod frame;
pub(crate) mod hello;
