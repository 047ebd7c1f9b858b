//! The other side of a WebSocket, byte by byte as a test wants it.

use std::rc::Rc;

use data_encoding::BASE64;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use swell_client::{OpenedWebSocket, Session, WebSocket, WebSocketRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::service::*;

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// A connection after its handshake.
pub(crate) struct WebSocketPeer {
    pub(crate) stream: TcpStream,
    /// The head of the handshake's request.
    pub(crate) head: String,
}

impl WebSocketPeer {
    /// Reads the head of a request.
    pub(crate) async fn asked(mut stream: TcpStream) -> Self {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a head"));
        }
        Self { stream, head: String::from_utf8(head).expect("ASCII") }
    }

    /// The value of a header of the request.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (given, value) = line.split_once(": ")?;
            given.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The answer that opens a WebSocket, with further headers, each a line with its end.
    pub(crate) fn switching(&self, further: &str) -> String {
        let key = self.header("sec-websocket-key").expect("a key");
        let magic = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        let accept = BASE64.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, magic.as_bytes()).as_ref());
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
            sec-websocket-accept: {accept}\r\n{further}\r\n"
        )
    }

    /// Shakes hands.
    pub(crate) async fn accept(stream: TcpStream) -> Self {
        let mut peer = Self::asked(stream).await;
        let answer = peer.switching("");
        peer.send(answer.as_bytes()).await;
        peer
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        _ = self.stream.write_all(bytes).await;
    }

    /// The next frame of the client, unmasked; none at the end.
    pub(crate) async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.stream.read_u8().await.ok()?;
        let second = self.stream.read_u8().await.ok()?;
        assert_eq!(second & 0x80, 0x80, "a client masks");
        let length = match second & 0x7f {
            126 => u64::from(self.stream.read_u16().await.ok()?),
            127 => self.stream.read_u64().await.ok()?,
            short => u64::from(short),
        };
        let mut mask = [0; 4];
        self.stream.read_exact(&mut mask).await.ok()?;
        let mut payload = vec![0; usize::try_from(length).expect("it fits")];
        self.stream.read_exact(&mut payload).await.ok()?;
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        Some((first, payload))
    }

    /// Sends back what comes, until the other side closes.
    pub(crate) async fn echo(mut self) {
        while let Some((first, payload)) = self.frame().await {
            let answer = if first == PING { PONG } else { first };
            self.send(&frame(answer, &payload)).await;
            if first == CLOSE {
                return;
            }
        }
    }
}

/// A frame of a service.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(short as u8),
        long @ 126..65_536 => {
            bytes.push(126);
            bytes.extend((long as u16).to_be_bytes());
        }
        longer => {
            bytes.push(127);
            bytes.extend((longer as u64).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}

/// A service that shakes hands, and does with each connection what it is told.
pub(crate) async fn websockets<F: Future<Output = ()> + 'static>(
    serve: impl Fn(WebSocketPeer) -> F + 'static,
) -> TestService {
    let serve = Rc::new(serve);
    TestService::accepting(move |stream, _| {
        let serve = Rc::clone(&serve);
        async move { serve(WebSocketPeer::accept(stream).await).await }
    })
    .await
}

/// What asks for a WebSocket of a service.
pub(crate) fn asking(service: &TestService) -> WebSocketRequest {
    WebSocketRequest {
        url: format!("ws://{}/chat?room=1", service.address),
        headers: Vec::new(),
        subprotocols: Vec::new(),
        keep_headers: false,
        timeout: None,
        message_limit: 1 << 20,
    }
}

/// Opens a WebSocket of a service.
pub(crate) async fn open(session: &Session, service: &TestService) -> WebSocket {
    let OpenedWebSocket { result, .. } = session.open_websocket(asking(service)).await;
    result.unwrap_or_else(|error| panic!("not opened: {error}"))
}
