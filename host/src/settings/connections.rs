//! The flags about connections: how names are found, how many connections a user has, and how long
//! it keeps them. They are settings like all others, and have a file because there are so many.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use swell_client::TlsName;
use swell_core::units;

/// How connections are opened, and when they are closed.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ConnectionSettings {
    /// How the addresses of names are used: `ttl=30s` (0 has each connection ask, inf asks once),
    /// `select=first`, `random` or `round-robin`, `policy=any`, `prefer-ipv4`, `prefer-ipv6`,
    /// `only-ipv4` or `only-ipv6`, with commas between them. Default: as long as name servers say,
    /// round-robin, any.
    #[arg(long, value_name = "RULES", help_heading = WAY)]
    pub(crate) dns: Vec<String>,

    /// The name that TLS asks for, and that certificates must have, in place of the host of the
    /// URL.
    #[arg(long, value_name = "NAME", help_heading = WAY)]
    pub(crate) sni: Option<TlsName>,

    /// The most connections of a user to one host at once, over HTTP/1.1; requests beyond them
    /// wait. HTTP/2 has one connection. Default: 6.
    #[arg(
        long,
        value_name = "N",
        allow_hyphen_values = true,
        value_parser = parse_above_zero,
        help_heading = SERVICE
    )]
    pub(crate) max_connections_per_host: Option<NonZeroU32>,

    /// Close a connection after so many requests; with 1 each request opens one. Default: a user
    /// keeps its connections.
    #[arg(
        long,
        value_name = "N",
        allow_hyphen_values = true,
        value_parser = parse_above_zero,
        help_heading = SERVICE
    )]
    pub(crate) max_requests_per_connection: Option<NonZeroU32>,

    /// Close a connection that was idle for longer, and open another for the next request.
    /// Default: it is used as long as the service keeps it.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        value_parser = units::parse_duration_above_zero,
        help_heading = SERVICE
    )]
    pub(crate) idle_timeout: Option<Duration>,

    /// How long the body of a request with `expect: 100-continue` waits for the service to ask for
    /// it; it is sent then all the same. Default: 1s.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        value_parser = units::parse_duration_above_zero,
        help_heading = SERVICE
    )]
    pub(crate) expect_timeout: Option<Duration>,
}

/// The headings of `host run --help` for what has to do with services.
pub(crate) const SERVICE: &str = "Service";
pub(crate) const WAY: &str = "The way to the service";

fn parse_above_zero(text: &str) -> Result<NonZeroU32, String> {
    let number = units::parse_count(text).map_err(|error| error.to_string())?;
    NonZeroU32::new(number).ok_or_else(|| "at least 1 is needed".to_owned())
}
