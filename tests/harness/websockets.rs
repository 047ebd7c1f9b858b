//! A real WebSocket service: the library `websockets` of Python, with handlers that count.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::python_service::PythonService;

/// What the service does.
const SERVICE: &str = include_str!("websockets.py");

/// Pythons that may have the library: that of the path, and that of Debian's packages.
const PYTHONS: [&str; 2] = ["python3", "/usr/bin/python3"];

/// A running service. Dropping it ends it.
#[derive(Debug)]
pub struct PythonWebSockets(PythonService);

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
        Self(PythonService::start(Command::new(python), text, arguments))
    }

    /// Its URL, as that of a target.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port())
    }

    /// What it has counted.
    ///
    /// # Panics
    /// It does not answer.
    pub fn counts(&mut self) -> WebSocketCounts {
        self.0.counts()
    }
}
