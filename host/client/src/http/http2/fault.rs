//! What h2 says of a request or a body, as an error with a class.

use swell_core::exchange::ErrorClass;

use crate::error::Error;
use crate::net::faults;

/// What a request can do that asks for HTTP/2 where there is none.
pub(super) const OTHER_VERSION: &str =
    " (leave the version of the request open, or set it to HTTP/1.1)";

/// What h2 says of a request or a body.
pub(super) fn fault(error: &h2::Error) -> Error {
    if let Some(io) = error.get_io() {
        return faults::stream(io);
    }
    // Text in place of a frame reads as one of impossible length: the first bytes of "HTTP/1.1"
    // ask for 4.7 MB.
    if !error.is_remote() && error.reason() == Some(h2::Reason::FRAME_SIZE_ERROR) {
        return Error::protocol(
            "HTTP/2: what came is no HTTP/2, as from a server that speaks HTTP/1.1 alone"
                .to_owned()
                + OTHER_VERSION,
        );
    }
    // The peer's own decision to end a stream or the connection is a reset; what we had to end
    // because of it broke the protocol.
    let class = if error.is_remote() { ErrorClass::Reset } else { ErrorClass::Protocol };
    Error::new(class, format!("HTTP/2: {error}"))
}
