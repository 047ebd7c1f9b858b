//! How a call ended: its code, its words, and the metadata beside it.

use std::fmt;

use crate::bindings::grpc::{Entry, Status as Raw};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal $text:literal),+ $(,)?) => {
        /// The code of a status.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name = $number),+
        }

        impl Code {
            /// The name that gRPC gives it: `NOT_FOUND`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text),+
                }
            }

            /// The code of this number; one that gRPC does not know is `Unknown`.
            pub const fn of(number: u32) -> Self {
                match number {
                    $($number => Self::$name,)+
                    _ => Self::Unknown,
                }
            }
        }
    };
}

codes! {
    /// The call did what it should.
    Ok = 0 "OK",
    /// Whoever made the call has ended it.
    Cancelled = 1 "CANCELLED",
    /// Nobody knows what the call came to.
    Unknown = 2 "UNKNOWN",
    /// What was asked for makes no sense, whatever state the service is in.
    InvalidArgument = 3 "INVALID_ARGUMENT",
    /// The deadline passed.
    DeadlineExceeded = 4 "DEADLINE_EXCEEDED",
    /// What was asked for is not there.
    NotFound = 5 "NOT_FOUND",
    /// What was to be made is there already.
    AlreadyExists = 6 "ALREADY_EXISTS",
    /// The service does not let one do that.
    PermissionDenied = 7 "PERMISSION_DENIED",
    /// Something is used up: a quota, or room.
    ResourceExhausted = 8 "RESOURCE_EXHAUSTED",
    /// The state of the service does not allow it.
    FailedPrecondition = 9 "FAILED_PRECONDITION",
    /// Something else was done at the same time.
    Aborted = 10 "ABORTED",
    /// What was asked for lies beyond the end.
    OutOfRange = 11 "OUT_OF_RANGE",
    /// There is no such method.
    Unimplemented = 12 "UNIMPLEMENTED",
    /// The service, or the way there, is broken.
    Internal = 13 "INTERNAL",
    /// The service is not there now.
    Unavailable = 14 "UNAVAILABLE",
    /// Data are lost or damaged.
    DataLoss = 15 "DATA_LOSS",
    /// The service does not know who asks.
    Unauthenticated = 16 "UNAUTHENTICATED",
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    code: Code,
    message: String,
    details: Vec<u8>,
    headers: Vec<Entry>,
    trailers: Vec<Entry>,
}

impl Status {
    pub(super) fn of(raw: Raw) -> Self {
        let Raw { code, message, details, headers, trailers } = raw;
        Self { code: Code::of(code), message, details, headers, trailers }
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What the service said of it, or the host where that said nothing; may be empty.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The message `google.rpc.Status`, as bytes; empty if there is none.
    pub fn details(&self) -> &[u8] {
        &self.details
    }

    /// The first value of this name in the metadata of the answer, those at its head before those
    /// at its end; none unless the call kept them.
    pub fn metadata(&self, name: &str) -> Option<&[u8]> {
        let mut all = self.headers.iter().chain(&self.trailers);
        all.find(|(given, _)| given == name).map(|(_, value)| value.as_slice())
    }

    /// All metadata at the head of the answer.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// All metadata at its end.
    pub fn trailers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.trailers.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

impl fmt::Display for Status {
    /// The code alone: equal failures are counted together, and what a service says differs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_numbers_and_names_of_grpc() {
        for (number, name) in [(0, "OK"), (4, "DEADLINE_EXCEEDED"), (16, "UNAUTHENTICATED")] {
            let code = Code::of(number);
            assert_eq!((code as u32, code.to_string().as_str()), (number, name));
        }
        assert_eq!(Code::of(17), Code::Unknown);
    }
}
