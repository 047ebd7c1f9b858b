//! A service that plays a script, and the runtime that a test runs in.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use http::Method;
use swell_client::{AllowList, Client, Options, Request, Sent, Session, Tls, TlsOptions};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::{JoinSet, LocalSet};

/// What a service does once it has read a request.
pub(crate) enum ServiceAct {
    Send(Vec<u8>),
    Pause(Duration),
    /// Ends the connection as a crash does.
    Reset,
    Close,
    /// Keeps the connection and says nothing more.
    Hang,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct SeenRequest {
    pub(crate) connection: u32,
    /// Its number on its connection, from 0.
    pub(crate) nth: u32,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl SeenRequest {
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).expect("a request line")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .skip(1)
            .find_map(|line| {
                line.split_once(": ").filter(|(given, _)| given.eq_ignore_ascii_case(name))
            })
            .map(|(_, value)| value)
    }
}

/// A running service; it ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct TestService {
    pub(crate) address: SocketAddr,
    pub(crate) counts: Rc<ServiceCounts>,
}

#[derive(Default)]
pub(crate) struct ServiceCounts {
    pub(crate) heads: Cell<u32>,
    pub(crate) connections: Cell<u32>,
    pub(crate) open: Cell<u32>,
    pub(crate) most_open: Cell<u32>,
    pub(crate) seen: RefCell<Vec<SeenRequest>>,
}

impl ServiceCounts {
    fn opened(self: &Rc<Self>) -> OpenGuard {
        self.connections.set(self.connections.get() + 1);
        self.open.set(self.open.get() + 1);
        self.most_open.set(self.most_open.get().max(self.open.get()));
        OpenGuard(Rc::clone(self))
    }
}

pub(crate) struct OpenGuard(Rc<ServiceCounts>);

impl Drop for OpenGuard {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
    }
}

impl TestService {
    /// Answers each request with what `script` says.
    pub(crate) async fn scripted(
        script: impl Fn(&SeenRequest) -> Vec<ServiceAct> + 'static,
    ) -> Self {
        let script = Rc::new(script);
        Self::accepting(move |stream, counts| {
            let script = Rc::clone(&script);
            async move { play(stream, counts, &*script).await }
        })
        .await
    }

    /// Hands each accepted connection to `serve`.
    pub(crate) async fn accepting<F: Future<Output = ()> + 'static>(
        serve: impl Fn(TcpStream, Rc<ServiceCounts>) -> F + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has ports");
        let address = listener.local_addr().expect("bound");
        let counts = Rc::new(ServiceCounts::default());
        let counted = Rc::clone(&counts);
        tokio::task::spawn_local(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let open = counted.opened();
                let serving = serve(stream, Rc::clone(&counted));
                connections.spawn_local(async move {
                    serving.await;
                    drop(open);
                });
            }
        });
        Self { address, counts }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn heads(&self) -> u32 {
        self.counts.heads.get()
    }

    pub(crate) fn connections(&self) -> u32 {
        self.counts.connections.get()
    }

    pub(crate) fn seen(&self) -> Vec<SeenRequest> {
        self.counts.seen.borrow().clone()
    }

    /// Waits until no connection is open any more; the runtime of the test bounds it.
    pub(crate) async fn all_closed(&self) {
        while self.counts.open.get() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Reads requests and answers them by `script` until one side has had enough.
pub(crate) async fn play<S: AsyncRead + AsyncWrite + Unpin + Linger>(
    mut stream: S,
    counts: Rc<ServiceCounts>,
    script: &dyn Fn(&SeenRequest) -> Vec<ServiceAct>,
) {
    let connection = counts.connections.get() - 1;
    let mut buffer = Vec::new();
    for nth in 0.. {
        let Some(seen) =
            read_request(&mut stream, &mut buffer, connection, nth, &counts.heads).await
        else {
            return;
        };
        counts.seen.borrow_mut().push(seen.clone());
        for act in script(&seen) {
            match act {
                ServiceAct::Send(bytes) => {
                    if stream.write_all(&bytes).await.and(stream.flush().await).is_err() {
                        return;
                    }
                }
                ServiceAct::Pause(time) => tokio::time::sleep(time).await,
                ServiceAct::Reset => return stream.reset(),
                ServiceAct::Close => return drop(stream.shutdown().await),
                ServiceAct::Hang => {
                    // Ends when the client goes.
                    while matches!(stream.read(&mut [0; 1024]).await, Ok(1..)) {}
                    return;
                }
            }
        }
    }
}

async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
    connection: u32,
    nth: u32,
    heads: &Cell<u32>,
) -> Option<SeenRequest> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if !matches!(stream.read_buf(buffer).await, Ok(1..)) {
            return None;
        }
    };
    heads.set(heads.get() + 1);
    let head = String::from_utf8(buffer.drain(..end).collect()).expect("the client sends ASCII");
    let mut seen = SeenRequest { connection, nth, head, body: Vec::new() };
    let length = seen.header("content-length").map_or(0, |text| text.parse().expect("a length"));
    while buffer.len() < length {
        if !matches!(stream.read_buf(buffer).await, Ok(1..)) {
            return None;
        }
    }
    seen.body = buffer.drain(..length).collect();
    Some(seen)
}

/// Ends a connection with RST.
pub(crate) trait Linger {
    fn reset(self);
}

impl Linger for TcpStream {
    fn reset(self) {
        socket2::SockRef::from(&self).set_linger(Some(Duration::ZERO)).expect("an open socket");
    }
}

impl Linger for tokio_rustls::server::TlsStream<TcpStream> {
    fn reset(self) {
        self.into_inner().0.reset();
    }
}

/// A whole answer.
pub(crate) fn ok(body: &str) -> Vec<ServiceAct> {
    answer("200 OK", &[], body.as_bytes())
}

pub(crate) fn answer(status: &str, headers: &[&str], body: &[u8]) -> Vec<ServiceAct> {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let mut bytes =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{lines}\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    vec![ServiceAct::Send(bytes)]
}

pub(crate) fn send(text: &str) -> ServiceAct {
    ServiceAct::Send(text.as_bytes().to_vec())
}

/// Runs a test on a runtime of its own, for 20 s at most.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        tokio::time::timeout(Duration::from_secs(20), test).await.expect("the test hangs")
    })
}

/// Runs a test on virtual time, which passes when nothing else happens.
pub(crate) fn run_on_virtual_time<F: Future>(test: F) -> F::Output {
    let runtime =
        Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    LocalSet::new().block_on(&runtime, test)
}

pub(crate) fn no_roots() -> Tls {
    TlsOptions { system_roots: false, ..TlsOptions::default() }.load().expect("nothing to load")
}

/// Options that allow loopback alone.
pub(crate) fn options() -> Options {
    let mut options = Options::new(no_roots());
    options.allow = AllowList::parse(["127.0.0.1", "localhost"]).expect("hosts");
    options
}

pub(crate) fn session_with(options: Options) -> (Rc<Client>, Session) {
    let client = Client::new(options).expect("options");
    let session = Session::new(&client);
    (client, session)
}

pub(crate) fn session() -> Session {
    session_with(options()).1
}

/// Sends a request while another task of the thread wants to run every two milliseconds: what came
/// of it, how long it took, and how often the other one ran.
pub(crate) async fn send_beside_others(
    session: &Session,
    request: Request,
) -> (Sent, Duration, u32) {
    let mut others = 0;
    let start = Instant::now();
    let ticking = async {
        loop {
            tokio::time::sleep(Duration::from_millis(2)).await;
            others += 1;
        }
    };
    let sent = tokio::select! {
        sent = session.send(request) => sent,
        () = ticking => unreachable!("it has no end"),
    };
    (sent, start.elapsed(), others)
}

pub(crate) fn get(service: &TestService, path: &str) -> Request {
    Request::new(Method::GET, service.url(path))
}

pub(crate) fn status(sent: &Sent) -> u16 {
    *sent.exchange.result.as_ref().unwrap_or_else(|class| panic!("{class:?}: {:?}", sent.result))
}
