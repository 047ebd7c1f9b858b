//! What tungstenite says of a connection, as errors with a class.

use std::io;

use swell_core::exchange::ErrorClass;
use tungstenite::error::{CapacityError, ProtocolError};

use crate::error::Error;
use crate::net::faults;

/// Whether there is nothing to read, or no room to write, for now.
pub(super) fn is_pause(error: &tungstenite::Error) -> bool {
    matches!(error, tungstenite::Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// Why a connection cannot be used any more.
pub(super) fn of_connection(error: tungstenite::Error) -> Error {
    match error {
        tungstenite::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => cut_off(),
        tungstenite::Error::Io(error) => faults::stream(&error),
        tungstenite::Error::Protocol(
            ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing,
        )
        | tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed => cut_off(),
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
            Error::new(ErrorClass::TooLarge, format!("a message was larger than {max_size} bytes"))
        }
        tungstenite::Error::Utf8(_) => Error::protocol("malformed message: text that is not UTF-8"),
        tungstenite::Error::Protocol(error) => Error::protocol(format!("malformed frame: {error}")),
        other => Error::protocol(format!("malformed frame: {other}")),
    }
}

/// A close frame with a code that may not be sent.
pub(super) fn wrong_code() -> Error {
    Error::protocol("malformed frame: closed with a code that may not be sent")
}

fn cut_off() -> Error {
    Error::new(ErrorClass::Reset, "the connection ended without being closed")
}
