//! A UDP relay between two sides that loses, delays, doubles and overtakes, from a seed: what
//! kernels with netem do, on any machine.

use std::collections::{BTreeMap, HashMap};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use swell_core::random::Random;

/// What it does to datagrams.
#[derive(Clone, Copy, Debug)]
pub struct RelayWeather {
    /// The part that is lost.
    pub loss: f64,
    /// The part that comes twice.
    pub doubled: f64,
    /// The least time under way.
    pub delay: Duration,
    /// What may come on top, evenly: what is sent later may arrive sooner.
    pub jitter: Duration,
}

/// What it has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayFates {
    /// Datagrams that came.
    pub seen: u64,
    /// Those that were lost.
    pub lost: u64,
    /// Those that were sent twice.
    pub doubled: u64,
}

/// A running relay. Dropping it ends it.
#[derive(Debug)]
pub struct Relay {
    addr: SocketAddr,
    shared: Arc<RelayState>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct RelayState {
    weather: RelayWeather,
    random: Mutex<Random>,
    /// What is under way, by when it arrives; the second number tells those apart that do at once.
    under_way: Mutex<BTreeMap<(Instant, u64), Parcel>>,
    changed: Condvar,
    counts: [AtomicU64; 3],
    is_over: AtomicBool,
}

#[derive(Debug)]
struct Parcel {
    from: Arc<UdpSocket>,
    to: SocketAddr,
    bytes: Vec<u8>,
}

/// How often a thread looks whether all is over.
const PATIENCE: Duration = Duration::from_millis(50);

impl Relay {
    /// Begins to relay between whoever sends to it and `target`.
    ///
    /// # Panics
    /// Loopback has no port, or the machine no threads.
    pub fn start(target: SocketAddr, weather: RelayWeather, seed: u64) -> Self {
        let front = Arc::new(socket());
        let addr = front.local_addr().expect("a socket that is bound has an address");
        let shared = Arc::new(RelayState {
            weather,
            random: Mutex::new(Random::stream(seed, 0)),
            under_way: Mutex::default(),
            changed: Condvar::new(),
            counts: Default::default(),
            is_over: AtomicBool::new(false),
        });
        let (delivering, listening) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = vec![
            std::thread::spawn(move || delivering.deliver()),
            std::thread::spawn(move || listening.listen(&front, target)),
        ];
        Self { addr, shared, threads }
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it has done so far.
    pub fn fates(&self) -> RelayFates {
        let [seen, lost, doubled] =
            [0, 1, 2].map(|which: usize| self.shared.counts[which].load(Ordering::Relaxed));
        RelayFates { seen, lost, doubled }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that broke down has failed the test already.
            let _ = thread.join();
        }
    }
}

impl RelayState {
    /// Takes what clients send, and answers on their behalf from a socket for each.
    fn listen(self: &Arc<Self>, front: &Arc<UdpSocket>, target: SocketAddr) {
        let mut clients: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
        let mut returning = Vec::new();
        let mut buffer = [0; 65_536];
        while !self.is_over.load(Ordering::Relaxed) {
            let Ok((length, client)) = front.recv_from(&mut buffer) else { continue };
            let back = clients.entry(client).or_insert_with(|| {
                let back = Arc::new(socket());
                let (shared, front, listening) =
                    (Arc::clone(self), Arc::clone(front), Arc::clone(&back));
                returning
                    .push(std::thread::spawn(move || shared.give_back(&listening, &front, client)));
                back
            });
            self.dispatch(back, target, &buffer[..length]);
        }
        for thread in returning {
            let _ = thread.join();
        }
    }

    fn give_back(&self, back: &UdpSocket, front: &Arc<UdpSocket>, client: SocketAddr) {
        let mut buffer = [0; 65_536];
        while !self.is_over.load(Ordering::Relaxed) {
            if let Ok((length, _)) = back.recv_from(&mut buffer) {
                self.dispatch(front, client, &buffer[..length]);
            }
        }
    }

    fn dispatch(&self, from: &Arc<UdpSocket>, to: SocketAddr, bytes: &[u8]) {
        let number = self.counts[0].fetch_add(1, Ordering::Relaxed);
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let copies = match random.unit() {
            unit if unit < self.weather.loss => 0,
            unit if unit < self.weather.loss + self.weather.doubled => 2,
            _ => 1,
        };
        if copies != 1 {
            self.counts[if copies == 0 { 1 } else { 2 }].fetch_add(1, Ordering::Relaxed);
        }
        for copy in 0..copies {
            let at =
                Instant::now() + self.weather.delay + self.weather.jitter.mul_f64(random.unit());
            let parcel = Parcel { from: Arc::clone(from), to, bytes: bytes.to_vec() };
            self.under_way
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert((at, 2 * number + copy), parcel);
        }
        drop(random);
        self.changed.notify_one();
    }

    /// Sends each when its time has come.
    fn deliver(&self) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.is_over.load(Ordering::Relaxed) {
            let now = Instant::now();
            while let Some(entry) = under_way.first_entry().filter(|entry| entry.key().0 <= now) {
                let Parcel { from, to, bytes } = entry.remove();
                // Whoever it was for may be gone, which is what networks are like.
                let _ = from.send_to(&bytes, to);
            }
            let wait = under_way
                .first_key_value()
                .map_or(PATIENCE, |((at, _), _)| at.saturating_duration_since(now))
                .min(PATIENCE);
            under_way = self
                .changed
                .wait_timeout(under_way, wait)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket can be given patience");
    socket
}
