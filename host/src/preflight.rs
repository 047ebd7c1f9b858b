//! Before a run: whether its target can be reached, and how many users this machine holds, which is
//! measured on real instances and not guessed.
//!
//! Which resource is used up first differs from machine to machine: memory, the kernel's limit of
//! mappings of a process, file descriptors. The message names the resource and the setting that
//! raises it, before the first request and not in the middle of a run.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use swell_client::{Client, Unready};
use swell_core::plan::{DEFAULT_MAX_USERS, LoadModel, Users};
use swell_core::units::grouped;
use swell_driver::RunPlan;
use swell_driver::machine;
use swell_engine::{Program, Rehearsal, Run, ScenarioFile, ScenarioRole, Trapped};
use tokio::task::LocalSet;

use crate::scenario_choice::ChosenScenario;

/// How many users are made to measure one: enough to even out memory that is allocated by the
/// page.
const PROBED: u32 = 16;

/// The memory of a running user beyond that of one that has not run yet: the pages of its fiber's
/// stack that a request touches, and its connection's buffers. Measured with 1,000 connected users.
const RUNNING_BYTES: u64 = 40 << 10;

/// Mappings of a running user beyond its instance's: its stack, and the guard below it.
const RUNNING_MAPPINGS: u64 = 2;

/// The part of free memory that users may take; the rest is for the host's histograms, the kernel's
/// sockets, and other programs on this machine.
const MEMORY_SHARE: f64 = 0.8;

/// Mappings that the host itself may need: its threads, its heaps, its code.
const OWN_MAPPINGS: u64 = 2_000;

/// Descriptors that the host itself needs.
const OWN_DESCRIPTORS: u64 = 64;

/// How many users fit, by each resource.
pub(crate) struct Room {
    memory: Option<u64>,
    mappings: Option<u64>,
    descriptors: u64,
    ports: Option<u64>,
    making: Duration,
}

/// What a user takes.
struct UserCost {
    bytes: Option<u64>,
    mappings: Option<u64>,
    making: Duration,
}

/// Measures users of each scenario that are made as those of `run`, and raises the soft limit of
/// descriptors. Where they do something in `start`, they `start`, and nothing of it is sent. What
/// fits is a mix of them.
///
/// # Errors
/// Not even these few users can be made.
pub(crate) fn room(
    file: &ScenarioFile,
    scenarios: &[ChosenScenario],
    run: impl Fn() -> Run,
    client: &swell_client::Options,
) -> anyhow::Result<Room> {
    let descriptors = machine::raise_descriptor_limit();
    let program = file.program(PROBED)?;
    let (available, mappings) = (machine::available_bytes(), machine::mappings());
    let mut costs = Vec::new();
    for scenario in scenarios {
        let starts = scenario.info.has_start || file.script_files().is_some();
        let role = ScenarioRole::only(scenario.index);
        let measured = cost(&program, role, run(), client, starts);
        let cost = measured
            .with_context(|| format!("scenario {:?} cannot be instantiated", scenario.info.name))?;
        costs.push((scenario.weight, cost));
    }
    let all: f64 = costs.iter().map(|(weight, _)| weight).sum();
    // What is no weight is refused by the plan.
    let mean = |of: fn(&UserCost) -> Option<u64>| {
        let part = |(weight, cost): &(f64, UserCost)| Some(of(cost)? as f64 * weight / all);
        let sum: Option<f64> = costs.iter().map(part).sum();
        sum.map(|mean| (mean.ceil() as u64).max(1))
    };
    let memory = mean(|cost| cost.bytes)
        .zip(available)
        .map(|(each, available)| (available as f64 * MEMORY_SHARE) as u64 / each);
    let mappings = mean(|cost| cost.mappings)
        .zip(mappings)
        .map(|(each, (used, most))| most.saturating_sub(used + OWN_MAPPINGS) / each);
    Ok(Room {
        memory,
        mappings,
        descriptors: descriptors.saturating_sub(OWN_DESCRIPTORS),
        ports: machine::local_ports(),
        making: costs.iter().map(|(_, cost)| cost.making).max().unwrap_or_default(),
    })
}

/// Measures what a user takes that acts this.
fn cost(
    program: &Arc<Program>,
    role: ScenarioRole,
    run: Run,
    client: &swell_client::Options,
    starts: bool,
) -> anyhow::Result<UserCost> {
    let look = || (machine::resident_bytes(), machine::mappings());
    // A client and its runtime stay on one thread, and this thread may have a runtime already.
    let measured = std::thread::scope(|scope| {
        let measure = || {
            let mut users = Rehearsal::begin(program, role, run, client)?;
            let before = look();
            users.make(PROBED, starts)?;
            Ok((before, look(), users.making()))
        };
        scope.spawn(measure).join()
    });
    let (before, after, making) = measured
        .map_err(|_| anyhow::anyhow!("measuring a user broke down"))?
        .map_err(|trapped: Trapped| anyhow::anyhow!("{}", trapped.0))?;
    let each = |before: u64, after: u64| after.saturating_sub(before).div_ceil(u64::from(PROBED));
    Ok(UserCost {
        bytes: before.0.zip(after.0).map(|(before, after)| each(before, after) + RUNNING_BYTES),
        mappings: before
            .1
            .zip(after.1)
            .map(|((before, _), (after, _))| each(before, after) + RUNNING_MAPPINGS),
        making,
    })
}

/// Looks whether the target can be reached at all. No request is sent: its name is looked up, and
/// with https there is one connection for a handshake.
///
/// # Errors
/// No request could ever succeed. If a service is not up, that is no error but a warning, because
/// it may come up.
pub(crate) fn look_at_target(options: &swell_client::Options) -> anyhow::Result<()> {
    let Some(target) = &options.target else { return Ok(()) };
    // A client and its runtime stay on one thread, and this thread may have a runtime already.
    let looked = std::thread::scope(|scope| {
        let look = || -> anyhow::Result<Result<(), Unready>> {
            let client = Client::new(options.clone())?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .context("cannot start a runtime")?;
            Ok(LocalSet::new().block_on(&runtime, client.probe()))
        };
        scope.spawn(look).join()
    });
    match looked.map_err(|_| anyhow::anyhow!("looking at the target broke down"))?? {
        Ok(()) => Ok(()),
        Err(Unready::NotNow(error)) => {
            tracing::warn!("target {target}: {error}; the run begins all the same");
            Ok(())
        }
        Err(Unready::Never(error)) => {
            bail!("target {target}: {error}\nhelp: --no-preflight begins the run all the same")
        }
    }
}

impl Room {
    /// How long making a user takes.
    pub(crate) const fn making(&self) -> Duration {
        self.making
    }

    /// Users that fit whatever they do: with a connection each.
    pub(crate) fn users(&self) -> u32 {
        let least = [self.memory, self.mappings, Some(self.descriptors)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(u64::MAX);
        u32::try_from(least.max(1)).unwrap_or(u32::MAX)
    }

    /// The resource that is used up first, and how to have more of it.
    fn scarcest(&self) -> String {
        let most = u64::from(self.users());
        if self.descriptors.max(1) <= most {
            let (left, all) =
                (grouped(self.descriptors), grouped(self.descriptors + OWN_DESCRIPTORS));
            return format!(
                "of its {all} file descriptors {left} are left for them; raise `ulimit -n` (nofile)"
            );
        }
        if self.mappings.is_some_and(|room| room <= most) {
            return "the kernel's limit of memory mappings is enough for no more; raise it with \
            `sysctl -w vm.max_map_count=1000000`"
                .to_owned();
        }
        "free memory is enough for no more; share the load, or make the scenario smaller".to_owned()
    }

    /// Whether the users that were asked for fit.
    ///
    /// # Errors
    /// They surely do not fit: the error says what to raise. What only may be used up is a warning.
    pub(crate) fn check(&self, plan: &RunPlan) -> anyhow::Result<()> {
        if let Some(room) = plan.room() {
            tracing::warn!(
                "this machine holds only {} virtual users, where up to {} may be needed: {}; \
                starts that find none are the generator's fault",
                grouped(room),
                grouped(u64::from(DEFAULT_MAX_USERS)),
                self.scarcest()
            );
        }
        let plan = &plan.plan;
        let asked = u64::from(plan.most_users());
        let exactly = matches!(
            plan.load,
            LoadModel::Closed { .. }
                | LoadModel::ClosedStages { .. }
                | LoadModel::Transactions { users: Users::Exactly(_), .. }
                | LoadModel::Iterations { users: Users::Exactly(_), .. }
        );
        let users = grouped(asked);
        let too_many = |what: String| -> anyhow::Result<()> {
            if exactly {
                bail!("{users} virtual users do not fit: {what}");
            }
            tracing::warn!("up to {users} virtual users are allowed, but {what}");
            Ok(())
        };
        if let Some(most) = self.mappings.filter(|most| asked > *most) {
            too_many(format!(
                "the kernel's limit of memory mappings is enough for {}\nhelp: raise it with \
                `sysctl -w vm.max_map_count=1000000`",
                grouped(most)
            ))?;
        }
        if let Some(most) = self.memory.filter(|most| asked > *most) {
            too_many(format!(
                "free memory is enough for {}\nhelp: share the load, or make the scenario smaller",
                grouped(most)
            ))?;
        }
        if asked > self.descriptors {
            tracing::warn!(
                "{users} virtual users with a connection each need more file descriptors than the \
                {} that are left: raise `ulimit -n` (nofile)",
                grouped(self.descriptors)
            );
        }
        if let Some(ports) = self.ports.filter(|ports| asked > *ports) {
            tracing::warn!(
                "{users} connections to one address need more local ports than the {} of \
                net.ipv4.ip_local_port_range: widen it, or use --source-ip",
                grouped(ports)
            );
        }
        Ok(())
    }
}
