//! Who is sent figures while a run goes on: real servers, and one that is as bad as it is told.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::{Daemon, named_by};
use crate::{call, free_address, wait_until};

/// How a receiver treats what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiverManner {
    /// It takes it.
    Takes,
    /// It answers 500.
    Fails,
    /// It reads it, and never answers.
    IsSilent,
}

/// What was sent in one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its first line and its headers.
    pub head: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// A receiver that writes down what it is sent. Its threads end with the connections of the process
/// that sends.
#[derive(Debug)]
pub struct PostReceiver {
    addr: SocketAddr,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl PostReceiver {
    /// Starts one.
    ///
    /// # Panics
    /// No port is free.
    pub fn start(manner: ReceiverManner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let posted = Arc::<Mutex<Vec<Posted>>>::default();
        let book = Arc::clone(&posted);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let book = Arc::clone(&book);
                // A connection that breaks is the sender's affair.
                std::thread::spawn(move || receive(&socket, manner, &book));
            }
        });
        Self { addr, posted }
    }

    /// Where it is.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it was sent so far, in the order of coming.
    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn receive(
    mut socket: &TcpStream,
    manner: ReceiverManner,
    book: &Mutex<Vec<Posted>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(socket);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        while reader.read_line(&mut head)? > "\r\n".len() {
            let last = head.lines().last().unwrap_or_default().to_ascii_lowercase();
            if let Some(value) = last.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        if head.is_empty() {
            return Ok(());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        book.lock().unwrap_or_else(PoisonError::into_inner).push(Posted { head, body });
        match manner {
            ReceiverManner::Takes => socket.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?,
            ReceiverManner::Fails => {
                let answer = b"HTTP/1.1 500 No\r\ncontent-length: 8\r\n\r\nnot well";
                socket.write_all(answer)?;
            }
            ReceiverManner::IsSilent => {}
        }
    }
}

/// The user of [`InfluxServer`], as a URL has it.
const USER: &str = "me:s3cret";

/// A real InfluxDB of version 1, with a database `k6` for one user.
#[derive(Debug)]
pub struct InfluxServer {
    addr: SocketAddr,
    _process: Daemon,
    _folder: TempDir,
}

impl InfluxServer {
    /// Starts it.
    ///
    /// # Panics
    /// It is not installed, or cannot be set up.
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let (addr, rpc) = (free_address(), free_address());
        let path = |name: &str| folder.path().join(name).display().to_string();
        let configuration = format!(
            "reporting-disabled = true\nbind-address = \"{rpc}\"\n[meta]\ndir = \"{}\"\n[data]\n\
            dir = \"{}\"\nwal-dir = \"{}\"\n[monitor]\nstore-enabled = false\n[http]\n\
            bind-address = \"{addr}\"\nauth-enabled = true\n",
            path("meta"),
            path("data"),
            path("wal")
        );
        std::fs::write(path("influx.conf"), configuration).expect("the folder can be written");
        let mut command = Command::new("influxd");
        command.args(["run", "-config", &path("influx.conf")]);
        let process = Daemon::start(command, "influxdb", std::process::Stdio::null(), addr);
        let influx = Self { addr, _process: process, _folder: folder };
        let (user, password) = USER.split_once(':').expect("it is a user with a password");
        influx.ask(&format!("CREATE USER {user} WITH PASSWORD '{password}' WITH ALL PRIVILEGES"));
        influx.ask("CREATE DATABASE k6");
        influx
    }

    /// The URL of its database, with the user.
    pub fn url(&self) -> String {
        format!("http://{USER}@{}/k6", self.addr)
    }

    /// The first value of a query beside its time; nothing where it gives none.
    pub fn query(&self, query: &str) -> Option<f64> {
        self.ask(query).pointer("/results/0/series/0/values/0/1")?.as_f64()
    }

    fn ask(&self, query: &str) -> Value {
        let escaped: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let (user, password) = USER.split_once(':').expect("it is a user with a password");
        let path = format!("/query?db=k6&u={user}&p={password}&q={escaped}");
        let reply = call(self.addr, "POST", &path, &[], "");
        assert_eq!(reply.status, 200, "{query}: {}", reply.body);
        // It comes in a chunk, between the lines that say how long that is.
        let json = reply.body.find('{').zip(reply.body.rfind('}'));
        let (from, until) = json.unwrap_or_else(|| panic!("{query}: {}", reply.body));
        serde_json::from_str(&reply.body[from..=until]).expect("an answer is JSON")
    }
}

/// The real statsd, that of its inventors.
#[derive(Debug)]
pub struct StatsdServer {
    addr: SocketAddr,
    console: SocketAddr,
    _process: Daemon,
    _folder: TempDir,
}

impl StatsdServer {
    /// Starts the one that `cargo xtask test` has installed; nothing where there is none.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start() -> Option<Self> {
        let program = named_by("SWELL_STATSD", "statsd")?;
        let folder = TempDir::new().expect("a temporary folder can be made");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
        let addr = socket.local_addr().expect("a bound socket has an address");
        drop(socket);
        let console = free_address();
        let file = folder.path().join("config.js");
        // Nothing is flushed while a test goes on, and so all is there to look at.
        let configuration = format!(
            "{{ address: '127.0.0.1', port: {}, mgmt_address: '127.0.0.1', mgmt_port: {}, \
            backends: [], flushInterval: 3600000 }}",
            addr.port(),
            console.port()
        );
        std::fs::write(&file, configuration).expect("the folder can be written");
        let mut command = Command::new("node");
        command.arg(program).arg(&file);
        let process = Daemon::start(command, "nodejs", std::process::Stdio::null(), console);
        Some(Self { addr, console, _process: process, _folder: folder })
    }

    /// Where it takes datagrams.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The values of all that it has of a kind ("counters", "gauges"), as it shows them.
    ///
    /// # Panics
    /// It does not answer.
    pub fn show(&self, kind: &str) -> String {
        let mut stream = TcpStream::connect(self.console).expect("its console listens");
        stream.write_all(format!("{kind}\n").as_bytes()).expect("it reads");
        let (mut shown, mut reader) = (String::new(), BufReader::new(stream));
        while !shown.ends_with("END\n") {
            assert!(reader.read_line(&mut shown).expect("it answers") > 0, "{shown}");
        }
        shown
    }
}

/// A real collector of OpenTelemetry, which prints what it takes.
#[derive(Debug)]
pub struct Collector {
    addr: SocketAddr,
    folder: TempDir,
    _process: Daemon,
}

impl Collector {
    /// Starts the one that `cargo xtask test` has installed; nothing where there is none.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start() -> Option<Self> {
        let program = named_by("SWELL_ROTEL", "collector of OpenTelemetry")?;
        let folder = TempDir::new().expect("a temporary folder can be made");
        let (addr, grpc) = (free_address(), free_address());
        let mut command = Command::new(program);
        command.args(["start", "--exporter", "blackhole", "--disable-batching"]);
        command.args(["--debug-log", "metrics", "--debug-log-verbosity", "detailed"]);
        command.arg(format!("--otlp-http-endpoint={addr}"));
        command.arg(format!("--otlp-grpc-endpoint={grpc}"));
        command.current_dir(folder.path());
        let printed = File::create(folder.path().join("printed")).expect("it can be written");
        let process = Daemon::start(command, "rotel", printed, addr);
        Some(Self { addr, folder, _process: process })
    }

    /// Where it takes messages over HTTP.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it has printed of a metric last, once that is as it is looked for.
    ///
    /// # Panics
    /// It does not come to that.
    pub fn last(&self, metric: &str, is_so: impl Fn(&str) -> bool) -> String {
        wait_until(Duration::from_secs(20), metric, || {
            let printed = std::fs::read_to_string(self.folder.path().join("printed")).ok()?;
            let (_, rest) = printed.rsplit_once(&format!("-> Name: {metric}\n"))?;
            let of_it = rest.split("\nMetric #").next()?;
            is_so(of_it).then(|| of_it.to_owned())
        })
    }
}
