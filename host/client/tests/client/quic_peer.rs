//! A peer that speaks QUIC and whose HTTP/3 a test writes byte by byte, and what reached it.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use http::Method;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, RecvStream, SendStream, ServerConfig, TransportConfig};
use swell_client::{Options, Request, Session, Version};
use tokio::sync::Mutex;

use crate::service::*;
use crate::tls::TestAuthority;

/// A running peer; it ends with the test's runtime.
pub(crate) struct QuicPeer {
    pub(crate) address: SocketAddr,
    pub(crate) counts: Rc<PeerCounts>,
}

#[derive(Default)]
pub(crate) struct PeerCounts {
    pub(crate) connections: Cell<u32>,
    /// Streams on which a request began.
    pub(crate) heads: Cell<u32>,
    pub(crate) under_way: Cell<u32>,
    pub(crate) most_under_way: Cell<u32>,
    /// Why connections ended.
    pub(crate) ends: RefCell<Vec<String>>,
}

/// A request whose first bytes have come.
pub(crate) struct AskedStream {
    /// Its number on its connection, from 0, and that of its connection, from 1.
    pub(crate) nth: u32,
    pub(crate) of_connection: u32,
    pub(crate) connection: Connection,
    pub(crate) send: SendStream,
    pub(crate) receive: RecvStream,
    /// What was received so far.
    pub(crate) begun: Vec<u8>,
    control: Rc<Mutex<SendStream>>,
}

pub(crate) const DATA: u64 = 0;
pub(crate) const HEADERS: u64 = 1;
const SETTINGS: u64 = 4;
const GOAWAY: u64 = 7;

/// A number as QUIC writes it, in four bytes.
pub(crate) fn number(value: u64) -> Vec<u8> {
    let short = u32::try_from(value).expect("a number below 2^30");
    (short | 0x8000_0000).to_be_bytes().to_vec()
}

pub(crate) fn frame(kind: u64, payload: &[u8]) -> Vec<u8> {
    [&number(kind), &number(payload.len() as u64), payload].concat()
}

/// A head, without tables and without Huffman's code.
pub(crate) fn head(status: u16, fields: &[(&str, &str)]) -> Vec<u8> {
    let status = status.to_string();
    let mut block = vec![0, 0];
    for (name, value) in [(":status", &*status)].iter().chain(fields) {
        prefixed(&mut block, 0x20, 3, name.len());
        block.extend_from_slice(name.as_bytes());
        prefixed(&mut block, 0, 7, value.len());
        block.extend_from_slice(value.as_bytes());
    }
    frame(HEADERS, &block)
}

/// A whole answer.
pub(crate) fn whole(body: &[u8]) -> Vec<u8> {
    [head(200, &[("content-length", &body.len().to_string())]), frame(DATA, body)].concat()
}

/// A number behind a few bits (RFC 7541, 5.1).
fn prefixed(out: &mut Vec<u8>, bits: u8, size: u32, value: usize) {
    let most = (1 << size) - 1;
    if value < most {
        out.push(bits | value as u8);
        return;
    }
    out.push(bits | most as u8);
    let mut rest = value - most;
    while rest >= 128 {
        out.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    out.push(rest as u8);
}

impl AskedStream {
    /// Reads the request to its end, and says how many bytes it had in all.
    pub(crate) async fn read(&mut self) -> usize {
        self.begun.len() + self.receive.read_to_end(1 << 26).await.map_or(0, |rest| rest.len())
    }

    /// Answers with these bytes, and ends the stream.
    pub(crate) async fn answer(&mut self, bytes: &[u8]) {
        // The client may have gone.
        if self.send.write_all(bytes).await.is_ok() {
            let _ = self.send.finish();
        }
    }

    /// Leaves out all streams from this one on.
    pub(crate) async fn say_goodbye(&self, stream: u64) {
        let goodbye = frame(GOAWAY, &number(stream));
        self.control.lock().await.write_all(&goodbye).await.expect("an open stream");
    }

    /// Speaks of the connection.
    pub(crate) async fn say(&self, bytes: &[u8]) {
        self.control.lock().await.write_all(bytes).await.expect("an open stream");
    }

    pub(crate) fn reset(&mut self, code: u32) {
        self.send.reset(code.into()).expect("an open stream");
    }
}

impl QuicPeer {
    /// Hands each request to `serve`.
    pub(crate) fn serving<F: Future<Output = ()> + 'static>(
        tls: rustls::ServerConfig,
        change: impl FnOnce(&mut TransportConfig),
        serve: impl Fn(AskedStream) -> F + 'static,
    ) -> Self {
        let crypto = QuicServerConfig::try_from(tls).expect("TLS 1.3");
        let mut config = ServerConfig::with_crypto(Arc::new(crypto));
        let mut transport = TransportConfig::default();
        change(&mut transport);
        config.transport_config(Arc::new(transport));
        let endpoint = Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
        let address = endpoint.local_addr().expect("bound");
        let (counts, serve) = (Rc::<PeerCounts>::default(), Rc::new(serve));
        let counted = Rc::clone(&counts);
        tokio::task::spawn_local(async move {
            while let Some(incoming) = endpoint.accept().await {
                let Ok(connection) = incoming.await else { continue };
                counted.connections.set(counted.connections.get() + 1);
                let (counts, serve) = (Rc::clone(&counted), Rc::clone(&serve));
                let number = counted.connections.get();
                tokio::task::spawn_local(accept(connection, number, counts, serve));
            }
        });
        Self { address, counts }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        let request = Request::new(Method::GET, self.url(path));
        Request { version: Version::Http3, ..request }
    }

    pub(crate) fn seen(&self) -> (u32, u32) {
        (self.counts.connections.get(), self.counts.heads.get())
    }

    /// Waits until so many connections have ended, and says how.
    pub(crate) async fn ends(&self, count: usize) -> Vec<String> {
        while self.counts.ends.borrow().len() < count {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        self.counts.ends.borrow().clone()
    }
}

async fn accept<F: Future<Output = ()> + 'static>(
    connection: Connection,
    of_connection: u32,
    counts: Rc<PeerCounts>,
    serve: Rc<impl Fn(AskedStream) -> F + 'static>,
) {
    let Ok(mut control) = connection.open_uni().await else { return };
    let settings = [&[0][..], &frame(SETTINGS, &[])].concat();
    control.write_all(&settings).await.expect("an open stream");
    let control = Rc::new(Mutex::new(control));
    for nth in 0.. {
        let (send, mut receive) = match connection.accept_bi().await {
            Ok(streams) => streams,
            Err(end) => return counts.ends.borrow_mut().push(end.to_string()),
        };
        let (control, connection) = (Rc::clone(&control), connection.clone());
        let (counts, serve) = (Rc::clone(&counts), Rc::clone(&serve));
        tokio::task::spawn_local(async move {
            let Ok(Some(begun)) = receive.read_chunk(usize::MAX, true).await else { return };
            let begun = begun.bytes.to_vec();
            counts.heads.set(counts.heads.get() + 1);
            counts.under_way.set(counts.under_way.get() + 1);
            counts.most_under_way.set(counts.most_under_way.get().max(counts.under_way.get()));
            serve(AskedStream { nth, of_connection, connection, send, receive, begun, control })
                .await;
            counts.under_way.set(counts.under_way.get() - 1);
        });
    }
}

/// A peer with a good certificate.
pub(crate) fn peer<F: Future<Output = ()> + 'static>(
    authority: &TestAuthority,
    serve: impl Fn(AskedStream) -> F + 'static,
) -> QuicPeer {
    QuicPeer::serving(authority.server(&["h3"], |_| {}), |_| {}, serve)
}

/// Options that trust an authority.
pub(crate) fn trusting(authority: &TestAuthority) -> Options {
    let mut options = options();
    options.tls = authority.trusted().load().expect("files");
    options
}

pub(crate) fn session_of(authority: &TestAuthority) -> Session {
    session_with(trusting(authority)).1
}
