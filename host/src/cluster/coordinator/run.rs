//! A run that this node leads: the run's rules on one side, the thread that controls the run on the
//! other.
//!
//! All that is known of the nodes of a run is in the lead, whose snapshot can be kept or sent to
//! another node. What is here beside the lead is as it was when the run began; only the names of
//! nodes that join are added.

use std::collections::BTreeMap;

use swell_cluster::NodeId;
use swell_core::plain::in_one_line;
use swell_core::run::{NodeFate, NodePlace};
use swell_driver::machine::{instant_at, local_now};
use swell_driver::{NodeEvent, RunCommand};
use swell_protocol::clock::LocalInstant;
use swell_protocol::lead::{LeadEvent, LeadSettings, RunLead};
use swell_protocol::message::ToMember;
use tokio::sync::mpsc;

use crate::cluster::message::{Assignment, RunMessage, RunNumber};

/// See the module's documentation.
pub(super) struct CoordinatedRun {
    lead: RunLead,
    assignment: Assignment,
    news: mpsc::UnboundedSender<NodeEvent>,
    names: BTreeMap<NodeId, String>,
    /// Nodes may join while there are fewer than this number.
    max_nodes: usize,
}

impl CoordinatedRun {
    /// A run that these nodes are to prepare.
    pub(super) fn new(
        assignment: Assignment,
        settings: LeadSettings,
        news: mpsc::UnboundedSender<NodeEvent>,
        names: BTreeMap<NodeId, String>,
        max_nodes: usize,
    ) -> Self {
        let ids: Vec<NodeId> = names.keys().copied().collect();
        let lead = RunLead::new(settings, &ids, local_now());
        Self { lead, assignment, news, names, max_nodes }
    }

    pub(super) const fn assignment(&self) -> &Assignment {
        &self.assignment
    }

    pub(super) const fn number(&self) -> RunNumber {
        self.assignment.number
    }

    /// Whether the counts of every node have arrived, or the others were given up.
    pub(super) const fn is_closed(&self) -> bool {
        self.lead.is_over()
    }

    /// Whether another node may join.
    pub(super) fn takes_latecomers(&self) -> bool {
        let counts = |id: &&NodeId| !self.lead.has_begun() || self.lead.is_present(**id);
        !self.is_closed() && self.names.keys().filter(counts).count() < self.max_nodes
    }

    /// Another node prepares to take part.
    pub(super) fn handle_joining(&mut self, id: NodeId, name: String) {
        self.names.insert(id, name);
        self.lead.handle_joining(local_now(), id);
    }

    /// The connection of a node has ended.
    pub(super) fn handle_disconnect(&self, id: NodeId, name: &str, reason: &str) {
        if self.is_closed() {
            return;
        }
        if self.lead.is_complete(id) {
            tracing::info!("node {name} has gone; it has told all");
        } else if self.lead.has_begun() {
            tracing::warn!("node {name} is not connected any more: {reason}");
        } else {
            self.tell(NodeEvent::Refused(format!(
                "node {name} went away while it prepared: {reason}"
            )));
        }
    }

    /// Takes in what a node of the run said.
    pub(super) fn handle_message(&mut self, id: NodeId, message: RunMessage) {
        if self.lead.is_distrusted(id) || !self.names.contains_key(&id) {
            return;
        }
        match message {
            RunMessage::Up(message) => self.lead.handle_message(local_now(), id, message),
            RunMessage::Flowed(flowed) if self.lead.is_present(id) => {
                self.tell(NodeEvent::Flowed(flowed))
            }
            RunMessage::Flowed(_) => {}
            RunMessage::EndRequest(request) => self.tell(NodeEvent::EndRequest(request.request())),
        }
    }

    pub(super) fn handle_command(&mut self, run_command: RunCommand) {
        match run_command {
            RunCommand::Follow(set_point) => self.lead.follow(local_now(), set_point),
            RunCommand::End(why) => self.lead.end(why),
            RunCommand::Distrust(id) => self.lead.distrust(id),
        }
    }

    /// Does what is due; returns the next message, and the node that it is for.
    pub(super) fn poll(&mut self, now: LocalInstant) -> Option<(NodeId, ToMember)> {
        if now >= self.lead.poll_timeout() {
            self.lead.handle_time(now);
        }
        while let Some(event) = self.lead.poll_event() {
            self.report(event);
        }
        self.lead.poll_send()
    }

    /// When it is to be polled at the latest.
    pub(super) const fn poll_timeout(&self) -> LocalInstant {
        self.lead.poll_timeout()
    }

    fn tell(&self, news: NodeEvent) {
        // A run about which nobody wants to know any more is dismissed soon.
        let _ = self.news.send(news);
    }

    fn name(&self, id: NodeId) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    fn report(&mut self, event: LeadEvent) {
        match event {
            LeadEvent::Ready => {
                let began = self.lead.begin(local_now());
                self.tell(NodeEvent::Began(instant_at(began)));
                self.tell_places();
            }
            LeadEvent::NotReady(waited) => self.tell(NodeEvent::Refused(format!(
                "not all nodes were ready after {} s",
                waited.as_secs()
            ))),
            LeadEvent::Refused(id, reason) => {
                let (name, reason) = (self.name(id), in_one_line(&reason));
                if self.lead.has_begun() {
                    tracing::warn!("node {name} cannot take part: {reason}");
                } else {
                    self.tell(NodeEvent::Refused(format!(
                        "node {name} cannot take part: {reason}"
                    )));
                }
            }
            LeadEvent::Merge(id, delta) => self.tell(NodeEvent::Counted(id, delta.counted)),
            LeadEvent::Lost(id) => {
                tracing::warn!("node {} is lost: its share moves to the others", self.name(id));
                self.tell_places();
            }
            LeadEvent::Back(id) => {
                tracing::info!("node {} is back", self.name(id));
                self.tell_places();
            }
            LeadEvent::Joined(id) => {
                tracing::info!("node {} takes part from now on", self.name(id));
                self.tell_places();
            }
            LeadEvent::Left(id) => {
                tracing::info!("node {} leaves: its share goes to the others", self.name(id));
                self.tell_places();
            }
            LeadEvent::Relieved(id) => {
                tracing::warn!(
                    "node {} cannot bear its share: a fifth of it goes to the others",
                    self.name(id)
                );
                self.tell_places();
            }
            LeadEvent::Over => {
                let fates = self
                    .names
                    .keys()
                    .filter(|&&id| self.lead.took_part(id))
                    .map(|&id| self.fate(id))
                    .collect();
                self.tell(NodeEvent::Over(fates));
            }
        }
    }

    fn fate(&self, id: NodeId) -> NodeFate {
        NodeFate {
            id,
            name: self.name(id),
            share: self.lead.share(id),
            times_lost: self.lead.times_lost(id),
            unknown: self.lead.unknown(id),
            is_complete: self.lead.is_complete(id),
            has_left: self.lead.has_left(id),
        }
    }

    fn tell_places(&self) {
        let place = |(&id, name): (&NodeId, &String)| NodePlace {
            id,
            name: name.clone(),
            share: self.lead.share(id),
            is_present: self.lead.is_present(id),
            has_left: self.lead.has_left(id),
        };
        self.tell(NodeEvent::Hosts(
            self.names.iter().filter(|(id, _)| self.lead.took_part(**id)).map(place).collect(),
        ));
    }
}
