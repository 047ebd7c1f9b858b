//! Who may call the control API over HTTP.
//!
//! On a loopback address anybody with a shell on this machine may call, as they could send signals
//! too; but not a page in their browser: a call is refused that has an `Origin` or comes from
//! another site, that has a body which is not declared as JSON, or that names a host other than a
//! loopback one. Where a token is set, and beyond loopback one must be, every call carries it.
//! There is no TLS: over a network that is not trusted, go through a tunnel.

use std::ffi::OsStr;
use std::net::SocketAddr;

use anyhow::bail;
use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName};

use crate::serve::{Call, HttpAnswer};

/// The variable of the environment that holds the token: a flag could be read by every user of the
/// machine.
pub(crate) const TOKEN: &str = "SWELL_CONTROL_TOKEN";

/// The fewest bytes of a token beyond loopback, where anybody may try any number of them.
const MIN_BEYOND_LOOPBACK: usize = 16;

/// See the module's documentation.
pub(crate) struct Access {
    token: Option<blake3::Hash>,
}

impl Access {
    /// The rules for an API at this address.
    ///
    /// # Errors
    /// The address is not a loopback one and there is no token, or the token is not one.
    pub(crate) fn to(address: SocketAddr) -> anyhow::Result<Self> {
        let token = token_of_environment(address)?;
        if token.is_none() && !address.ip().is_loopback() {
            bail!(
                "--control {address}: beyond loopback the control API needs a token\nhelp: set \
                {TOKEN} to a long random text, or use 127.0.0.1:{}",
                address.port()
            );
        }
        Ok(Self { token })
    }

    /// Why the caller is refused; `None` if it is not.
    pub(crate) fn refuse(&self, call: &Call) -> Option<HttpAnswer> {
        let header = |name: HeaderName| header(&call.headers, name);
        if call.is_of_a_page() {
            return Some(HttpAnswer::error(
                StatusCode::FORBIDDEN,
                "a web page may not call this API",
            ));
        }
        match &self.token {
            Some(token) => {
                let given = header(AUTHORIZATION)
                    .and_then(|value| value.strip_prefix("Bearer "))
                    .map(|given| blake3::hash(given.as_bytes()));
                // The comparison takes the same time wherever hashes differ.
                if given.as_ref() != Some(token) {
                    let cure = format!(
                        "the call needs the header `Authorization: Bearer …` with what {TOKEN} \
                        holds"
                    );
                    return Some(HttpAnswer::error(StatusCode::UNAUTHORIZED, &cure));
                }
            }
            None if !header(HOST).is_some_and(is_loopback) => {
                return Some(HttpAnswer::error(
                    StatusCode::FORBIDDEN,
                    "without a token the API is called by a loopback name, as 127.0.0.1",
                ));
            }
            None => {}
        }
        (!is_json(call)).then(|| {
            HttpAnswer::error(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "a body needs the header `Content-Type: application/json`",
            )
        })
    }
}

/// The hash of the token for what is served at this address, if one is set.
///
/// # Errors
/// No header can carry it, or it is too short for the address. Whoever has set one wants to be
/// protected, so a token that cannot be used is not as none.
pub(crate) fn token_of_environment(address: SocketAddr) -> anyhow::Result<Option<blake3::Hash>> {
    std::env::var_os(TOKEN).map(|token| hash_of(&token, address)).transpose()
}

fn hash_of(token: &OsStr, address: SocketAddr) -> anyhow::Result<blake3::Hash> {
    let bytes = token.as_encoded_bytes();
    let is_padded = bytes.first() == Some(&b' ') || bytes.last() == Some(&b' ');
    if bytes.is_empty() || is_padded || !bytes.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        bail!(
            "{TOKEN}: a header must be able to carry it\nhelp: give printable ASCII with no spaces \
            or line ends around it, as of `openssl rand -hex 32`; or unset it"
        );
    }
    if bytes.len() < MIN_BEYOND_LOOPBACK && !address.ip().is_loopback() {
        bail!(
            "{TOKEN}: at {address}, beyond loopback, it needs at least {MIN_BEYOND_LOOPBACK} \
            characters\nhelp: give a long random text, as of `openssl rand -hex 32`"
        );
    }
    Ok(blake3::hash(bytes))
}

/// Whether the body of a call, if there is one, is said to be JSON. A form on a page cannot say so.
pub(crate) fn is_json(call: &Call) -> bool {
    let kind = header(&call.headers, CONTENT_TYPE).and_then(|kind| kind.split(';').next());
    call.body.is_empty() || kind.is_some_and(|kind| kind.trim() == "application/json")
}

pub(crate) fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a `Host` is a name by which this machine calls itself. Any other name may be one that a
/// web page let resolve to this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost"
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn a_token_that_no_header_carries_or_that_is_easily_guessed_is_refused() {
        let hashed = |token: &[u8], address: &str| {
            let address = address.parse().expect("it is one");
            hash_of(OsStr::from_bytes(token), address).map_err(|error| error.to_string())
        };
        let (near, far) = ("127.0.0.1:6565", "0.0.0.0:6565");
        for token in
            [&b""[..], b" ", b" open", b"open ", b"open\n", b"o\tpen", b"\xff", b"\xc3\xbc"]
        {
            let refused = hashed(token, near).expect_err("no header carries it");
            assert!(refused.contains("a header must be able to carry it"), "{token:?}: {refused}");
        }
        assert_eq!(hashed(b"open sesame", near), Ok(blake3::hash(b"open sesame")));
        assert!(hashed(b"open sesame", far).expect_err("it is short").contains("at least 16"));
        assert!(hashed(b"open sesame open", far).is_ok());
    }

    #[test]
    fn only_loopback_names_are_this_machine_to_itself() {
        for host in ["127.0.0.1:6565", "localhost", "localhost:1", "[::1]:6565", "127.1.2.3"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["example.com", "localhost.example.com:6565", "10.0.0.1", "[2001:db8::1]:1", ""]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
