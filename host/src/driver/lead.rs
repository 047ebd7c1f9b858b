//! Leading a run that several hosts share: what they counted comes together here, is looked at as
//! that of one host, and decides on the rate for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use bytes::Bytes;
use swell_core::RunInstant;
use swell_core::run::{
    EndCause, EndRequest, Flowed, MachineRecord, NodeCounts, NodeFate, NodePlace, NodeResult,
    NodeTotals, Outcome, Refusal, UnknownStarts, is_hopeless,
};
use swell_core::schedule::Course;
use swell_protocol::message::{Ending, NodeId};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::account::Account;
use super::set_point::SetPoints;
use super::worker::{SetPoint, Starts, WINDOW};
use super::{Asked, Command, View, end_of_slots};
use crate::plan::RunPlan;

/// What comes to whoever leads.
#[derive(Debug)]
pub(crate) enum News {
    /// It begins, or began, at this instant.
    Began(Instant),
    /// It does not take place; why, for a person.
    Refused(String),
    /// A host counted; as it came, to be read where nobody's lease waits for it.
    Counted(NodeId, Bytes),
    /// What went through on a host.
    Flowed(Flowed),
    /// What hosts have of the run has changed.
    Hosts(Vec<NodePlace>),
    /// A scenario wants the run to end.
    EndRequest(EndRequest),
    /// Every host has told all, or was given up.
    Over(Vec<NodeFate>),
}

/// What is to be told to all hosts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Decree {
    /// Another course; whether objectives judge only what begins then.
    Follow(Course, bool),
    /// Nothing is to begin, or things are again.
    Pause(bool),
    /// What is meant to begin from here on is measured.
    MeasureFrom(RunInstant),
    /// Nothing is to begin any more.
    End(Ending),
    /// A host told what cannot be: it is not to be heard any more.
    Distrust(NodeId),
}

/// A run was given up before it began.
#[derive(Clone, Copy, Debug, Error)]
#[error("stopped before anything was sent")]
pub(crate) struct StoppedBefore;

/// The ends of the channels to what speaks with the hosts.
pub(crate) struct LeadLine {
    pub(crate) news: mpsc::UnboundedReceiver<News>,
    pub(crate) decrees: mpsc::Sender<Decree>,
}

/// Leads a run to its end. `view` is told once a second.
///
/// # Errors
/// A host cannot take part: nothing was sent. Or the hosts cannot be spoken with any more.
pub(crate) async fn lead(
    plan: &RunPlan,
    mut line: LeadLine,
    mut asked: Asked,
    view: &mut dyn View,
) -> anyhow::Result<Outcome> {
    let Some(began) = beginning(&mut line, &mut asked).await? else { bail!(StoppedBefore) };
    let (set_points, mut set_point) = watch::channel(None);
    let mut lead = Lead {
        plan,
        began,
        account: Account::new(plan, began, SetPoints::new(plan, set_points)),
        hosts: BTreeMap::new(),
        distrusted: BTreeSet::new(),
        places: Vec::new(),
        decrees: line.decrees,
        told: None,
        ended_after: None,
    };
    let (mut ending, mut was_cut): (Option<(EndCause, Instant)>, bool) = (None, false);
    let mut ticks = tokio::time::interval(WINDOW);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let fates = loop {
        tokio::select! {
            biased;
            Some(command) = asked.commands.recv() => lead.obey(command, &mut ending).await,
            Some(request) = asked.end_requests.recv(), if ending.is_none() => ending = lead.grant(request).await,
            Ok(()) = set_point.changed() => {
                let point = set_point.borrow_and_update().clone();
                if let Some(point) = point {
                    lead.tell(point).await;
                }
            }
            // Before the news, of which there may be always some.
            _ = ticks.tick() => {
                if ending.is_none() {
                    // Of the room of other machines nothing is known here.
                    lead.account.set_points.tick(began, 0);
                }
                lead.look(ending.is_some(), view);
                match &ending {
                    None => ending = lead.reason_to_end().await,
                    Some((_, deadline)) if Instant::now() >= *deadline && !std::mem::replace(&mut was_cut, true) => {
                        lead.decree(Decree::End(Ending::Cut)).await;
                    }
                    Some(_) => {}
                }
            }
            news = line.news.recv() => match news.ok_or_else(|| anyhow!("the cluster's thread \
            broke down"))? {
                News::Began(_) => {}
                News::Refused(reason) => bail!(reason),
                News::Counted(host, counted) => lead.add(host, &counted).await,
                News::Flowed(flowed) => lead.account.set_points.add(&flowed),
                News::Hosts(places) => {
                    lead.account.set_points.expect(places.iter().filter(|place| place.is_present).count());
                    lead.places = places;
                }
                News::EndRequest(request) if ending.is_none() => ending = lead.grant(request).await,
                News::EndRequest(_) => {}
                News::Over(fates) => break fates,
            },
        }
    };
    Ok(lead.close(ending.map(|(cause, _)| cause), fates, view))
}

/// Waits until it is known when to begin; nothing where the run is given up before.
async fn beginning(line: &mut LeadLine, asked: &mut Asked) -> anyhow::Result<Option<Instant>> {
    loop {
        tokio::select! {
            Some(command) = asked.commands.recv() => match command {
                Command::Interrupt | Command::Stop | Command::Finish => return Ok(None),
                Command::SetGoal(_, reply) | Command::Pause(_, reply) => drop(reply.send(Err(Refusal::Preparing))),
            },
            news = line.news.recv() => match news.ok_or_else(|| anyhow!("the cluster's thread \
            broke down"))? {
                News::Began(began) => return Ok(Some(began)),
                News::Refused(reason) => bail!(reason),
                _ => {}
            },
        }
    }
}

struct Lead<'a> {
    plan: &'a RunPlan,
    began: Instant,
    account: Account<'a>,
    hosts: BTreeMap<NodeId, NodeTotals>,
    /// Those that told what cannot be.
    distrusted: BTreeSet<NodeId>,
    /// What each has of the run.
    places: Vec<NodePlace>,
    decrees: mpsc::Sender<Decree>,
    told: Option<SetPoint>,
    ended_after: Option<Duration>,
}

impl Lead<'_> {
    async fn add(&mut self, host: NodeId, counted: &[u8]) {
        if self.distrusted.contains(&host) {
            return;
        }
        match postcard::from_bytes::<NodeCounts>(counted) {
            Ok(counts) => {
                self.account.add(&counts.counted);
                self.hosts.entry(host).or_default().add(&counts);
            }
            Err(error) => {
                let name = self
                    .places
                    .iter()
                    .find(|place| place.id == host)
                    .map_or("?", |place| place.name.as_str());
                tracing::error!(target: "audit", "host {name} told results that cannot be \
                ({error}): nothing more is taken from it");
                self.distrusted.insert(host);
                self.decree(Decree::Distrust(host)).await;
            }
        }
    }

    fn look(&mut self, is_ending: bool, view: &mut dyn View) {
        let Self { account, hosts, places, began, .. } = self;
        // Of users of a host that is not heard nothing is known.
        let present =
            places.iter().filter(|place| place.is_present).filter_map(|place| hosts.get(&place.id));
        let users = present.map(|host| host.users).fold(0, u64::saturating_add);
        let now = RunInstant::START + began.elapsed();
        account.look(is_ending, users, view, || {
            places.iter().map(|place| hosts.entry(place.id).or_default().look(now, place)).collect()
        });
    }

    /// Tells all hosts what has changed since they were told last.
    async fn tell(&mut self, point: SetPoint) {
        let told = self.told.replace(point.clone());
        let before = |of: fn(&SetPoint) -> bool| told.as_ref().is_some_and(of);
        if point.paused != before(|told| told.paused) {
            self.decree(Decree::Pause(point.paused)).await;
        }
        if let Some(from) = point.measured_from
            && told.as_ref().is_none_or(|told| told.measured_from != point.measured_from)
        {
            self.decree(Decree::MeasureFrom(from)).await;
        }
        let restarts = told.as_ref().map_or(0, |told| told.restarts);
        if let Starts::Follow(course) = point.starts
            && told
                .is_none_or(|told| told.starts != point.starts || told.restarts != point.restarts)
        {
            self.decree(Decree::Follow(course, point.restarts != restarts)).await;
        }
    }

    async fn obey(&mut self, command: Command, ending: &mut Option<(EndCause, Instant)>) {
        let or_finished = |cause, this: &Self| {
            if this.plan.lasts_until_stopped() { EndCause::Finished } else { cause }
        };
        let now = RunInstant::START + self.began.elapsed();
        match (command, &mut *ending) {
            (Command::Interrupt, None) => {
                let cause = or_finished(EndCause::Signal, self);
                let why =
                    if cause == EndCause::Finished { Ending::Finished } else { Ending::Stopped };
                *ending = Some(self.end(cause, why).await);
            }
            (Command::Interrupt, Some((cause, _))) => {
                *cause = EndCause::Signal;
                self.decree(Decree::End(Ending::Cut)).await;
            }
            (Command::Finish, None) => {
                *ending = Some(self.end(EndCause::Finished, Ending::Finished).await)
            }
            (Command::Stop, None) => {
                *ending =
                    Some(self.end(or_finished(EndCause::Stopped, self), Ending::Finished).await)
            }
            (Command::Finish | Command::Stop, Some(_)) => {}
            (Command::SetGoal(_, reply) | Command::Pause(_, reply), Some(_)) => {
                let _ = reply.send(Err(Refusal::Ending));
            }
            // Whoever asked may be gone.
            (Command::SetGoal(goal, reply), None) => {
                let _ = reply.send(self.account.set_points.set_goal(now, goal));
            }
            (Command::Pause(paused, reply), None) => {
                let _ = reply.send(self.account.set_points.pause(now, paused));
            }
        }
    }

    async fn grant(&mut self, request: EndRequest) -> Option<(EndCause, Instant)> {
        Some(self.end(EndCause::Scenario(request), Ending::Stopped).await)
    }

    async fn reason_to_end(&mut self) -> Option<(EndCause, Instant)> {
        if self.account.is_over() {
            // Each host ends at its own instant, which is the same; nobody needs to be told.
            self.ended_after = Some(self.began.elapsed());
            return Some((EndCause::Finished, Instant::now() + self.plan.plan.grace));
        }
        if self.account.set_points.is_over() {
            return Some(self.end(EndCause::Finished, Ending::Finished).await);
        }
        let alive = self.hosts.values().map(|host| host.users).fold(0, u64::saturating_add);
        if is_hopeless(self.account.total(), self.began.elapsed(), alive) {
            return Some(self.end(EndCause::Hopeless, Ending::Stopped).await);
        }
        None
    }

    async fn end(&mut self, cause: EndCause, why: Ending) -> (EndCause, Instant) {
        self.ended_after = Some(self.began.elapsed());
        if why == Ending::Stopped {
            tracing::info!(
                "ending: what is under way has up to {:?}; Ctrl-C cuts it",
                self.plan.plan.grace
            );
        }
        self.decree(Decree::End(why)).await;
        (cause, Instant::now() + self.plan.plan.grace)
    }

    async fn decree(&self, decree: Decree) {
        // A thread that is gone is found out by the news that end.
        let _ = self.decrees.send(decree).await;
    }

    fn close(self, cause: Option<EndCause>, fates: Vec<NodeFate>, view: &mut dyn View) -> Outcome {
        let mut hosts = self.hosts;
        let lasted = self.ended_after.unwrap_or_else(|| {
            // It ended with its iterations, and what was still to be told came later.
            let last = hosts.values().filter_map(|host| host.last_end).max();
            let last =
                last.map_or_else(|| self.began.elapsed(), |last| last.since(RunInstant::START));
            end_of_slots(
                self.plan,
                last,
                hosts.values().map(|host| host.slots).fold(0, u64::saturating_add),
            )
            .min(self.began.elapsed())
        });
        let mut machine = MachineRecord::default();
        hosts.values().for_each(|host| machine.merge(&host.machine));
        // Without another cause the hosts had come to the end of their iterations, or all have
        // left.
        let all_left = || fates.iter().all(|fate| fate.has_left);
        let cause = cause
            .unwrap_or_else(|| if all_left() { EndCause::Deserted } else { EndCause::Finished });
        let mut outcome = self.account.close(cause, lasted, machine, view);
        let sum = |of: fn(&NodeTotals) -> u64| hosts.values().map(of).fold(0, u64::saturating_add);
        outcome.requests_written = sum(|host| host.requests_written);
        outcome.users_at_once = sum(|host| host.users_at_once);
        let result = |mut fate: NodeFate| {
            if self.distrusted.contains(&fate.id) {
                // What it did in truth, nobody knows.
                (fate.unknown, fate.is_complete) = (UnknownStarts { least: 0, most: None }, false);
            }
            NodeResult { totals: hosts.remove(&fate.id).unwrap_or_default(), fate }
        };
        outcome.nodes = fates.into_iter().map(result).collect();
        outcome
    }
}
