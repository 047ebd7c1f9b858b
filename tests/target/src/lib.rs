//! A service to hold load tests against: it behaves as it is told, and it counts what it saw.
//!
//! A load tester is believed only as far as somebody else's count agrees with its own. So the
//! target is that somebody: it obeys a *law* of latency and capacity which a test knows, does every
//! bad thing a service can do on a path of its own, and says afterwards exactly what came.
//!
//! It runs on one thread with two ports. On the first it serves; on the second, the control port,
//! it is told what to do and asked what it saw, so that control is neither counted nor slowed down.
//! The same control is there in process through [`Target`].

mod answer;
mod behaviour;
mod body;
mod certificate;
mod connection;
mod control;
mod form;
mod law;
mod seen;
mod service;
mod shop;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

pub use behaviour::{Behaviour, Connections, Overload};
pub use certificate::CertificateKind;
pub use seen::{OTHER_PATHS, Passage, PathSeen, TargetCounts};

use certificate::Certificate;
use service::TargetService;

/// How a target is set up; what may change while it runs is in [`Behaviour`].
#[derive(Clone, Debug)]
pub struct TargetSettings {
    /// Where it serves; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where it is controlled; port 0 takes a free one.
    pub control: SocketAddr,
    /// With which certificate it speaks TLS; without one it does not.
    pub tls: Option<CertificateKind>,
    /// Whether it keeps the arrival and the departure of each request: 40 bytes a request.
    pub log: bool,
    /// How it behaves to begin with.
    pub behaviour: Behaviour,
}

impl Default for TargetSettings {
    /// A plain, instant service on free loopback ports.
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { listen: any, control: any, tls: None, log: false, behaviour: Behaviour::default() }
    }
}

/// A running target. Dropping it closes its ports and every connection.
#[derive(Debug)]
pub struct Target {
    addr: SocketAddr,
    control_addr: SocketAddr,
    ca_pem: Option<String>,
    service: Arc<TargetService>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Target {
    /// Starts a target on a thread of its own; both ports accept connections when this returns.
    ///
    /// # Errors
    /// A port that cannot be bound, or a behaviour that is none ([`Behaviour::check`]).
    pub fn start(settings: TargetSettings) -> io::Result<Self> {
        settings
            .behaviour
            .check()
            .map_err(|wrong| io::Error::new(io::ErrorKind::InvalidInput, wrong))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (listener, control) = {
            let _inside = runtime.enter();
            (bind(settings.listen)?, bind(settings.control)?)
        };
        let addr = listener.local_addr()?;
        let control_addr = control.local_addr()?;
        let certificate = settings.tls.map(Certificate::new);
        let ca_pem = certificate.as_ref().map(|certificate| certificate.ca_pem.clone());
        let service = Arc::new(TargetService::new(settings.behaviour, settings.log));
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("target".into()).spawn({
            let service = Arc::clone(&service);
            let acceptor = certificate.map(|certificate| certificate.acceptor);
            move || {
                // The runtime owns every task spawned on it: they end with it, at the end of this
                // block.
                runtime.block_on(async {
                    tokio::select! {
                        () = connection::serve(listener, acceptor, Arc::clone(&service)) => {}
                        () = control::serve(control, service) => {}
                        _ = stopped => {}
                    }
                });
            }
        })?;
        Ok(Self { addr, control_addr, ca_pem, service, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it serves, as `http://127.0.0.1:PORT` or, with TLS, `https://localhost:PORT`.
    pub fn url(&self) -> String {
        match self.ca_pem {
            Some(_) => format!("https://localhost:{}", self.addr.port()),
            None => format!("http://{}", self.addr),
        }
    }

    /// The address behind [`Target::url`].
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it is controlled, as `http://127.0.0.1:PORT`.
    pub fn control_url(&self) -> String {
        format!("http://{}", self.control_addr)
    }

    /// The certificate, in PEM, of the authority that signed this target's own; nothing without
    /// TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// What it saw since it started, or since the last [`Target::reset`].
    pub fn seen(&self) -> TargetCounts {
        self.service.seen(true)
    }

    /// The count of [`TargetCounts::requests`] alone, for those who ask often.
    pub fn requests(&self) -> u64 {
        self.service.requests()
    }

    /// The time since it started, on the clock of [`Passage`].
    pub fn age(&self) -> Duration {
        self.service.age()
    }

    /// Forgets what it saw. Requests that are still under way are not counted when they leave.
    pub fn reset(&self) {
        self.service.reset();
    }

    /// Holds back all answers, those under way and those to requests yet to come, until this much
    /// time has passed. Requests are accepted meanwhile.
    pub fn stall(&self, time: Duration) {
        self.service.stall(time);
    }

    /// Changes the behaviour from the next connection and the next request on.
    ///
    /// # Errors
    /// Says what is wrong with a behaviour that is none; then nothing has changed.
    pub fn behave(&self, behaviour: Behaviour) -> Result<(), String> {
        self.service.behave(behaviour)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // Either fails only when the thread is gone already, and a panic of that thread has been
        // printed by then.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Binds with a backlog that takes thousands of users who connect at once.
fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(4096)
}
