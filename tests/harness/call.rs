//! One HTTP call, as a person makes with curl: to the host's own endpoints.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// What a call was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallReply {
    /// As 200.
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    /// As it came.
    pub body: String,
}

impl CallReply {
    /// A value of the JSON in it by its path (RFC 6901).
    ///
    /// # Panics
    /// It is no JSON, or there is no such value.
    #[track_caller]
    pub fn json_at(&self, path: &str) -> Value {
        let json: Value = serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.body));
        json.pointer(path).unwrap_or_else(|| panic!("no {path} in {json:#}")).clone()
    }

    /// The value of a header, if there is one.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        pairs.find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value))
    }

    /// The words of an error.
    ///
    /// # Panics
    /// It is none.
    #[track_caller]
    pub fn error(&self) -> String {
        self.json_at("/error").as_str().expect("an error has words").to_owned()
    }
}

/// Makes a call, with headers as `Name: value`; those of every call are added unless given.
///
/// # Panics
/// Nobody answers.
pub fn call(to: SocketAddr, method: &str, path: &str, headers: &[&str], body: &str) -> CallReply {
    let mut stream = TcpStream::connect(to).expect("somebody listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("30 s is a timeout");
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    if !headers.iter().any(|header| header.starts_with("Host:")) {
        head.push_str(&format!("Host: {to}\r\n"));
    }
    for header in headers {
        head.push_str(&format!("{header}\r\n"));
    }
    // Who refuses a body answers before it has read all of it.
    let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) =
        answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer ({read:?}): {answer:?}"));
    let status = head
        .split_whitespace()
        .nth(1)
        .and_then(|status| status.parse().ok())
        .expect("an answer has a status");
    CallReply { status, head: head.to_owned(), body: body.to_owned() }
}
