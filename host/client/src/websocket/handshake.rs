//! The opening handshake (RFC 6455, 4.1): what is asked of the service, and which answers are
//! taken.
//!
//! It is strict where two readers could differ about what follows: an answer that agrees to
//! something that was not offered is no WebSocket.

use data_encoding::BASE64;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    TRANSFER_ENCODING, UPGRADE,
};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::error::Error;
use crate::http::fields::lists;
use crate::http::urls::told;

/// What a service puts behind the key to show that it has understood (RFC 6455, 1.3).
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Headers that the handshake alone sets, or that cannot stand in it.
const ITS_OWN: [HeaderName; 7] = [
    CONNECTION,
    UPGRADE,
    SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION,
    SEC_WEBSOCKET_EXTENSIONS,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
];

/// A handshake that was offered.
#[derive(Debug)]
pub(super) struct Handshake {
    accept: String,
    subprotocols: Vec<String>,
}

impl Handshake {
    /// Adds to `headers` what makes them a handshake with this nonce. Subprotocols that the
    /// scenario gave as a header count as its subprotocols.
    pub(super) fn offer(
        nonce: [u8; 16],
        mut subprotocols: Vec<String>,
        headers: &mut Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Self, Error> {
        if let Some((name, _)) = headers.iter().find(|(name, _)| ITS_OWN.contains(name)) {
            return Err(Error::invalid(format!(
                "{name} belongs to the handshake, which the host makes itself"
            )));
        }
        for (_, value) in headers.extract_if(.., |(name, _)| *name == SEC_WEBSOCKET_PROTOCOL) {
            let list = String::from_utf8_lossy(value.as_bytes());
            subprotocols.extend(list.split(',').map(|one| one.trim().to_owned()));
        }
        for (place, name) in subprotocols.iter().enumerate() {
            // The characters of a token are those of a header's name.
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                return Err(Error::invalid(format!("{name:?} cannot be a subprotocol's name")));
            }
            if subprotocols[..place].contains(name) {
                return Err(Error::invalid(format!("subprotocol {name:?} is given twice")));
            }
        }
        let key = BASE64.encode(&nonce);
        let value =
            |text: &str| HeaderValue::try_from(text).expect("base 64 and tokens can be sent");
        headers.push((CONNECTION, HeaderValue::from_static("Upgrade")));
        headers.push((UPGRADE, HeaderValue::from_static("websocket")));
        headers.push((SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")));
        headers.push((SEC_WEBSOCKET_KEY, value(&key)));
        if !subprotocols.is_empty() {
            headers.push((SEC_WEBSOCKET_PROTOCOL, value(&subprotocols.join(", "))));
        }
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, [key.as_str(), MAGIC].concat().as_bytes());
        Ok(Self { accept: BASE64.encode(hash.as_ref()), subprotocols })
    }

    /// The subprotocol on which an answer with status 101 agrees, if it opens a WebSocket.
    pub(super) fn judge(&self, headers: &HeaderMap) -> Result<Option<String>, Error> {
        let malformed = |reason: &str| Error::protocol(format!("malformed handshake: {reason}"));
        let lists_token =
            |name, token| headers.get_all(name).iter().any(|value| lists(value.as_bytes(), token));
        if !lists_token(UPGRADE, b"websocket") {
            return Err(malformed("the answer's upgrade is not to websocket"));
        }
        if !lists_token(CONNECTION, b"upgrade") {
            return Err(malformed("the answer's connection is not an upgrade"));
        }
        match headers.get(SEC_WEBSOCKET_ACCEPT) {
            Some(accept) if accept.as_bytes().trim_ascii() == self.accept.as_bytes() => {}
            Some(_) => return Err(malformed("sec-websocket-accept does not fit to the key")),
            None => return Err(malformed("the answer has no sec-websocket-accept")),
        }
        if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
            return Err(malformed("the answer has an extension that was not offered"));
        }
        let Some(chosen) = headers.get(SEC_WEBSOCKET_PROTOCOL) else { return Ok(None) };
        let chosen = String::from_utf8_lossy(chosen.as_bytes()).trim().to_owned();
        if !self.subprotocols.contains(&chosen) {
            return Err(malformed(&format!("subprotocol {chosen:?} was not offered")));
        }
        Ok(Some(chosen))
    }
}

/// The URL of the handshake's request for a WebSocket's URL: a path stays one.
pub(super) fn http_url(url: &str) -> Result<String, Error> {
    let after = |scheme: &str| {
        url.get(..scheme.len())
            .filter(|start| start.eq_ignore_ascii_case(scheme))
            .map(|_| &url[scheme.len()..])
    };
    if url.starts_with('/') {
        Ok(url.to_owned())
    } else if let Some(rest) = after("ws://") {
        Ok(format!("http://{rest}"))
    } else if let Some(rest) = after("wss://") {
        Ok(format!("https://{rest}"))
    } else {
        Err(Error::invalid(format!(
            "URL {:?}: that of a WebSocket begins with ws:// or wss:// and a host, or with a \
            path's slash",
            told(url)
        )))
    }
}

#[cfg(test)]
mod tests {
    use swell_core::exchange::ErrorClass;

    use super::*;

    /// The nonce of RFC 6455, 1.3.
    const NONCE: [u8; 16] = *b"the sample nonce";

    fn offered(subprotocols: &[&str]) -> (Handshake, Vec<(HeaderName, HeaderValue)>) {
        let mut headers = Vec::new();
        let subprotocols = subprotocols.iter().map(|&name| name.to_owned()).collect();
        let handshake = Handshake::offer(NONCE, subprotocols, &mut headers).expect("an offer");
        (handshake, headers)
    }

    fn answer(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let good = [
            ("upgrade", "WebSocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in good.iter().chain(lines) {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        headers.retain(|_, value| value != "none");
        headers
    }

    trait Retain {
        fn retain(&mut self, keep: impl Fn(&HeaderName, &HeaderValue) -> bool);
    }

    impl Retain for HeaderMap {
        fn retain(&mut self, keep: impl Fn(&HeaderName, &HeaderValue) -> bool) {
            let gone: Vec<_> = self
                .iter()
                .filter(|(name, value)| !keep(name, value))
                .map(|(name, _)| name.clone())
                .collect();
            gone.into_iter().for_each(|name| drop(self.remove(name)));
        }
    }

    #[test]
    fn the_key_of_the_rfc_is_answered_as_there() {
        let (handshake, headers) = offered(&["chat", "superchat"]);
        let of = |name| headers.iter().find(|(given, _)| given == name).map(|(_, value)| value);
        assert_eq!(of(SEC_WEBSOCKET_KEY).expect("a key"), "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(of(SEC_WEBSOCKET_PROTOCOL).expect("subprotocols"), "chat, superchat");
        assert_eq!(handshake.judge(&answer(&[])).expect("good"), None);
        let chosen = answer(&[("sec-websocket-protocol", "superchat")]);
        assert_eq!(handshake.judge(&chosen).expect("good").as_deref(), Some("superchat"));
    }

    #[test]
    fn an_answer_that_agrees_to_something_else_opens_nothing() {
        let (handshake, _) = offered(&["chat"]);
        for (name, value) in [
            ("upgrade", "h2c"),
            ("upgrade", "none"),
            ("connection", "close"),
            ("sec-websocket-accept", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-accept", "none"),
            ("sec-websocket-extensions", "permessage-deflate"),
            ("sec-websocket-protocol", "superchat"),
        ] {
            let error = handshake.judge(&answer(&[(name, value)])).expect_err(value);
            assert_eq!(error.class, ErrorClass::Protocol, "{name}: {value}");
        }
    }

    #[test]
    fn what_makes_the_handshake_is_not_the_scenarios_to_set() {
        for name in ITS_OWN {
            let mut headers = vec![(name, HeaderValue::from_static("1"))];
            assert!(Handshake::offer(NONCE, Vec::new(), &mut headers).is_err());
        }
        for wrong in ["", "a b", "a,b", "é"] {
            assert!(Handshake::offer(NONCE, vec![wrong.into()], &mut Vec::new()).is_err());
        }
        let mut headers = vec![(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("chat, mqtt"))];
        assert!(Handshake::offer(NONCE, vec!["mqtt".into()], &mut headers).is_err(), "twice");
    }

    #[test]
    fn a_websockets_url_is_that_of_its_request() {
        for (url, of_request) in [
            ("/chat", "/chat"),
            ("ws://a.test:81/x?y", "http://a.test:81/x?y"),
            ("WSS://a.test", "https://a.test"),
        ] {
            assert_eq!(http_url(url).expect(url), of_request);
        }
        for wrong in ["http://a.test/", "a.test", "", "ws:a.test", "wss:/a"] {
            assert_eq!(http_url(wrong).expect_err(wrong).class, ErrorClass::Invalid);
        }
    }
}
