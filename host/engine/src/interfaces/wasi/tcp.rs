//! `wasi:sockets/tcp`: connections. Nothing listens: a scenario is who comes, and not who waits.

use std::net::{Shutdown, SocketAddr};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::net::sockopt;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network,
};
use wasmtime_wasi::p2::bindings::sockets::tcp::{self, ShutdownType};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket;
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, SocketResult, TcpSocket as Theirs, subscribe,
};

use super::{family, ours, ours_owned, sockets_of, theirs};
use crate::sockets::SocketView;
use crate::sockets::streams::{SocketReader, SocketWriter};
use crate::sockets::tcp::{TcpHandle, TcpSocket};
use crate::thread_bound::ThreadBound;

/// The longest keep-alive times that Linux takes, in seconds, and the most probes.
const MAX_KEEP_ALIVE_SECONDS: u64 = 32_767;
const MAX_KEEP_ALIVE_PROBES: u32 = 127;

impl tcp_create_socket::Host for SocketView<'_> {
    fn create_tcp_socket(&mut self, version: IpAddressFamily) -> SocketResult<Resource<Theirs>> {
        let is_ipv4 = matches!(version, IpAddressFamily::Ipv4);
        let socket = TcpSocket::new(sockets_of(self)?, is_ipv4)?;
        let handle = self.table.push(TcpHandle(ThreadBound::new(socket)))?;
        Ok(theirs(&handle))
    }
}

impl SocketView<'_> {
    fn tcp(&mut self, this: &Resource<Theirs>) -> SocketResult<&mut TcpSocket> {
        let TcpHandle(socket) = self.table.get_mut(&ours(this))?;
        Ok(socket)
    }

    /// Asks something of a socket, or sets something.
    fn ask<T>(
        &mut self,
        this: &Resource<Theirs>,
        act: impl FnOnce(BorrowedFd<'_>) -> rustix::io::Result<T>,
    ) -> SocketResult<T> {
        Ok(self.tcp(this)?.with(|socket| Ok(act(socket)?))?)
    }
}

/// A value that may not be nothing.
fn some<T: PartialEq + Default>(value: T) -> SocketResult<T> {
    if value == T::default() { Err(ErrorCode::InvalidArgument.into()) } else { Ok(value) }
}

/// A time in nanoseconds, rounded to what the kernel takes.
fn seconds(nanos: u64) -> Duration {
    Duration::from_secs((nanos / 1_000_000_000).clamp(1, MAX_KEEP_ALIVE_SECONDS))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The bytes of a buffer of the kernel's; it takes what it likes of them.
pub(super) fn buffer(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX).clamp(1, i32::MAX as usize)
}

impl tcp::Host for SocketView<'_> {}

impl tcp::HostTcpSocket for SocketView<'_> {
    async fn start_bind(
        &mut self,
        _: Resource<Theirs>,
        _: Resource<Network>,
        _: IpSocketAddress,
    ) -> SocketResult<()> {
        Err(ErrorCode::AccessDenied.into())
    }

    fn finish_bind(&mut self, _: Resource<Theirs>) -> SocketResult<()> {
        Err(ErrorCode::NotInProgress.into())
    }

    fn start_connect(
        &mut self,
        this: Resource<Theirs>,
        _: Resource<Network>,
        remote: IpSocketAddress,
    ) -> SocketResult<()> {
        Ok(self.tcp(&this)?.start_connect(remote.into())?)
    }

    fn finish_connect(
        &mut self,
        this: Resource<Theirs>,
    ) -> SocketResult<(Resource<DynInputStream>, Resource<DynOutputStream>)> {
        let connection = self.tcp(&this)?.finish_connect()?;
        let input: DynInputStream = Box::new(SocketReader::new(&connection));
        let output: DynOutputStream = Box::new(SocketWriter::new(&connection));
        let socket = ours::<TcpHandle, _>(&this);
        Ok((self.table.push_child(input, &socket)?, self.table.push_child(output, &socket)?))
    }

    async fn start_listen(&mut self, _: Resource<Theirs>) -> SocketResult<()> {
        Err(ErrorCode::AccessDenied.into())
    }

    fn finish_listen(&mut self, _: Resource<Theirs>) -> SocketResult<()> {
        Err(ErrorCode::NotInProgress.into())
    }

    fn accept(
        &mut self,
        _: Resource<Theirs>,
    ) -> SocketResult<(Resource<Theirs>, Resource<DynInputStream>, Resource<DynOutputStream>)> {
        Err(ErrorCode::InvalidState.into())
    }

    fn local_address(&mut self, this: Resource<Theirs>) -> SocketResult<IpSocketAddress> {
        let address = self.tcp(&this)?.connection()?.with(|stream| stream.local_addr());
        Ok(address?.into())
    }

    fn remote_address(&mut self, this: Resource<Theirs>) -> SocketResult<IpSocketAddress> {
        let address: std::io::Result<SocketAddr> =
            self.tcp(&this)?.connection()?.with(|stream| stream.peer_addr());
        Ok(address?.into())
    }

    fn is_listening(&mut self, _: Resource<Theirs>) -> wasmtime::Result<bool> {
        Ok(false)
    }

    fn address_family(&mut self, this: Resource<Theirs>) -> wasmtime::Result<IpAddressFamily> {
        let TcpHandle(socket) = self.table.get(&ours(&this))?;
        Ok(family(socket.is_ipv4()))
    }

    fn set_listen_backlog_size(&mut self, _: Resource<Theirs>, _: u64) -> SocketResult<()> {
        Err(ErrorCode::NotSupported.into())
    }

    fn keep_alive_enabled(&mut self, this: Resource<Theirs>) -> SocketResult<bool> {
        self.ask(&this, |socket| sockopt::socket_keepalive(socket))
    }

    fn set_keep_alive_enabled(&mut self, this: Resource<Theirs>, value: bool) -> SocketResult<()> {
        self.ask(&this, |socket| sockopt::set_socket_keepalive(socket, value))
    }

    fn keep_alive_idle_time(&mut self, this: Resource<Theirs>) -> SocketResult<u64> {
        self.ask(&this, |socket| sockopt::tcp_keepidle(socket)).map(nanos)
    }

    fn set_keep_alive_idle_time(&mut self, this: Resource<Theirs>, value: u64) -> SocketResult<()> {
        let time = seconds(some(value)?);
        self.ask(&this, |socket| sockopt::set_tcp_keepidle(socket, time))
    }

    fn keep_alive_interval(&mut self, this: Resource<Theirs>) -> SocketResult<u64> {
        self.ask(&this, |socket| sockopt::tcp_keepintvl(socket)).map(nanos)
    }

    fn set_keep_alive_interval(&mut self, this: Resource<Theirs>, value: u64) -> SocketResult<()> {
        let time = seconds(some(value)?);
        self.ask(&this, |socket| sockopt::set_tcp_keepintvl(socket, time))
    }

    fn keep_alive_count(&mut self, this: Resource<Theirs>) -> SocketResult<u32> {
        self.ask(&this, |socket| sockopt::tcp_keepcnt(socket))
    }

    fn set_keep_alive_count(&mut self, this: Resource<Theirs>, value: u32) -> SocketResult<()> {
        let probes = some(value)?.min(MAX_KEEP_ALIVE_PROBES);
        self.ask(&this, |socket| sockopt::set_tcp_keepcnt(socket, probes))
    }

    fn hop_limit(&mut self, this: Resource<Theirs>) -> SocketResult<u8> {
        let is_ipv4 = self.tcp(&this)?.is_ipv4();
        self.ask(&this, |socket| hop_limit(socket, is_ipv4))
    }

    fn set_hop_limit(&mut self, this: Resource<Theirs>, value: u8) -> SocketResult<()> {
        let (is_ipv4, hops) = (self.tcp(&this)?.is_ipv4(), some(value)?);
        self.ask(&this, |socket| set_hop_limit(socket, is_ipv4, hops))
    }

    fn receive_buffer_size(&mut self, this: Resource<Theirs>) -> SocketResult<u64> {
        self.ask(&this, receive_buffer)
    }

    fn set_receive_buffer_size(&mut self, this: Resource<Theirs>, value: u64) -> SocketResult<()> {
        let bytes = buffer(some(value)?);
        self.ask(&this, |socket| sockopt::set_socket_recv_buffer_size(socket, bytes))
    }

    fn send_buffer_size(&mut self, this: Resource<Theirs>) -> SocketResult<u64> {
        self.ask(&this, send_buffer)
    }

    fn set_send_buffer_size(&mut self, this: Resource<Theirs>, value: u64) -> SocketResult<()> {
        let bytes = buffer(some(value)?);
        self.ask(&this, |socket| sockopt::set_socket_send_buffer_size(socket, bytes))
    }

    fn subscribe(&mut self, this: Resource<Theirs>) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, ours::<TcpHandle, _>(&this))
    }

    fn shutdown(&mut self, this: Resource<Theirs>, how: ShutdownType) -> SocketResult<()> {
        let connection = self.tcp(&this)?.connection()?;
        let how = Shutdown::from(how);
        if how != Shutdown::Write {
            connection.stop_receiving();
        }
        if how != Shutdown::Read {
            connection.end();
        }
        Ok(())
    }

    fn drop(&mut self, this: Resource<Theirs>) -> wasmtime::Result<()> {
        self.table.delete(ours_owned::<TcpHandle, _>(&this))?;
        Ok(())
    }
}

/// Linux says twice what it was told, for what it keeps about the bytes.
pub(super) fn receive_buffer(socket: BorrowedFd<'_>) -> rustix::io::Result<u64> {
    sockopt::socket_recv_buffer_size(socket).map(|bytes| bytes as u64 / 2)
}

/// As [`receive_buffer`].
pub(super) fn send_buffer(socket: BorrowedFd<'_>) -> rustix::io::Result<u64> {
    sockopt::socket_send_buffer_size(socket).map(|bytes| bytes as u64 / 2)
}

pub(super) fn hop_limit(socket: BorrowedFd<'_>, is_ipv4: bool) -> rustix::io::Result<u8> {
    if is_ipv4 {
        sockopt::ip_ttl(socket).map(|hops| u8::try_from(hops).unwrap_or(u8::MAX))
    } else {
        sockopt::ipv6_unicast_hops(socket)
    }
}

pub(super) fn set_hop_limit(
    socket: BorrowedFd<'_>,
    is_ipv4: bool,
    hops: u8,
) -> rustix::io::Result<()> {
    if is_ipv4 {
        sockopt::set_ip_ttl(socket, hops.into())
    } else {
        sockopt::set_ipv6_unicast_hops(socket, Some(hops))
    }
}
