//! How a command watches a run that a cluster does: on the live line or in the terminal view, to
//! its end and its results.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, bail};
use swell_cluster::LinkError;
use swell_core::plain;
use swell_outputs::{Outputs, replay};
use swell_report::{Ended, Exit, Report, RunState, Written};
use swell_tui::KeyRequest;
use tempfile::NamedTempFile;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use super::coordinator_client::{CoordinatorClient, path};
use super::remote_view::{FollowedRecord, RemoteView};
use crate::control_api::ShownRun;
use crate::delivery::deliver;
use crate::live::Screen;
use crate::stops::{Stop, Stops};
use crate::terminal;
use crate::tui::ReadyView;

/// How often the command asks where a run is.
const LOOK: Duration = Duration::from_secs(1);

/// How long the record of a run may take to come, where nobody has asked for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a run was seen last.
enum LastSeen {
    /// Over, with what it came to.
    Over(Ended),
    /// Still going on, or out of sight; this is the exit of whoever watched.
    Left(Exit),
}

/// What a watcher is to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watcher {
    /// The command that began it: when the command is told to end, so is the run.
    Submitter,
    /// Somebody who only looks: the run goes on, whatever happens to them, unless they say
    /// otherwise.
    Observer,
}

/// How somebody watches a run.
#[derive(Clone, Copy)]
pub(super) struct RemoteWatch<'a> {
    pub(super) who: Watcher,
    pub(super) outputs: &'a Outputs,
    pub(super) quiet: bool,
}

impl RemoteWatch<'_> {
    /// Shows a run to its end, and its results as if it had been done here.
    ///
    /// # Errors
    /// The run cannot be asked for, or the terminal refuses to be a view's.
    pub(super) async fn follow(
        self,
        client: &mut CoordinatorClient,
        name: &str,
        view: Option<ReadyView>,
        stops: &mut Stops,
    ) -> anyhow::Result<Exit> {
        let mut view = view.map(|view| RemoteView::open(view, name)).transpose()?;
        let seen = self.see(client, name, &mut view, stops).await;
        if let Some(view) = view {
            view.close();
        }
        match seen? {
            LastSeen::Over(exit) => self.conclude(client, name, exit, stops).await,
            LastSeen::Left(exit) => Ok(exit),
        }
    }

    /// Shows it until it is over. Ctrl-C stops the run, or leaves it alone, whichever the person
    /// says.
    async fn see(
        self,
        client: &mut CoordinatorClient,
        name: &str,
        view: &mut Option<RemoteView>,
        stops: &mut Stops,
    ) -> anyhow::Result<LastSeen> {
        let screen = Screen::new(self.quiet);
        let mut line = screen.line(name);
        loop {
            let (followed, asking) = view.as_mut().map(RemoteView::parts).unzip();
            tokio::select! {
                shown = look(client, name, followed) => {
                    let ShownRun { status, exit, .. } = match shown {
                        Ok(shown) => shown,
                        Err(error) => return out_of_sight(name, error).map(LastSeen::Left),
                    };
                    if let Some(exit) = exit {
                        line.finish();
                        return Ok(LastSeen::Over(exit));
                    }
                    if status.phase != RunState::Preparing {
                        line.show(&status);
                    }
                }
                request = next_of(asking) => match (request, &*view) {
                    (Some(request), Some(view)) => view.obey(client, request).await,
                    // Somebody has closed it.
                    _ => *view = None,
                },
                stop = stops.next() => {
                    line.finish();
                    // What is asked now is asked on the terminal as it was.
                    if let Some(view) = view.take() {
                        view.close();
                    }
                    match what_to_do(self.who, stop, stops).await {
                        AfterSignal::Stop => {
                            let path = path(name, "/interrupt");
                            if let Err(error) = client.insist::<ShownRun>("POST", &path).await {
                                return out_of_sight(name, error).map(LastSeen::Left);
                            }
                        }
                        AfterSignal::Detach => {
                            terminal::say(format_args!(
                                "the run goes on; `host attach {0}` shows it again, `host stop \
                                {0}` ends it",
                                plain::line(name)
                            ));
                            return Ok(LastSeen::Left(Exit::Passed));
                        }
                        AfterSignal::Leave => {
                            terminal::say(format_args!(
                                "stopped watching; the run goes on: `host attach {0}` shows it \
                                again, `host stop {0}` ends it (exit code 105)",
                                plain::line(name)
                            ));
                            return Ok(LastSeen::Left(Exit::Signal));
                        }
                        AfterSignal::GoOn => line = screen.line(name),
                    }
                }
            }
        }
    }

    /// Shows what a run came to, and gives its exit code.
    async fn conclude(
        self,
        client: &mut CoordinatorClient,
        name: &str,
        exit: Ended,
        stops: &mut Stops,
    ) -> anyhow::Result<Exit> {
        let Self { outputs, quiet, .. } = self;
        let took_place = exit.took_place;
        let written = if took_place {
            show_results(client, name, outputs, quiet, stops).await
        } else {
            Ok(())
        };
        if !quiet {
            outputs.last_words().iter().for_each(terminal::say);
        }
        if exit.code != Exit::Passed.code() {
            let prefix = if took_place { "" } else { "error: " };
            terminal::say(format_args!("{prefix}{} (exit code {})", exit.reason, exit.code));
        }
        let mut ended = Exit::of_code(exit.code).with_context(|| {
            format!("the coordinator knows an exit code {} that this node does not", exit.code)
        })?;
        if let Err(error) = written {
            terminal::say(format_args!("error: {error:#}"));
            ended = ended.min(Exit::Unwritten);
        }
        Ok(ended)
    }
}

/// Ends with what a run that goes on could not be asked for: if the coordinator is gone, nothing
/// more can be learnt of it.
fn out_of_sight(name: &str, error: anyhow::Error) -> anyhow::Result<Exit> {
    if !error.is::<LinkError>() {
        return Err(error);
    }
    let name = plain::line(name);
    terminal::say(format_args!(
        "error: {error:#}\nhelp: the run may go on: `host attach {name}` shows it again, `host \
        stop {name}` ends it"
    ));
    Ok(Exit::HostsLost)
}

/// Writes a run's results, and shows their summary.
async fn show_results(
    client: &mut CoordinatorClient,
    name: &str,
    outputs: &Outputs,
    quiet: bool,
    stops: &mut Stops,
) -> anyhow::Result<()> {
    let report: Box<Report> = client
        .call("GET", &path(name, "/report"))
        .await
        .context("the results cannot be fetched")?;
    let told = if outputs.hear_frames() {
        tell_seconds(client, name, outputs, stops).await
    } else {
        Ok(())
    };
    let written = deliver(Written::Run(report), outputs, quiet, stops, None).await;
    match told.context("the run's seconds cannot be fetched") {
        Err(error) if outputs.need_seconds() => Err(error),
        Err(error) => {
            tracing::warn!("no record of the run is kept here: {error:#}");
            written
        }
        Ok(()) => written,
    }
}

/// Tells outputs the record that the coordinator keeps of a run.
async fn tell_seconds(
    client: &mut CoordinatorClient,
    name: &str,
    outputs: &Outputs,
    stops: &mut Stops,
) -> anyhow::Result<()> {
    let path = path(name, "/record");
    let given_up = async {
        if outputs.need_seconds() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(PATIENCE).await;
    };
    let record = tokio::select! {
        record = client.bytes(&path) => record?,
        _ = stops.next() => bail!("a signal came"),
        () = given_up => bail!("it took longer than {} s", PATIENCE.as_secs()),
    };
    let told = outputs.clone();
    let job = move || {
        let mut file = NamedTempFile::new().context("cannot make a file for it")?;
        file.write_all(&record).context("cannot write it to a file")?;
        replay(file.path(), &told)
    };
    stops.unless(job).await?.context("a signal came")??;
    Ok(())
}

/// Asks where a run is, after a while, and what is new in its record where that is followed.
async fn look(
    client: &mut CoordinatorClient,
    name: &str,
    followed: Option<&mut FollowedRecord>,
) -> anyhow::Result<ShownRun> {
    tokio::time::sleep(LOOK).await;
    if let Some(followed) = followed {
        followed.follow(client).await?;
    }
    client.insist("GET", &path(name, "")).await
}

/// What a key asks for; never anything where there is no view.
async fn next_of(asking: Option<&mut UnboundedReceiver<KeyRequest>>) -> Option<KeyRequest> {
    match asking {
        Some(asking) => asking.recv().await,
        None => std::future::pending().await,
    }
}

/// What a person wants who has pressed Ctrl-C, or a program that ends the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterSignal {
    Stop,
    Detach,
    /// The same, from somebody who was not asked.
    Leave,
    GoOn,
}

/// What is wanted where nobody is there to answer, or where another signal is the answer.
const fn if_unasked(who: Watcher) -> AfterSignal {
    match who {
        Watcher::Submitter => AfterSignal::Stop,
        Watcher::Observer => AfterSignal::Leave,
    }
}

/// Asks, where there is somebody to answer; a second Ctrl-C is an answer too.
async fn what_to_do(who: Watcher, stop: Stop, stops: &mut Stops) -> AfterSignal {
    if stop == Stop::Terminate || !terminal::is_attended() {
        return if_unasked(who);
    }
    terminal::say("stop the run, detach and leave it running, or go on watching? [s, d, Enter]");
    let (answer, answered) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        // Without a line there is no wish.
        let _ = std::io::stdin().read_line(&mut line);
        let _ = answer.send(line);
    });
    tokio::select! {
        line = answered => match line.unwrap_or_default().trim() {
            "s" | "stop" => AfterSignal::Stop,
            "d" | "detach" => AfterSignal::Detach,
            _ => AfterSignal::GoOn,
        },
        _ = stops.next() => if_unasked(who),
    }
}
