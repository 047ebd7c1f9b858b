//! A file's `conduct`: code that begins runs, waits for them and judges them, on a thread of its
//! own. The control thread does what it wishes.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use swell_core::plan::WeightedScenario;
use swell_core::record::Percentile;
use swell_core::units::Rate;
use swell_core::verdict::Stamp;
use swell_engine::{Answer, Conductor, RunStamp, RunStats, RunTimes};
use swell_report::{Exit, Report, Times};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::finished::Done;
use crate::handle::Handle;
use crate::outside::{HookFailure, Waiting};
use crate::prepare::{Loaded, Prepared};
use crate::runs::Runs;
use crate::settings::keys::refuse_process_settings;
use crate::settings::layers::Layers;

/// How many wishes may be on their way: `conduct` does one thing after another.
const WISHES_UNDER_WAY: usize = 16;

/// A wish of `conduct`, and where the answer goes.
enum Wish {
    Start { scenario: String, settings: Vec<(String, String)>, reply: WishReply<u32> },
    Wait { run: u32, reply: WishReply<RunStats> },
    SetTps { run: u32, tps: f64, reply: WishReply<()> },
    Stop { run: u32 },
}

type WishReply<T> = oneshot::Sender<Result<T, String>>;

/// The line on which `conduct` sends its wishes.
struct ConductLine(mpsc::Sender<Wish>);

impl ConductLine {
    fn ask<T: Send + 'static>(&self, wish: impl FnOnce(WishReply<T>) -> Wish) -> Answer<T> {
        let (reply, replied) = oneshot::channel();
        let (wish, line) = (wish(reply), self.0.clone());
        let over = || "all is ending".to_owned();
        Box::pin(async move {
            line.send(wish).await.map_err(|_| over())?;
            replied.await.unwrap_or_else(|_| Err(over()))
        })
    }
}

impl Conductor for ConductLine {
    fn start(&self, scenario: String, settings: Vec<(String, String)>) -> Answer<u32> {
        self.ask(|reply| Wish::Start { scenario, settings, reply })
    }

    fn wait(&self, run: u32) -> Answer<RunStats> {
        self.ask(|reply| Wish::Wait { run, reply })
    }

    fn set_tps(&self, run: u32, tps: f64) -> Answer<()> {
        self.ask(|reply| Wish::SetTps { run, tps, reply })
    }

    fn stop(&self, run: u32) {
        // If the line is full or closed, all is ending, and so will the run.
        let _ = self.0.try_send(Wish::Stop { run });
    }
}

/// Calls `conduct` of a file and does what it wishes; returns how it ended, if not well. `grace` is
/// how long it may go on after Ctrl-C.
pub(crate) async fn conduct(
    file: &Arc<Loaded>,
    layers: &Layers,
    runs: &Rc<Runs>,
    grace: Duration,
) -> Option<(Exit, String)> {
    let (wishes, mut wished) = mpsc::channel(WISHES_UNDER_WAY);
    let outside = match file.outside(layers, Arc::new(ConductLine(wishes))) {
        Ok(outside) => outside,
        Err(error) => return Some((Exit::Usage, format!("{error:#}"))),
    };
    let mut interrupts = runs.interrupts();
    let asked_to_end = async move {
        // Runs that are over can interrupt nothing.
        let _ = interrupts.wait_for(|count| *count > 0).await;
    };
    let waiting = Waiting::until(asked_to_end);
    let mut over = Box::pin(outside.call(waiting, |mut user| async move { user.conduct().await }));
    let orchestra = Orchestra {
        file: Arc::clone(file),
        layers: layers.clone(),
        runs: Rc::clone(runs),
        begun: RefCell::default(),
    };
    let orchestra = Rc::new(orchestra);
    let mut under_way = JoinSet::new();
    let cut = async {
        runs.interrupted().await;
        tokio::select! {
            () = tokio::time::sleep(grace) => {}
            () = runs.interrupted_again() => {}
        }
    };
    let mut cut = Box::pin(cut);
    loop {
        tokio::select! {
            Some(wish) = wished.recv() => {
                let orchestra = Rc::clone(&orchestra);
                under_way.spawn_local(async move { orchestra.grant(wish).await });
            }
            ended = &mut over => return ended.err().map(|failure| failed(&failure)),
            () = &mut cut => {
                let why = "`conduct` went on after the signal, and was given up";
                return Some((Exit::Signal, why.to_owned()));
            }
        }
    }
}

/// What the failure of `conduct` means.
fn failed(failure: &HookFailure) -> (Exit, String) {
    let has_said_so = matches!(failure, HookFailure::Said(_));
    let exit = if has_said_so { Exit::Threshold } else { Exit::Trapped };
    (exit, format!("`conduct` {failure}"))
}

/// The runs that `conduct` has begun.
struct Orchestra {
    file: Arc<Loaded>,
    layers: Layers,
    runs: Rc<Runs>,
    begun: RefCell<Vec<Rc<Handle>>>,
}

impl Orchestra {
    async fn grant(&self, wish: Wish) {
        // Nobody waits for an answer any more if `conduct` was cut off.
        match wish {
            Wish::Start { scenario, settings, reply } => {
                drop(reply.send(self.start(scenario, settings).await))
            }
            Wish::Wait { run, reply } => drop(reply.send(self.wait(run).await)),
            Wish::SetTps { run, tps, reply } => drop(reply.send(self.set_tps(run, tps).await)),
            Wish::Stop { run } => self.run(run).finish(),
        }
    }

    fn run(&self, number: u32) -> Rc<Handle> {
        Rc::clone(&self.begun.borrow()[number as usize])
    }

    async fn start(
        &self,
        scenario: String,
        settings: Vec<(String, String)>,
    ) -> Result<u32, String> {
        let (mut name, mut table) = (None, toml::Table::new());
        for (key, value) in settings {
            if key == "scenario" {
                return Err(format!(
                    "`scenario`: the run is of scenario {scenario:?}, which it was begun with\n\
                    help: leave the setting out"
                ));
            }
            if key == "name" {
                name = Some(value);
            } else if value == "true" {
                table.insert(key, true.into());
            } else if let toml::Value::Array(values) =
                table.entry(key).or_insert_with(|| Vec::<String>::new().into())
            {
                values.push(value.into());
            }
        }
        let name = name.unwrap_or_else(|| self.free_name(&scenario));
        let place = format!("run {name:?}");
        let layers = refuse_process_settings(&place, &table)
            .and_then(|()| self.layers.above_all(place, table));
        let layers = layers.map_err(|error| format!("{error:#}"))?;
        let file = Arc::clone(&self.file);
        let (answer, prepared) = oneshot::channel();
        std::thread::spawn(move || {
            let scenarios = [WeightedScenario { name: scenario, weight: 1.0 }];
            drop(answer.send(Prepared::of(Some(&name), &file, &layers, Some(&scenarios), None)))
        });
        let prepared = prepared
            .await
            .map_err(|_| "the run could not be prepared".to_owned())?
            .map_err(|error| format!("{error:#}"))?;
        let run = self.runs.begin(prepared).map_err(|refusal| refusal.to_string())?;
        let mut begun = self.begun.borrow_mut();
        begun.push(run);
        Ok(begun.len() as u32 - 1)
    }

    /// The scenario's own name, or the first name with a number that no run has.
    fn free_name(&self, scenario: &str) -> String {
        let numbered = (2..).map(|number| format!("{scenario} {number}"));
        let mut names = std::iter::once(scenario.to_owned()).chain(numbered);
        names
            .find(|name| self.runs.named(name).is_none())
            .expect("there are more numbers than runs")
    }

    async fn wait(&self, number: u32) -> Result<RunStats, String> {
        match &*self.run(number).done().await {
            Done::Finished(finished) => Ok(stats(&finished.report)),
            Done::Failed(_, reason) => Err(reason.clone()),
        }
    }

    async fn set_tps(&self, number: u32, tps: f64) -> Result<(), String> {
        let rate = Rate::new(tps).ok_or_else(|| format!("a goal of {tps}/s is out of range"))?;
        self.run(number).set_goal(rate, "by `conduct`").await.map_err(|refusal| refusal.to_string())
    }
}

/// A report as `conduct` sees it.
fn stats(report: &Report) -> RunStats {
    let total = &report.measured.transactions;
    let limited = report
        .limits
        .last()
        .filter(|limit| limit.until_seconds.is_none())
        .map(|limit| limit.by.name().to_owned());
    RunStats {
        stamp: match report.verdict.stamp {
            Stamp::Valid => RunStamp::Valid,
            // A report that is too short to judge is not called valid, and nobody has shown that it
            // is not.
            Stamp::Suspect | Stamp::Unjudged => RunStamp::Suspect,
            Stamp::Invalid => RunStamp::Invalid,
        },
        seconds: report.run.measured_seconds,
        started: total.counts.started,
        ok: total.counts.ok,
        failed: total.counts.failed,
        interrupted: total.counts.interrupted,
        unsent: total.unsent.users + total.unsent.generator + total.unsent.lease,
        error_rate: total.counts.error_rate,
        goal_tps: report
            .control
            .as_ref()
            .map(|control| control.goal_per_second)
            .or(report.run.asked_per_second),
        actual_tps: total.per_second,
        concurrency: total.concurrency,
        users: report.users.most_at_once,
        response: times(&total.response_ms),
        service: times(&total.service_ms),
        tps_limited: limited.or_else(|| report.control.as_ref()?.limited_by.clone()),
    }
}

fn times(times: &Times) -> RunTimes {
    let [p50, p90, p95, p99, p999] = Percentile::ALL
        .map(|percentile| times.percentile(percentile).map(|ms| (ms * 1e6).round() as u64));
    RunTimes { p50, p90, p95, p99, p999 }
}
