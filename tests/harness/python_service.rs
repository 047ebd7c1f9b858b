//! A service written in Python: it says its port in its first line, and what it has counted, as
//! JSON in a line, whenever it is sent an empty one.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::de::DeserializeOwned;

/// A running service. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct PythonService {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    port: u16,
}

impl PythonService {
    /// Starts the service with this text by this command of Python.
    ///
    /// # Panics
    /// It does not start, or says no port.
    pub(crate) fn start(
        mut python: Command,
        text: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Self {
        let mut process = python
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

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// What it has counted.
    ///
    /// # Panics
    /// It does not answer.
    pub(crate) fn counts<T: DeserializeOwned>(&mut self) -> T {
        self.input.write_all(b"\n").expect("it listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }
}

impl Drop for PythonService {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
