//! The client against small services that answer byte by byte as a test wants, and that count what
//! reached them.

mod answers;
mod bodies;
mod errors;
mod expect;
mod grpc;
mod grpc_bad_days;
mod grpc_peer;
mod http2;
mod http3;
mod http3_alternatives;
mod http3_bad_days;
mod limits;
mod malformed;
mod parallel;
mod quic_peer;
mod redirects;
mod retries;
mod routes;
mod seen;
mod service;
mod signing;
mod streams;
mod streams_http2;
mod timeouts;
mod tls;
mod websocket;
mod websocket_bad_days;
mod websocket_peer;
