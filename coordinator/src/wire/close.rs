//! Why a connection was closed, as a number that the other side reads.

use quinn::VarInt;

/// The reason for which one side closed a connection. Numbers are never given a second meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CloseCode {
    /// The connection is not needed any more.
    Goodbye = 0,
    /// The other side speaks another major version.
    OtherMajor = 1,
    /// The other side's release does not go together with this one.
    OtherVersion = 2,
    /// The other side showed no certificate.
    NoCertificate = 3,
    /// The other side claims to be a node that its certificate does not name.
    Impostor = 4,
    /// A message was announced that is longer than 1 MiB.
    TooLong = 5,
    /// Bytes that should be a message are none.
    Garbage = 6,
    /// The other side opened streams faster than anything needs.
    TooManyStreams = 7,
    /// A message began and did not end in time.
    TooSlow = 8,
    /// This node has too many connections.
    Busy = 9,
    /// What the other side said was well-formed and wrong: see
    /// [`Peer::reject`](crate::Peer::reject).
    Rejected = 10,
}

impl CloseCode {
    const ALL: [Self; 11] = [
        Self::Goodbye,
        Self::OtherMajor,
        Self::OtherVersion,
        Self::NoCertificate,
        Self::Impostor,
        Self::TooLong,
        Self::Garbage,
        Self::TooManyStreams,
        Self::TooSlow,
        Self::Busy,
        Self::Rejected,
    ];

    /// The code with this number, if this release knows it.
    pub(crate) fn of(number: VarInt) -> Option<Self> {
        Self::ALL.into_iter().find(|code| VarInt::from(*code) == number)
    }

    /// The reason in words, as the side that closed says it about the other side.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Goodbye => "it is not needed any more",
            Self::OtherMajor => "another major version is spoken",
            Self::OtherVersion => "the releases do not go together",
            Self::NoCertificate => "no certificate was shown",
            Self::Impostor => "the certificate names another node",
            Self::TooLong => "a message was longer than 1 MiB",
            Self::Garbage => "a message made no sense",
            Self::TooManyStreams => "too many streams were opened",
            Self::TooSlow => "a message was begun and not ended",
            Self::Busy => "there are too many connections",
            Self::Rejected => "what was said was wrong",
        }
    }
}

impl From<CloseCode> for VarInt {
    fn from(code: CloseCode) -> Self {
        Self::from_u32(code as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_read_back_from_its_number() {
        for code in CloseCode::ALL {
            assert_eq!(CloseCode::of(code.into()), Some(code));
        }
        assert_eq!(CloseCode::of(VarInt::MAX), None);
    }
}
