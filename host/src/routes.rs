//! The way to services, as flags say it.

use anyhow::{anyhow, bail};
use swell_client::{IpVersion, Routes, parse_without_proxy};

use crate::settings::flags::Settings;

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
    let proxy = settings.proxy.as_deref().map(str::parse).transpose();
    let without_proxy = settings.no_proxy.as_deref().unwrap_or_default();
    Ok(Routes {
        names: settings.resolve.clone(),
        services: settings.connect_to.clone(),
        ip_version: match (settings.ipv4, settings.ipv6) {
            (true, _) => Some(IpVersion::V4),
            (_, true) => Some(IpVersion::V6),
            _ => None,
        },
        unix_socket: settings.unix_socket.clone(),
        // What was typed may hold a password.
        proxy: proxy.map_err(|reason| anyhow!("--proxy: {reason}"))?,
        without_proxy: parse_without_proxy(without_proxy)
            .map_err(|reason| anyhow!("--no-proxy: {reason}"))?,
    })
}

fn idle_beside_unix_socket(settings: &Settings) -> Option<&'static str> {
    let idle = [
        ("--proxy", settings.proxy.is_some()),
        ("--resolve", !settings.resolve.is_empty()),
        ("--connect-to", !settings.connect_to.is_empty()),
        ("--source-ip", !settings.source_ip.is_empty()),
        ("--ipv4", settings.ipv4),
        ("--ipv6", settings.ipv6),
    ];
    idle.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
}
