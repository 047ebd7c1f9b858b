//! A real Prometheus that scrapes one address, or is sent samples, in a temporary folder and on a
//! free port.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{call, free_address, wait_until};

/// A running Prometheus. Dropping it ends it.
#[derive(Debug)]
pub struct PrometheusServer {
    process: Child,
    addr: SocketAddr,
    _folder: TempDir,
}

impl PrometheusServer {
    /// Starts Prometheus, which scrapes `target` each second.
    ///
    /// # Panics
    /// It is not installed, or does not answer within 20 s.
    pub fn start(target: SocketAddr) -> Self {
        Self::configured(&format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\nscrape_configs: [{{ job_name: \
            swell, static_configs: [{{ targets: ['{target}'] }}] }}]\n"
        ))
    }

    /// Starts Prometheus, which scrapes nobody and takes what it is sent at
    /// [`PrometheusServer::write_url`].
    ///
    /// # Panics
    /// As [`PrometheusServer::start`].
    pub fn receiving() -> Self {
        Self::configured("global: { scrape_interval: 1s }\n")
    }

    /// Where samples are taken.
    pub fn write_url(&self) -> String {
        format!("http://{}/api/v1/write", self.addr)
    }

    fn configured(configuration: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let addr = free_address();
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, configuration).expect("the temporary folder can be written");
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.arg(format!("--web.listen-address={addr}"));
        command.arg("--web.enable-remote-write-receiver");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap_or_else(|error| {
            panic!("prometheus cannot be started: {error}\nhelp: apt-get install prometheus")
        });
        let mut prometheus = Self { process, addr, _folder: folder };
        wait_until(Duration::from_secs(20), "prometheus to be ready", || {
            let ended = prometheus.process.try_wait().expect("our own child can be waited for");
            assert!(ended.is_none(), "prometheus ended at once: {ended:?}");
            std::net::TcpStream::connect(addr).ok()?;
            (call(addr, "GET", "/-/ready", &[], "").status == 200).then_some(())
        });
        prometheus
    }

    /// The value of a query that gives one series at most; nothing where it gives none.
    ///
    /// # Panics
    /// Prometheus refuses the query.
    pub fn query(&self, query: &str) -> Option<f64> {
        let escaped: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let reply = call(self.addr, "GET", &format!("/api/v1/query?query={escaped}"), &[], "");
        assert_eq!(reply.status, 200, "{query}: {}", reply.body);
        let value = reply
            .json_at("/data")
            .pointer("/result/0/value/1")
            .and_then(Value::as_str)
            .map(str::to_owned);
        value.map(|value| value.parse().expect("prometheus gives numbers"))
    }
}

impl Drop for PrometheusServer {
    fn drop(&mut self) {
        // The only error is a process that has ended.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}
