//! What brings bytes to a receiver.

use std::time::Duration;

/// See the module's documentation. It is one for all runs of a command.
pub(super) trait Carrier: Send + 'static {
    /// Brings bytes, and waits for at most so long until they are taken.
    ///
    /// # Errors
    /// They were not taken.
    fn bring(&mut self, bytes: &[u8], patience: Duration) -> Result<(), NotTaken>;
}

/// Why a receiver did not take what was brought, in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotTaken {
    /// It may later: it was not reached, or is not well.
    Yet(String),
    /// Not so much at once.
    TooLarge(String),
    /// Nobody knows whether it was: there was no answer in time.
    Perhaps(String),
    /// It never will, or nobody knows how much of it was taken.
    Ever(String),
}
