//! The lead of a run that several nodes share: their counts come together here, and the decisions
//! of the run's control go to all of them.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{anyhow, bail};
use bytes::Bytes;
use swell_core::RunInstant;
use swell_core::run::{
    Effect, EndOrder, EndRequest, Flowed, LocalFacts, NodeCounts, NodeFate, NodePlace, RunControl,
    RunOutcome, SetPoint,
};
use swell_protocol::message::{Ending, NodeId};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::plan::RunPlan;
use crate::run_lines::{Asked, View, say, show};
use crate::worker::WINDOW;

/// What the lead hears.
#[derive(Debug)]
pub enum NodeEvent {
    /// The run begins, or began, at this instant.
    Began(Instant),
    /// The run does not take place; why, for a person.
    Refused(String),
    /// A node counted. The bytes are as they came, and are read where no node's lease waits for
    /// that.
    Counted(NodeId, Bytes),
    /// What went through on a node.
    Flowed(Flowed),
    /// The nodes' parts in the run have changed.
    Hosts(Vec<NodePlace>),
    /// A scenario wants the run to end.
    EndRequest(EndRequest),
    /// The counts of every node have arrived, or the others were given up.
    Over(Vec<NodeFate>),
}

/// What all nodes are to be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RunCommand {
    /// Follow this set-point, whole; nodes may know a part of it already.
    Follow(SetPoint),
    /// Begin nothing any more.
    End(Ending),
    /// A node sent counts that are impossible: what it says is ignored from now on.
    Distrust(NodeId),
}

/// The run was given up before it began.
#[derive(Clone, Copy, Debug, Error)]
#[error("stopped before anything was sent")]
pub struct StoppedBefore;

/// The ends of the channels to the thread that speaks with the nodes.
pub struct LeadLine {
    /// What the lead hears.
    pub news: mpsc::UnboundedReceiver<NodeEvent>,
    /// What the nodes are to be told.
    pub run_commands: mpsc::Sender<RunCommand>,
}

/// Leads a run to its end. `view` is told once a second.
///
/// # Errors
/// A node cannot take part: nothing was sent. Or the nodes cannot be reached any more.
pub async fn lead(
    plan: &RunPlan,
    mut line: LeadLine,
    mut asked: Asked,
    view: &mut dyn View,
) -> anyhow::Result<RunOutcome> {
    let Some(began) = beginning(&mut line, &mut asked).await? else { bail!(StoppedBefore) };
    let mut lead = Lead {
        began,
        // Nothing is known here about how many users other machines hold.
        control: RunControl::new(&plan.plan, plan.workers, None),
        run_commands: line.run_commands,
    };
    let mut ticks = tokio::time::interval(WINDOW);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let fates = loop {
        tokio::select! {
            biased;
            Some(call) = asked.commands.recv() => call.answer(&mut lead.control, now(began)),
            Some(request) = asked.end_requests.recv() => {
                lead.control.handle_end_request(now(began), request);
            }
            // This comes before the messages of nodes, of which there may always be some.
            _ = ticks.tick() => {
                lead.control.handle_time(now(began), LocalFacts::default());
                // Nodes are told a moment ahead, so they come first; a view can wait.
                lead.do_effects().await;
                show(&mut lead.control, view);
            }
            news = line.news.recv() => {
                let news = news.ok_or_else(|| anyhow!("the cluster's thread broke down"))?;
                if let Some(fates) = lead.handle_news(news)? {
                    break fates;
                }
            }
        }
        lead.do_effects().await;
    };
    let Lead { control, .. } = lead;
    view.count(control.since_last_look());
    let began_at = SystemTime::now() - began.elapsed();
    let began_at = began_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(control.close(now(began), began_at, fates))
}

/// The present on the clock of a run.
fn now(began: Instant) -> RunInstant {
    RunInstant::START + began.elapsed()
}

/// Waits until it is known when to begin; `None` where the run is given up before.
async fn beginning(line: &mut LeadLine, asked: &mut Asked) -> anyhow::Result<Option<Instant>> {
    loop {
        tokio::select! {
            Some(call) = asked.commands.recv() => {
                if call.gives_up() {
                    return Ok(None);
                }
            }
            news = line.news.recv() => {
                match news.ok_or_else(|| anyhow!("the cluster's thread broke down"))? {
                    NodeEvent::Began(began) => return Ok(Some(began)),
                    NodeEvent::Refused(reason) => bail!(reason),
                    _ => {}
                }
            }
        }
    }
}

struct Lead {
    began: Instant,
    control: RunControl,
    run_commands: mpsc::Sender<RunCommand>,
}

impl Lead {
    /// Takes in what came; returns what became of the nodes, once that is known of all.
    fn handle_news(&mut self, news: NodeEvent) -> anyhow::Result<Option<Vec<NodeFate>>> {
        let now = now(self.began);
        match news {
            NodeEvent::Began(_) => {}
            NodeEvent::Refused(reason) => bail!(reason),
            NodeEvent::Counted(node, counted) => match postcard::from_bytes::<NodeCounts>(&counted)
            {
                Ok(counts) => self.control.handle_counts(node, &counts),
                Err(error) => self.control.handle_garbled_counts(node, error.to_string()),
            },
            NodeEvent::Flowed(flowed) => self.control.handle_flowed(&flowed),
            NodeEvent::Hosts(places) => self.control.handle_places(now, places),
            // Each node says for itself that its feed has no row left.
            NodeEvent::EndRequest(EndRequest::FeedExhausted(_)) => {}
            NodeEvent::EndRequest(request) => self.control.handle_end_request(now, request),
            NodeEvent::Over(fates) => return Ok(Some(fates)),
        }
        Ok(None)
    }

    async fn do_effects(&mut self) {
        while let Some(effect) = self.control.poll_effect() {
            match effect {
                Effect::Publish(set_point) => self.send(RunCommand::Follow(set_point)).await,
                // Each node ends at its own instant, which is the same for all; nobody needs to be
                // told.
                Effect::End(EndOrder::Planned) => {}
                Effect::End(EndOrder::Finished) => {
                    self.send(RunCommand::End(Ending::Finished)).await;
                }
                Effect::End(EndOrder::Stopped) => self.send(RunCommand::End(Ending::Stopped)).await,
                Effect::Cut => self.send(RunCommand::End(Ending::Cut)).await,
                // Each node says for itself that its feed has no row left.
                Effect::CloseIterations => {}
                Effect::Distrust(node) => self.send(RunCommand::Distrust(node)).await,
                Effect::Say(notice) => say(&notice),
            }
        }
    }

    async fn send(&self, run_command: RunCommand) {
        // If that thread has ended, the channel of its messages ends too, and shows it.
        let _ = self.run_commands.send(run_command).await;
    }
}
