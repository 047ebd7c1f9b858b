//! A proxy between this machine and services, and how it is asked for a tunnel.
//!
//! Requests over plain HTTP/1.1 are written for an HTTP proxy to read (RFC 9112, 3.2.2), as some
//! open tunnels to port 443 alone; for all others it opens a tunnel (RFC 9110, 9.3.6), as a SOCKS
//! proxy always does.

use std::fmt;
use std::io;
use std::str::FromStr;

use data_encoding::BASE64;
use http::header::HeaderValue;
use swell_core::exchange::ErrorClass;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_socks::TargetAddr;
use tokio_socks::tcp::Socks5Stream;
use url::{Host, Url};

use crate::error::Error;
use crate::net::faults;

/// A proxy, as its URL names it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    kind: ProxyKind,
    pub(crate) host: Host,
    pub(crate) port: u16,
    login: Option<ProxyUser>,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ProxyKind {
    Http,
    /// Version 5 of SOCKS (RFC 1928).
    Socks5 {
        /// Whether the proxy looks up names.
        looks_up: bool,
    },
}

#[derive(Clone, PartialEq, Eq)]
struct ProxyUser {
    user: String,
    password: String,
}

/// The longest answer to a request for a tunnel: as much as heads of answers may have by default.
const MAX_ANSWER: usize = 64 << 10;

impl Proxy {
    /// Whether requests without TLS are written for the proxy itself.
    pub(crate) fn reads_requests(&self) -> bool {
        self.kind == ProxyKind::Http
    }

    /// Whether it is told the service's name, and not an address of it.
    pub(crate) const fn looks_up(&self) -> bool {
        matches!(self.kind, ProxyKind::Http | ProxyKind::Socks5 { looks_up: true })
    }

    /// The value of `proxy-authorization`.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let ProxyUser { user, password } = self.login.as_ref()?;
        let encoded = BASE64.encode(format!("{user}:{password}").as_bytes());
        let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Asks for a tunnel to a host and port on a connection to the proxy.
    pub(crate) async fn tunnel(
        &self,
        mut stream: TcpStream,
        host: &Host,
        port: u16,
    ) -> Result<TcpStream, Error> {
        let ProxyKind::Socks5 { .. } = self.kind else {
            self.connect(&mut stream, &format!("{host}:{port}")).await?;
            return Ok(stream);
        };
        let target = match host {
            Host::Domain(name) => TargetAddr::Domain(name.into(), port),
            Host::Ipv4(ip) => TargetAddr::Ip((*ip, port).into()),
            Host::Ipv6(ip) => TargetAddr::Ip((*ip, port).into()),
        };
        let opened = match &self.login {
            None => Socks5Stream::connect_with_socket(stream, target).await,
            Some(ProxyUser { user, password }) => {
                Socks5Stream::connect_with_password_and_socket(stream, target, user, password).await
            }
        };
        opened.map(Socks5Stream::into_inner).map_err(|error| match error {
            tokio_socks::Error::Io(error) => self.broke_off(&error),
            error => self.refused(format_args!("{error} ({host}:{port})")),
        })
    }

    async fn connect(&self, stream: &mut TcpStream, service: &str) -> Result<(), Error> {
        let mut request = format!("CONNECT {service} HTTP/1.1\r\nhost: {service}\r\n").into_bytes();
        if let Some(value) = self.authorization() {
            request.extend_from_slice(b"proxy-authorization: ");
            request.extend_from_slice(value.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        stream.write_all(&request).await.map_err(|error| self.broke_off(&error))?;
        let status = self.answer(stream).await?;
        match status {
            200..300 => Ok(()),
            407 if self.login.is_none() => Err(self
                .refused("407, it wants to know who asks: http://USER:PASSWORD@HOST:PORT says so")),
            407 => Err(self.refused("407, it does not accept the user or the password")),
            status => Err(self.refused(format_args!("status {status} for a tunnel to {service}"))),
        }
    }

    /// The status of the answer, of which nothing is left unread. It is read by the byte: what
    /// follows belongs to the service.
    async fn answer(&self, stream: &mut TcpStream) -> Result<u16, Error> {
        let mut head = Vec::new();
        loop {
            let byte = stream.read_u8().await.map_err(|error| self.broke_off(&error))?;
            head.push(byte);
            if !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
                if head.len() == MAX_ANSWER {
                    return Err(self.refused("an answer without end"));
                }
                continue;
            }
            let mut headers = [httparse::EMPTY_HEADER; 128];
            let mut response = httparse::Response::new(&mut headers);
            let parsed = response.parse(&head).map(|_| response.code.unwrap_or_default());
            match parsed {
                // An announcement; the answer follows.
                Ok(100..200) => head.clear(),
                Ok(status) => return Ok(status),
                Err(error) => {
                    return Err(self.refused(format_args!("what is not HTTP: {error}")));
                }
            }
        }
    }

    fn refused(&self, answer: impl fmt::Display) -> Error {
        Error::new(ErrorClass::Connect, format!("proxy {self} answered {answer}"))
    }

    fn broke_off(&self, error: &io::Error) -> Error {
        faults::local(error).unwrap_or_else(|| {
            let words = faults::words(error);
            Error::new(ErrorClass::Connect, format!("proxy {self}: {words}"))
        })
    }
}

/// Host and port.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Without the user.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

impl FromStr for Proxy {
    type Err = String;

    /// A URL with a host, as `http://USER:PASSWORD@HOST:PORT`. The error does not repeat it.
    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "write http://HOST:PORT, socks5://HOST:PORT, or socks5h://HOST:PORT, \
                            which has the proxy look up names";
        let absolute =
            if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&absolute).map_err(|error| format!("{error}; {FORM}"))?;
        let (kind, usual_port) = match url.scheme() {
            "http" => (ProxyKind::Http, 80),
            "socks5" => (ProxyKind::Socks5 { looks_up: false }, 1080),
            "socks5h" => (ProxyKind::Socks5 { looks_up: true }, 1080),
            "https" => return Err(format!("a proxy is not spoken to over TLS; {FORM}")),
            scheme => return Err(format!("{scheme} is no way to speak to a proxy; {FORM}")),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("nothing stands behind its port; {FORM}"));
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| format!("it names no host; {FORM}"))?;
        let host = Host::parse(host).map_err(|error| format!("{error}; {FORM}"))?;
        let plain = |text: &str| {
            let bytes = percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
            String::from_utf8(bytes).map_err(|_| format!("its user is no UTF-8; {FORM}"))
        };
        let login = if url.username().is_empty() && url.password().is_none() {
            None
        } else {
            let password = plain(url.password().unwrap_or_default())?;
            Some(ProxyUser { user: plain(url.username())?, password })
        };
        Ok(Self { kind, host, port: url.port().unwrap_or(usual_port), login })
    }
}

#[cfg(test)]
mod tests;
