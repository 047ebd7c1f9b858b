//! The statuses of gRPC, by their numbers and names.

/// The names of the statuses that there are, in the order of their numbers (`google.rpc.Code`).
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The call did what it should.
pub const OK: u16 = 0;
/// Whoever made the call has ended it.
pub const CANCELLED: u16 = 1;
/// Nobody knows what the call came to; and any number that gRPC does not know.
pub const UNKNOWN: u16 = 2;
/// The deadline passed.
pub const DEADLINE_EXCEEDED: u16 = 4;
/// The service does not let one do that.
pub const PERMISSION_DENIED: u16 = 7;
/// There is no such method.
pub const UNIMPLEMENTED: u16 = 12;
/// One side has broken the rules.
pub const INTERNAL: u16 = 13;
/// The service is not there now.
pub const UNAVAILABLE: u16 = 14;
/// The service does not know who asks.
pub const UNAUTHENTICATED: u16 = 16;

/// What a status is called; that of a number that there is not is `UNKNOWN`.
pub fn status_name(code: u16) -> &'static str {
    NAMES.get(usize::from(code)).unwrap_or(&NAMES[usize::from(UNKNOWN)])
}

/// The number of a status, if there is one of this number.
pub const fn known(code: u32) -> Option<u16> {
    if code < NAMES.len() as u32 { Some(code as u16) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_those_of_google_rpc_code() {
        let named = [
            (OK, "OK"),
            (CANCELLED, "CANCELLED"),
            (UNKNOWN, "UNKNOWN"),
            (DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
            (PERMISSION_DENIED, "PERMISSION_DENIED"),
            (UNIMPLEMENTED, "UNIMPLEMENTED"),
            (INTERNAL, "INTERNAL"),
            (UNAVAILABLE, "UNAVAILABLE"),
            (UNAUTHENTICATED, "UNAUTHENTICATED"),
        ];
        for (code, name) in named {
            assert_eq!((status_name(code), known(code.into())), (name, Some(code)));
        }
        assert_eq!((status_name(17), known(17), known(u32::MAX)), ("UNKNOWN", None, None));
    }
}
