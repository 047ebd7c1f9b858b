//! What Kubernetes would take: its own schemas, read strictly by the Python package that brings
//! them along.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The variable with the Python that `cargo xtask test` has prepared.
const VARIABLE: &str = "SWELL_KUBERNETES_PYTHON";

/// Reads all documents, checks each against the releases that are named, and prints them as JSON.
const PROGRAM: &str = "
import json, sys, yaml, kubernetes_validate
documents = list(yaml.safe_load_all(sys.stdin))
for document in documents:
    for release in sys.argv[1:]:
        kubernetes_validate.validate(document, release, strict=True)
json.dump(documents, sys.stdout)
";

/// An old release that many clusters still run, and the newest one that the package knows.
const RELEASES: [&str; 2] = ["1.28", "1.37"];

/// The schemas of several releases of Kubernetes.
#[derive(Debug)]
pub struct KubernetesSchemas {
    python: PathBuf,
}

impl KubernetesSchemas {
    /// Those that `cargo xtask test` has installed. A test by hand goes without them, and says so.
    pub fn find() -> Option<Self> {
        let python = std::env::var_os(VARIABLE).map(PathBuf::from);
        if python.is_none() {
            let help = "`cargo xtask test` installs them; or set it to a Python that has the \
            package kubernetes-validate";
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: without {VARIABLE} there are no schemas of Kubernetes\nhelp: {help}"
            );
        }
        python.map(|python| Self { python })
    }

    /// The objects of these manifests.
    ///
    /// # Errors
    /// What Kubernetes would not take, in the words of the schema's reader.
    ///
    /// # Panics
    /// The Python cannot be run.
    pub fn read(&self, manifests: &str) -> Result<Vec<Value>, String> {
        let mut reader = Command::new(&self.python);
        reader
            .args(["-c", PROGRAM])
            .args(RELEASES)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut reader = reader
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be run: {error}", self.python.display()));
        // One that broke off before it has read all says why.
        let _ = reader.stdin.take().expect("stdin is piped").write_all(manifests.as_bytes());
        let done = reader.wait_with_output().expect("our own child can be waited for");
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned());
        }
        Ok(serde_json::from_slice(&done.stdout).expect("it prints JSON"))
    }
}
