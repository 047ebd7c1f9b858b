//! From a name to addresses, kept as long as the name's owner allows.
//!
//! A name is found where `getaddrinfo` finds it: in `/etc/hosts`, and then no server is asked; else
//! at the name servers of `/etc/resolv.conf`, with its search domains. `localhost` is this machine,
//! whatever these files say. Both IP versions are asked for at once, and a version that does not
//! answer delays the other by 50 ms at most.
//!
//! A thousand users that start at once ask once: the others wait for the answer to the first
//! question. An answer is used until its TTL ends, and for at least a second, so that a TTL of zero
//! does not cost a query for each connection; whoever runs a test may say otherwise ([`DnsRules`]).
//! A literal address needs no question.

use std::cell::{Cell, OnceCell, RefCell};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::parse_resolv_conf;
use swell_core::exchange::ErrorClass;
use swell_core::random::Random;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use url::Host;

use crate::error::Error;
use crate::net::dns::{DnsRules, DnsSelect, DnsTtl, IpVersion};
use crate::net::faults::local;
use crate::net::rare::Rare;
use crate::net::routes::Routes;

/// The shortest time for which an answer is kept.
const MIN_KEPT: Duration = Duration::from_secs(1);
/// How long the content of `/etc/hosts` is used before the next look whether the file has changed.
const HOSTS_KEPT: Duration = Duration::from_secs(10);
/// How long the first IP version to answer waits for the other (RFC 8305, 3).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// What is known about the addresses of one origin.
#[derive(Default)]
pub(crate) struct Addresses {
    answer: Mutex<Option<KnownAddresses>>,
    /// Where in the list the next connection begins, so that connections spread over a name's
    /// addresses.
    next: Cell<usize>,
}

impl Addresses {
    /// Whether this machine itself has said what they are, by its hosts file or because it is
    /// meant, and no name server.
    pub(crate) fn are_of_this_machine(&self) -> bool {
        let answer = self.answer.try_lock();
        answer.is_ok_and(|answer| answer.as_ref().is_some_and(|known| known.of_hosts))
    }
}

/// The addresses of a name, and for how long they may be used.
struct KnownAddresses {
    /// All known addresses, in the order of the answers.
    ips: Rc<[IpAddr]>,
    /// When the next question is due.
    until: Instant,
    /// For a name from the hosts file, when the file had last been changed.
    of_hosts: bool,
    hosts_changed: Option<SystemTime>,
    /// The question for the IP version that did not answer in time. Its addresses join the others
    /// when they arrive.
    late: Option<PendingLookup>,
}

/// A worker's resolver. It reads which name servers there are when the first name needs one: a run
/// by address needs none.
pub(crate) struct Resolver {
    routes: Rc<Routes>,
    hosts: PathBuf,
    servers: OnceCell<NameServers>,
    /// Which address comes first, where that is left to chance. It does not follow from the run's
    /// seed: neither does which user connects first.
    chance: RefCell<Random>,
}

/// The machine's name servers, as `/etc/resolv.conf` names them.
struct NameServers {
    resolver: TokioResolver,
    /// How messages name them.
    shown: String,
}

impl Resolver {
    pub(crate) fn new(routes: Rc<Routes>) -> Self {
        Self::with(routes, "/etc/hosts".into(), OnceCell::new())
    }

    fn with(routes: Rc<Routes>, hosts: PathBuf, servers: OnceCell<NameServers>) -> Self {
        let seed = RandomState::new().build_hasher().finish();
        Self { routes, hosts, servers, chance: RefCell::new(Random::stream(seed, 0)) }
    }

    /// The addresses to try for one connection, in order: IP versions take turns, so that one that
    /// leads nowhere costs one attempt and not all.
    pub(crate) async fn addresses(
        &self,
        host: &Host,
        port: u16,
        known: &Addresses,
    ) -> Result<Vec<SocketAddr>, Error> {
        let only = self.routes.only_version();
        let literal = |ip: IpAddr| match only {
            Some(version) if !version.is_of(&ip) => Err(Error::new(
                ErrorClass::Connect,
                format!("{ip} is not reached: only {} is used", version.name()),
            )),
            _ => Ok(vec![SocketAddr::new(ip, port)]),
        };
        let name = match host {
            Host::Ipv4(ip) => return literal((*ip).into()),
            Host::Ipv6(ip) => return literal((*ip).into()),
            Host::Domain(name) => name,
        };
        if let Some(pinned) = self.routes.pinned(name, port) {
            let ips = of_version(pinned, only);
            return if ips.is_empty() {
                Err(no_address_of(name, only))
            } else {
                Ok(self.in_order(known, &ips, port))
            };
        }
        if self.routes.dns.ttl == DnsTtl::For(Duration::ZERO) {
            // Nobody waits for an answer that is not for him.
            let asked = self.ask(name, None).await?;
            let ips = Rc::clone(&asked.ips);
            known.answer.lock().await.replace(asked);
            return Ok(self.in_order(known, &ips, port));
        }
        let mut answer = known.answer.lock().await;
        let fresh = answer.as_mut().filter(|answer| Instant::now() < answer.until);
        let ips = match fresh {
            Some(answer) => answer.ips(),
            None => {
                let known = answer.take();
                Rc::clone(&answer.insert(self.ask(name, known).await?).ips)
            }
        };
        drop(answer);
        Ok(self.in_order(known, &ips, port))
    }

    /// The addresses for the next connection. If it fails at the first, it goes on with the others.
    fn in_order(&self, known: &Addresses, ips: &[IpAddr], port: u16) -> Vec<SocketAddr> {
        let DnsRules { select, .. } = self.routes.dns;
        let turn = known.next.replace(known.next.get().wrapping_add(1));
        let first = |count: usize| match select {
            DnsSelect::RoundRobin => turn % count.max(1),
            DnsSelect::First => 0,
            DnsSelect::Random => self.chance.borrow_mut().below(count as u64) as usize,
        };
        let from = |ips: &[IpAddr]| {
            let (before, after) = ips.split_at(first(ips.len()));
            [after, before].concat()
        };
        let ordered = match self.routes.dns.preferred() {
            None => taking_turns(from(ips).into_iter()),
            Some(version) => {
                let (one, other): (Vec<_>, Vec<_>) =
                    ips.iter().copied().partition(|ip| version.is_of(ip));
                [from(&one), from(&other)].concat()
            }
        };
        ordered.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
    }

    /// The addresses that whoever runs the test has given a name, whatever the port.
    pub(crate) fn pinned_at_any_port(&self, name: &str) -> Vec<IpAddr> {
        of_version(&self.routes.pinned_at_any_port(name), self.routes.only_version())
    }

    #[inline(never)]
    fn ask<'a>(
        &'a self,
        name: &'a str,
        known: Option<KnownAddresses>,
    ) -> Rare<'a, Result<KnownAddresses, Error>> {
        Box::pin(async move {
            let (only, rules) = (self.routes.only_version(), self.routes.dns);
            let hosts_kept = || {
                let now = Instant::now();
                rules.ttl.until(now, now + HOSTS_KEPT)
            };
            // A file with a hundred thousand hosts, which some people have against advertisements,
            // is read again only when it has changed.
            let changed = std::fs::metadata(&self.hosts).and_then(|file| file.modified()).ok();
            let unchanged = known.filter(|known| known.hosts_changed == changed);
            let mut ips = Vec::new();
            match unchanged {
                Some(known) if known.of_hosts => {
                    return Ok(KnownAddresses { until: hosts_kept(), ..known });
                }
                Some(_) => {}
                // A machine without the file has no hosts in it.
                None => {
                    ips = hosts::find(
                        &String::from_utf8_lossy(&std::fs::read(&self.hosts).unwrap_or_default()),
                        name,
                    )
                }
            }
            if ips.is_empty() && hosts::is_this_machine(name) {
                ips = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            }
            if !ips.is_empty() {
                let ips = of_version(&ips, only);
                if ips.is_empty() {
                    return Err(no_address_of(name, only));
                }
                return Ok(KnownAddresses {
                    ips: ips.into(),
                    until: hosts_kept(),
                    of_hosts: true,
                    hosts_changed: changed,
                    late: None,
                });
            }
            let servers = self.servers()?;
            let answer = match only {
                None => servers.ask(name, rules.preferred()).await,
                Some(version) => servers.ask_for(name, version).await,
            };
            let answer = answer.map_err(|error| servers.failed(name, &error))?;
            let until = rules.ttl.until(Instant::now(), answer.until);
            Ok(KnownAddresses { hosts_changed: changed, until, ..answer })
        })
    }

    fn servers(&self) -> Result<&NameServers, Error> {
        if let Some(made) = self.servers.get() {
            return Ok(made);
        }
        let made = NameServers::of_system(self.routes.dns.ttl)?;
        Ok(self.servers.get_or_init(|| made))
    }
}

impl NameServers {
    fn of_system(ttl: DnsTtl) -> Result<Self, Error> {
        const CONF: &str = "/etc/resolv.conf";
        let wrong =
            |error: &dyn std::fmt::Display| Error::new(ErrorClass::Dns, format!("{CONF}: {error}"));
        let mut conf = match std::fs::read(CONF) {
            Ok(conf) => conf,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(local(&error).unwrap_or_else(|| wrong(&error))),
        };
        let names_one = conf
            .split(|&byte| byte == b'\n')
            .any(|line| line.trim_ascii_start().starts_with(b"nameserver"));
        if !names_one {
            // The default of resolv.conf(5).
            conf.extend(b"\nnameserver 127.0.0.1\n");
        }
        let (config, options) = parse_resolv_conf(&conf).map_err(|e| wrong(&e))?;
        let mut shown: Vec<String> =
            config.name_servers().iter().map(|server| server.ip.to_string()).collect();
        if !names_one {
            shown[0] += ", as /etc/resolv.conf names none";
        }
        Self::new(config, options, ttl, shown.join(", ")).map_err(|e| wrong(&e))
    }

    fn new(
        config: ResolverConfig,
        mut options: ResolverOpts,
        ttl: DnsTtl,
        shown: String,
    ) -> Result<Self, NetError> {
        // The domain of the machine's own name is searched where no other domain is.
        let domain = config.domain().filter(|_| config.search().is_empty()).cloned();
        let config = ResolverConfig::from_parts(
            domain,
            config.search().to_vec(),
            config.name_servers().to_vec(),
        );
        options.use_hosts_file = ResolveHosts::Never;
        if ttl != DnsTtl::OfAnswer {
            // What keeps answers by their own word would answer in place of the name server.
            options.cache_size = 0;
        }
        let mut builder =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        Ok(Self { resolver: builder.build()?, shown })
    }

    /// Asks for both IP versions at once, and waits for that which is preferred, if one is.
    async fn ask(
        &self,
        name: &str,
        preferred: Option<IpVersion>,
    ) -> Result<KnownAddresses, NetError> {
        // By the oldest rules a host's name has no underscores, but many names in use do (RFC 2181,
        // 11).
        let name = Name::from_str_relaxed(name)?;
        let mut four = PendingLookup::new(&self.resolver, name.clone(), RecordType::A);
        let mut six = PendingLookup::new(&self.resolver, name, RecordType::AAAA);
        let (first, mut other, four_is_first) = match preferred {
            Some(IpVersion::V4) => ((&mut four).await, six, true),
            Some(IpVersion::V6) => ((&mut six).await, four, false),
            None => tokio::select! {
                found = &mut four => (found, six, true),
                found = &mut six => (found, four, false),
            },
        };
        // "No such name" is an answer for both versions.
        let hurries =
            first.as_ref().map_or_else(NetError::is_nx_domain, |found| !found.ips.is_empty());
        let second = if hurries {
            tokio::time::timeout(RESOLUTION_DELAY, &mut other).await.ok()
        } else {
            Some((&mut other).await)
        };
        let late = second.is_none().then_some(other);
        let found: Vec<FamilyAddresses> = match (first, second) {
            (Ok(first), Some(Ok(second))) if four_is_first => vec![first, second],
            (Ok(first), Some(Ok(second))) => vec![second, first],
            (Ok(found), _) | (_, Some(Ok(found))) => vec![found],
            (Err(error), _) => return Err(error),
        };
        let ips: Vec<IpAddr> = found.iter().flat_map(|found| &found.ips).copied().collect();
        if ips.is_empty() {
            return Err(NetError::Msg(NO_ADDRESS.into()));
        }
        let until = found
            .iter()
            .filter(|found| !found.ips.is_empty())
            .map(|found| found.until)
            .min()
            .unwrap_or_else(Instant::now);
        Ok(KnownAddresses {
            ips: ips.into(),
            until: until.max(Instant::now() + MIN_KEPT),
            of_hosts: false,
            hosts_changed: None,
            late,
        })
    }

    /// Asks for one IP version.
    async fn ask_for(&self, name: &str, version: IpVersion) -> Result<KnownAddresses, NetError> {
        let kind = match version {
            IpVersion::V4 => RecordType::A,
            IpVersion::V6 => RecordType::AAAA,
        };
        let name = Name::from_str_relaxed(name)?;
        let found = (&mut PendingLookup::new(&self.resolver, name, kind)).await?;
        if found.ips.is_empty() {
            return Err(NetError::Msg(no_address(Some(version))));
        }
        Ok(KnownAddresses {
            until: found.until.max(Instant::now() + MIN_KEPT),
            ips: found.ips.into(),
            of_hosts: false,
            hosts_changed: None,
            late: None,
        })
    }

    fn failed(&self, name: &str, error: &NetError) -> Error {
        if let NetError::Io(io) = error
            && let Some(ours) = local(io)
        {
            return ours;
        }
        let reason = match error {
            error if error.is_nx_domain() => "no such name".into(),
            error if error.is_no_records_found() => NO_ADDRESS.into(),
            NetError::Io(_) | NetError::NoConnections | NetError::Timeout => {
                format!("no name server answered ({})", self.shown)
            }
            NetError::Proto(error) => format!("not a name that can be asked for: {error}"),
            error => error.to_string(),
        };
        Error::new(ErrorClass::Dns, format!("{name}: {reason}"))
    }
}

const NO_ADDRESS: &str = "the name has no address";

fn no_address(only: Option<IpVersion>) -> String {
    only.map_or_else(
        || NO_ADDRESS.to_owned(),
        |version| format!("the name has no {} address, and only {0} is used", version.name()),
    )
}

fn no_address_of(name: &str, only: Option<IpVersion>) -> Error {
    Error::new(ErrorClass::Dns, format!("{name}: {}", no_address(only)))
}

/// The addresses of the only version that is used, if there is one.
fn of_version(ips: &[IpAddr], only: Option<IpVersion>) -> Vec<IpAddr> {
    ips.iter().copied().filter(|ip| only.is_none_or(|version| version.is_of(ip))).collect()
}

/// The state of the question for one IP version.
struct FamilyAddresses {
    ips: Vec<IpAddr>,
    until: Instant,
}

impl From<Lookup> for FamilyAddresses {
    fn from(lookup: Lookup) -> Self {
        Self {
            ips: lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect(),
            until: lookup.valid_until(),
        }
    }
}

/// A query that goes on while no user waits for its answer. If it is dropped, the query ends.
struct PendingLookup(JoinHandle<Result<Lookup, NetError>>);

impl PendingLookup {
    fn new(resolver: &TokioResolver, name: Name, kind: RecordType) -> Self {
        let resolver = resolver.clone();
        Self(tokio::spawn(async move { resolver.lookup(name, kind).await }))
    }
}

impl Future for &mut PendingLookup {
    type Output = Result<FamilyAddresses, NetError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|ended| match ended {
            Ok(Ok(lookup)) => Ok(lookup.into()),
            // It is an answer, too, that a version has no address.
            Ok(Err(error)) if error.is_no_records_found() && !error.is_nx_domain() => {
                Ok(FamilyAddresses { ips: Vec::new(), until: Instant::now() })
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(NetError::Message("the question was dropped")),
        })
    }
}

impl Drop for PendingLookup {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl KnownAddresses {
    /// The addresses, with those that arrived late.
    fn ips(&mut self) -> Rc<[IpAddr]> {
        if let Some(mut late) = self.late.as_mut()
            && let Poll::Ready(found) =
                Pin::new(&mut late).poll(&mut Context::from_waker(Waker::noop()))
        {
            self.late = None;
            if let Ok(found) = found {
                self.ips = self.ips.iter().copied().chain(found.ips).collect();
            }
        }
        Rc::clone(&self.ips)
    }
}

/// The addresses with the IP versions in turn, beginning with the version of the first address,
/// each version in its own order (RFC 8305, 4).
fn taking_turns(ips: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut ips = ips.peekable();
    let Some(first) = ips.peek().map(IpAddr::is_ipv4) else { return Vec::new() };
    let (one, other): (Vec<IpAddr>, Vec<IpAddr>) = ips.partition(|ip| ip.is_ipv4() == first);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut mixed = Vec::with_capacity(one.len() + other.len());
    while one.len() + other.len() > 0 {
        mixed.extend(one.next());
        mixed.extend(other.next());
    }
    mixed
}

mod hosts;
#[cfg(test)]
mod tests;
