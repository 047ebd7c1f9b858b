//! What the suites stand on: the real binary, a service under control, a real nginx, and patience
//! with a deadline.
//!
//! A suite says what it does to the host and what must come of it; nothing here judges. Whatever
//! goes wrong on the way (a program that is not built, a deadline that passed) panics with what was
//! seen, for there is no test left to go on with.

mod books;
mod call;
mod daemon;
mod grpc;
mod host;
mod http3;
mod kubernetes;
mod memory;
mod network;
mod nginx;
mod notary;
mod peers;
mod prometheus;
mod proving_ground;
mod python_service;
mod receivers;
mod relay;
mod servers;
pub mod statistics;
mod streamer;
mod terminal;
pub mod turns;
mod websockets;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use call::{CallReply, call};
pub use grpc::{GrpcCounts, PythonGrpc};
pub use host::{Finished, Host, Running};
pub use http3::{Http3Counts, PythonHttp3};
pub use kubernetes::KubernetesSchemas;
pub use memory::private_memory;
pub use network::Network;
pub use nginx::{Nginx, NginxKinds};
pub use notary::Notary;
pub use peers::{Peer, PeerManner};
pub use prometheus::PrometheusServer;
pub use proving_ground::{ArrivalTimes, ProvingGround};
pub use receivers::{Collector, InfluxServer, PostReceiver, Posted, ReceiverManner, StatsdServer};
pub use relay::{Relay, RelayFates, RelayWeather};
pub use servers::{NameServer, RealServer};
pub use streamer::{StreamedReply, Streamer};
pub use swell_target::{
    Behaviour, CertificateKind, Connections, Overload, Passage, Target, TargetCounts,
    TargetSettings,
};
pub use terminal::OnTerminal;
pub use websockets::{PythonWebSockets, WebSocketCounts};

/// The compiled guest of this name.
///
/// # Panics
/// It is not built.
pub fn guest(name: &str) -> PathBuf {
    scenario("SWELL_GUESTS", "guests", name)
}

/// The compiled example of this name.
///
/// # Panics
/// It is not built.
pub fn example(name: &str) -> PathBuf {
    scenario("SWELL_EXAMPLES", "examples", name)
}

fn scenario(variable: &str, kind: &str, name: &str) -> PathBuf {
    let folder =
        std::env::var_os(variable).map_or_else(|| target_folder().join(kind), PathBuf::from);
    let file = folder.join(format!("{name}.wasm"));
    assert!(
        file.exists(),
        "{} is not built\nhelp: cargo xtask {kind} --out {}",
        file.display(),
        folder.display()
    );
    file
}

/// The target folder that this very test was built in.
fn target_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a running program has a file");
    // TARGET/release/deps/NAME
    test.ancestors().nth(3).map(Path::to_owned).expect("cargo puts tests three folders deep")
}

/// An address of loopback that was free a moment ago.
///
/// # Panics
/// Loopback has none.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("loopback has a free port")
}

/// Waits until a condition gives something.
///
/// # Panics
/// The deadline passes first; `what` says what was waited for.
pub fn wait_until<T>(
    deadline: Duration,
    what: &str,
    mut condition: impl FnMut() -> Option<T>,
) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(begun.elapsed() < deadline, "waited {deadline:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The right to measure: no other test that measures runs meanwhile, in this process or another.
#[derive(Debug)]
#[must_use = "others measure again as soon as this is dropped"]
pub struct MeasureLock(
    #[expect(dead_code, reason = "closing the file is what unlocks it")] std::fs::File,
);

/// Waits for the right to measure.
///
/// # Panics
/// The lock's file cannot be opened.
pub fn alone() -> MeasureLock {
    let path = target_folder().join("measuring.lock");
    let file = std::fs::File::create(&path).and_then(|file| file.lock().map(|()| file));
    MeasureLock(file.unwrap_or_else(|error| panic!("can't lock {}: {error}", path.display())))
}

/// Says something that whoever runs the tests is to see, whether or not they pass.
pub fn say(text: &str) {
    use std::io::Write;
    // Unlike what `eprintln!` writes this is not captured. That nobody can read it is no reason to
    // stop.
    let _ = writeln!(
        std::io::stderr(),
        "{}: {text}",
        std::thread::current().name().unwrap_or("a test")
    );
}
