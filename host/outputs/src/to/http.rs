//! Brings updates to a receiver of HTTP: one POST each.
//!
//! A client of its own, not the one that generates the load: it has other limits, trusts the
//! system's certificates (or those of `SSL_CERT_FILE`), and goes through the proxy that the
//! environment names, as other tools do that report to somewhere.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use swell_core::plain::line;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Error, Timeout};

use super::carrier::{Carrier, NotTaken};
use super::receiver_url::ReceiverUrl;

/// Bytes of an answer that are read: enough for the reason of a refusal.
const MAX_ANSWER: u64 = 16 << 10;
/// Characters of it that are shown.
const MAX_REASON: usize = 200;

/// Finds in an answer of 2xx what was not taken.
type TakenInPart = fn(&[u8]) -> Option<String>;

/// See the module's documentation.
pub(super) struct Http {
    agent: Agent,
    url: String,
    headers: Vec<(Cow<'static, str>, String)>,
    /// What is sent of an update's bytes.
    encode: fn(&[u8]) -> Cow<'_, [u8]>,
    /// What an answer of 2xx says that was not taken, in a protocol that can.
    refusal: Option<TakenInPart>,
}

impl Http {
    /// Posts to this URL, with the user that `receiver` has and these headers.
    pub(super) fn new(
        receiver: &ReceiverUrl,
        url: String,
        mut headers: Vec<(Cow<'static, str>, String)>,
    ) -> Self {
        let is_authorized = headers.iter().any(|(name, _)| name == "authorization");
        if let Some(basic) = receiver.basic.clone().filter(|_| !is_authorized) {
            headers.push(("authorization".into(), basic));
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("swell/", env!("CARGO_PKG_VERSION")));
        if receiver.url.scheme() == "https" {
            config = config.tls_config(trusting_the_system());
        }
        let agent = config.build().new_agent();
        Self { agent, url, headers, encode: as_it_is, refusal: None }
    }

    /// The same, which sends other bytes than it is given.
    pub(super) fn encoded(mut self, encode: fn(&[u8]) -> Cow<'_, [u8]>) -> Self {
        self.encode = encode;
        self
    }

    /// The same, of a protocol in which an answer of 2xx may say what was not taken.
    pub(super) fn refusing(mut self, refusal: TakenInPart) -> Self {
        self.refusal = Some(refusal);
        self
    }
}

fn as_it_is(bytes: &[u8]) -> Cow<'_, [u8]> {
    bytes.into()
}

fn trusting_the_system() -> TlsConfig {
    let found = rustls_native_certs::load_native_certs().certs;
    let roots = found.iter().map(|root| Certificate::from_der(root).to_owned());
    TlsConfig::builder()
        .root_certs(RootCerts::from(roots))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build()
}

impl Carrier for Http {
    fn bring(&mut self, bytes: &[u8], patience: Duration) -> Result<(), NotTaken> {
        let mut request = self.agent.post(&self.url);
        for (name, value) in &self.headers {
            request = request.header(&**name, value);
        }
        // Who cannot even be reached in most of the time has taken nothing.
        let reaching = Some(patience.mul_f64(0.75));
        let request = request
            .config()
            .timeout_global(Some(patience))
            .timeout_resolve(reaching)
            .timeout_connect(reaching)
            .build();
        let body = (self.encode)(bytes);
        let mut answer = request.send(&*body).map_err(|error| failed(&error, patience))?;
        let status = answer.status().as_u16();
        if (200..300).contains(&status) {
            // What it says beyond that may come slowly, or never.
            let Some(refusal) = self.refusal else { return Ok(()) };
            let read = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
            let refused = refusal(&read.unwrap_or_default());
            return refused.map_or(Ok(()), |reason| Err(NotTaken::Ever(shown(&reason))));
        }
        let read = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
        let said = read.unwrap_or_default();
        let said = shown(&said);
        let colon = if said.is_empty() { "" } else { ": " };
        let reason = format!("it answered {status}{colon}{said}");
        match status {
            413 => Err(NotTaken::TooLarge(reason)),
            // Too early, too much, or not well.
            408 | 425 | 429 | 500.. => Err(NotTaken::Yet(reason)),
            _ => Err(NotTaken::Ever(reason)),
        }
    }
}

/// The first line of what a receiver says, as far as that is shown.
fn shown(said: &str) -> String {
    let mut first = said.lines().map(str::trim).find(|line| !line.is_empty()).map(str::chars);
    let said: String = first.iter_mut().flatten().take(MAX_REASON).collect();
    line(&said).to_string()
}

/// Why there was no answer. What cannot be asked for is nothing that goes by.
fn failed(error: &Error, patience: Duration) -> NotTaken {
    match error {
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            NotTaken::Yet("it cannot be reached in time".to_owned())
        }
        Error::Timeout(_) => {
            NotTaken::Perhaps(format!("no answer within {:.0} s", patience.as_secs_f64()))
        }
        Error::Io(error) => NotTaken::Yet(error.to_string()),
        Error::Http(_) | Error::BadUri(_) => NotTaken::Ever(line(&error.to_string()).to_string()),
        error => NotTaken::Yet(line(&error.to_string()).to_string()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener};
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// What one request said: its head, and its body.
    pub(in crate::to) type PostSeen = (String, Vec<u8>);

    /// Answers connections one after the other with these lines, and tells what it was asked. Where
    /// an answer is empty, the connection is closed without one.
    pub(in crate::to) fn receiver(
        answers: &'static [&'static str],
    ) -> (SocketAddr, Receiver<PostSeen>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, asked) = channel();
        std::thread::spawn(move || {
            for answer in answers {
                let (stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream);
                let (mut head, mut length) = (String::new(), 0);
                while reader.read_line(&mut head).unwrap() > 2 {
                    let last = head.lines().last().unwrap().to_ascii_lowercase();
                    if let Some(value) = last.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let _ = tell.send((head, body));
                let _ = reader.into_inner().write_all(answer.as_bytes());
            }
        });
        (address, asked)
    }

    /// What an answer of 204 looks like on the wire.
    pub(in crate::to) const TAKEN: &str =
        "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

    fn http(address: SocketAddr) -> Http {
        let typed = format!("http://me:s3cret@{address}/x");
        let receiver = ReceiverUrl::parse("influx", &typed, "x").unwrap();
        Http::new(
            &receiver,
            receiver.at("/write", &[("db", "x")]),
            vec![("x-a".into(), "b".to_owned())],
        )
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn an_update_is_posted_with_its_headers_and_its_user() {
        let (address, asked) = receiver(&[TAKEN]);
        assert_eq!(http(address).bring(b"hello", LONG), Ok(()));
        let (head, body) = asked.recv().unwrap();
        assert!(head.starts_with("POST /write?db=x HTTP/1.1\r\n"), "{head}");
        let head = head.to_ascii_lowercase();
        for header in ["authorization: basic bwu6cznjcmv0", "x-a: b", "user-agent: swell/"] {
            assert!(head.contains(header), "{header} in {head}");
        }
        assert_eq!(body, b"hello");
    }

    #[test]
    fn an_answer_says_whether_it_is_worth_another_try() {
        let (address, _asked) = receiver(&[
            "HTTP/1.1 503 Busy\r\ncontent-length: 7\r\nconnection: close\r\n\r\n\n\u{1b}[2J\nx",
            "HTTP/1.1 400 Bad\r\ncontent-length: 9\r\nconnection: close\r\n\r\nno such x",
            "HTTP/1.1 413 Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "",
        ]);
        let mut http = http(address);
        let yet = "it answered 503: \\u{1b}[2J".to_owned();
        assert_eq!(http.bring(b"x", LONG), Err(NotTaken::Yet(yet)));
        let ever = "it answered 400: no such x".to_owned();
        assert_eq!(http.bring(b"x", LONG), Err(NotTaken::Ever(ever)));
        let large = "it answered 413".to_owned();
        assert_eq!(http.bring(b"x", LONG), Err(NotTaken::TooLarge(large)));
        assert_eq!(http.bring(b"x", LONG), Err(NotTaken::Ever("it answered 302".to_owned())));
        assert!(matches!(http.bring(b"x", LONG), Err(NotTaken::Yet(_))), "closed without a word");
    }

    #[test]
    fn who_has_taken_it_is_not_waited_for_to_end_the_answer() {
        let (address, _asked) = receiver(&["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nmo"]);
        assert_eq!(http(address).bring(b"x", LONG), Ok(()));
    }

    #[test]
    fn nobody_is_waited_for_longer_than_patience_lasts() {
        // It accepts, as any listener's kernel does, and never answers.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut http = http(silent.local_addr().unwrap());
        let answer = http.bring(b"x", Duration::from_millis(20));
        assert_eq!(answer, Err(NotTaken::Perhaps("no answer within 0 s".to_owned())));
    }
}
