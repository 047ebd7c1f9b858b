//! From a permission to an open stream: what every protocol needs before it can speak.
//!
//! | file | what it decides |
//! |---|---|
//! | `network` | what the connections of one worker share |
//! | `allow` | the hosts that a plan allows |
//! | `origin` | whom a connection leads to |
//! | `resolve` | from a name to addresses, kept as long as the name's owner allows |
//! | `dns` | how long addresses are used, and which of them a connection takes |
//! | `routes`, `proxy` | the way to a service, where it is another than its name says |
//! | `sources` | the addresses that connections are opened from |
//! | `connect` | from an origin to a stream that can carry a protocol |
//! | `tls`, `tls_name` | which certificates are trusted, which is ours, and who is asked for |
//! | `socket`, `stream` | an open connection, without and with TLS |
//! | `kernel` | what the kernel alone knows of it |
//! | `quic` | from an origin to a QUIC connection, which has TLS in it |
//! | `faults` | what the kernel and TLS say, as errors with a class |
//! | `deadline` | one lazily re-armed timer for all phases of an exchange |
//! | `time_slice` | how long a connection may keep its thread |
//! | `rare` | futures of what is done rarely |

pub(crate) mod allow;
pub(crate) mod connect;
pub(crate) mod deadline;
pub(crate) mod dns;
pub(crate) mod faults;
pub(crate) mod kernel;
pub(crate) mod network;
pub(crate) mod origin;
pub(crate) mod proxy;
pub(crate) mod quic;
pub(crate) mod rare;
pub(crate) mod resolve;
pub(crate) mod routes;
pub(crate) mod socket;
pub(crate) mod sources;
pub(crate) mod stream;
pub(crate) mod time_slice;
pub(crate) mod tls;
pub(crate) mod tls_name;
