//! What generates the traffic: HTTP/1.1, HTTP/2, HTTP/3, WebSockets and gRPC over connections that
//! belong to one virtual user, timed by phase.
//!
//! It knows no wasm. One [`Client`] serves a worker thread, one [`Session`] a virtual user;
//! [`Session::send`] always gives the exchange as it is to be recorded beside the answer or the
//! error, because a failed request is a measurement. Everything runs on a current-thread tokio
//! runtime inside a `LocalSet`; nothing is shared between workers but the loaded [`Tls`] roots, so
//! there is no lock on the way of a request.
//!
//! Three floors, each of which knows only those below it:
//!
//! - `session` and `client`: what a virtual user has, and what the users of a worker share;
//!   `sockets/`: what a scenario does over sockets of its own.
//! - `http/`, `websocket/`, `grpc/`: one folder for each protocol. It takes a stream that is open,
//!   and makes exchanges of it. A WebSocket is opened by a request over HTTP/1.1, and a call of
//!   gRPC goes over a stream of HTTP/2.
//! - `net/`: what every protocol needs until a stream is open: which hosts may be reached,
//!   names, connecting, TLS, deadlines.

mod client;
mod error;
mod grpc;
mod http;
mod net;
mod options;
mod session;
mod sockets;
mod websocket;

pub use self::client::Client;
pub use self::error::{Error, OptionsError};
pub use self::grpc::metadata::GrpcEntry;
pub use self::grpc::request::{CalledGrpc, GrpcCall, GrpcEnd, GrpcError, GrpcIncoming, GrpcReply};
pub use self::grpc::status::GrpcStatus;
pub use self::grpc::stream::GrpcStream;
pub use self::http::coding::Coding;
pub use self::http::compress::Compressing;
pub use self::http::events::StreamEvent;
pub use self::http::open::{OpenAnswer, StreamRead};
pub use self::http::probe::Unready;
pub use self::http::request::{Keep, Request, Response, Sent, Version, header};
pub use self::http::sigv4::{AwsCredentials, AwsScope, AwsSigner};
pub use self::net::allow::AllowList;
pub use self::net::dns::{DnsPolicy, DnsRules, DnsSelect, DnsTtl, IpVersion};
pub use self::net::proxy::Proxy;
pub use self::net::routes::{MovedService, PinnedName, Routes, parse_without_proxy};
pub use self::net::tls::{ClientIdentity, Tls, TlsOptions, TlsVersion, certificates, private_key};
pub use self::net::tls_name::TlsName;
pub use self::options::{ConnectionLimits, Options, Timeouts};
pub use self::session::Session;
pub use self::sockets::{MAX_SOCKETS, SocketFailure, SocketSlot, SocketUser};
pub use self::websocket::connection::WebSocket;
pub use self::websocket::open::OpenedWebSocket;
pub use self::websocket::request::{
    WebSocketClosing, WebSocketError, WebSocketIncoming, WebSocketMessage, WebSocketRequest,
};
