//! What a user may type for a token, or for the name of one or of a file.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use crate::blob::BlobHash;
use crate::token::{Token, TokenId, word};

/// The bytes as a text, and as what a text's checksum is right for.
pub(super) fn target(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes);
    let of_body = bytes.len() <= usize::from(u16::MAX) && is_read_as_printed::<Token>(&word(bytes));
    let of_text = text.is_ok_and(|text| {
        let read = [
            is_read_as_printed::<Token>,
            is_read_as_printed::<TokenId>,
            is_read_as_printed::<BlobHash>,
        ];
        read.into_iter().any(|read| read(text))
    });
    of_body || of_text
}

fn is_read_as_printed<T: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) -> bool {
    match text.parse::<T>() {
        Ok(read) => {
            assert_eq!(
                read.to_string().parse::<T>().ok().as_ref(),
                Some(&read),
                "what is printed is read"
            );
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

/// Words as they are printed, and a token's body, which any checksum can be put around.
#[cfg(test)]
pub(super) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    use std::num::NonZeroU32;

    use crate::certificate::Pin;

    let addresses =
        vec!["10.0.0.1:7600".into(), "[2001:db8::1]:7600".into(), "load-0.load:7600".into()];
    let token = Token::draw(addresses, Pin::of(b"key"), 1_800_000_000, NonZeroU32::MIN).unwrap();
    let symbols = &token.to_string()["swell1.".len()..];
    let bytes = data_encoding::BASE32_NOPAD_NOCASE.decode(symbols.as_bytes()).unwrap();
    vec![
        ("token", token.to_string().into_bytes()),
        ("body", bytes[2..bytes.len() - 4].to_vec()),
        ("id", token.id().to_string().into_bytes()),
        ("blob", BlobHash::of(b"file").to_string().into_bytes()),
    ]
}
