//! Somebody else's server, in a process that ends with the test.

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait_until;

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Daemon {
    process: Child,
}

impl Daemon {
    /// Starts a server and waits until it listens at this address. What it prints goes to `stdout`.
    ///
    /// # Panics
    /// It is not installed, or does not listen within 20 s.
    pub(crate) fn start(
        mut command: Command,
        package: &str,
        stdout: impl Into<Stdio>,
        listens_at: SocketAddr,
    ) -> Self {
        command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::null());
        let program = PathBuf::from(command.get_program()).display().to_string();
        let process = command.spawn().unwrap_or_else(|error| {
            panic!("{program} cannot be started: {error}\nhelp: install {package}")
        });
        let mut daemon = Self { process };
        wait_until(Duration::from_secs(20), &program, || {
            let ended = daemon.process.try_wait().expect("our own child can be waited for");
            assert!(ended.is_none(), "{program} ended at once: {ended:?}");
            TcpStream::connect(listens_at).ok()
        });
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // The only error is a process that has ended.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

/// A program of which a variable says where it is; a test by hand may go without, and says so.
pub(crate) fn named_by(variable: &str, what: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    if path.is_none() {
        crate::say(&format!(
            "SKIPPED: without {variable} there is no {what}\nhelp: `cargo xtask test` installs it"
        ));
    }
    path
}
