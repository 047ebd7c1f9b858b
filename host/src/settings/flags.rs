//! The flags of a run: what may be said of it, before it means anything.
//!
//! Three layers say how a run goes: the scenario's own defaults, a TOML file, and the command line;
//! the later one wins. All three are read by the same parser, so that a flag, a key and a default
//! have one name, one syntax and one "did you mean". The module `plan` makes of the result what can
//! run.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use swell_client::{AwsScope, MovedService, PinnedName};
use swell_core::control::Objective;
use swell_core::plan::WarmUp;
use swell_core::run::MaxErrorRate;
use swell_core::schedule::{Bursts, Formula, Stage, UserStage};
use swell_core::threshold::Threshold;
use swell_core::units::{self, Rate};
use swell_outputs::Outputs;

use super::connections::{ConnectionSettings, SERVICE, WAY};

/// The file that is read where no `--config` is given.
pub(crate) const DEFAULT_FILE: &str = "swell.toml";

/// Everything that may be set by a flag, a key of the TOML file or a scenario's defaults.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Settings {
    /// Transactions a second: each outermost transaction waits for its start (open model).
    #[arg(long, value_name = "N", allow_hyphen_values = true, help_heading = LOAD)]
    pub(crate) tps: Option<Rate>,

    /// Iterations a second: each iteration waits for its start (open model).
    #[arg(long, value_name = "N", allow_hyphen_values = true, help_heading = LOAD)]
    pub(crate) rate: Option<Rate>,

    /// Exactly this many virtual users, one iteration after the other (closed model); with --tps or
    /// --rate, paced by it.
    #[arg(
        long,
        short = 'u',
        visible_short_alias = 'c',
        value_name = "N",
        value_parser = units::parse_count::<u32>,
        allow_hyphen_values = true,
        help_heading = LOAD
    )]
    pub(crate) vus: Option<u32>,

    /// A piece of a load profile: ramp to this rate over this time, as `30s:1000`; repeatable.
    /// Counts transactions, or iterations with --rate.
    #[arg(
        long = "stage",
        value_name = "TIME:RATE",
        allow_hyphen_values = true,
        help_heading = LOAD
    )]
    pub(crate) stage: Vec<Stage>,

    /// A piece of a profile of users: in a straight line to this number over this time, from
    /// nobody on, as `30s:50`; `0s:20` is a jump. Repeatable. Where users become fewer, each ends
    /// its iteration first.
    #[arg(
        long = "vus-stage",
        value_name = "TIME:N",
        allow_hyphen_values = true,
        help_heading = LOAD
    )]
    pub(crate) vus_stage: Vec<UserStage>,

    /// Users as a formula of the seconds `t`, as '20 + 15*sin(t/60)', over --duration; each goes as
    /// fast as it can, and ends its iteration where users become fewer. What it knows: --shape.
    #[arg(
        long = "vus-shape",
        value_name = "FORMULA",
        allow_hyphen_values = true,
        help_heading = LOAD
    )]
    pub(crate) vus_shape: Option<Formula>,

    /// Transactions a second as a formula of the seconds `t`, as '100 + 50*sin(t/60)', over
    /// --duration. It knows pi, e, + - * / % ^, sin, exp, sqrt, min, max, floor ... and the pulses
    /// rect, tri, step, trapz and costrapz.
    #[arg(long, value_name = "FORMULA", allow_hyphen_values = true, help_heading = LOAD)]
    pub(crate) shape: Option<Formula>,

    /// So many transactions at once, again and again, as `500/10s`.
    #[arg(long, value_name = "N/TIME", allow_hyphen_values = true, help_heading = LOAD)]
    pub(crate) burst: Option<Bursts>,

    /// Find and hold the highest rate at which this percentile of the service time holds:
    /// `p95=200ms`, or `checkout:p95=200ms` for the transactions of one name; repeatable. --tps is
    /// then the most.
    #[arg(
        long = "latency",
        value_name = "RULE",
        value_parser = Objective::latency,
        help_heading = LOAD
    )]
    pub(crate) latency: Vec<Objective>,

    /// Find and hold the highest rate at which no more than this share fails: `1%`, or
    /// `checkout:1%`; repeatable. --tps is then the most.
    #[arg(
        long = "error-rate",
        value_name = "RULE",
        value_parser = Objective::error_rate,
        help_heading = LOAD
    )]
    pub(crate) error_rate: Vec<Objective>,

    /// Where --latency and --error-rate have the rate begin. Default: 512/s, or --tps if that is
    /// less.
    #[arg(long, value_name = "N", allow_hyphen_values = true, help_heading = LOAD)]
    pub(crate) start_tps: Option<Rate>,

    /// How starts are spread: evenly, or at random as independent arrivals are.
    #[arg(long, value_enum, value_name = "KIND", help_heading = LOAD)]
    pub(crate) arrivals: Option<ArrivalsArg>,

    /// The most virtual users that may be created to keep the rate. Default: 10,000, or what this
    /// machine holds if that is less.
    #[arg(
        long,
        value_name = "N",
        value_parser = units::parse_count::<u32>,
        allow_hyphen_values = true,
        help_heading = LOAD
    )]
    pub(crate) max_vus: Option<u32>,

    /// How late a transaction may start before it is given up and counted unsent. Default: 10s.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        value_parser = units::parse_duration,
        help_heading = LOAD
    )]
    pub(crate) max_lag: Option<Duration>,

    /// Let transactions that become due within such a step start together at its end, each late by
    /// as much at most: fewer wake-ups, less processor time. Up to 10ms. Default: each by itself.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        value_parser = units::parse_duration,
        help_heading = LOAD
    )]
    pub(crate) coalesce: Option<Duration>,

    /// Users created a second in scenarios that have a `start`. Default: 100/s.
    #[arg(long, value_name = "N", allow_hyphen_values = true, help_heading = LOAD)]
    pub(crate) spawn_rate: Option<Rate>,

    /// The measured part of the run. Without it and without a number of iterations, the run
    /// lasts until Ctrl-C.
    #[arg(
        long,
        short = 'd',
        short_alias = 'z',
        value_name = "TIME",
        allow_hyphen_values = true,
        value_parser = units::parse_duration,
        help_heading = LOAD
    )]
    pub(crate) duration: Option<Duration>,

    /// End after this many iterations over all users.
    #[arg(
        long,
        short = 'n',
        value_name = "N",
        value_parser = units::parse_count::<u64>,
        allow_hyphen_values = true,
        help_heading = LOAD
    )]
    pub(crate) iterations: Option<u64>,

    /// Each of the --vus users makes so many iterations, and ends then. A user that traps is
    /// replaced, and its successor makes the rest.
    #[arg(
        long,
        value_name = "N",
        value_parser = units::parse_count::<u64>,
        allow_hyphen_values = true,
        help_heading = LOAD
    )]
    pub(crate) iterations_per_vu: Option<u64>,

    /// Time before the measured part, under load, shown apart and excluded from all figures. `auto`
    /// ends it when throughput and service time show no trend over ten seconds, after 60 s at the
    /// latest, `auto:2m` after two minutes. Default: none.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, help_heading = LOAD)]
    pub(crate) warmup: Option<WarmUp>,

    /// How long transactions under way at the end may take to finish; then they are cut off, and
    /// count as interrupted and at least as slow as they are old. A request that hangs fails by
    /// itself if this is longer than --timeout. Default: 30s.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        value_parser = units::parse_duration,
        help_heading = LOAD
    )]
    pub(crate) grace: Option<Duration>,

    /// Where paths such as "/items" go: the base URL of the service; without a scheme it is asked
    /// over http, as `localhost:8080`.
    #[arg(long, short = 't', value_name = "URL", help_heading = SERVICE)]
    pub(crate) target: Option<String>,

    /// A further host that requests may go to, as `api.example.com` or `api.example.com:8443`,
    /// without scheme or pattern; repeatable.
    #[arg(long = "allow-host", value_name = "HOST", help_heading = SERVICE)]
    pub(crate) allow_host: Vec<String>,

    /// A header sent with every request that does not set it, as `Name: value`; repeatable.
    #[arg(long = "header", short = 'H', value_name = "HEADER", help_heading = SERVICE)]
    pub(crate) header: Vec<String>,

    /// Sign requests as AWS wants it, for `aws:amz:REGION:SERVICE`, with the keys in the variables
    /// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
    #[arg(long, value_name = "SCOPE", help_heading = SERVICE)]
    pub(crate) aws_sigv4: Option<AwsScope>,

    /// What requests say of who sends them, where a request does not say it itself. Default:
    /// `swell/` and the version.
    #[arg(long, value_name = "TEXT", help_heading = SERVICE)]
    pub(crate) user_agent: Option<String>,

    /// Whom the service's people may ask about the load, as `ada@example.com` or a URL: it is added
    /// to the user agent.
    #[arg(long, value_name = "WHO", value_parser = parse_contact, help_heading = SERVICE)]
    pub(crate) contact: Option<String>,

    /// Local addresses to send from, in turn; each has its own range of ports. Repeatable.
    #[arg(long = "source-ip", value_name = "IP", value_parser = parse_ip, help_heading = SERVICE)]
    pub(crate) source_ip: Vec<IpAddr>,

    /// Addresses of a name at a port, in place of those that name servers know:
    /// `HOST:PORT:ADDRESS`, several with commas between them, `*` for any host. Repeatable.
    #[arg(long = "resolve", value_name = "NAME", help_heading = WAY)]
    pub(crate) resolve: Vec<PinnedName>,

    /// Where a service stands in place of where its URLs say: `HOST:PORT:HOST:PORT`, each of which
    /// may be empty, for any and for the same. TLS and `host` keep the URL's name. Repeatable.
    #[arg(long = "connect-to", value_name = "PLACES", help_heading = WAY)]
    pub(crate) connect_to: Vec<MovedService>,

    /// Reach services by IPv4 alone. Default: by both, whichever answers first.
    #[arg(long, short = '4', conflicts_with = "ipv6", help_heading = WAY)]
    pub(crate) ipv4: bool,

    /// Reach services by IPv6 alone.
    #[arg(long, short = '6', help_heading = WAY)]
    pub(crate) ipv6: bool,

    /// Open all connections to a socket of this machine, whatever host a URL names.
    #[arg(long, value_name = "PATH", help_heading = WAY)]
    pub(crate) unix_socket: Option<PathBuf>,

    /// Reach services through a proxy: `http://[USER:PASSWORD@]HOST:PORT`, `socks5://` or, if the
    /// proxy is to look up names, `socks5h://`. Default: none, whatever `HTTPS_PROXY` says.
    #[arg(long, short = 'x', value_name = "URL", help_heading = WAY)]
    pub(crate) proxy: Option<String>,

    /// Hosts that are reached without the proxy, with commas between them; a name stands for all
    /// names below it, too.
    #[arg(long, value_name = "HOSTS", requires = "proxy", help_heading = WAY)]
    pub(crate) no_proxy: Option<String>,

    #[command(flatten)]
    pub(crate) connections: ConnectionSettings,

    /// Open new connections and TLS sessions as often as this. Default: a user keeps them.
    #[arg(long, value_enum, value_name = "WHEN", help_heading = SERVICE)]
    pub(crate) fresh: Option<FreshArg>,

    /// What becomes of a user's cookies: they are forgotten after each iteration, kept as long as
    /// the user lives, or never kept. Default: clear.
    #[arg(long, value_enum, value_name = "WHAT", help_heading = SERVICE)]
    pub(crate) cookies: Option<CookiesArg>,

    /// The longest wait for the head of a response; a whole request with its redirects and body has
    /// 120s, or twice this if that is more. Default: 60s.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        value_parser = units::parse_duration_above_zero,
        help_heading = SERVICE
    )]
    pub(crate) timeout: Option<Duration>,

    /// The longest time for opening a connection, name look-up included, over all addresses of the
    /// name, and as long again for its TLS handshake. Default: 10s.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        value_parser = units::parse_duration_above_zero,
        help_heading = SERVICE
    )]
    pub(crate) connect_timeout: Option<Duration>,

    /// A file of certificates (PEM) that are trusted beside the system's, as authorities or as a
    /// server's own; repeatable.
    #[arg(long = "ca-cert", value_name = "FILE", help_heading = SERVICE)]
    pub(crate) ca_cert: Vec<PathBuf>,

    /// The client's certificate chain (PEM); with --key.
    #[arg(long, value_name = "FILE", requires = "key", help_heading = SERVICE)]
    pub(crate) cert: Option<PathBuf>,

    /// The client's private key (PEM, not encrypted); with --cert.
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = SERVICE)]
    pub(crate) key: Option<PathBuf>,

    /// The oldest version of TLS that is offered. Default: 1.2.
    #[arg(long, value_enum, value_name = "VERSION", help_heading = SERVICE)]
    pub(crate) tls_min: Option<TlsArg>,

    /// The newest version of TLS that is offered. Default: 1.3.
    #[arg(long, value_enum, value_name = "VERSION", help_heading = SERVICE)]
    pub(crate) tls_max: Option<TlsArg>,

    /// The version of HTTP for requests that leave it open: 1.1, or 2, without TLS by prior
    /// knowledge, or 3, over QUIC and to https alone. Default: 2 where TLS agrees on it, else 1.1.
    #[arg(long, value_enum, value_name = "VERSION", help_heading = SERVICE)]
    pub(crate) http_version: Option<HttpVersionArg>,

    /// Follow services that say where they speak HTTP/3 (`Alt-Svc`), inside the allow-list:
    /// requests that leave the version open go there, and over TCP where it does not open.
    #[arg(long, conflicts_with = "http_version", help_heading = SERVICE)]
    pub(crate) alt_svc: bool,

    /// Accept any certificate. The run is then open to whoever sits between.
    #[arg(long, help_heading = SERVICE)]
    pub(crate) insecure: bool,

    /// Send W3C trace context with each request of an iteration, in the header `traceparent`: an
    /// iteration is one trace, sampled, whose number follows from --seed and the iteration's own.
    /// So a slow transaction is found in the service's traces.
    #[arg(long, help_heading = SERVICE)]
    pub(crate) traceparent: bool,

    /// Begin without looking up the target's name and, for https, shaking hands with it once, which
    /// is one connection and no request.
    #[arg(long, help_heading = SERVICE)]
    pub(crate) no_preflight: bool,

    /// Which of the file's scenarios to run; needed when there are several. Repeated, the users of
    /// one run are dealt to them by weight, as with `--scenario browse=3 --scenario order=1 --vus
    /// 40`: 30 users browse, and 10 order. Without a weight it is 1.
    #[arg(long, value_name = "NAME[=WEIGHT]", help_heading = SCENARIO)]
    pub(crate) scenario: Vec<String>,

    /// What runs the file, which is a script: a component that exports `swell:scenario/script`.
    /// Default: the one that is kept for the file's extension, as `js.wasm` in
    /// `$XDG_DATA_HOME/swell/interpreters` or `~/.local/share/swell/interpreters`.
    #[arg(long, value_name = "FILE", help_heading = SCENARIO)]
    pub(crate) interpreter: Option<PathBuf>,

    /// A folder, or a file, that a script may read beside what is below its own folder; repeatable.
    #[arg(long = "allow-file", value_name = "DIR", help_heading = SCENARIO)]
    pub(crate) allow_file: Vec<PathBuf>,

    /// A variable for the scenario; repeatable.
    #[arg(
        long = "env",
        short = 'e',
        value_name = "KEY=VALUE",
        value_parser = parse_pair,
        help_heading = SCENARIO
    )]
    pub(crate) env: Vec<(String, String)>,

    /// A feed of rows for the scenario: a .csv file with a header line, or a .jsonl file with one
    /// object a line, in UTF-8; repeatable.
    #[arg(
        long = "data",
        value_name = "NAME=FILE",
        value_parser = parse_pair,
        help_heading = SCENARIO
    )]
    pub(crate) data: Vec<(String, String)>,

    /// Begin a feed picked from as unique anew after its last row, in place of ending the run.
    #[arg(long, help_heading = SCENARIO)]
    pub(crate) data_wrap: bool,

    /// Decides all randomness: the same seed gives the same run. Default: a random one, printed.
    #[arg(
        long,
        value_name = "N",
        value_parser = units::parse_count::<u64>,
        allow_hyphen_values = true,
        help_heading = SCENARIO
    )]
    pub(crate) seed: Option<u64>,

    /// Time that a user's code may compute in an iteration without waiting; in `setup`, `start` and
    /// all else outside iterations it may take 20 times as long. Default: 100ms.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        value_parser = units::parse_duration,
        help_heading = SCENARIO
    )]
    pub(crate) guest_cpu: Option<Duration>,

    /// Memory that a user's code may have. Default: 64MiB.
    #[arg(
        long,
        value_name = "SIZE",
        allow_hyphen_values = true,
        value_parser = units::parse_size,
        help_heading = SCENARIO
    )]
    pub(crate) guest_memory: Option<u64>,

    /// What must hold, or the exit code is 99: as 'response.p95 < 200ms' or 'error_rate < 1%';
    /// repeatable. A percentile needs ten samples beyond it, p95 200 and p99 1,000 of them: one
    /// with fewer does not hold, unless `even if few` follows the limit. 'response.p95 < 200ms over
    /// 30s' must also hold in each 30 s; with `abort` or `abort after 10s` behind it, it ends the
    /// run where it does not.
    #[arg(long = "threshold", value_name = "RULE", help_heading = RESULTS)]
    pub(crate) threshold: Vec<Threshold>,

    /// End the run, with 99, as soon as any threshold does not hold; with a delay, not before so
    /// much of the measured part: `--abort-on-fail=10s`. A percentile with too few samples waits.
    #[arg(
        long,
        value_name = "DELAY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "0s",
        value_parser = units::parse_duration,
        help_heading = RESULTS
    )]
    pub(crate) abort_on_fail: Option<Duration>,

    /// End the run, with 99, once more transactions than these have failed, warm-up included; with
    /// 0 at the first failure.
    #[arg(
        long,
        value_name = "N",
        value_parser = units::parse_count::<u64>,
        allow_hyphen_values = true,
        help_heading = RESULTS
    )]
    pub(crate) max_errors: Option<u64>,

    /// End the run, with 99, once a greater share of transactions has failed in the last 10 s,
    /// warm-up included and if 20 of them have ended: as `50%`, or '50% over 30s'.
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true, help_heading = RESULTS)]
    pub(crate) max_error_rate: Option<MaxErrorRate>,

    /// End with 0 in place of 111 where the load generator was the limit, as in a pipeline on a
    /// machine that others use. The stamp INVALID stays in every output, and all other reasons to
    /// fail hold.
    #[arg(long, value_enum, value_name = "STAMP", help_heading = RESULTS)]
    pub(crate) accept: Option<AcceptArg>,

    /// Pass even if every transaction failed; without it the exit code is then 99, unless a
    /// threshold on `error_rate` allows it.
    #[arg(long, help_heading = RESULTS)]
    pub(crate) allow_all_failed: bool,

    #[arg(
        long = "out",
        value_name = "KIND=FILE",
        value_parser = parse_pair,
        help = Outputs::help(),
        help_heading = RESULTS
    )]
    pub(crate) out: Vec<(String, String)>,

    #[arg(
        long = "to",
        value_name = "KIND=PLACE",
        value_parser = parse_receiver,
        help = Outputs::help_of_receivers(),
        help_heading = RESULTS
    )]
    pub(crate) to: Vec<(String, String)>,

    /// The folder below which a script's own summary (k6's `handleSummary`) may write the files
    /// that it names; without it they are not written.
    #[arg(long, value_name = "DIR", help_heading = RESULTS)]
    pub(crate) summary_dir: Option<PathBuf>,

    /// Keep the record of a run in this file, or of each run in a file of this folder, in place of
    /// the user's own history.
    #[arg(long, value_name = "FILE", help_heading = RESULTS)]
    pub(crate) record: Option<PathBuf>,

    /// Keep no record of the run. Without this and --record, one is kept in
    /// `$XDG_STATE_HOME/swell/runs` or `~/.local/state/swell/runs`; `host history` lists the latest
    /// 100 runs or 2 GiB, whichever is less, and older ones are removed.
    #[arg(long, conflicts_with = "record", help_heading = RESULTS)]
    pub(crate) no_record: bool,

    /// Serve the control API at this address, as 127.0.0.1:6565: what runs and how, another rate,
    /// pause, resume, stop, a further run. Beyond loopback every call needs the token in the
    /// variable SWELL_CONTROL_TOKEN, which then must be set.
    #[arg(long, value_name = "ADDR", value_parser = parse_address, help_heading = RESULTS)]
    pub(crate) control: Option<SocketAddr>,

    /// Serve a page at this address that shows the runs while they go on, in a browser, and lets
    /// them be paused, resumed, stopped and given another rate; the control API is there too.
    /// Without an address: 127.0.0.1:6565. Beyond loopback it asks for the token in the variable
    /// SWELL_CONTROL_TOKEN, and needs a certificate or --ui-plain.
    #[arg(
        long,
        value_name = "ADDR",
        num_args = 0..=1,
        default_missing_value = UI_ADDRESS,
        value_parser = parse_ui_address,
        help_heading = RESULTS
    )]
    pub(crate) ui: Option<SocketAddr>,

    /// The certificate chain (PEM) with which --ui is served over TLS; with --ui-key.
    #[arg(
        long,
        value_name = "FILE",
        requires = "ui",
        requires = "ui_key",
        help_heading = RESULTS
    )]
    pub(crate) ui_cert: Option<PathBuf>,

    /// Its private key (PEM, not encrypted); with --ui-cert.
    #[arg(long, value_name = "FILE", requires = "ui_cert", help_heading = RESULTS)]
    pub(crate) ui_key: Option<PathBuf>,

    /// Serve --ui beyond loopback without TLS, where nobody on the way reads or changes what the
    /// page and its token say.
    #[arg(long, requires = "ui", conflicts_with = "ui_cert", help_heading = RESULTS)]
    pub(crate) ui_plain: bool,

    /// Serve metrics for Prometheus at this address, as 0.0.0.0:9464, under /metrics.
    #[arg(long, value_name = "ADDR", value_parser = parse_address, help_heading = RESULTS)]
    pub(crate) prometheus: Option<SocketAddr>,

    /// Show the runs on the whole terminal, with charts, tables and keys, in place of the live
    /// line. `?` there tells the keys.
    #[arg(long, conflicts_with = "quiet", help_heading = RESULTS)]
    pub(crate) tui: bool,

    /// Print nothing but errors, and in one line why a run failed.
    #[arg(long, short = 'q', help_heading = RESULTS)]
    pub(crate) quiet: bool,
}

/// Where the live page is served if nobody says where.
pub(crate) const UI_ADDRESS: &str = "127.0.0.1:6565";

/// The headings of `host run --help`.
pub(crate) const LOAD: &str = "Load";
const SCENARIO: &str = "Scenario";
pub(crate) const RESULTS: &str = "Results";
pub(crate) const CLUSTER: &str = "Several hosts";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArrivalsArg {
    /// One each 1/rate seconds.
    Uniform,
    /// Independent of each other, from the seed.
    Poisson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AcceptArg {
    /// The load generator, not the service, was the limit.
    Invalid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FreshArg {
    /// With each iteration.
    Iteration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CookiesArg {
    /// Each iteration begins without any.
    Clear,
    /// Those of `start` and of earlier iterations are sent, too.
    Keep,
    /// What a service sets is passed over; a header of a request's own is sent.
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsArg {
    #[value(name = "1.2")]
    V1_2,
    #[value(name = "1.3")]
    V1_3,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HttpVersionArg {
    #[value(name = "1.1")]
    Http1,
    #[value(name = "2")]
    Http2,
    #[value(name = "3")]
    Http3,
}

pub(crate) fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => {
            Ok((key.to_owned(), value.to_owned()))
        }
        Some((key, _)) if !key.is_empty() => Ok((key.to_owned(), String::new())),
        _ => Err("a name, '=' and a value are needed".to_owned()),
    }
}

/// Whom to ask, as a URI: an e-mail address becomes one.
fn parse_contact(text: &str) -> Result<String, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"()<>\"\\".contains(&byte));
    let is_uri = ["mailto:", "http://", "https://"].iter().any(|start| text.starts_with(start));
    match text.split_once('@') {
        _ if !is_plain => Err("an e-mail address or a URL is needed, without spaces".to_owned()),
        _ if is_uri => Ok(text.to_owned()),
        Some((name, domain)) if !name.is_empty() && !domain.is_empty() => {
            Ok(format!("mailto:{text}"))
        }
        _ => Err("an e-mail address or a URL is needed, as ada@example.com".to_owned()),
    }
}

/// A receiver: its kind and its place. What is neither is refused where the kinds are known, since
/// a message of the parser would repeat it with its secrets.
pub(crate) fn parse_receiver(text: &str) -> Result<(String, String), Infallible> {
    let (kind, place) = text.split_once('=').unwrap_or((text, ""));
    Ok((kind.to_owned(), place.to_owned()))
}

/// An address to listen at: `127.0.0.1:6565`, `[::1]:6565` or `localhost:6565`.
pub(crate) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let address = text
        .strip_prefix("localhost:")
        .map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    let port = text.rsplit(':').next().filter(|port| port.parse::<u16>().is_ok()).unwrap_or("6565");
    address.parse().map_err(|_| {
        format!(
            "an IP address and a port are needed, as 127.0.0.1:{port}, \
    or 0.0.0.0:{port} for all networks"
        )
    })
}

/// As [`parse_address`]; what follows the flag may have been meant for something else.
pub(crate) fn parse_ui_address(text: &str) -> Result<SocketAddr, String> {
    parse_address(text)
        .map_err(|words| format!("{words}; to leave the address out, put other words before --ui"))
}

fn parse_ip(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| "an IP address of this machine is needed, as 10.0.0.7".to_owned())
}

pub(crate) fn parse_hosts(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(hosts @ 1..=1_000) => Ok(hosts),
        _ => Err("a number from 1 to 1000 is needed; this host is one of them".to_owned()),
    }
}
