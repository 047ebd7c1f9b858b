//! The way to services, as flags say it.

use anyhow::{anyhow, bail};
use swell_client::{ConnectionLimits, DnsRules, IpVersion, Routes, Version, parse_without_proxy};

use crate::settings::flags::{HttpVersionArg, Settings, TlsArg};

/// Where connections go in place of what URLs name.
///
/// # Errors
/// A proxy that cannot be used, or flags of which one would do nothing beside the other: the error
/// names them.
pub(crate) fn routes(settings: &Settings) -> anyhow::Result<Routes> {
    if settings.unix_socket.is_some()
        && let Some(idle) = idle_beside_unix_socket(settings)
    {
        bail!(
            "--unix-socket takes all connections, so {idle} would do nothing\nhelp: leave one of \
             them out"
        );
    }
    let ip_version = match (settings.ipv4, settings.ipv6) {
        (true, _) => Some(IpVersion::V4),
        (_, true) => Some(IpVersion::V6),
        _ => None,
    };
    let proxy = settings.proxy.as_deref().map(str::parse).transpose();
    let without_proxy = settings.no_proxy.as_deref().unwrap_or_default();
    Ok(Routes {
        names: settings.resolve.clone(),
        services: settings.connect_to.clone(),
        ip_version,
        dns: dns_rules(&settings.connections.dns, ip_version)?,
        tls_name: settings.connections.sni.clone(),
        unix_socket: settings.unix_socket.clone(),
        // What was typed may hold a password.
        proxy: proxy.map_err(|reason| anyhow!("--proxy: {reason}"))?,
        without_proxy: parse_without_proxy(without_proxy)
            .map_err(|reason| anyhow!("--no-proxy: {reason}"))?,
    })
}

/// How addresses are used, each rule once, in however many pieces they were given.
fn dns_rules(given: &[String], only: Option<IpVersion>) -> anyhow::Result<DnsRules> {
    if given.is_empty() {
        return Ok(DnsRules::default());
    }
    let given = given.join(",");
    let rules = given.parse().map_err(|reason| anyhow!("--dns {given:?}: {reason}"))?;
    if let Some(only) = only
        && given.contains("policy")
    {
        let flag = if only == IpVersion::V4 { "--ipv4" } else { "--ipv6" };
        bail!(
            "--dns {given:?} and {flag} both say which versions of IP are used\nhelp: leave one of \
             them out"
        );
    }
    Ok(rules)
}

/// How many connections a user has, and how long it keeps them.
///
/// # Errors
/// Flags of which one would do nothing beside the other.
pub(crate) fn connection_limits(settings: &Settings) -> anyhow::Result<ConnectionLimits> {
    let given = &settings.connections;
    let requests = given.max_requests_per_connection;
    if given.idle_timeout.is_some() && requests.is_some_and(|most| most.get() == 1) {
        bail!(
            "--max-requests-per-connection 1 leaves no connection idle, so --idle-timeout would do \
             nothing\nhelp: leave one of them out"
        );
    }
    let default = ConnectionLimits::default();
    Ok(ConnectionLimits {
        per_host: given.max_connections_per_host.unwrap_or(default.per_host),
        requests,
        idle: given.idle_timeout,
    })
}

/// The version of HTTP for requests that leave it open.
///
/// # Errors
/// HTTP/3 with what excludes it: the error names the flag.
pub(crate) fn http_version(settings: &Settings) -> anyhow::Result<Version> {
    match settings.http_version {
        None => return Ok(Version::Automatic),
        Some(HttpVersionArg::Http1) => return Ok(Version::Http1),
        Some(HttpVersionArg::Http2) => return Ok(Version::Http2),
        Some(HttpVersionArg::Http3) => {}
    }
    if let Some(target) = &settings.target
        && target.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
    {
        bail!(
            "--http-version 3 is spoken with TLS alone, and the target is http://\nhelp: write \
             https:// in the target, or leave --http-version out"
        );
    }
    let excluded = [
        ("--proxy", settings.proxy.is_some(), "a proxy is spoken to over TCP"),
        ("--unix-socket", settings.unix_socket.is_some(), "HTTP/3 goes over UDP"),
        ("--tls-max 1.2", settings.tls_max == Some(TlsArg::V1_2), "HTTP/3 contains TLS 1.3"),
    ];
    if let Some((flag, _, why)) = excluded.into_iter().find(|(_, is_given, _)| *is_given) {
        bail!("{flag} excludes --http-version 3: {why}\nhelp: leave one of them out");
    }
    Ok(Version::Http3)
}

fn idle_beside_unix_socket(settings: &Settings) -> Option<&'static str> {
    let idle = [
        ("--proxy", settings.proxy.is_some()),
        ("--resolve", !settings.resolve.is_empty()),
        ("--connect-to", !settings.connect_to.is_empty()),
        ("--dns", !settings.connections.dns.is_empty()),
        ("--source-ip", !settings.source_ip.is_empty()),
        ("--ipv4", settings.ipv4),
        ("--ipv6", settings.ipv6),
    ];
    idle.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
}
