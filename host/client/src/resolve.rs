//! From a name to addresses, kept as long as the name's owner allows.
//!
//! A thousand users that start at once ask once: who comes second waits for the first. What was answered is used until its TTL ends, and for a second at
//! the least, so that a TTL of zero is not a query a connection. A literal address never asks anybody.

use std::cell::{Cell, OnceCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::net::NetError;
use swell_core::exchange::ErrorClass;
use tokio::sync::Mutex;
use url::Host;

use crate::connect::Rare;
use crate::error::{Error, local};

/// The shortest time for which an answer is kept.
const KEPT_AT_LEAST: Duration = Duration::from_secs(1);

/// What is known of the addresses of one origin.
#[derive(Default)]
pub(crate) struct Addresses {
    answer: Mutex<Option<Answer>>,
    /// Where the next connection begins in the list, so that connections spread over a name's addresses.
    next: Cell<usize>,
}

struct Answer {
    ips: Rc<[IpAddr]>,
    until: Instant,
}

/// A worker's resolver: `/etc/hosts`, then the name servers of `/etc/resolv.conf`. It is made with the first name, as a run by address needs none.
#[derive(Default)]
pub(crate) struct Resolver(OnceCell<TokioResolver>);

impl Resolver {
    /// The addresses to try for one connection, in order.
    pub(crate) async fn addresses(&self, host: &Host, port: u16, known: &Addresses) -> Result<Vec<SocketAddr>, Error> {
        let name = match host {
            Host::Ipv4(ip) => return Ok(vec![SocketAddr::new((*ip).into(), port)]),
            Host::Ipv6(ip) => return Ok(vec![SocketAddr::new((*ip).into(), port)]),
            Host::Domain(name) => name,
        };
        let mut answer = known.answer.lock().await;
        let fresh = answer.as_ref().filter(|answer| Instant::now() < answer.until);
        let ips = match fresh {
            Some(answer) => Rc::clone(&answer.ips),
            None => Rc::clone(&answer.insert(self.ask(name).await?).ips),
        };
        drop(answer);
        let first = known.next.replace(known.next.get().wrapping_add(1)) % ips.len();
        Ok(ips[first..].iter().chain(&ips[..first]).map(|&ip| SocketAddr::new(ip, port)).collect())
    }

    #[inline(never)]
    fn ask<'a>(&'a self, name: &'a str) -> Rare<'a, Result<Answer, Error>> {
        Box::pin(async move {
            let found = self.resolver().map_err(|e| failed(name, &e))?.lookup_ip(name).await.map_err(|e| failed(name, &e))?;
            let ips: Rc<[IpAddr]> = found.iter().collect();
            if ips.is_empty() {
                return Err(Error::new(ErrorClass::Dns, format!("{name} has no address")));
            }
            Ok(Answer { ips, until: found.valid_until().max(Instant::now() + KEPT_AT_LEAST) })
        })
    }

    fn resolver(&self) -> Result<&TokioResolver, NetError> {
        if let Some(made) = self.0.get() {
            return Ok(made);
        }
        let made = TokioResolver::builder_tokio()?.build()?;
        Ok(self.0.get_or_init(|| made))
    }
}

fn failed(name: &str, error: &NetError) -> Error {
    if let NetError::Io(io) = error
        && let Some(ours) = local(io)
    {
        return ours;
    }
    let reason = if error.is_nx_domain() {
        "no such name".into()
    } else if error.is_no_records_found() {
        "the name has no address".into()
    } else {
        error.to_string()
    };
    Error::new(ErrorClass::Dns, format!("{name}: {reason}"))
}

#[cfg(test)]
mod tests;
