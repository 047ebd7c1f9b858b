//! WASI 0.2, as wasmtime's own crate implements it, with a clock and sockets of ours.

mod names;
mod tcp;
mod udp;

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::p2::SocketError;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::bindings::sockets;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, Host, HostNetwork, IpAddressFamily, Network,
};
use wasmtime_wasi::{WasiCtxView, WasiView};

use crate::sockets::SocketView;
use crate::state::GuestState;
use crate::wasi::{Clock, Wasi};

/// Gives a linker all of WASI 0.2.
pub(crate) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<GuestState, Clocks>(linker, |state| wasi_of(state).clock())?;
    let of = socket_view;
    sockets::ip_name_lookup::add_to_linker::<GuestState, SocketViews>(linker, of)?;
    sockets::tcp_create_socket::add_to_linker::<GuestState, SocketViews>(linker, of)?;
    sockets::tcp::add_to_linker::<GuestState, SocketViews>(linker, of)?;
    sockets::udp_create_socket::add_to_linker::<GuestState, SocketViews>(linker, of)?;
    sockets::udp::add_to_linker::<GuestState, SocketViews>(linker, of)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Names [`Clock`] to the linker, whatever it borrows from.
struct Clocks;

impl HasData for Clocks {
    type Data<'a> = Clock<'a>;
}

/// Names [`SocketView`] to the linker, whatever it borrows from.
struct SocketViews;

impl HasData for SocketViews {
    type Data<'a> = SocketView<'a>;
}

impl Host for SocketView<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn network_error_code(
        &mut self,
        _: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        Ok(None)
    }
}

impl HostNetwork for SocketView<'_> {
    fn drop(&mut self, this: Resource<Network>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        wasi_of(self).view()
    }
}

fn wasi_of(state: &mut GuestState) -> &mut Wasi {
    state.wasi.as_mut().expect("a component that imports WASI is given a context of it")
}

/// The sockets of an instance.
pub(super) fn socket_view(state: &mut GuestState) -> SocketView<'_> {
    wasi_of(state).sockets()
}

/// What is in the table for a resource that the bindings know by a type of wasmtime's own.
fn ours<T: 'static, Theirs: 'static>(resource: &Resource<Theirs>) -> Resource<T> {
    Resource::new_borrow(resource.rep())
}

/// The same, to take it out of the table.
fn ours_owned<T: 'static, Theirs: 'static>(resource: &Resource<Theirs>) -> Resource<T> {
    Resource::new_own(resource.rep())
}

/// What the bindings call something that is in the table.
fn theirs<Theirs: 'static, T: 'static>(resource: &Resource<T>) -> Resource<Theirs> {
    Resource::new_own(resource.rep())
}

const fn family(is_ipv4: bool) -> IpAddressFamily {
    if is_ipv4 { IpAddressFamily::Ipv4 } else { IpAddressFamily::Ipv6 }
}

/// The sockets of an instance that has a user.
fn sockets_of<'a>(
    view: &SocketView<'a>,
) -> Result<&'a std::rc::Rc<crate::sockets::UserSockets>, ErrorCode> {
    view.sockets.map(|sockets| &**sockets).ok_or(ErrorCode::AccessDenied)
}
