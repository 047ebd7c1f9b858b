//! `wasi:sockets/udp`: datagrams, to and from who is allowed.

use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use rustix::net::sockopt;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network,
};
use wasmtime_wasi::p2::bindings::sockets::udp::{
    self, IncomingDatagram, IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream,
};
use wasmtime_wasi::p2::bindings::sockets::udp_create_socket;
use wasmtime_wasi::p2::{DynPollable, SocketError, SocketResult, UdpSocket as Theirs, subscribe};

use super::tcp::{buffer, hop_limit, receive_buffer, send_buffer, set_hop_limit};
use super::{family, ours, ours_owned, sockets_of, theirs};
use crate::sockets::SocketView;
use crate::sockets::udp::{IncomingDatagrams, OutgoingDatagrams, UdpHandle, UdpSocket};
use crate::thread_bound::ThreadBound;

impl udp_create_socket::Host for SocketView<'_> {
    async fn create_udp_socket(
        &mut self,
        version: IpAddressFamily,
    ) -> SocketResult<Resource<Theirs>> {
        let is_ipv4 = matches!(version, IpAddressFamily::Ipv4);
        let socket = UdpSocket::new(sockets_of(self)?, is_ipv4)?;
        let handle = self.table.push(UdpHandle(ThreadBound::new(socket)))?;
        Ok(theirs(&handle))
    }
}

impl SocketView<'_> {
    fn udp(&mut self, this: &Resource<Theirs>) -> SocketResult<&mut UdpSocket> {
        let UdpHandle(socket) = self.table.get_mut(&ours(this))?;
        Ok(socket)
    }

    fn ask_udp<T>(
        &mut self,
        this: &Resource<Theirs>,
        act: impl FnOnce(BorrowedFd<'_>) -> rustix::io::Result<T>,
    ) -> SocketResult<T> {
        Ok(self.udp(this)?.with(|socket| Ok(act(socket)?))?)
    }
}

impl udp::Host for SocketView<'_> {}

impl udp::HostUdpSocket for SocketView<'_> {
    async fn start_bind(
        &mut self,
        this: Resource<Theirs>,
        _: Resource<Network>,
        local: IpSocketAddress,
    ) -> SocketResult<()> {
        self.udp(&this)?.bind(local.into())?;
        // The runtime learns a moment later that a new socket can send; a guest may expect it now.
        let datagrams = self.udp(&this)?.datagrams()?.clone();
        Ok(ThreadBound::new(async move { datagrams.sendable().await }).await?)
    }

    fn finish_bind(&mut self, this: Resource<Theirs>) -> SocketResult<()> {
        if std::mem::take(&mut self.udp(&this)?.is_binding) {
            Ok(())
        } else {
            Err(ErrorCode::NotInProgress.into())
        }
    }

    async fn stream(
        &mut self,
        this: Resource<Theirs>,
        remote: Option<IpSocketAddress>,
    ) -> SocketResult<(Resource<IncomingDatagramStream>, Resource<OutgoingDatagramStream>)> {
        let socket = ours::<UdpHandle, _>(&this);
        if self
            .table
            .iter_children(&socket)?
            .any(|child| child.is::<IncomingDatagrams>() || child.is::<OutgoingDatagrams>())
        {
            return Err(SocketError::trap(wasmtime::Error::msg(
                "a UDP socket was given streams before those that it had were dropped",
            )));
        }
        let datagrams = self.udp(&this)?.datagrams()?;
        datagrams.connect(remote.map(SocketAddr::from))?;
        let (incoming, outgoing) =
            (IncomingDatagrams::new(datagrams), OutgoingDatagrams::new(datagrams));
        let incoming = self.table.push_child(incoming, &socket)?;
        let outgoing = self.table.push_child(outgoing, &socket)?;
        Ok((theirs(&incoming), theirs(&outgoing)))
    }

    fn local_address(&mut self, this: Resource<Theirs>) -> SocketResult<IpSocketAddress> {
        let address = self.udp(&this)?.datagrams()?.local_address()?;
        Ok(address.into())
    }

    fn remote_address(&mut self, this: Resource<Theirs>) -> SocketResult<IpSocketAddress> {
        let remote = self.udp(&this)?.datagrams()?.remote();
        Ok(remote.ok_or(ErrorCode::InvalidState)?.into())
    }

    fn address_family(&mut self, this: Resource<Theirs>) -> wasmtime::Result<IpAddressFamily> {
        let UdpHandle(socket) = self.table.get(&ours(&this))?;
        Ok(family(socket.is_ipv4()))
    }

    fn unicast_hop_limit(&mut self, this: Resource<Theirs>) -> SocketResult<u8> {
        let is_ipv4 = self.udp(&this)?.is_ipv4();
        self.ask_udp(&this, |socket| hop_limit(socket, is_ipv4))
    }

    fn set_unicast_hop_limit(&mut self, this: Resource<Theirs>, value: u8) -> SocketResult<()> {
        let is_ipv4 = self.udp(&this)?.is_ipv4();
        if value == 0 {
            return Err(ErrorCode::InvalidArgument.into());
        }
        self.ask_udp(&this, |socket| set_hop_limit(socket, is_ipv4, value))
    }

    fn receive_buffer_size(&mut self, this: Resource<Theirs>) -> SocketResult<u64> {
        self.ask_udp(&this, receive_buffer)
    }

    fn set_receive_buffer_size(&mut self, this: Resource<Theirs>, value: u64) -> SocketResult<()> {
        let bytes = buffer(value);
        self.ask_udp(&this, |socket| sockopt::set_socket_recv_buffer_size(socket, bytes))
    }

    fn send_buffer_size(&mut self, this: Resource<Theirs>) -> SocketResult<u64> {
        self.ask_udp(&this, send_buffer)
    }

    fn set_send_buffer_size(&mut self, this: Resource<Theirs>, value: u64) -> SocketResult<()> {
        let bytes = buffer(value);
        self.ask_udp(&this, |socket| sockopt::set_socket_send_buffer_size(socket, bytes))
    }

    fn subscribe(&mut self, this: Resource<Theirs>) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, ours::<UdpHandle, _>(&this))
    }

    fn drop(&mut self, this: Resource<Theirs>) -> wasmtime::Result<()> {
        self.table.delete(ours_owned::<UdpHandle, _>(&this))?;
        Ok(())
    }
}

impl udp::HostIncomingDatagramStream for SocketView<'_> {
    fn receive(
        &mut self,
        this: Resource<IncomingDatagramStream>,
        most: u64,
    ) -> SocketResult<Vec<IncomingDatagram>> {
        let incoming: &IncomingDatagrams = self.table.get(&ours(&this))?;
        let received = incoming.receive(usize::try_from(most).unwrap_or(usize::MAX))?;
        let told = |(data, from): (Vec<u8>, SocketAddr)| IncomingDatagram {
            data,
            remote_address: from.into(),
        };
        Ok(received.into_iter().map(told).collect())
    }

    fn subscribe(
        &mut self,
        this: Resource<IncomingDatagramStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, ours::<IncomingDatagrams, _>(&this))
    }

    fn drop(&mut self, this: Resource<IncomingDatagramStream>) -> wasmtime::Result<()> {
        self.table.delete(ours_owned::<IncomingDatagrams, _>(&this))?;
        Ok(())
    }
}

impl udp::HostOutgoingDatagramStream for SocketView<'_> {
    fn check_send(&mut self, this: Resource<OutgoingDatagramStream>) -> SocketResult<u64> {
        let outgoing: &mut OutgoingDatagrams = self.table.get_mut(&ours(&this))?;
        Ok(outgoing.check() as u64)
    }

    fn send(
        &mut self,
        this: Resource<OutgoingDatagramStream>,
        datagrams: Vec<OutgoingDatagram>,
    ) -> SocketResult<u64> {
        let outgoing: &mut OutgoingDatagrams = self.table.get_mut(&ours(&this))?;
        if !outgoing.allows(datagrams.len()) {
            return Err(SocketError::trap(wasmtime::Error::msg(
                "a scenario sent more datagrams than `check-send` had allowed",
            )));
        }
        let plain = |datagram: OutgoingDatagram| {
            (datagram.data, datagram.remote_address.map(SocketAddr::from))
        };
        Ok(outgoing.send(datagrams.into_iter().map(plain))? as u64)
    }

    fn subscribe(
        &mut self,
        this: Resource<OutgoingDatagramStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, ours::<OutgoingDatagrams, _>(&this))
    }

    async fn drop(&mut self, this: Resource<OutgoingDatagramStream>) -> wasmtime::Result<()> {
        self.table.delete(ours_owned::<OutgoingDatagrams, _>(&this))?;
        Ok(())
    }
}
