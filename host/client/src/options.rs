//! What a run says about its traffic. The same options serve every worker: a clone shares what was
//! loaded.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};

use crate::http::request::Version;
use crate::http::sigv4::AwsSigner;
use crate::net::allow::AllowList;
use crate::net::routes::Routes;
use crate::net::tls::Tls;

/// How a run's requests are sent.
#[derive(Clone, Debug)]
pub struct Options {
    /// The URL in front of every relative path; its path, if it has one, is kept: `http://host/api`
    /// and `/users` make `http://host/api/users`. Its host and port are allowed without being
    /// listed.
    pub target: Option<String>,
    /// The hosts to which requests may be sent, beside the target's.
    pub allow: AllowList,
    /// Roots, client certificate, and whether certificates are checked.
    pub tls: Tls,
    /// How long each part of an exchange may take.
    pub timeouts: Timeouts,
    /// The most bytes that a response's head may have. Default 64 KiB: servers stop at 8 to 16, so
    /// more is a fault.
    pub header_limit: usize,
    /// The most bytes of a body that may be kept, whatever a request asks for. Default 16 MiB:
    /// pages and API answers fit, and a thousand users that keep one each do not fill the machine.
    pub body_limit: usize,
    /// Local addresses from which connections are opened, in turn; if the list is empty, the kernel
    /// chooses. Each address has its own range of ports.
    pub sources: Vec<IpAddr>,
    /// Where connections go in place of what URLs name. Default: nowhere else.
    pub routes: Routes,
    /// How many connections a user has, and how long it keeps them.
    pub connections: ConnectionLimits,
    /// The `user-agent` of requests without one. Default `swell/` and the version, so that a
    /// service's log names who loaded it.
    pub user_agent: String,
    /// Headers that are added to requests that do not have them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Signs requests that do not say themselves who asks, to whatever host; a redirect to another
    /// origin is not signed. Default: absent.
    pub aws: Option<AwsSigner>,
    /// The HTTP version of requests that leave it open.
    pub version: Version,
    /// Whether requests that leave the version open go over HTTP/3 where the service says that it
    /// speaks it (RFC 7838), and over TCP where that does not open. Default: they do not.
    pub follows_alternatives: bool,
    /// Whether users take the cookies that services set, and send them. Default: they do.
    pub takes_cookies: bool,
}

impl Options {
    /// The defaults, allowing no host.
    pub fn new(tls: Tls) -> Self {
        Self {
            target: None,
            allow: AllowList::default(),
            tls,
            timeouts: Timeouts::default(),
            header_limit: 64 << 10,
            body_limit: 16 << 20,
            sources: Vec::new(),
            routes: Routes::default(),
            connections: ConnectionLimits::default(),
            user_agent: concat!("swell/", env!("CARGO_PKG_VERSION")).into(),
            headers: Vec::new(),
            aws: None,
            version: Version::Automatic,
            follows_alternatives: false,
            takes_cookies: true,
        }
    }
}

/// How many connections a user has to one host (scheme, name and port), and how long it keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// The most connections over HTTP/1.1 at once; requests beyond them wait, which is phase
    /// `Blocked`. Default 6: what browsers have settled on. HTTP/2 has one.
    pub per_host: NonZeroU32,
    /// How many requests a connection carries before it is closed; absent for as many as come. Over
    /// HTTP/1.1 the last one says `connection: close`, as it should (RFC 9112, 9.6). Default:
    /// absent.
    pub requests: Option<NonZeroU32>,
    /// A connection that has been idle for longer is not used any more, and closed when the next
    /// request would have used it. Default: absent, and it is kept until its user or the service
    /// closes it.
    pub idle: Option<Duration>,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { per_host: NonZeroU32::new(6).expect("six"), requests: None, idle: None }
    }
}

/// How long the parts of an exchange may take. When a timeout passes, the error is `Timeout` with
/// the phase that was running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To look up the name and open a connection. Default 10 s: a lost SYN is sent again after 1, 3
    /// and 7 s, so a service whose connection is not open by then is down.
    pub connect: Duration,
    /// The TLS handshake. Default 10 s, as it is two round trips like the connection.
    pub tls: Duration,
    /// From the connection's being ready to the response's head. Default 60 s, as in k6.
    pub response: Duration,
    /// How long a body waits for the server to ask for it, where the request expects that
    /// (`expect: 100-continue`); it is sent then all the same. Default 1 s, as in curl.
    pub word: Duration,
    /// The whole request with its redirects and its body. Default 120 s: a head that took a minute
    /// leaves its body another.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            tls: Duration::from_secs(10),
            response: Duration::from_secs(60),
            word: Duration::from_secs(1),
            whole: Duration::from_secs(120),
        }
    }
}
