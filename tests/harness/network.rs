//! A network of places with an address each, whose paths can be cut, one way or both: what lies
//! between machines, on one.
//!
//! A place is a network namespace of the kernel, with one link to a router in the middle, and the
//! router has rules about who reaches whom. It drops in silence, as broken networks do. Namespaces
//! are held by files of this process and by the processes inside: whatever ends them, nothing is
//! left behind.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use nix::sched::{CloneFlags, setns, unshare};

/// Places, numbered from 0. Dropping it ends it, with the last process inside.
#[derive(Debug)]
pub struct Network {
    router: Namespace,
    places: Vec<Namespace>,
}

/// The address of the router, the same on each of its links: nobody speaks with it.
const ROUTER: &str = "169.254.1.1";

impl Network {
    /// Makes a network of so many places. Where the machine gives none, says so and why on standard
    /// error, and gives none either: a test is skipped then.
    ///
    /// # Panics
    /// With more than 255 places.
    pub fn start(places: usize) -> Option<Self> {
        // The test runner captures what is printed, and shows it where the test fails; what a test
        // could not try is for everybody to see.
        Self::make(places)
            .map_err(|reason| {
                crate::say(&format!(
                    "skipped, for this machine gives no network of its own: {reason}"
                ))
            })
            .ok()
    }

    fn make(places: usize) -> Result<Self, String> {
        let router = Namespace::new()?;
        let places = (0..places).map(|_| Namespace::new()).collect::<Result<Vec<_>, _>>()?;
        router
            .within(|| std::fs::write("/proc/sys/net/ipv4/ip_forward", "1"))
            .map_err(|error| format!("it does not route: {error}"))?;
        for (number, place) in places.iter().enumerate() {
            let (link, address) = (format!("place{number}"), Self::address(number));
            router.ip(&format!(
                "link add {link} type veth peer name outside netns {}",
                place.path()
            ))?;
            router.ip(&format!("address add {ROUTER}/32 dev {link}"))?;
            router.ip(&format!("link set {link} up"))?;
            router.ip(&format!("route add {address}/32 dev {link}"))?;
            place.ip("link set lo up")?;
            place.ip(&format!("address add {address}/32 dev outside"))?;
            place.ip("link set outside up")?;
            place.ip(&format!("route add default via {ROUTER} dev outside onlink"))?;
        }
        // A kernel may have been built without them.
        ["add", "del"]
            .iter()
            .try_for_each(|act| router.ip(&format!("rule {act} to {ROUTER} blackhole")))?;
        Ok(Self { router, places })
    }

    /// The address of a place.
    ///
    /// # Panics
    /// Its number is beyond 254.
    pub fn address(place: usize) -> Ipv4Addr {
        Ipv4Addr::new(10, 7, 0, u8::try_from(place + 1).expect("a network is small"))
    }

    /// An address in a place, with a port.
    ///
    /// # Panics
    /// As [`Network::address`].
    pub fn socket_address(place: usize, port: u16) -> SocketAddr {
        (Self::address(place), port).into()
    }

    /// Does something in a place: the processes that it starts and the sockets that it opens are
    /// there.
    pub fn within<T: Send>(&self, place: usize, act: impl FnOnce() -> T + Send) -> T {
        self.places[place].within(act)
    }

    /// Lets nothing through any more from one place to another. The way back is as it was.
    ///
    /// # Panics
    /// The kernel refuses.
    pub fn cut(&self, from: usize, to: usize) {
        self.rule("add", from, to, "");
    }

    /// Lets through again what was cut.
    ///
    /// # Panics
    /// It was not cut.
    pub fn mend(&self, from: usize, to: usize) {
        self.rule("del", from, to, "");
    }

    /// Cuts each of some places from each of some others, both ways.
    ///
    /// # Panics
    /// As [`Network::cut`].
    pub fn part(&self, some: &[usize], others: &[usize]) {
        pairs(some, others).for_each(|(from, to)| self.cut(from, to));
    }

    /// Joins again what was parted.
    ///
    /// # Panics
    /// As [`Network::mend`].
    pub fn join(&self, some: &[usize], others: &[usize]) {
        pairs(some, others).for_each(|(from, to)| self.mend(from, to));
    }

    /// Lets no UDP through any more from one place to another.
    ///
    /// # Panics
    /// As [`Network::cut`].
    pub fn block_udp(&self, from: usize, to: usize) {
        self.rule("add", from, to, "ipproto udp");
    }

    /// Lets UDP through again.
    ///
    /// # Panics
    /// It was not blocked.
    pub fn unblock_udp(&self, from: usize, to: usize) {
        self.rule("del", from, to, "ipproto udp");
    }

    /// Sets the longest packet that a place's link carries, both ways.
    ///
    /// # Panics
    /// The kernel refuses.
    pub fn set_mtu(&self, place: usize, bytes: u32) {
        self.places[place]
            .ip(&format!("link set outside mtu {bytes}"))
            .expect("a link takes a length");
        self.router
            .ip(&format!("link set place{place} mtu {bytes}"))
            .expect("a link takes a length");
    }

    fn rule(&self, act: &str, from: usize, to: usize, what: &str) {
        let rule = format!(
            "rule {act} from {} to {} {what} blackhole",
            Self::address(from),
            Self::address(to)
        );
        self.router.ip(&rule).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Each of some with each of the others, in both orders.
fn pairs<'a>(some: &'a [usize], others: &'a [usize]) -> impl Iterator<Item = (usize, usize)> + 'a {
    some.iter()
        .flat_map(move |&one| others.iter().flat_map(move |&other| [(one, other), (other, one)]))
}

/// The file keeps it.
#[derive(Debug)]
struct Namespace(File);

impl Namespace {
    fn new() -> Result<Self, String> {
        let made = on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net")
        });
        made.map(Self).map_err(|error| format!("no namespace: {error} (root may make one)"))
    }

    /// Namespaces are a thread's, and what it starts inherits them.
    fn within<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        on_a_thread(|| {
            setns(&self.0, CloneFlags::CLONE_NEWNET).expect("who made it may enter it");
            act()
        })
    }

    /// Its path for other processes of this machine.
    fn path(&self) -> String {
        use std::os::fd::AsRawFd;
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }

    fn ip(&self, words: &str) -> Result<(), String> {
        let ran = self.within(|| Command::new("ip").args(words.split_whitespace()).output());
        let ran = ran.map_err(|error: io::Error| {
            format!("no program ip: {error} (apt-get install iproute2)")
        })?;
        if ran.status.success() {
            Ok(())
        } else {
            Err(format!("ip {words}: {}", String::from_utf8_lossy(&ran.stderr).trim()))
        }
    }
}

fn on_a_thread<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(act).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::UdpSocket;
    use std::time::Duration;

    use super::*;

    fn socket(network: &Network, place: usize) -> UdpSocket {
        let socket = network
            .within(place, || UdpSocket::bind(Network::socket_address(place, 9)))
            .expect("its port is free");
        socket
            .set_read_timeout(Some(Duration::from_millis(300)))
            .expect("a socket can be given patience");
        socket
    }

    #[test]
    fn places_reach_each_other_but_where_the_way_is_cut() {
        let Some(network) = Network::start(3) else { return };
        let sockets: Vec<UdpSocket> = (0..3).map(|place| socket(&network, place)).collect();
        let passes = |from: usize, to: usize| {
            sockets[from]
                .send_to(b"hello", Network::socket_address(to, 9))
                .expect("a cut is silent");
            match sockets[to].recv_from(&mut [0; 9]) {
                Ok((_, sender)) => {
                    assert_eq!(sender, Network::socket_address(from, 9));
                    true
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => false,
                Err(error) => panic!("{error}"),
            }
        };
        assert!(passes(0, 1) && passes(1, 0));
        network.cut(0, 1);
        assert!(!passes(0, 1) && passes(1, 0) && passes(0, 2));
        network.mend(0, 1);
        network.part(&[0, 1], &[2]);
        assert!(passes(0, 1) && !passes(0, 2) && !passes(2, 1));
        network.join(&[0, 1], &[2]);
        assert!(passes(0, 2) && passes(2, 1));
        network.block_udp(1, 2);
        assert!(!passes(1, 2) && passes(2, 1));
    }
}
