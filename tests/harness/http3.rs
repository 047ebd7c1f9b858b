//! A foreign HTTP/3 service: the library `aioquic` of Python, with handlers that count.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use rcgen::{CertificateParams, KeyPair};
use serde::Deserialize;
use tempfile::TempDir;

use crate::python_service::PythonService;

/// What the service does.
const SERVICE: &str = include_str!("http3.py");

/// The variable with the Python that `cargo xtask test` has prepared.
const VARIABLE: &str = "SWELL_AIOQUIC_PYTHON";

/// A running service. Dropping it ends it.
#[derive(Debug)]
pub struct PythonHttp3 {
    service: PythonService,
    folder: TempDir,
}

/// What the service has counted.
#[derive(Debug, Deserialize)]
pub struct Http3Counts {
    /// Connections that were opened.
    pub connections: u64,
    /// Requests whose head came.
    pub requests: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Streams that it reset.
    pub resets: u64,
    /// Connections that it ended within an answer.
    pub lost: u64,
    /// Whole answers, by their status.
    pub statuses: BTreeMap<String, u64>,
    /// Whole requests, by their method.
    pub methods: BTreeMap<String, u64>,
    /// How connections ended, by their code.
    pub closed: BTreeMap<String, u64>,
}

impl PythonHttp3 {
    /// Starts it on a free port of loopback. It answers `ok`, at `/N` with N bytes; at `/reset` it
    /// resets each fifth request, at `/end` it ends each connection within the tenth answer, at
    /// `/goodbye` it says after the tenth that it takes no more.
    ///
    /// Nothing where nobody has installed the library, which is said.
    ///
    /// # Panics
    /// It does not start.
    pub fn start() -> Option<Self> {
        let Some(python) = std::env::var_os(VARIABLE).map(PathBuf::from) else {
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: without {VARIABLE} there is no foreign service of HTTP/3\nhelp: `cargo \
                 xtask test` installs it; or set it to a Python that has the package aioquic"
            );
            return None;
        };
        let folder = TempDir::new().expect("a temporary folder can be made");
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().expect("rcgen makes keys");
        let certificate = CertificateParams::new(names)
            .and_then(|params| params.self_signed(&key))
            .expect("names that rcgen takes");
        let (certificate_file, key_file) =
            (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        std::fs::write(&certificate_file, certificate.pem()).expect("it can be written");
        std::fs::write(&key_file, key.serialize_pem()).expect("it can be written");
        let files = [certificate_file, key_file];
        let service = PythonService::start(Command::new(python), SERVICE, files);
        Some(Self { service, folder })
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.service.port())
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.service.port()
    }

    /// The file with its certificate.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// What it has counted.
    ///
    /// # Panics
    /// It does not answer.
    pub fn counts(&mut self) -> Http3Counts {
        self.service.counts()
    }
}
