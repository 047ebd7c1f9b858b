//! A gRPC service of frames that a test writes itself, and calls of it.

use bytes::Bytes;
use swell_client::{CalledGrpc, GrpcCall, GrpcReply, Session};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::service::*;

/// What a frame is.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

const PREFACE: usize = 24;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("small").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Fields of a head or of trailers; names and values are shorter than 127 bytes.
fn fields(pairs: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 127);
        [&[length.expect("short")], text.as_bytes()].concat()
    };
    // A literal that is not indexed, with a new name (RFC 7541, 6.2.2).
    let literal = |(name, value): &(&str, &str)| [vec![0], text(name), text(value)].concat();
    pairs.iter().flat_map(literal).collect()
}

/// The head of an answer that is gRPC.
pub(crate) fn head(stream: u32) -> Vec<u8> {
    foreign(stream, &[(":status", "200"), ("content-type", "application/grpc")], false)
}

/// A head of these fields.
pub(crate) fn foreign(stream: u32, pairs: &[(&str, &str)], ends: bool) -> Vec<u8> {
    let flags = END_HEADERS | if ends { END_STREAM } else { 0 };
    frame(HEADERS, flags, stream, &fields(pairs))
}

/// Trailers, which end the stream.
pub(crate) fn trailers(stream: u32, pairs: &[(&str, &str)]) -> Vec<u8> {
    foreign(stream, pairs, true)
}

pub(crate) fn data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, 0, stream, bytes)
}

pub(crate) fn last_data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, END_STREAM, stream, bytes)
}

pub(crate) fn message(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("small").to_be_bytes();
    [&[0], &length[..], bytes].concat()
}

pub(crate) fn reset(stream: u32, reason: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &reason.to_be_bytes())
}

/// The other side does nothing with streams above this one.
pub(crate) fn goaway(last: u32, reason: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), reason.to_be_bytes()].concat())
}

/// A whole answer.
pub(crate) fn whole(stream: u32, bytes: &[u8]) -> Vec<u8> {
    [head(stream), data(stream, &message(bytes)), trailers(stream, &[("grpc-status", "0")])]
        .concat()
}

/// Takes calls, and answers each whose messages have come with the frames of `answer`, which is
/// told the number of the connection, that of the stream, and what came; `None` ends the
/// connection.
pub(crate) async fn take_calls(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: u32,
    answer: impl Fn(u32, u32, &[u8]) -> Option<Vec<u8>>,
) {
    let mut preface = [0; PREFACE];
    if stream.read_exact(&mut preface).await.is_err() {
        return;
    }
    let mut body = Vec::new();
    let greeting = frame(SETTINGS, 0, 0, &[]);
    _ = stream.write_all(&greeting).await;
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).await.is_err() {
            return;
        }
        let [a, b, c, kind, flags, number @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        if stream.read_exact(&mut payload).await.is_err() {
            return;
        }
        let out = match kind {
            SETTINGS if flags & ACK == 0 => frame(SETTINGS, ACK, 0, &[]),
            DATA => {
                body.extend_from_slice(&payload);
                if flags & END_STREAM == 0 {
                    continue;
                }
                let came = std::mem::take(&mut body);
                match answer(connection, u32::from_be_bytes(number), &came) {
                    Some(out) => out,
                    None => return,
                }
            }
            _ => continue,
        };
        _ = stream.write_all(&out).await;
    }
}

/// A service that answers so.
pub(crate) async fn answering(
    answer: impl Fn(u32, u32, &[u8]) -> Option<Vec<u8>> + Clone + 'static,
) -> TestService {
    TestService::accepting(move |stream, counts| {
        let answer = answer.clone();
        let connection = counts.connections.get();
        async move { take_calls(stream, connection, answer).await }
    })
    .await
}

/// A call of a service.
pub(crate) fn call_of(service: &TestService) -> GrpcCall {
    GrpcCall {
        method: "/swell.test.Echo/Say".into(),
        target: service.url(""),
        metadata: Vec::new(),
        deadline: None,
        limit: 1_000,
        keep_metadata: true,
    }
}

/// A call of "hello".
pub(crate) async fn say(session: &Session, service: &TestService) -> CalledGrpc<GrpcReply> {
    session.call(call_of(service), Bytes::from_static(b"hello")).await
}
