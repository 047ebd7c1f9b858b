//! What a setting decides: the load, or what a run reaches beyond it. And the consent that reach
//! needs.
//!
//! A scenario is somebody else's code. The person who runs it says what it may do, send to and
//! read: on the command line, in a file that is named there, or by a yes at a terminal. A
//! scenario's defaults, its manifest, what its code or a call of the control API says, and a
//! `swell.toml` that happens to be in the folder may say how much load there is, and may only ask
//! for the rest. What nobody has given is a [`Claim`], and a run with a claim does not begin.

use std::fmt::{self, Display, Formatter, Write as _};

use swell_core::plain::{line, shell_word};
use swell_report::record::without_secret;
use thiserror::Error;

use super::connections::ConnectionSettings;
use super::flags::{DEFAULT_FILE, Settings};
use crate::terminal;

/// What a setting decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SettingKind {
    /// How much, how long, with which patience and values, and how it is judged.
    Load,
    /// Hosts, files, TLS checks, addresses, outputs, and what the machine gives.
    Reach,
}

/// Makes the table of all settings. A setting that is missing from it does not compile.
macro_rules! kinds {
    (connections { $($of:ident: $kind_of:ident,)* } $($field:ident: $kind:ident,)*) => {
        const _: fn(Settings) = |settings| {
            let Settings { connections, $($field: _,)* } = settings;
            let ConnectionSettings { $($of: _,)* } = connections;
        };
        /// The names of the fields; the words of a key are joined by hyphens.
        const KINDS: &[(&str, SettingKind)] = &[
            $((stringify!($field), SettingKind::$kind),)*
            $((stringify!($of), SettingKind::$kind_of),)*
        ];
    };
}

kinds! {
    connections {
        dns: Load,
        // Who chooses the name chooses whose certificate is taken.
        sni: Reach,
        max_connections_per_host: Load,
        max_requests_per_connection: Load,
        idle_timeout: Load,
        expect_timeout: Load,
    }
    tps: Load,
    rate: Load,
    vus: Load,
    stage: Load,
    vus_stage: Load,
    vus_shape: Load,
    shape: Load,
    burst: Load,
    latency: Load,
    error_rate: Load,
    start_tps: Load,
    arrivals: Load,
    max_vus: Load,
    max_lag: Load,
    coalesce: Load,
    spawn_rate: Load,
    duration: Load,
    iterations: Load,
    iterations_per_vu: Load,
    warmup: Load,
    grace: Load,
    target: Reach,
    allow_host: Reach,
    // A scenario sets what headers it likes, and sends them where it may send anyway.
    header: Load,
    // It signs with the keys of whoever runs it.
    aws_sigv4: Reach,
    user_agent: Load,
    contact: Load,
    source_ip: Reach,
    resolve: Reach,
    connect_to: Reach,
    ipv4: Load,
    ipv6: Load,
    unix_socket: Reach,
    proxy: Reach,
    no_proxy: Reach,
    fresh: Load,
    cookies: Load,
    timeout: Load,
    connect_timeout: Load,
    ca_cert: Reach,
    cert: Reach,
    key: Reach,
    // Neither allows what is not allowed without it.
    tls_min: Load,
    tls_max: Load,
    http_version: Load,
    alt_svc: Load,
    insecure: Reach,
    traceparent: Load,
    no_preflight: Load,
    scenario: Load,
    interpreter: Reach,
    allow_file: Reach,
    env: Load,
    data: Reach,
    data_wrap: Load,
    seed: Load,
    guest_cpu: Reach,
    guest_memory: Reach,
    threshold: Load,
    abort_on_fail: Load,
    max_errors: Load,
    max_error_rate: Load,
    // A scenario that could accept INVALID would look green although nobody wanted that.
    accept: Reach,
    // Only a person excuses a run in which nothing went well.
    allow_all_failed: Reach,
    out: Reach,
    to: Reach,
    summary_dir: Reach,
    record: Reach,
    no_record: Load,
    control: Reach,
    ui: Reach,
    ui_cert: Reach,
    ui_key: Reach,
    ui_plain: Reach,
    prometheus: Reach,
    tui: Load,
    quiet: Load,
}

/// Whether a setting decides what a run reaches.
pub(crate) fn is_reach(key: &str) -> bool {
    let is_key = |field: &str| {
        field.len() == key.len()
            && field.bytes().zip(key.bytes()).all(|(a, b)| a == b || (a == b'_' && b == b'-'))
    };
    // What is no setting is refused elsewhere, and trusted nowhere.
    KINDS
        .iter()
        .find(|(field, _)| is_key(field))
        .is_none_or(|(_, kind)| *kind == SettingKind::Reach)
}

/// Something that somebody asks for and cannot give.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claim {
    pub(crate) key: String,
    pub(crate) value: Option<String>,
    /// Who asks, for messages.
    pub(crate) place: String,
    /// Whether it belongs to the whole command, and only its flags can give it.
    pub(crate) needs_flag: bool,
}

impl Claim {
    /// The flag that gives it, as it is typed in a shell.
    fn flag(&self) -> String {
        match &self.value {
            None => format!("--{}", self.key),
            // Where a receiver is may be a credential; a file that is named can give it.
            Some(value) if self.key == "to" => {
                format!("--to {}", shell_word(&without_secret("to", value)))
            }
            Some(value) => format!("--{} {}", self.key, shell_word(value)),
        }
    }
}

/// More was asked for than was given.
#[derive(Debug, Error)]
pub(crate) struct NotGiven(pub(crate) Vec<Claim>);

impl Display for NotGiven {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "more is asked for than was given:{}", list(&self.0))?;
        write!(f, "help: to give it, add {}", flags(&self.0))?;
        if self.0.iter().any(|claim| claim.place == DEFAULT_FILE) {
            write!(f, "\nhelp: or name the file: --config {DEFAULT_FILE}")?;
        }
        Ok(())
    }
}

/// The flags that give what is claimed, each once.
pub(crate) fn flags(claims: &[Claim]) -> String {
    let mut flags: Vec<String> = Vec::new();
    for flag in claims.iter().map(Claim::flag) {
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    flags.join(" ")
}

/// Each claim with who makes it, on a line of its own.
fn list(claims: &[Claim]) -> String {
    let mut text = String::new();
    for claim in claims {
        let _ = write!(text, "\n    {}   by {}", claim.flag(), line(&claim.place));
    }
    text
}

/// Asks the person at the terminal, in one question, whether a run gets what is claimed. Returns
/// what the run gets: all or nothing.
///
/// # Errors
/// They do not say yes, nobody is there, or only flags can give it: the error names them.
pub(crate) fn consent(mut claims: Vec<Claim>) -> Result<Vec<Claim>, NotGiven> {
    claims.sort();
    claims.dedup();
    if claims.is_empty()
        || (!claims.iter().any(|claim| claim.needs_flag)
            && terminal::is_attended()
            && is_granted(&claims))
    {
        return Ok(claims);
    }
    Err(NotGiven(claims))
}

fn is_granted(claims: &[Claim]) -> bool {
    terminal::say(format_args!(
        "more is asked for than was given on the command line:{}\ngive it to the run? [y/N]",
        list(claims)
    ));
    let mut answer = String::new();
    // Without an answer it is no.
    let _ = std::io::stdin().read_line(&mut answer);
    matches!(answer.trim(), "y" | "Y" | "yes")
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command};

    use super::*;

    #[test]
    fn the_table_has_every_flag_of_a_run_by_its_name() {
        let command = Settings::augment_args(Command::new("x"));
        let keys: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
        let fields: Vec<String> = KINDS.iter().map(|(field, _)| field.replace('_', "-")).collect();
        assert_eq!(keys.len(), fields.len());
        assert!(
            keys.iter().all(|key| fields.iter().any(|field| field == key)),
            "{keys:?}\n{fields:?}"
        );
    }

    #[test]
    fn what_is_in_no_table_is_trusted_nowhere() {
        assert!(
            ["allow-host", "data", "insecure", "ca-cert", "nonsense", ""].into_iter().all(is_reach)
        );
        assert!(!["tps", "max-vus", "env", "error-rate"].into_iter().any(is_reach));
    }

    fn claim(key: &str, value: Option<&str>) -> Claim {
        Claim {
            key: key.to_owned(),
            value: value.map(str::to_owned),
            place: "the scenario".to_owned(),
            needs_flag: false,
        }
    }

    #[test]
    fn what_was_not_given_is_told_with_the_flags_that_give_it() {
        let claims = vec![
            claim("allow-host", Some("api.example.com")),
            claim("data", Some("x=it's;\x1b[2J")),
            claim("insecure", None),
        ];
        let text = NotGiven(claims).to_string();
        assert!(
            text.ends_with(
                r"add --allow-host api.example.com --data 'x=it'\''s;\u{1b}[2J' --insecure"
            ),
            "{text}"
        );
        assert!(text.contains("\n    --insecure   by the scenario\n"), "{text}");
    }

    #[test]
    fn a_receiver_is_asked_for_without_its_password() {
        let text = NotGiven(vec![claim("to", Some("influx=http://me:s3cret@h/db"))]).to_string();
        assert!(text.ends_with("add --to influx=http://not-kept@h/db"), "{text}");
    }
}
