//! Real gRPC services: the library of gRPC for Python, with methods that count.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::python_service::PythonService;
use crate::target_folder;

/// What the service does.
const SERVICE: &str = include_str!("grpc.py");

/// What the service that breaks calls off does: HTTP/2 frame by frame.
const BREAKING: &str = include_str!("grpc_breaking.py");

/// What its Python has: the library of gRPC with what reads descriptions of services, and one that
/// speaks HTTP/2 and nothing above.
const PACKAGES: [&str; 3] = ["grpcio==1.85.3", "grpcio-tools==1.85.1", "h2==4.4.1"];

/// A running service. Dropping it ends it.
#[derive(Debug)]
pub struct PythonGrpc(PythonService);

/// What the service has counted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct GrpcCounts {
    /// Calls, by the names of their methods.
    pub calls: BTreeMap<String, u64>,
    /// Messages that came.
    pub received: u64,
    /// Messages that were sent, whole.
    pub sent: u64,
    /// Calls that ended with a status other than OK.
    pub refused: u64,
    /// Calls that were broken off, by the service or by the client.
    pub cancelled: u64,
    /// The metadata of the last call of each method.
    pub metadata: BTreeMap<String, Vec<(String, String)>>,
}

impl PythonGrpc {
    /// Starts the service `swell.test.Echo` on a free port of loopback.
    ///
    /// # Panics
    /// There is no Python with the library, and none can be made, or it does not start.
    pub fn start() -> Self {
        Self::start_with(SERVICE, &[], Path::new("."))
    }

    /// Starts one that breaks calls off as the method says, and counts them.
    ///
    /// # Panics
    /// As [`PythonGrpc::start`].
    pub fn breaking() -> Self {
        Self::start_with(BREAKING, &[], Path::new("."))
    }

    /// Starts the service of a file in its folder, which says its port in its first line.
    ///
    /// # Panics
    /// As [`PythonGrpc::start`].
    pub fn of_file(file: &Path, arguments: &[&str]) -> Self {
        let text = std::fs::read_to_string(file)
            .unwrap_or_else(|error| panic!("can't read {}: {error}", file.display()));
        Self::start_with(&text, arguments, file.parent().unwrap_or(Path::new(".")))
    }

    fn start_with(text: &str, arguments: &[&str], folder: &Path) -> Self {
        let mut python = Command::new(python());
        python.current_dir(folder);
        Self(PythonService::start(python, text, arguments))
    }

    /// Its URL, as that of a target.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port())
    }

    /// What it has counted.
    ///
    /// # Panics
    /// It does not answer.
    pub fn counts(&mut self) -> GrpcCounts {
        self.0.counts()
    }
}

/// A Python with the library, in an environment of its own under the target folder, which is made
/// where it is not there.
fn python() -> PathBuf {
    let tools = target_folder().join("tools");
    let folder = tools.join("grpc-python");
    let python = folder.join("bin/python");
    std::fs::create_dir_all(&tools).expect("the target folder can be written");
    // Tests that begin at the same time make one.
    let lock = File::create(tools.join("grpc-python.lock")).expect("it can be written, too");
    lock.lock().expect("a file can be locked");
    let has_it = || {
        let tried = Command::new(&python).args(["-c", "import grpc, grpc_tools, h2"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    if !has_it() {
        let help = "a Python with environments is needed: apt-get install python3-venv";
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder), help);
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(&python).args(install).args(PACKAGES), "PyPI is needed");
        assert!(has_it(), "{PACKAGES:?} were installed, and {} lacks them", python.display());
    }
    python
}

fn run(command: &mut Command, help: &str) {
    let ended = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; {help}"));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{command:?}: {said}; {help}");
}
