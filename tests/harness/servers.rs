//! Real servers of Debian's packages that speak no HTTP, each in a temporary folder and on a free
//! port, and a name server of ours.

use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{free_address, wait_until};

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct RealServer {
    process: Child,
    addr: SocketAddr,
    /// What ends it without waiting for those who are connected.
    end: Signal,
    /// Where it keeps what it has.
    folder: TempDir,
}

impl RealServer {
    /// Redis, which keeps nothing.
    ///
    /// # Panics
    /// It is not installed, or does not listen within 20 s; so with the others.
    pub fn redis() -> Self {
        let (folder, addr) = (folder(), free_address());
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &addr.port().to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(folder.path());
        Self::start(command, addr, Signal::TERM, folder)
    }

    /// Mosquitto, which everybody may use.
    ///
    /// # Panics
    /// As [`RealServer::redis`].
    pub fn mosquitto() -> Self {
        let (folder, addr) = (folder(), free_address());
        let file = folder.path().join("mosquitto.conf");
        let text = format!("listener {} 127.0.0.1\nallow_anonymous true\n", addr.port());
        std::fs::write(&file, text).expect("the temporary folder can be written");
        let mut command = Command::new("mosquitto");
        command.arg("-c").arg(&file);
        // Debian's place for it is no place in which everybody looks.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin"));
        Self::start(command, addr, Signal::TERM, folder)
    }

    /// PostgreSQL, which trusts the user `postgres`.
    ///
    /// # Panics
    /// As [`RealServer::redis`].
    pub fn postgres() -> Self {
        let (folder, addr) = (folder(), free_address());
        give_to_postgres(folder.path());
        let data = folder.path().join("data");
        let made = as_postgres("initdb")
            .args(["--auth", "trust", "--username", "postgres", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .expect("initdb can be started");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut command = as_postgres("postgres");
        command.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-p", &addr.port().to_string()]);
        command.arg("-k").arg(folder.path()).args(["-c", "fsync=off"]);
        Self::start(command, addr, Signal::INT, folder)
    }

    fn start(mut command: Command, addr: SocketAddr, end: Signal, folder: TempDir) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap_or_else(|error| {
            panic!("{name} cannot be started: {error}\nhelp: cargo xtask test installs it")
        });
        let mut server = Self { process, addr, end, folder };
        wait_until(Duration::from_secs(20), &format!("{name} to listen"), || {
            let ended = server.process.try_wait().expect("our own child can be waited for");
            assert!(ended.is_none(), "{name} ended at once: {ended:?}");
            TcpStream::connect(addr).ok()
        });
        server
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it keeps what it has.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        // Both fail only after its end.
        let _ = kill_process(Pid::from_child(&self.process), self.end);
        let _ = self.process.wait();
    }
}

fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder can be made")
}

/// PostgreSQL does not run as root, and has a user of its own where Debian has installed it.
fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

fn give_to_postgres(folder: &Path) {
    if is_root() {
        let given = Command::new("chown").arg("postgres").arg(folder).status();
        assert!(given.expect("chown can be started").success(), "there is no user postgres");
    }
}

fn as_postgres(program: &str) -> Command {
    let program = postgres_folder().join(program);
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

/// Debian has a folder for each version of its programs.
fn postgres_folder() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .expect("PostgreSQL is installed\nhelp: apt-get install postgresql");
    let newest = versions.flatten().map(|entry| entry.path()).max();
    newest.expect("there is a version").join("bin")
}

/// A name server that knows every name: it is 192.0.2.7. Names that begin with `no` do not exist.
#[derive(Debug)]
pub struct NameServer(SocketAddr);

impl NameServer {
    /// Starts it; it answers until the test ends.
    ///
    /// # Panics
    /// Loopback has no free port.
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
        let addr = socket.local_addr().expect("it is bound");
        std::thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((size, from)) = socket.recv_from(&mut question) {
                if size > 12 {
                    // Who has gone hears nothing.
                    let _ = socket.send_to(&answer(&question[..size]), from);
                }
            }
        });
        Self(addr)
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.0
    }
}

/// The answer to one question (RFC 1035, 4): the question again, and an address.
fn answer(question: &[u8]) -> Vec<u8> {
    let exists = !question[13..].starts_with(b"no");
    let mut answer = question.to_vec();
    let flags: [u8; 2] = if exists { [0x81, 0x80] } else { [0x81, 0x83] };
    answer[2..4].copy_from_slice(&flags);
    answer[7] = u8::from(exists);
    if exists {
        // The name of the question; A, IN, a minute, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
    }
    answer
}
