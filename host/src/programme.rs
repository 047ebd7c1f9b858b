//! What a command runs, and in which order: one scenario file, the runs of a plan, or what a file's
//! `conduct` decides.
//!
//! A plan is a TOML file. Its top holds settings for all runs, under the names of the flags; each
//! table `[run.NAME]` holds a `file`, settings of its own, and when it begins and ends:
//! `start-after` a time, `after` other runs have ended, `until` other runs have ended.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use swell_core::plan::{DEFAULT_GRACE, Search};
use swell_core::spelling;
use swell_core::units::parse_duration;
use swell_engine::ScenarioSource;
use swell_report::Exit;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::conduct::conduct;
use crate::finished::Done;
use crate::interpreters::is_steps;
use crate::prepare::{EndRequests, Loaded, Prepared};
use crate::runs::Runs;
use crate::settings::keys::refuse_process_settings;
use crate::settings::layer::read_file;
use crate::settings::layers::Layers;
use crate::settings::reach::consent;

/// See the module's documentation.
pub(crate) struct Programme {
    layers: Layers,
    contents: ProgrammeContents,
    /// The one file whose scenarios it runs; none where it is a plan.
    file: Option<Arc<Loaded>>,
    /// The files of this machine that it was read from.
    read: Vec<PathBuf>,
}

enum ProgrammeContents {
    Scenario(Box<(Prepared, EndRequests)>),
    Plan(Vec<ReadyRun>),
    Conducted(Arc<Loaded>),
}

/// A run of the programme.
struct ReadyRun {
    prepared: (Prepared, EndRequests),
    order: RunOrder,
}

/// When a run begins and ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct RunOrder {
    /// It begins some time after the command did, or after the runs have ended for which it waits.
    start_after: Duration,
    after: Vec<String>,
    until: Vec<String>,
}

/// A table `[run.NAME]`, before its settings mean anything.
#[derive(Debug)]
struct Planned {
    name: String,
    file: PathBuf,
    order: RunOrder,
    settings: toml::Table,
}

impl Programme {
    /// Reads and prepares all runs of the file.
    ///
    /// # Errors
    /// Something is wrong with the file, the plan, or a scenario in it. Nothing was sent.
    pub(crate) fn new(
        source: ScenarioSource,
        layers: &Layers,
        search: Option<Search>,
    ) -> anyhow::Result<Self> {
        let Some(file) = plan_of(&source) else {
            let mut loaded = Loaded::read(source.clone(), layers)?;
            let conducts = loaded.has_conduct()
                && search.is_none()
                && layers.undisputed()?.scenario.is_empty();
            let granted = consent(loaded.claims(layers, conducts)?)?;
            let layers = &layers.granting(&granted);
            if !granted.is_empty() {
                // What it has of the machine may be among it.
                loaded = Loaded::read(source.clone(), layers)?;
            }
            let read = loaded.read_files().to_vec();
            let contents = if conducts {
                if let Some(load) = layers.typed_load() {
                    bail!(
                        "`conduct` of {} decides on the load itself\nhelp: leave out --{load}, or \
                        choose a scenario with --scenario NAME",
                        source.name()
                    );
                }
                ProgrammeContents::Conducted(Arc::clone(&loaded))
            } else {
                ProgrammeContents::Scenario(Box::new(Prepared::of(
                    None, &loaded, layers, None, search,
                )?))
            };
            return Ok(Self { layers: layers.clone(), contents, file: Some(loaded), read });
        };
        if search.is_some() {
            bail!("{}: a search is of one scenario; give its .wasm file", file.display());
        }
        let shown = file.display().to_string();
        let (top, planned) =
            split(&shown, read_file(file)?, file.parent().unwrap_or(Path::new("")))?;
        check_order(&planned).with_context(|| shown.clone())?;
        let layers = layers.under_typed(shown.clone(), top)?;
        let (mut runs, mut claims, mut read) = (Vec::new(), Vec::new(), vec![file.to_owned()]);
        for Planned { name, file, order, settings } in planned {
            let place = format!("{shown}: run {name:?}");
            let source = ScenarioSource::File(file.clone());
            let its_layers = layers.under_typed(place.clone(), settings)?.of_source(&source);
            let its_claims = Loaded::read(source, &its_layers).and_then(|loaded| {
                read.extend_from_slice(loaded.read_files());
                if loaded.has_summary() {
                    tracing::warn!(
                        "{}: its own summary is not asked for in a plan",
                        file.display()
                    );
                }
                loaded.claims(&its_layers, false)
            });
            claims.extend(its_claims.with_context(|| place.clone())?);
            runs.push((name, file, order, its_layers, place));
        }
        // One question for all runs, before any of them is prepared.
        let granted = consent(claims)?;
        let layers = layers.granting(&granted);
        let mut entries = Vec::new();
        for (name, file, order, its_layers, place) in runs {
            let (source, its_layers) = (ScenarioSource::File(file), its_layers.granting(&granted));
            let prepared = Prepared::new(Some(&name), source, &its_layers).context(place)?;
            entries.push(ReadyRun { prepared, order });
        }
        check_ends(&entries).with_context(|| shown)?;
        Ok(Self { layers, contents: ProgrammeContents::Plan(entries), file: None, read })
    }

    /// The files of this machine that it was read from.
    pub(crate) fn read_files(&self) -> &[PathBuf] {
        &self.read
    }

    /// The one file whose scenarios it runs; none where it is a plan.
    pub(crate) const fn file(&self) -> Option<&Arc<Loaded>> {
        self.file.as_ref()
    }

    /// What was said about all runs.
    pub(crate) const fn layers(&self) -> &Layers {
        &self.layers
    }

    /// Whether it is one run, even if others are begun beside it.
    pub(crate) const fn is_one_run(&self) -> bool {
        matches!(self.contents, ProgrammeContents::Scenario(_))
    }

    /// Begins each run when its time has come, and ends it when it is to end. Returns what went
    /// wrong beside the results of the runs themselves, by the name of the run.
    pub(crate) async fn perform(self, runs: &Rc<Runs>) -> Vec<(String, Done)> {
        match self.contents {
            ProgrammeContents::Scenario(prepared) => {
                let name = prepared.0.name.clone();
                runs.begin(*prepared)
                    .err()
                    .map(|refusal| (name, Done::Failed(Exit::Signal, refusal.to_string())))
                    .into_iter()
                    .collect()
            }
            ProgrammeContents::Plan(entries) => perform_plan(entries, runs).await,
            ProgrammeContents::Conducted(file) => {
                let grace = self
                    .layers
                    .settings(None)
                    .ok()
                    .and_then(|settings| settings.grace)
                    .unwrap_or(DEFAULT_GRACE);
                let ended = conduct(&file, &self.layers, runs, grace).await;
                ended
                    .map(|(exit, words)| ("conduct".to_owned(), Done::Failed(exit, words)))
                    .into_iter()
                    .collect()
            }
        }
    }
}

/// Whether no run waits for the end of one that has none.
fn check_ends(entries: &[ReadyRun]) -> anyhow::Result<()> {
    let endless: Vec<_> = entries
        .iter()
        .filter(|entry| entry.prepared.0.plan.lasts_until_stopped() && entry.order.until.is_empty())
        .collect();
    for entry in entries {
        let waits_for = |name: &str| {
            entry.order.after.iter().chain(&entry.order.until).any(|other| other == name)
        };
        if let Some(other) = endless.iter().find(|other| waits_for(&other.prepared.0.name)) {
            let (waiting, other) = (&entry.prepared.0.name, &other.prepared.0.name);
            bail!(
                "run {waiting:?} waits for the end of {other:?}, which has \
                none\nhelp: give {other:?} a duration, or `until`"
            );
        }
    }
    Ok(())
}

/// The file of a plan, if this is one.
pub(crate) fn plan_of(source: &ScenarioSource) -> Option<&Path> {
    match source {
        ScenarioSource::File(file)
            if file.extension().is_some_and(|end| end == "toml") && !is_steps(file) =>
        {
            Some(file)
        }
        _ => None,
    }
}

async fn perform_plan(entries: Vec<ReadyRun>, runs: &Rc<Runs>) -> Vec<(String, Done)> {
    let (ends, end): (BTreeMap<_, _>, BTreeMap<_, _>) = entries
        .iter()
        .map(|entry| {
            let (sender, receiver) = watch::channel(false);
            let name = entry.prepared.0.name.clone();
            ((name.clone(), sender), (name, receiver))
        })
        .unzip();
    let (ends, end) = (Rc::new(RefCell::new(ends)), Rc::new(end));
    let mut under_way = JoinSet::new();
    for entry in entries {
        let (runs, ends, end) = (Rc::clone(runs), Rc::clone(&ends), Rc::clone(&end));
        under_way.spawn_local(async move {
            let (name, order) = (entry.prepared.0.name.clone(), entry.order);
            let its_time = async {
                all_over(&end, &order.after).await;
                tokio::time::sleep(order.start_after).await;
            };
            tokio::select! {
                () = its_time => {}
                () = runs.interrupted() => {}
            }
            let not_begun = match runs.begin(entry.prepared) {
                Ok(run) => {
                    tokio::select! {
                        _ = run.done() => {}
                        () = all_over(&end, &order.until), if !order.until.is_empty() => {
                            run.finish();
                        }
                    }
                    run.done().await;
                    None
                }
                Err(_) => Some((
                    name.clone(),
                    Done::Failed(
                        Exit::Signal,
                        "stopped by a signal \
                before it began"
                            .to_owned(),
                    ),
                )),
            };
            if let Some(own) = ends.borrow_mut().remove(&name) {
                own.send_replace(true);
            }
            not_begun
        });
    }
    under_way.join_all().await.into_iter().flatten().collect()
}

/// Waits for the end of all these runs.
async fn all_over(ends: &BTreeMap<String, watch::Receiver<bool>>, names: &[String]) {
    for name in names {
        if let Some(end) = ends.get(name) {
            // A sender that was dropped has sent its end before.
            let _ = end.clone().wait_for(|over| *over).await;
        }
    }
}

/// The settings at the top of a plan, and its runs. The paths of files are relative to the plan.
fn split(
    shown: &str,
    mut table: toml::Table,
    folder: &Path,
) -> anyhow::Result<(toml::Table, Vec<Planned>)> {
    let runs = match table.remove("run") {
        Some(toml::Value::Table(runs)) if !runs.is_empty() => runs,
        _ => bail!(
            "{shown}: a plan has runs, each a table as\n\n  [run.browse]\n  file = \
            \"browse.wasm\"\n  tps = 100\n  duration = \"1m\"\n"
        ),
    };
    let mut planned = Vec::new();
    for (name, run) in runs {
        let place = format!("{shown}: run {name:?}");
        let toml::Value::Table(mut settings) = run else {
            bail!("{place}: it is no table; write [run.{name}]")
        };
        if matches!(name.as_str(), "." | "..") {
            bail!("{place}: no address of the control API can name it; call it by a word");
        }
        refuse_process_settings(&place, &settings)?;
        let file = match settings.remove("file") {
            Some(toml::Value::String(file)) => folder.join(file),
            _ => bail!("{place}: it needs a `file`, the .wasm file of its scenario"),
        };
        let order = RunOrder {
            start_after: match settings.remove("start-after") {
                None => Duration::ZERO,
                Some(toml::Value::String(text)) => {
                    parse_duration(&text).with_context(|| format!("{place}: `start-after`"))?
                }
                Some(other) => bail!("{place}: `start-after` {other}: write a time, as \"30s\""),
            },
            after: names(&place, "after", settings.remove("after"))?,
            until: names(&place, "until", settings.remove("until"))?,
        };
        planned.push(Planned { name, file, order, settings });
    }
    Ok((table, planned))
}

fn names(place: &str, key: &str, value: Option<toml::Value>) -> anyhow::Result<Vec<String>> {
    let wrong =
        || format!("{place}: `{key}` names other runs, as \"browse\" or [\"browse\", \"pay\"]");
    match value {
        None => Ok(Vec::new()),
        Some(toml::Value::String(name)) => Ok(vec![name]),
        Some(toml::Value::Array(values)) => values
            .iter()
            .map(|value| value.as_str().map(str::to_owned).with_context(wrong))
            .collect(),
        Some(_) => bail!("{}", wrong()),
    }
}

/// Whether each run can come to its end: the runs for which it waits exist, and do not wait for it
/// in turn.
fn check_order(planned: &[Planned]) -> anyhow::Result<()> {
    let known: BTreeMap<&str, &RunOrder> =
        planned.iter().map(|run| (run.name.as_str(), &run.order)).collect();
    for run in planned {
        for other in run.order.after.iter().chain(&run.order.until) {
            if !known.contains_key(other.as_str()) {
                let meant = spelling::nearest(other, known.keys().copied())
                    .map_or_else(String::new, |name| format!("; did you mean {name:?}?"));
                bail!("run {:?} waits for {other:?}, and there is no such run{meant}", run.name);
            }
        }
    }
    for run in planned {
        let (mut seen, mut next) = (BTreeSet::new(), vec![run.name.as_str()]);
        while let Some(name) = next.pop() {
            for other in known[name].after.iter().chain(&known[name].until) {
                if *other == run.name {
                    bail!(
                        "run {:?} waits for its own end, by way of {name:?}\nhelp: look at their \
                        `after` and `until`",
                        run.name
                    );
                }
                if seen.insert(other.as_str()) {
                    next.push(other);
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<(toml::Table, Vec<Planned>)> {
        let (top, planned) = split("plan.toml", text.parse()?, Path::new("plans"))?;
        check_order(&planned)?;
        Ok((top, planned))
    }

    fn refusal(text: &str) -> String {
        format!("{:#}", read(text).expect_err("something is wrong with it"))
    }

    #[test]
    fn a_plan_is_settings_for_all_and_runs_with_their_own() {
        let (top, planned) = read(
            "target = 'http://a'\n[run.one]\nfile = 'one.wasm'\ntps = 5\n[run.two]\nfile = \
            '../two.wasm'\nafter = 'one'\nstart-after = '2s'\nuntil = ['one']",
        )
        .expect("it is a plan");
        assert_eq!(top.keys().collect::<Vec<_>>(), ["target"]);
        assert_eq!(planned[0].file, Path::new("plans/one.wasm"));
        assert_eq!(planned[0].settings.keys().collect::<Vec<_>>(), ["tps"]);
        let (after, until) = (vec!["one".to_owned()], vec!["one".to_owned()]);
        assert_eq!(
            planned[1].order,
            RunOrder { start_after: Duration::from_secs(2), after, until }
        );
    }

    #[test]
    fn what_is_no_plan_says_what_one_looks_like() {
        assert!(refusal("tps = 5").contains("[run.browse]"));
        assert!(refusal("[run.a]\ntps = 5").contains("run \"a\": it needs a `file`"));
        assert!(refusal("[run.a]\nfile = 'a.wasm'\nstart-after = 5").contains("as \"30s\""));
        assert!(
            refusal("[run.a]\nfile = 'a.wasm'\nout = 'x'")
                .contains("`out` is for all runs together")
        );
        assert!(refusal("run = 3").contains("[run.browse]"));
        assert!(refusal("[run.'..']\nfile = 'a.wasm'").contains("call it by a word"));
    }

    #[test]
    fn runs_that_wait_for_nobody_or_for_themselves_are_refused() {
        assert!(
            refusal("[run.one]\nfile = 'a.wasm'\nafter = 'onn'").contains("did you mean \"one\"?")
        );
        assert!(refusal("[run.a]\nfile = 'a.wasm'\nafter = 'a'").contains("waits for its own end"));
        assert!(
            refusal("[run.a]\nfile = 'a.wasm'\nafter = 'b'\n[run.b]\nfile = 'b.wasm'\nuntil = 'a'")
                .contains("waits for its own end")
        );
        assert!(
            read(
                "[run.a]\nfile = 'a.wasm'\n[run.b]\nfile = 'b.wasm'\nafter = 'a'\n[run.c]\nfile = \
            'c.wasm'\nafter = ['a', 'b']"
            )
            .is_ok()
        );
    }
}
