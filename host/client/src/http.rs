//! HTTP: from a request to its answer, over whichever version and connection.
//!
//! | file | what it decides |
//! |---|---|
//! | `send` | redirects, attempts, which connection: the one road that all requests take |
//! | `worker`, `user` | what HTTP keeps for all users of a worker, and for one user |
//! | `request` | what is asked and what comes back |
//! | `urls` | a URL parsed once |
//! | `outgoing` | what is sent: a request's own headers, and what is added to them |
//! | `pool` | the user's own connections to one origin, and the requests that wait for one |
//! | `http1`, `http2`, `http3` | one exchange on one connection: HTTP/1.1 is our own |
//! | `shared` | a connection that all requests share, whichever version it speaks |
//! | `head`, `fields` | what both versions know of a head |
//! | `failure` | what is known of a request that failed, and whether it is sent again |
//! | `open`, `wire` | answers that are read while they come, and the connection under one |
//! | `events` | server-sent events |
//! | `body` | discarding and keeping what is received |
//! | `coding`, `compress` | decompressing it, and compressing what is sent |
//! | `alternatives` | where else a service says that it speaks HTTP/3 |
//! | `redirect`, `cookies` | the rules by their name |
//! | `trail` | the phases and counts of one exchange while it runs |
//! | `sigv4` | signatures that AWS wants |
//! | `seen` | what one sends and receives, where somebody looks on |
//! | `probe` | a look at the target before a run |

pub(crate) mod alternatives;
pub(crate) mod body;
pub(crate) mod coding;
pub(crate) mod compress;
pub(crate) mod cookies;
pub(crate) mod events;
pub(crate) mod failure;
pub(crate) mod fields;
pub(crate) mod head;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod http3;
pub(crate) mod open;
pub(crate) mod outgoing;
pub(crate) mod pool;
pub(crate) mod probe;
pub(crate) mod redirect;
pub(crate) mod request;
pub(crate) mod seen;
pub(crate) mod send;
pub(crate) mod shared;
pub(crate) mod sigv4;
pub(crate) mod trail;
pub(crate) mod urls;
pub(crate) mod user;
pub(crate) mod wire;
pub(crate) mod worker;
