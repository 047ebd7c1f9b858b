//! A service that streams: answers that come piece by piece with known pauses, and what goes wrong
//! with them; with a log of what it sent when.
//!
//! What is asked for stands in the path, and numbers in the query: `/events?n=20&gap=20&first=50`.
//!
//! | path | what is sent |
//! |---|---|
//! | `/events` | `n` server-sent events, `gap` ms apart, the first one after `first` ms |
//! | `/v1/chat/completions` | the same as a language model answers: tokens as JSON, then `[DONE]` |
//! | `/reset` | `n` events, then a reset |
//! | `/cut` | half of what `content-length` says, then the end of the connection |
//! | `/silent` | a head and nothing more |
//! | `/big` | `mib` MiB |
//! | `/status` | an event under the status `code` |
//! | `/upload` | what came, counted, when it has ended |
//! | `/refuse` | 413 at the head of a body, and the end of the connection |

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A running one. Dropping it ends it; connections that are open end with their clients.
#[derive(Debug)]
pub struct Streamer {
    address: SocketAddr,
    shared: Arc<StreamerState>,
}

#[derive(Debug, Default)]
struct StreamerState {
    log: Mutex<Vec<StreamedReply>>,
    connections: std::sync::atomic::AtomicU64,
    is_over: AtomicBool,
}

/// What became of one request.
#[derive(Clone, Debug)]
pub struct StreamedReply {
    /// What was asked for, with its query.
    pub path: String,
    /// Bytes of the request's body.
    pub received: usize,
    /// When the head of the request had come.
    pub asked: Instant,
    /// When each event was handed to the network.
    pub sent: Vec<Instant>,
    /// Whether all was sent that was to be.
    pub is_whole: bool,
}

/// A request as it came.
struct Asked {
    path: String,
    chunked: bool,
    length: usize,
    at: Instant,
}

impl Streamer {
    /// Begins to serve on loopback.
    ///
    /// # Panics
    /// Loopback has no port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a socket that is bound has an address");
        let shared = Arc::new(StreamerState::default());
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if serving.is_over.load(Ordering::Acquire) {
                    return;
                }
                serving.connections.fetch_add(1, Ordering::AcqRel);
                let shared = Arc::clone(&serving);
                // It ends when the client goes.
                std::thread::spawn(move || _ = serve(&stream, &shared));
            }
        });
        Self { address, shared }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has done so far.
    pub fn log(&self) -> Vec<StreamedReply> {
        self.shared.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections were opened to it.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Acquire)
    }
}

impl Drop for Streamer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Release);
        // Wakes who accepts.
        drop(TcpStream::connect(self.address));
    }
}

impl StreamedReply {
    /// The times between its events.
    pub fn gaps(&self) -> Vec<Duration> {
        self.sent.windows(2).map(|two| two[1] - two[0]).collect()
    }

    /// From the request to the first event.
    pub fn first(&self) -> Option<Duration> {
        self.sent.first().map(|first| *first - self.asked)
    }
}

fn serve(stream: &TcpStream, shared: &StreamerState) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream);
    while let Some(asked) = read_head(&mut input)? {
        let mut reply = StreamedReply {
            path: asked.path.clone(),
            received: 0,
            asked: asked.at,
            sent: Vec::new(),
            is_whole: false,
        };
        let outcome = answer(stream, &mut input, &asked, &mut reply);
        reply.is_whole = matches!(outcome, Ok(true));
        shared.log.lock().unwrap_or_else(PoisonError::into_inner).push(reply);
        if !outcome? {
            return Ok(());
        }
    }
    Ok(())
}

fn read_head(input: &mut impl BufRead) -> io::Result<Option<Asked>> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
    let (mut chunked, mut length) = (false, 0);
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 || line == "\r\n" {
            return Ok(Some(Asked { path, chunked, length, at: Instant::now() }));
        }
        let lower = line.trim_end().to_ascii_lowercase();
        chunked |= lower == "transfer-encoding: chunked";
        if let Some(given) = lower.strip_prefix("content-length: ") {
            length = given.parse().map_err(io::Error::other)?;
        }
    }
}

/// Reads a body to its end, and says how long it was.
fn read_body(input: &mut impl BufRead, asked: &Asked) -> io::Result<usize> {
    let mut skip = |size: usize| {
        let mut rest = input.by_ref().take(size as u64);
        io::copy(&mut rest, &mut io::sink())
    };
    if !asked.chunked {
        return skip(asked.length).map(|size| size as usize);
    }
    let mut whole = 0;
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim_end(), 16).map_err(io::Error::other)?;
        io::copy(&mut input.by_ref().take(size as u64 + 2), &mut io::sink())?;
        if size == 0 {
            return Ok(whole);
        }
        whole += size;
    }
}

/// A number of the query.
fn number(path: &str, name: &str) -> Option<u64> {
    let (_, query) = path.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

/// Answers; whether the connection goes on.
fn answer(
    mut out: &TcpStream,
    input: &mut impl BufRead,
    asked: &Asked,
    reply: &mut StreamedReply,
) -> io::Result<bool> {
    let path = asked.path.split('?').next().unwrap_or_default();
    if path == "/refuse" {
        out.write_all(
            b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        )?;
        out.shutdown(std::net::Shutdown::Write)?;
        return Ok(false);
    }
    reply.received = read_body(input, asked)?;
    match path {
        "/upload" => {
            let body = reply.received.to_string();
            write!(out, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
            Ok(true)
        }
        "/cut" => {
            out.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")?;
            out.write_all(&[b'x'; 500])?;
            Ok(false)
        }
        "/silent" => {
            head(out, 200)?;
            // Until the client goes.
            io::copy(input, &mut io::sink())?;
            Ok(false)
        }
        "/big" => {
            head(out, 200)?;
            let piece = vec![b'x'; 1 << 20];
            for _ in 0..number(&asked.path, "mib").unwrap_or(1) {
                chunk(out, &piece)?;
            }
            chunk(out, b"").map(|()| true)
        }
        _ => {
            let status = number(&asked.path, "code").unwrap_or(200);
            head(out, status)?;
            events(out, asked, reply, path == "/v1/chat/completions")?;
            if path == "/reset" {
                socket2::SockRef::from(out).set_linger(Some(Duration::ZERO))?;
                return Ok(false);
            }
            chunk(out, b"").map(|()| true)
        }
    }
}

fn events(
    out: &TcpStream,
    asked: &Asked,
    reply: &mut StreamedReply,
    is_model: bool,
) -> io::Result<()> {
    let given = |name, other| number(&asked.path, name).unwrap_or(other);
    let (n, gap, first) = (given("n", 10), given("gap", 5), given("first", 10));
    for place in 0..n {
        // The pauses are what a client is to measure.
        let pause = if place == 0 { first } else { gap };
        std::thread::park_timeout(Duration::from_millis(pause));
        let data = match is_model {
            true => format!("{{\"choices\":[{{\"delta\":{{\"content\":\"word{place} \"}}}}]}}"),
            false => format!("{place}"),
        };
        chunk(out, format!("id: {place}\ndata: {data}\n\n").as_bytes())?;
        reply.sent.push(Instant::now());
    }
    if is_model { chunk(out, b"data: [DONE]\n\n") } else { Ok(()) }
}

fn head(mut out: &TcpStream, status: u64) -> io::Result<()> {
    write!(
        out,
        "HTTP/1.1 {status} Status\r\ncontent-type: text/event-stream\r\n\
        transfer-encoding: chunked\r\n\r\n"
    )
}

fn chunk(mut out: &TcpStream, data: &[u8]) -> io::Result<()> {
    out.write_all(&[format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat())
}
