//! Join tokens: all that a new node must know, as one word.
//!
//! A token says where the coordinator is and what its cluster is known by (so that nobody else can
//! answer in its place), and holds the secret that proves the right to join. People and scripts
//! copy it, so it is one run of letters and digits after its prefix, which a double click selects
//! as a whole. Case does not matter, and a length and a checksum tell a word that was cut from one
//! that was mistyped. Its end and its number of uses are printed in it for the reader only: the
//! [`TokenRegister`](crate::TokenRegister) of the node that admits decides.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use data_encoding::{BASE32_NOPAD_NOCASE, DecodeKind, HEXLOWER};
use serde::{Deserialize, Serialize};

use crate::certificate::Pin;
use crate::random::random;

/// What every token begins with; the digit is the version of its layout.
const PREFIX: &str = "swell1.";
/// The most addresses that a token may carry: they are tried at the same time, and the word should
/// not get long.
const MAX_ADDRESSES: usize = 8;
/// The longest name in DNS (RFC 1035, section 2.3.4) with a port.
const MAX_ADDRESS_LENGTH: usize = 255 + 6;
/// Bytes of the checksum: a mistyped word passes once in four billion times.
const CHECKSUM: usize = 4;

/// The right to join a cluster, and where and how to find it.
///
/// It prints as the word that [`Token::from_str`] reads, secret included; its `Debug` form keeps
/// the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(TokenBody);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TokenBody {
    addresses: Vec<String>,
    pin: Pin,
    id: TokenId,
    secret: [u8; 32],
    expires_unix_s: u64,
    uses: NonZeroU32,
}

/// A token's name in registers and audit lines. It is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenId([u8; 8]);

/// Why a word is no token, or a token cannot be made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It does not begin as tokens do.
    #[error(
        "this is no join token: it begins with \"{PREFIX}\"\nhelp: copy the whole word that the \
        coordinator printed"
    )]
    NoToken,
    /// It begins like the token of another release.
    #[error(
        "this join token has layout {theirs:?}, and this release reads \"{PREFIX}\"\nhelp: run the \
        same release on all nodes"
    )]
    OtherLayout {
        /// Its prefix.
        theirs: String,
    },
    /// Something is missing at its end.
    #[error(
        "this join token is cut short\nhelp: copy it to its end; some terminals break it into lines"
    )]
    Truncated,
    /// The word is not one that was printed.
    #[error("this join token is mistyped: {what}\nhelp: copy it anew")]
    Mistyped {
        /// Where or how it shows.
        what: String,
    },
    /// An address cannot be dialled.
    #[error(
        "address {address:?} in a join token: {reason}\nhelp: write it like \"10.0.0.1:7600\", \
        \"[2001:db8::1]:7600\" or \"load-0.load:7600\""
    )]
    Address {
        /// As given.
        address: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is no address, or too many.
    #[error("a join token carries 1 to {MAX_ADDRESSES} addresses of the coordinator, not {0}")]
    Addresses(usize),
}

impl Token {
    /// Draws a new token. It admits no node before a register knows it.
    ///
    /// `addresses` are host:port, names or numbers. The end is given in seconds of Unix time.
    pub fn draw(
        addresses: Vec<String>,
        pin: Pin,
        expires_unix_s: u64,
        uses: NonZeroU32,
    ) -> Result<Self, TokenError> {
        check_addresses(&addresses)?;
        Ok(Self(TokenBody {
            addresses,
            pin,
            id: TokenId(random()),
            secret: random(),
            expires_unix_s,
            uses,
        }))
    }

    /// Where the coordinator may be found: host:port, in no order.
    pub fn addresses(&self) -> &[String] {
        &self.0.addresses
    }

    /// The same token for a coordinator with other addresses.
    pub fn at(self, addresses: Vec<String>) -> Result<Self, TokenError> {
        check_addresses(&addresses)?;
        Ok(Self(TokenBody { addresses, ..self.0 }))
    }

    /// The hash by which the cluster is known.
    pub const fn pin(&self) -> Pin {
        self.0.pin
    }

    /// The token's name.
    pub const fn id(&self) -> TokenId {
        self.0.id
    }

    /// When it ends, in seconds of Unix time, as it was when drawn.
    pub const fn expires_unix_s(&self) -> u64 {
        self.0.expires_unix_s
    }

    /// How many nodes it admits, as it was when drawn.
    pub const fn uses(&self) -> NonZeroU32 {
        self.0.uses
    }

    /// The same with another secret.
    #[cfg(test)]
    pub(crate) fn mistrusted(mut self) -> Self {
        self.0.secret = random();
        self
    }

    pub(crate) const fn secret(&self) -> &[u8; 32] {
        &self.0.secret
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(word: &str) -> Result<Self, TokenError> {
        let word = word.trim();
        let Some(symbols) = word
            .get(..PREFIX.len())
            .filter(|start| start.eq_ignore_ascii_case(PREFIX))
            .map(|_| &word[PREFIX.len()..])
        else {
            return Err(foreign_prefix(word));
        };
        let bytes = BASE32_NOPAD_NOCASE.decode(symbols.as_bytes()).map_err(|e| match e.kind {
            // A base-32 word that ends inside of a byte was cut.
            DecodeKind::Length | DecodeKind::Trailing => TokenError::Truncated,
            DecodeKind::Symbol | DecodeKind::Padding => {
                TokenError::Mistyped { what: unknown_symbol(symbols, e.position) }
            }
        })?;
        let (length, rest) = bytes.split_first_chunk::<2>().ok_or(TokenError::Truncated)?;
        let length = usize::from(u16::from_be_bytes(*length));
        match rest.len() {
            present if present < length + CHECKSUM => return Err(TokenError::Truncated),
            present if present > length + CHECKSUM => {
                return Err(TokenError::Mistyped { what: "it is longer than it says".into() });
            }
            _ => {}
        }
        let (body, sum) = rest.split_at(length);
        if sum != checksum(body) {
            return Err(TokenError::Mistyped { what: "its checksum does not fit".into() });
        }
        let (body, rest): (TokenBody, _) = postcard::take_from_bytes(body)
            .map_err(|_| TokenError::Mistyped { what: "it holds no token".into() })?;
        if !rest.is_empty() {
            return Err(TokenError::Mistyped { what: "it holds more than a token".into() });
        }
        check_addresses(&body.addresses)?;
        Ok(Self(body))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body =
            postcard::to_stdvec(&self.0).expect("a token has no part that postcard cannot write");
        f.write_str(&word(&body))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TokenBody { addresses, pin, id, secret: _, expires_unix_s, uses } = &self.0;
        f.debug_struct("Token")
            .field("addresses", addresses)
            .field("pin", pin)
            .field("id", id)
            .field("secret", &"kept")
            .field("expires_unix_s", expires_unix_s)
            .field("uses", uses)
            .finish()
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl FromStr for TokenId {
    type Err = TokenError;

    /// Reads what was printed: 16 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, TokenError> {
        let id = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        id.map(Self).ok_or_else(|| TokenError::Mistyped {
            what: "a token's id is 16 hexadecimal digits".into(),
        })
    }
}

/// The text with each token in it, complete or not, cut to its prefix; `None` if it has no token.
/// This is for errors that quote what was typed, because they go to logs.
pub fn without_tokens(text: &str) -> Option<String> {
    // Lower case changes the place of no byte.
    let lower = text.to_ascii_lowercase();
    let (mut kept, mut from) = (String::new(), 0);
    while let Some(start) = lower[from..].find(PREFIX) {
        let secret = from + start + PREFIX.len();
        let length = text[secret..].bytes().take_while(u8::is_ascii_alphanumeric).count();
        kept.push_str(&text[from..secret]);
        kept.push_str(if length > 0 { "…" } else { "" });
        from = secret + length;
    }
    (from > 0).then(|| kept + &text[from..])
}

fn check_addresses(addresses: &[String]) -> Result<(), TokenError> {
    if !(1..=MAX_ADDRESSES).contains(&addresses.len()) {
        return Err(TokenError::Addresses(addresses.len()));
    }
    for address in addresses {
        let wrong = |reason| Err(TokenError::Address { address: address.clone(), reason });
        let Some((host, port)) = address.rsplit_once(':') else { return wrong("it has no port") };
        if address.len() > MAX_ADDRESS_LENGTH {
            return wrong("it is too long");
        }
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return wrong("it has no host");
        }
        if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
            return wrong("an IPv6 address stands in brackets");
        }
        if !port.parse::<u16>().is_ok_and(|port| port > 0) {
            return wrong("its port is no number from 1 to 65535");
        }
    }
    Ok(())
}

/// The word around a body.
///
/// # Panics
/// With more than 65,535 bytes.
pub(crate) fn word(body: &[u8]) -> String {
    let length = u16::try_from(body.len()).expect("eight addresses of 261 bytes fit into 65,535");
    let bytes = [&length.to_be_bytes()[..], body, &checksum(body)].concat();
    format!("{PREFIX}{}", BASE32_NOPAD_NOCASE.encode(&bytes).to_ascii_lowercase())
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    *blake3::hash(body).as_bytes().first_chunk().expect("a hash has 32 bytes")
}

fn foreign_prefix(word: &str) -> TokenError {
    match word.split_once('.') {
        Some((layout, _))
            if layout
                .strip_prefix("swell")
                .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) =>
        {
            TokenError::OtherLayout { theirs: format!("{layout}.") }
        }
        _ if !word.is_empty() && PREFIX.starts_with(word) => TokenError::Truncated,
        _ => TokenError::NoToken,
    }
}

fn unknown_symbol(symbols: &str, position: usize) -> String {
    let symbol = symbols.get(position..).and_then(|rest| rest.chars().next());
    symbol.map_or_else(
        || "it holds what is no letter".into(),
        |symbol| format!("{symbol:?} at place {}", PREFIX.len() + position + 1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        let addresses = vec!["10.0.0.1:7600".into(), "load-0.load:7600".into()];
        Token::draw(addresses, Pin::of(b"key"), 1_800_000_000, NonZeroU32::new(3).unwrap()).unwrap()
    }

    #[test]
    fn a_token_survives_its_printed_form_in_any_case() {
        let token = token();
        assert_eq!(token.to_string().parse(), Ok(token.clone()));
        assert_eq!(format!("  {}\n", token.to_string().to_uppercase()).parse(), Ok(token.clone()));
        assert!(token.to_string()[PREFIX.len()..].bytes().all(|b| b.is_ascii_alphanumeric()));
    }

    #[test]
    fn wherever_a_token_is_cut_it_is_called_cut() {
        let word = token().to_string();
        for end in 1..word.len() {
            assert_eq!(word[..end].parse::<Token>(), Err(TokenError::Truncated), "cut at {end}");
        }
    }

    #[test]
    fn no_mistyped_token_is_read() {
        let word = token().to_string();
        for place in PREFIX.len()..word.len() {
            let other = if word.as_bytes()[place] == b'q' { "r" } else { "q" };
            let mistyped = [&word[..place], other, &word[place + 1..]].concat();
            assert!(mistyped.parse::<Token>().is_err(), "mistyped at {place}");
        }
        let outside =
            [&word[..40], "1", &word[41..]].concat().parse::<Token>().unwrap_err().to_string();
        assert!(outside.contains("'1' at place 41"), "{outside}");
        let longer = format!("{word}aaaaaaaa").parse::<Token>();
        assert!(matches!(longer, Err(TokenError::Mistyped { .. })), "{longer:?}");
    }

    #[test]
    fn what_is_no_token_or_another_release_s_is_told_apart() {
        assert_eq!("hello".parse::<Token>(), Err(TokenError::NoToken));
        assert_eq!("".parse::<Token>(), Err(TokenError::NoToken));
        assert_eq!(
            "swell2.abc".parse::<Token>(),
            Err(TokenError::OtherLayout { theirs: "swell2.".into() })
        );
    }

    #[test]
    fn an_address_that_cannot_be_dialled_is_refused_when_the_token_is_drawn() {
        for address in
            ["10.0.0.1", "10.0.0.1:0", "10.0.0.1:70000", ":7600", "2001:db8::1:7600", "a b:7600"]
        {
            let drawn = Token::draw(vec![address.into()], Pin::of(b"key"), 0, NonZeroU32::MIN);
            assert!(matches!(drawn, Err(TokenError::Address { .. })), "{address}");
        }
        assert_eq!(
            Token::draw(Vec::new(), Pin::of(b"key"), 0, NonZeroU32::MIN),
            Err(TokenError::Addresses(0))
        );
        assert!(
            Token::draw(vec!["[2001:db8::1]:7600".into()], Pin::of(b"key"), 0, NonZeroU32::MIN)
                .is_ok()
        );
    }

    #[test]
    fn a_text_is_shown_without_the_tokens_in_it() {
        assert_eq!(without_tokens("error: no such file"), None);
        let word = token().to_string();
        let text = format!("\"{word}\" and {}, é", word.to_uppercase());
        assert_eq!(without_tokens(&text).unwrap(), "\"swell1.…\" and SWELL1.…, é");
        assert_eq!(
            without_tokens("it begins with \"swell1.\"").unwrap(),
            "it begins with \"swell1.\""
        );
    }

    #[test]
    fn the_secret_is_not_in_the_debug_form() {
        let token = token();
        assert!(!format!("{token:?}").contains(&format!("{:?}", token.secret())));
    }
}
