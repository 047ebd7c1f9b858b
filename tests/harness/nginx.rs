//! A real nginx with a configuration of its own, in a temporary folder and on a free port.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{free_address, wait_until};

/// A running nginx. Dropping it ends it.
#[derive(Debug)]
pub struct Nginx {
    process: Child,
    addr: SocketAddr,
    /// How often it was asked for its status, which it counts too.
    asked: Cell<u64>,
    /// Where its configuration and its temporary files are.
    _folder: TempDir,
}

/// The URLs of an nginx with a server for each kind.
#[derive(Debug)]
pub struct NginxKinds {
    /// HTTP/1.1 over TLS, two bytes.
    pub https: String,
    /// HTTP/2 over TLS, two bytes.
    pub http2: String,
    /// A body of 1 MiB.
    pub bodies: String,
    /// 1 KiB of JSON, with `"accepted":true` in it, whatever is posted.
    pub posts: String,
}

impl Nginx {
    /// Starts nginx with one worker, which answers every path with 200 and the two bytes `ok`; on
    /// this core alone, if one is given.
    ///
    /// # Panics
    /// It is not installed, or does not answer within 10 s.
    pub fn start(core: Option<u32>) -> Self {
        Self::serving(core, |_| String::new())
    }

    /// Starts nginx and a second server of it at the URL that is returned too: over TLS and HTTP/2
    /// it answers `/bytes/10`, `/bytes/20` and `/bytes/30`, and says goodbye to each connection
    /// after so many requests.
    ///
    /// # Panics
    /// As [`Nginx::start`].
    pub fn saying_goodbye_after(requests: u32) -> (Self, String) {
        let addr = free_address();
        let nginx = Self::serving(None, |folder| {
            let certificate = certificate(folder);
            let mut server = format!(
                "server {{\nlisten {addr} ssl http2;\nkeepalive_requests {requests};\n{certificate}"
            );
            for size in [10, 20, 30] {
                writeln!(
                    server,
                    "location = /bytes/{size} {{ return 200 \"{}\"; }}",
                    "x".repeat(size)
                )
                .expect("a string takes everything");
            }
            server + "}\n"
        });
        (nginx, format!("https://{addr}"))
    }

    /// Starts nginx on this core, with servers for each kind of traffic that is compared.
    ///
    /// # Panics
    /// As [`Nginx::start`].
    pub fn of_all_kinds(core: u32) -> (Self, NginxKinds) {
        let [https, http2, bodies, posts] = std::array::from_fn(|_| free_address());
        let nginx = Self::serving(Some(core), |folder| {
            write(folder, "mebibyte", &"x".repeat(1 << 20));
            let (certificate, files) = (certificate(folder), folder.path().display());
            let ok = "location / { default_type text/plain; return 200 \"ok\"; }\n";
            let answer =
                format!("{{\\\"accepted\\\":true,\\\"padding\\\":\\\"{}\\\"}}", "x".repeat(990));
            format!(
                "server {{\nlisten {https} ssl;\n{certificate}{ok}}}\n\
                server {{\nlisten {http2} ssl http2;\n{certificate}{ok}}}\n\
                server {{\nlisten {bodies};\nsendfile on;\nroot {files};\n\
                location / {{ try_files /mebibyte =404; }}\n}}\n\
                server {{\nlisten {posts};\n\
                location / {{ default_type application/json; return 200 \"{answer}\"; }}\n}}\n"
            )
        });
        let kinds = NginxKinds {
            https: format!("https://{https}"),
            http2: format!("https://{http2}"),
            bodies: format!("http://{bodies}"),
            posts: format!("http://{posts}"),
        };
        (nginx, kinds)
    }

    fn serving(core: Option<u32>, server: impl FnOnce(&TempDir) -> String) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let addr = free_address();
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration(&folder, addr, &server(&folder)))
            .expect("the temporary folder can be written");
        let mut command = match core {
            Some(core) => {
                let mut taskset = Command::new("taskset");
                taskset.args(["--cpu-list", &core.to_string(), "nginx"]);
                taskset
            }
            None => Command::new("nginx"),
        };
        command.arg("-p").arg(folder.path()).arg("-c").arg(&file).stdin(Stdio::null());
        let process = command.spawn().unwrap_or_else(|error| {
            panic!("nginx cannot be started: {error}\nhelp: apt-get install nginx")
        });
        let mut nginx = Self { process, addr, asked: Cell::new(0), _folder: folder };
        wait_until(Duration::from_secs(10), "nginx to listen", || {
            let ended = nginx.process.try_wait().expect("our own child can be waited for");
            assert!(ended.is_none(), "nginx ended at once: {ended:?}");
            TcpStream::connect(addr).ok()
        });
        nginx
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// How many requests it has read, without those of this call and its predecessors.
    ///
    /// # Panics
    /// It does not say.
    pub fn requests(&self) -> u64 {
        let status =
            self.status().unwrap_or_else(|error| panic!("nginx does not say its status: {error}"));
        // "server accepts handled requests\n 1 1 1", and after them counts of connections.
        let numbers = status
            .lines()
            .find_map(|line| line.strip_prefix(' '))
            .unwrap_or_else(|| panic!("no counts in {status:?}"));
        let requests: u64 = numbers
            .split_whitespace()
            .nth(2)
            .and_then(|number| number.parse().ok())
            .expect("the third number is the requests'");
        self.asked.set(self.asked.get() + 1);
        requests - self.asked.get()
    }

    fn status(&self) -> std::io::Result<String> {
        let mut socket = TcpStream::connect(self.addr)?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        socket.write_all(b"GET /swell-status HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM, for a killed master would leave its worker behind. Both fail only after its end.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

/// The file of this name in nginx's folder.
fn write(folder: &TempDir, name: &str, text: &str) -> String {
    let file = folder.path().join(name);
    std::fs::write(&file, text).expect("the temporary folder can be written");
    file.display().to_string()
}

/// What a server says of the certificate that it shows.
fn certificate(folder: &TempDir) -> String {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])
        .expect("a constant name makes a certificate");
    let file = write(folder, "certificate.pem", &certified.cert.pem());
    let key = write(folder, "key.pem", &certified.signing_key.serialize_pem());
    format!("ssl_certificate {file};\nssl_certificate_key {key};\n")
}

fn configuration(folder: &TempDir, addr: SocketAddr, server: &str) -> String {
    let folder = folder.path().display();
    let mut configuration = format!(
        "daemon off;\nworker_processes 1;\nworker_rlimit_nofile 20000;\npid \
        {folder}/nginx.pid;\nerror_log stderr error;\n\
         events {{ worker_connections 19000; multi_accept on; }}\nhttp {{\naccess_log \
         off;\nkeepalive_requests 1000000000;\nkeepalive_timeout 1h;\n"
    );
    // Debian's defaults are folders that only root may write.
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        writeln!(configuration, "{kind}_temp_path {folder}/{kind};")
            .expect("a string takes everything");
    }
    write!(
        configuration,
        "server {{\nlisten {addr} backlog=4096;\nlocation / {{ default_type text/plain; return 200 \
        \"ok\"; }}\nlocation = /swell-status {{ stub_status; }}\n}}\n{server}}}\n"
    )
    .expect("a string takes everything");
    configuration
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nginx_answers_and_counts_what_it_answered() {
        let nginx = Nginx::start(None);
        assert_eq!(nginx.requests(), 0);
        for _ in 0..3 {
            let mut socket = TcpStream::connect(nginx.addr).expect("nginx listens");
            socket.write_all(b"GET /any HTTP/1.0\r\n\r\n").expect("nginx takes the request");
            let mut answer = String::new();
            socket.read_to_string(&mut answer).expect("nginx answers");
            assert!(
                answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\nok"),
                "{answer}"
            );
        }
        assert_eq!((nginx.requests(), nginx.requests()), (3, 3));
    }
}
