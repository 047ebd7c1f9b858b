//! Sockets of a scenario's own: what a user may reach over them, how they open, and how many.
//!
//! | file | what it decides |
//! |---|---|
//! | `reach` | the addresses that a user may reach: the pure rule |
//! | `names` | from a name to addresses, over the worker's resolver |
//! | `error` | why something came to nothing, for the books, for people and for the scenario |
//!
//! What goes over them is the scenario's: the client knows no protocol there.

mod error;
pub(crate) mod names;
mod reach;

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use socket2::{Domain, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

pub use self::error::SocketFailure;
use self::names::SocketName;
use self::reach::Reached;
use crate::client::Client;
use crate::net::connect;

/// The most sockets that a user may have open at once. A client library has one, or a pool of some
/// dozens; with ten thousand users, a million descriptors would be more than a kernel gives.
pub const MAX_SOCKETS: usize = 128;

/// What one user does over sockets.
pub struct SocketUser {
    client: Rc<Client>,
    reached: RefCell<Reached>,
    open: Rc<Cell<usize>>,
}

/// The right to one of a user's sockets. Dropping it makes room for another.
pub struct SocketSlot(Rc<Cell<usize>>);

impl Drop for SocketSlot {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl SocketUser {
    /// A user that has opened and found nothing yet.
    pub fn new(client: &Rc<Client>) -> Self {
        Self { client: Rc::clone(client), reached: RefCell::default(), open: Rc::default() }
    }

    /// A TCP socket, over IPv4 or IPv6 alone.
    ///
    /// # Errors
    /// The user has too many, or this machine has no descriptor or no such IP version.
    pub fn open_tcp(&self, is_ipv4: bool) -> Result<(TcpSocket, SocketSlot), SocketFailure> {
        let slot = self.slot()?;
        let open = || {
            if is_ipv4 {
                return TcpSocket::new_v4();
            }
            let socket = TcpSocket::new_v6()?;
            socket2::SockRef::from(&socket).set_only_v6(true)?;
            Ok(socket)
        };
        Ok((open().map_err(SocketFailure::opening)?, slot))
    }

    /// A UDP socket, over IPv4 or IPv6 alone, which does not block.
    ///
    /// # Errors
    /// As [`SocketUser::open_tcp`].
    pub fn open_udp(&self, is_ipv4: bool) -> Result<(Socket, SocketSlot), SocketFailure> {
        let slot = self.slot()?;
        let open = || {
            let domain = if is_ipv4 { Domain::IPV4 } else { Domain::IPV6 };
            let socket = Socket::new(domain, Type::DGRAM, None)?;
            socket.set_nonblocking(true)?;
            if !is_ipv4 {
                socket.set_only_v6(true)?;
            }
            Ok(socket)
        };
        Ok((open().map_err(SocketFailure::opening)?, slot))
    }

    fn slot(&self) -> Result<SocketSlot, SocketFailure> {
        if self.open.get() == MAX_SOCKETS {
            return Err(SocketFailure::too_many(MAX_SOCKETS));
        }
        self.open.set(self.open.get() + 1);
        Ok(SocketSlot(Rc::clone(&self.open)))
    }

    /// Whether something may be sent to this address.
    ///
    /// # Errors
    /// It may not, in words that name the flag that would allow it.
    pub fn may_reach(&self, to: SocketAddr) -> Result<(), SocketFailure> {
        let reached = self.reached.borrow();
        reached.judge(&self.client.http.urls.allow, to).map_err(SocketFailure::denied)
    }

    /// Whether a user of UDP may send from this local address: it may not choose its port, because
    /// somebody could wait there for what others send.
    ///
    /// # Errors
    /// It may not.
    pub fn may_send_from(&self, local: SocketAddr) -> Result<(), SocketFailure> {
        if local.port() == 0 && !local.ip().is_multicast() {
            return Ok(());
        }
        Err(SocketFailure::denied(format!(
            "a scenario waits for nobody, so it cannot bind {local}; bind port 0, from which it \
            sends"
        )))
    }

    /// Binds a UDP socket to where it sends from: this address, or one of the run's own source
    /// addresses if it is none in particular.
    ///
    /// # Errors
    /// The kernel does not give it.
    pub fn bind_udp(&self, socket: &Socket, local: SocketAddr) -> Result<(), SocketFailure> {
        let sources = &self.client.network.sources;
        let from = match local.ip().is_unspecified() {
            true => sources.next(local).unwrap_or(local.ip()),
            false => local.ip(),
        };
        let is_ours = local.ip().is_unspecified();
        let bound = socket.bind(&SocketAddr::new(from, 0).into());
        bound.map_err(|error| SocketFailure::binding(error, from, is_ours))
    }

    /// Connects, from one of the run's source addresses if it has any. Like all connections it is
    /// one without delays of the kernel's own, and has the run's timeout.
    ///
    /// # Errors
    /// The address is not allowed, or there is no connection in time.
    pub fn connect(
        &self,
        socket: TcpSocket,
        to: SocketAddr,
    ) -> Result<impl Future<Output = Result<TcpStream, SocketFailure>> + 'static, SocketFailure>
    {
        self.may_reach(to)?;
        let client = Rc::clone(&self.client);
        Ok(async move {
            let sources = &client.network.sources;
            if !sources.is_empty() {
                let from = sources.next(to).ok_or_else(|| SocketFailure::no_source(to))?;
                let bound = socket.bind(SocketAddr::new(from, 0));
                bound.map_err(|error| SocketFailure::binding(error, from, true))?;
            }
            let longest = client.options.timeouts.connect;
            let fault = |error: io::Error| {
                let told = connect::fault(&error, to);
                SocketFailure::new(error, told)
            };
            let stream = match timeout(longest, socket.connect(to)).await {
                Ok(connected) => connected.map_err(fault)?,
                Err(_) => return Err(SocketFailure::connecting_took(longest, to)),
            };
            stream.set_nodelay(true).map_err(fault)?;
            Ok(stream)
        })
    }

    /// Looks a name up: its addresses, the next one in turn first. A literal address is its own
    /// name.
    ///
    /// # Errors
    /// The name is none, or not allowed with any port; or, later, nobody knows it.
    pub fn look_up(
        self: &Rc<Self>,
        name: &str,
    ) -> Result<impl Future<Output = Result<Vec<IpAddr>, SocketFailure>> + 'static, SocketFailure>
    {
        let name = SocketName::parse(name)?;
        if !self.client.http.urls.allow.names(&name.0) {
            return Err(SocketFailure::denied(format!(
                "{name} is not allowed by the plan (--allow-host {name})"
            )));
        }
        let user = Rc::clone(self);
        Ok(async move {
            let client = &user.client;
            let longest = client.options.timeouts.connect;
            let found = client.names.find(&client.network.resolver, &name);
            let (ips, are_of_this_machine) = match timeout(longest, found).await {
                Ok(found) => found?,
                Err(_) => return Err(SocketFailure::looking_up_took(longest, name)),
            };
            user.reached.borrow_mut().found(&name.0, &ips, are_of_this_machine);
            Ok(ips)
        })
    }
}
