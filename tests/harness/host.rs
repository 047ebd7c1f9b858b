//! The real binary, as a user runs it: arguments in, output, exit code and JSON out.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{example, guest, target_folder, wait_until};

/// A call of the host that is yet to be made.
#[derive(Debug)]
pub struct Host {
    command: Command,
    deadline: Duration,
    /// Holds the JSON of `host run`.
    results: Option<TempDir>,
}

const RESULTS: &str = "results.json";

impl Host {
    /// Calls the host with a subcommand, as `check`.
    ///
    /// # Panics
    /// The host is not built.
    pub fn new(subcommand: &str) -> Self {
        let program = std::env::var_os("SWELL_HOST_BIN")
            .map_or_else(|| target_folder().join("release/host"), PathBuf::from);
        assert!(
            program.exists(),
            "{} is not built\nhelp: cargo build --release --bin host",
            program.display()
        );
        let mut command = Command::new(program);
        // What this machine says of proxies is said by each run.
        for proxy in
            ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        {
            command.env_remove(proxy);
        }
        // Records of tests are not the user's.
        command.env("XDG_STATE_HOME", target_folder().join("state-of-tests"));
        // Nor do they find the interpreters that the user keeps.
        command.env("XDG_DATA_HOME", target_folder().join("data-of-tests"));
        command.arg(subcommand).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, deadline: Duration::from_secs(60), results: None }
    }

    /// `host run FILE --out json=…`, whose JSON is then in [`Finished::json`].
    ///
    /// # Panics
    /// The host is not built.
    pub fn run_file(file: &Path) -> Self {
        Self::with_results("run", file)
    }

    /// `host find` of a guest, with its JSON.
    ///
    /// # Panics
    /// The host or the guest is not built.
    pub fn find_guest(name: &str) -> Self {
        Self::with_results("find", &guest(name))
    }

    fn with_results(subcommand: &str, file: &Path) -> Self {
        let results = TempDir::new().expect("a temporary folder can be made");
        let mut host = Self::new(subcommand)
            .arg(file)
            .arg("--out")
            .arg(format!("json={}", results.path().join(RESULTS).display()));
        host.results = Some(results);
        host
    }

    /// `host run` of a guest.
    ///
    /// # Panics
    /// The host or the guest is not built.
    pub fn run_guest(name: &str) -> Self {
        Self::run_file(&guest(name))
    }

    /// `host run` of an example.
    ///
    /// # Panics
    /// The host or the example is not built.
    pub fn run_example(name: &str) -> Self {
        Self::run_file(&example(name))
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments that are separated by spaces, as `"--tps 100 --duration 2s"`.
    pub fn args(mut self, args: &str) -> Self {
        self.command.args(args.split_whitespace());
        self
    }

    /// Adds `--target URL`.
    pub fn target(self, url: impl AsRef<OsStr>) -> Self {
        self.arg("--target").arg(url)
    }

    /// Sets a variable of the host's environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it in this folder.
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Gives it a standard input; without one it has nothing to read.
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.command.stdin(stdin);
        self
    }

    /// Gives it another standard output; what it writes there is not captured.
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.command.stdout(stdout);
        self
    }

    /// Gives it another standard error; what it writes there is not captured.
    pub fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.command.stderr(stderr);
        self
    }

    /// Starts it with at most this many open files, which it cannot raise.
    pub fn open_files(self, most: u32) -> Self {
        self.by("sh", &["-c", "ulimit -n $0 && exec \"$@\"", &most.to_string()])
    }

    /// Starts it by another program that takes a command as its last arguments, as `unshare` does.
    /// Signals go to that program, unless it becomes the host.
    pub fn by(mut self, program: &str, args: &[&str]) -> Self {
        let mut other = Command::new(program);
        other.args(args).arg(self.command.get_program()).args(self.command.get_args());
        other.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        other.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(folder) = self.command.get_current_dir() {
            other.current_dir(folder);
        }
        self.command = other;
        self
    }

    /// How long it may take in all; 60 s unless told.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(mut self) -> Running {
        let mut process = self.command.spawn().expect("the host can be started");
        let stdout = process.stdout.take().map_or_else(Captured::default, Captured::of);
        let stderr = process.stderr.take().map_or_else(Captured::default, Captured::of);
        Running {
            process,
            begun: Instant::now(),
            deadline: self.deadline,
            stdout,
            stderr,
            results: self.results,
        }
    }

    /// Starts it and waits for its end.
    ///
    /// # Panics
    /// It cannot be started, or its deadline passes.
    pub fn finish(self) -> Finished {
        self.start().wait()
    }
}

/// The host at work. Dropped before its end, it is killed.
#[derive(Debug)]
pub struct Running {
    process: Child,
    begun: Instant,
    deadline: Duration,
    stdout: Captured,
    stderr: Captured,
    results: Option<TempDir>,
}

impl Running {
    /// Its process id, for `/proc`.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Whether it has come to its end.
    ///
    /// # Panics
    /// The system does not say.
    pub fn has_ended(&mut self) -> bool {
        self.process.try_wait().expect("our own child can be waited for").is_some()
    }

    /// Sends SIGINT, as Ctrl-C does. Nothing happens if it has ended.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Sends SIGTERM, as a service manager does. Nothing happens if it has ended.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGHUP, as a terminal that closes does. Nothing happens if it has ended.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Kills it, as a machine that is switched off does. Nothing happens if it has ended.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Sends a signal. Nothing happens if it has ended.
    pub fn signal(&self, signal: Signal) {
        // The only error is a process that has ended.
        let _ = kill_process(Pid::from_child(&self.process), signal);
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// The arguments by which other hosts join it, once it has printed them.
    ///
    /// # Panics
    /// It does not print them.
    pub fn invitation(&self) -> String {
        wait_until(Duration::from_secs(60), "the invitation", || {
            let stderr = self.stderr();
            let line = stderr.lines().find_map(|line| line.trim().strip_prefix("host node "))?;
            // The line may still be on its way.
            (line.contains("--token ") && stderr.contains(&format!("{line}\n")))
                .then(|| line.to_owned())
        })
    }

    /// What it has written to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// Its deadline passes: with all that it has said, after killing it.
    pub fn wait(mut self) -> Finished {
        let left = self.deadline.saturating_sub(self.begun.elapsed());
        let ended = Instant::now();
        let status = loop {
            match self.process.try_wait().expect("our own child can be waited for") {
                Some(status) => break status,
                None if ended.elapsed() < left => {
                    std::thread::park_timeout(Duration::from_millis(5))
                }
                None => panic!(
                    "the host was not done within {:?}\nstdout:\n{}\nstderr:\n{}",
                    self.deadline,
                    self.stdout.text(),
                    self.stderr.text()
                ),
            }
        };
        let json = self
            .results
            .as_ref()
            .and_then(|folder| std::fs::read(folder.path().join(RESULTS)).ok());
        Finished {
            code: status.code(),
            signal: status.signal(),
            took: self.begun.elapsed(),
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
            json: json.map(|json| {
                serde_json::from_slice(&json)
                    .unwrap_or_else(|error| panic!("the host's JSON is none: {error}"))
            }),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only after its end has been seen.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The host after its end.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its exit code; nothing if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// From its start to its end.
    pub took: Duration,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
    /// What `--out json=` wrote; nothing if it wrote nothing, or was no `host run`.
    pub json: Option<Value>,
}

impl Finished {
    /// The same, when it ended with this code.
    ///
    /// # Panics
    /// Otherwise, with all that the host said.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "signal {:?}\nstdout:\n{}\nstderr:\n{}",
            self.signal,
            self.stdout,
            self.stderr
        );
        self
    }

    /// The same, when it ended with this code, or with 111 because the machine was too busy for
    /// figures that may be believed. What was counted is exact all the same.
    ///
    /// # Panics
    /// Otherwise, with all that the host said.
    #[track_caller]
    pub fn expect_code_or_invalid(self, code: i32) -> Self {
        if self.code == Some(111) { self } else { self.expect_code(code) }
    }

    /// The same, when it came to its end: with 0, or with 111 as in
    /// [`Finished::expect_code_or_invalid`].
    ///
    /// # Panics
    /// Otherwise, with all that the host said.
    #[track_caller]
    pub fn expect_done(self) -> Self {
        self.expect_code_or_invalid(0)
    }

    /// The same, when each count of its JSON is the sum of its parts: started = ok + failed +
    /// interrupted, over all and of each name.
    ///
    /// # Panics
    /// There is no JSON, or a count that is not.
    #[track_caller]
    pub fn expect_whole_counts(self) -> Self {
        for part in ["/measured", "/warm_up"] {
            let names =
                self.json_at(&format!("{part}/by_name")).as_object().expect("names are an object");
            let of_names = names.iter().map(|(name, counts)| (name.as_str(), counts));
            let of_all = ["transactions", "iterations"]
                .map(|what| (what, self.json_at(&format!("{part}/{what}"))));
            for (what, counts) in of_names.chain(of_all) {
                let [started, ok, failed, interrupted] = ["started", "ok", "failed", "interrupted"]
                    .map(|key| counts[key].as_u64().expect("each is a count"));
                assert_eq!(started, ok + failed + interrupted, "{part}, {what}: {counts:#}");
            }
        }
        self
    }

    /// A value of the JSON by its path, as `"/requests/written"` (RFC 6901).
    ///
    /// # Panics
    /// There is no JSON, or no such value in it.
    #[track_caller]
    pub fn json_at(&self, path: &str) -> &Value {
        let json = self
            .json
            .as_ref()
            .unwrap_or_else(|| panic!("the host wrote no JSON\nstderr:\n{}", self.stderr));
        json.pointer(path).unwrap_or_else(|| panic!("no {path} in {json:#}"))
    }

    /// A number of the JSON by its path.
    ///
    /// # Panics
    /// There is none.
    #[track_caller]
    pub fn number(&self, path: &str) -> f64 {
        let value = self.json_at(path);
        value.as_f64().unwrap_or_else(|| panic!("{path} is {value}, not a number"))
    }

    /// A count of the JSON by its path.
    ///
    /// # Panics
    /// There is none.
    #[track_caller]
    pub fn count(&self, path: &str) -> u64 {
        let value = self.json_at(path);
        value.as_u64().unwrap_or_else(|| panic!("{path} is {value}, not a count"))
    }
}

/// A stream that a thread reads to its end; empty when there is none.
#[derive(Debug, Default)]
struct Captured {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Captured {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let sink = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut chunk) {
                sink.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend_from_slice(&chunk[..read]);
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
            .into_owned()
    }

    /// All of it, once the process has ended; a grandchild that keeps the stream open is not waited
    /// for longer than this.
    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            wait_until(Duration::from_secs(5), "the end of the host's output", || {
                reader.is_finished().then_some(())
            });
        }
        self.text()
    }
}
