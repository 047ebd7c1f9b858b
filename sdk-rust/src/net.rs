//! Sockets of a scenario's own: TCP, UDP and names, with the shapes of [`std::net`].
//!
//! A library that works over anything that reads and writes works over a [`TcpStream`]; one that
//! insists on `std::net` works where the target is `wasm32-wasip2` of rustup, whose library has
//! sockets. These here are there on every target that a scenario is compiled for.
//!
//! The host opens a socket to what the plan allows, as `--allow-host redis.example:6379` does, and
//! to nothing else: a look-up or a connection beyond that is refused with
//! [`PermissionDenied`](std::io::ErrorKind::PermissionDenied), and the host says which flag is
//! missing. Nothing listens. A user has at most 128 sockets at once; they close with the user.
//!
//! ```no_run
//! use std::io::{BufRead, BufReader, Write};
//! use swell::net::TcpStream;
//! use swell::prelude::*;
//!
//! #[scenario(start = connect, hosts("127.0.0.1:6379"))]
//! fn ping(redis: &mut BufReader<TcpStream>) -> Result<()> {
//!     transaction("PING", || {
//!         redis.get_mut().write_all(b"PING\r\n")?;
//!         let mut answer = String::new();
//!         redis.read_line(&mut answer)?;
//!         ensure!(answer == "+PONG\r\n", "redis said {answer:?}");
//!         Ok(())
//!     })
//! }
//!
//! fn connect() -> Result<BufReader<TcpStream>> {
//!     Ok(BufReader::new(TcpStream::connect("127.0.0.1:6379")?))
//! }
//! ```
//!
//! # Waits and errors
//!
//! A call waits as long as it takes, or as long as `set_read_timeout` says. A wait in a transaction
//! ends with the grace after the run at the latest; one outside of any transaction ends with the
//! run, and the error that it gives then does not count against the iteration. A connection has to
//! open within `--connect-timeout`.

mod address;
mod tcp;
mod udp;

pub use self::address::{ToSocketAddrs, lookup};
pub use self::tcp::TcpStream;
pub use self::udp::UdpSocket;
