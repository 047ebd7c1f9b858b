//! From what was typed to what can run: the one place where settings meet the scenario and the
//! machine.

use std::io;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use swell_client::{AllowList, ClientIdentity, Options, TlsOptions, TlsVersion, header};
use swell_core::plan::{DEFAULT_MAX_USERS, LoadModel, Plan, PlanInput, Search, Users};
use swell_core::run::StopRules;
use swell_driver::{PlannedScenario, RunPlan};

use crate::routes::{connection_limits, http_version, routes};
use crate::scenario_choice::ChosenScenario;
use crate::settings::flags::{AcceptArg, ArrivalsArg, CookiesArg, Settings, TlsArg};
use crate::signing::aws_signer;

/// The plan for these settings and scenarios; `room` is how many users this machine holds, and
/// `client` how requests are sent.
///
/// # Errors
/// Settings that contradict each other or make no sense: the error names key, value and cure.
/// Files that cannot be read.
pub(crate) fn run_plan(
    settings: &Settings,
    search: Option<Search>,
    scenarios: &[ChosenScenario],
    seed: u64,
    room: u32,
    client: Options,
) -> anyhow::Result<RunPlan> {
    let has_start = scenarios.iter().any(|scenario| scenario.info.has_start);
    let plan = Plan::new(PlanInput {
        tps: settings.tps,
        rate: settings.rate,
        vus: settings.vus,
        max_vus: settings.max_vus,
        objectives: settings.latency.iter().chain(&settings.error_rate).cloned().collect(),
        search,
        start_tps: settings.start_tps,
        stages: settings.stage.clone(),
        vus_stages: settings.vus_stage.clone(),
        vus_shape: settings.vus_shape.clone(),
        shape: settings.shape.clone(),
        burst: settings.burst,
        duration: settings.duration,
        iterations: settings.iterations,
        iterations_per_vu: settings.iterations_per_vu,
        warmup: settings.warmup,
        grace: settings.grace,
        max_lag: settings.max_lag,
        coalesce: settings.coalesce,
        spawn_rate: settings.spawn_rate,
        poisson: settings.arrivals == Some(ArrivalsArg::Poisson),
        seed,
        thresholds: settings.threshold.clone(),
        stop_rules: StopRules {
            abort_on_fail: settings.abort_on_fail,
            max_errors: settings.max_errors,
            max_error_rate: settings.max_error_rate,
        },
        scenarios: scenarios.iter().map(ChosenScenario::weighted).collect(),
        has_start,
        room: Some(room),
    })
    .map_err(|error| anyhow!("{}", as_flags(&error.to_string())))?;
    let on_demand = matches!(
        plan.load,
        LoadModel::Transactions { users: Users::OnDemand { .. }, .. }
            | LoadModel::Iterations { users: Users::OnDemand { .. }, .. }
    );
    Ok(RunPlan {
        workers: RunPlan::workers_for(&plan),
        client,
        traceparent: settings.traceparent,
        scenarios: scenarios.iter().map(planned).collect(),
        lacks_room: on_demand && settings.max_vus.is_none() && room < DEFAULT_MAX_USERS,
        accepts_invalid: settings.accept == Some(AcceptArg::Invalid),
        allow_all_failed: settings.allow_all_failed,
        users_ahead: 0,
        time_ahead: Duration::ZERO,
        plan,
    })
}

fn planned(scenario: &ChosenScenario) -> PlannedScenario {
    PlannedScenario { index: scenario.index, has_start: scenario.info.has_start }
}

/// The plan's keys as the flags that a user typed.
fn as_flags(message: &str) -> String {
    message
        .replace("max_vus", "max-vus")
        .replace("max_lag", "max-lag")
        .replace("spawn_rate", "spawn-rate")
        .replace("error_rate", "error-rate")
        .replace("start_tps", "start-tps")
        .replace("vus_stage", "vus-stage")
        .replace("vus_shape", "vus-shape")
        .replace("iterations_per_vu", "iterations-per-vu")
}

/// How requests are sent; `hosts` are the hosts that the scenario itself names.
///
/// # Errors
/// Files that cannot be read, and settings that make no sense: the error names the flag.
pub(crate) fn client_options(settings: &Settings) -> anyhow::Result<Options> {
    let identity = match (&settings.cert, &settings.key) {
        (Some(certificate), Some(key)) => {
            Some(ClientIdentity { certificate: certificate.clone(), key: key.clone() })
        }
        _ => None,
    };
    let tls = TlsOptions {
        ca_files: settings.ca_cert.clone(),
        identity,
        insecure: settings.insecure,
        oldest: settings.tls_min.map_or(TlsVersion::V1_2, tls_version),
        newest: settings.tls_max.map_or(TlsVersion::V1_3, tls_version),
        ..TlsOptions::default()
    };
    if tls.oldest > tls.newest {
        bail!("--tls-min 1.3 --tls-max 1.2 leaves no version\nhelp: leave one of them out");
    }
    let mut options = Options::new(tls.load()?);
    options.target = settings.target.clone();
    options.allow =
        AllowList::parse(settings.allow_host.iter().map(String::as_str)).context("--allow-host")?;
    options.sources = settings.source_ip.clone();
    options.takes_cookies = settings.cookies != Some(CookiesArg::Off);
    options.routes = routes(settings)?;
    options.connections = connection_limits(settings)?;
    options.aws = settings.aws_sigv4.as_ref().map(aws_signer).transpose()?;
    options.version = http_version(settings)?;
    options.follows_alternatives = settings.alt_svc;
    if let Some(text) = &settings.user_agent {
        options.user_agent.clone_from(text);
    }
    if let Some(contact) = &settings.contact {
        options.user_agent.push_str(&format!(" (+{contact})"));
    }
    if header("user-agent", &options.user_agent).is_err() {
        bail!("--user-agent {:?} has characters that cannot be sent", options.user_agent);
    }
    if let Some(timeout) = settings.timeout {
        options.timeouts.response = timeout;
        options.timeouts.whole = options.timeouts.whole.max(timeout * 2);
    }
    if let Some(timeout) = settings.connections.expect_timeout {
        options.timeouts.word = timeout;
    }
    if let Some(timeout) = settings.connect_timeout {
        options.timeouts.connect = timeout;
        options.timeouts.tls = timeout;
    }
    for line in &settings.header {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| anyhow!("--header {line:?}: a name, ':' and a value are needed"))?;
        options.headers.push(
            header(name.trim(), value.trim())
                .map_err(|error| io::Error::other(error.to_string()))
                .with_context(|| format!("--header {:?}", name.trim()))?,
        );
    }
    Ok(options)
}

const fn tls_version(typed: TlsArg) -> TlsVersion {
    match typed {
        TlsArg::V1_2 => TlsVersion::V1_2,
        TlsArg::V1_3 => TlsVersion::V1_3,
    }
}
