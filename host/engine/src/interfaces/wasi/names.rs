//! `wasi:sockets/ip-name-lookup`: names, over the client's resolver.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{
    Host, HostResolveAddressStream, ResolveAddressStream,
};
use wasmtime_wasi::p2::bindings::sockets::network::{IpAddress, Network};
use wasmtime_wasi::p2::{DynPollable, SocketResult, subscribe};

use super::{ours, ours_owned, sockets_of, theirs};
use crate::sockets::SocketView;
use crate::sockets::names::{LookUp, LookUpHandle};
use crate::thread_bound::ThreadBound;

impl Host for SocketView<'_> {
    fn resolve_addresses(
        &mut self,
        _: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ResolveAddressStream>> {
        let look_up = LookUp::new(sockets_of(self)?, &name)?;
        let handle = self.table.push(LookUpHandle(ThreadBound::new(look_up)))?;
        Ok(theirs(&handle))
    }
}

impl HostResolveAddressStream for SocketView<'_> {
    fn resolve_next_address(
        &mut self,
        this: Resource<ResolveAddressStream>,
    ) -> SocketResult<Option<IpAddress>> {
        let LookUpHandle(look_up) = self.table.get_mut(&ours(&this))?;
        Ok(look_up.next()?.map(IpAddress::from))
    }

    fn subscribe(
        &mut self,
        this: Resource<ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, ours::<LookUpHandle, _>(&this))
    }

    fn drop(&mut self, this: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        self.table.delete(ours_owned::<LookUpHandle, _>(&this))?;
        Ok(())
    }
}
