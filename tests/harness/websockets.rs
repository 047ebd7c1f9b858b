//! A real WebSocket service: the library `websockets` of Python, with handlers that count.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;

/// What the service does.
const SERVICE: &str = include_str!("websockets.py");

/// Pythons that may have the library: that of the path, and that of Debian's packages.
const PYTHONS: [&str; 2] = ["python3", "/usr/bin/python3"];

/// A running service. Dropping it ends it.
#[derive(Debug)]
pub struct PythonWebSockets {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    port: u16,
}

/// What the service has counted.
#[derive(Debug, Deserialize)]
pub struct WebSocketCounts {
    /// WebSockets that were opened.
    pub opened: u64,
    /// Messages that came.
    pub received: u64,
    /// Messages that were sent back.
    pub sent: u64,
    /// Connections that it broke off in the middle of a message.
    pub resets: u64,
    /// How others were closed, by their code.
    pub closed: BTreeMap<String, u64>,
}

impl PythonWebSockets {
    /// Starts it on a free port of loopback. It echoes; at `/reset` it breaks off each fifth
    /// message, at `/close/CODE` it closes after the first, at `/silent` it says nothing.
    ///
    /// # Panics
    /// There is no Python with the library, or it does not start.
    pub fn start() -> Self {
        Self::start_with(SERVICE, &[])
    }

    /// Starts the service of a file, which says its port in its first line.
    ///
    /// # Panics
    /// As [`PythonWebSockets::start`].
    pub fn of_file(file: &Path, arguments: &[&str]) -> Self {
        let text = std::fs::read_to_string(file)
            .unwrap_or_else(|error| panic!("can't read {}: {error}", file.display()));
        Self::start_with(&text, arguments)
    }

    fn start_with(text: &str, arguments: &[&str]) -> Self {
        let has_library = |python: &&str| {
            let tried = Command::new(python).args(["-c", "import websockets"]).output();
            tried.is_ok_and(|tried| tried.status.success())
        };
        let python = PYTHONS.into_iter().find(has_library);
        let python = python.expect("a Python with websockets: apt-get install python3-websockets");
        let mut process = Command::new(python)
            .args(["-W", "ignore", "-c", text])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python can be started");
        let input = process.stdin.take().expect("a pipe");
        let mut output = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a pipe can be read");
        let port = line.trim().parse().unwrap_or_else(|_| panic!("{line:?} is no port"));
        Self { process, input, output, port }
    }

    /// Its URL, as that of a target.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it has counted.
    ///
    /// # Panics
    /// It does not answer.
    pub fn counts(&mut self) -> WebSocketCounts {
        self.input.write_all(b"\n").expect("it listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }
}

impl Drop for PythonWebSockets {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
