//! The thread of a node that leads: others join it, runs are shared out among the nodes that are
//! free, and what members want of the cluster is passed on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use swell_cluster::{NodeEndpoint, NodeId, Peer};
use swell_core::plain::line;
use swell_driver::machine::local_now;
use swell_driver::{MemberLine, NodeEvent, RunCommand};
use swell_protocol::clock::LocalInstant;
use swell_protocol::lead::LeadSettings;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::member::{Member, Outbox, converse};
use super::run::CoordinatedRun;
use crate::cluster::alarm::Alarm;
use crate::cluster::member_bridge::{MemberBridge, from_workers};
use crate::cluster::message::{Assignment, FromCoordinator, FromMember, Role, RunNumber};
use crate::cluster::requests::ClusterRequest;
use crate::cluster::this_host::own_name;

/// Messages of members that wait to be handled; members wait when there are more.
const MAX_MESSAGES_RECEIVED: usize = 1_024;
/// Commands to all runs that wait to be handled: they are a few a second.
const MAX_COMMANDS: usize = 64;
/// How many characters of a node's name are kept.
const MAX_NAME: usize = 64;

/// What the control thread asks for.
pub(super) enum ControlRequest {
    /// Say when so many nodes are there, this one included.
    Gather(usize, oneshot::Sender<()>),
    /// To lead a run.
    Lead(Box<NewRun>),
    /// To end.
    Close,
}

/// A run to lead, and the lines to it.
pub(super) struct NewRun {
    pub(super) assignment: Assignment,
    pub(super) settings: LeadSettings,
    pub(super) news: mpsc::UnboundedSender<NodeEvent>,
    pub(super) run_commands: mpsc::Receiver<RunCommand>,
    /// For this node's own part; dropped where it has none.
    pub(super) own_part: oneshot::Sender<MemberLine>,
    /// Users, where their number is exact: they are shared out at the beginning, and nobody joins
    /// later.
    pub(super) exact_users: Option<u32>,
    /// How many nodes are to share it; without it all that are free, and those that come while it
    /// goes on.
    pub(super) hosts: Option<usize>,
    /// With fewer nodes the run does not begin.
    pub(super) min_nodes: usize,
}

/// Serves until nobody asks for anything any more. `weight` is how much this node itself bears.
pub(super) async fn serve(
    endpoint: NodeEndpoint,
    mut requests: mpsc::Receiver<ControlRequest>,
    member_requests: mpsc::Sender<ClusterRequest>,
    weight: f64,
) {
    let (from_members, mut received) = mpsc::channel(MAX_MESSAGES_RECEIVED);
    let (run_command, mut run_commands) = mpsc::channel(MAX_COMMANDS);
    let mut thread = CoordinatorThread {
        own: endpoint.id(),
        weight,
        bridge: None,
        members: BTreeMap::new(),
        gathering: None,
        runs: BTreeMap::new(),
        numbers: 0,
        connections: 0,
        member_requests,
    };
    let (mut tasks, mut alarm) = (JoinSet::new(), Alarm::new());
    loop {
        let due = thread.poll_timeout();
        tokio::select! {
            peer = endpoint.accept() => {
                let Some(peer) = peer else { break };
                let peer = Arc::new(peer);
                let (connection, outbox) = thread.connect(&peer);
                tasks.spawn(converse(peer, connection, outbox, from_members.clone()));
                while tasks.try_join_next().is_some() {}
            }
            Some((id, connection, message)) = received.recv() => {
                thread.handle_connection(id, connection, message);
                // What came in the same packet.
                while let Ok((id, connection, message)) = received.try_recv() {
                    thread.handle_connection(id, connection, message);
                }
            }
            request = requests.recv() => match request {
                None | Some(ControlRequest::Close) => break,
                Some(ControlRequest::Gather(hosts, there)) => {
                    thread.gathering = Some((hosts, there));
                }
                Some(ControlRequest::Lead(new_run)) => {
                    thread.handle_new_run(*new_run, &run_command)
                }
            },
            Some((run, message)) = run_commands.recv() => thread.handle_command(run, message),
            said = from_workers(&mut thread.bridge) => {
                let bridge = thread.bridge.as_mut();
                if let Some(message) = bridge.and_then(|bridge| bridge.handle_workers(said)) {
                    thread.handle_own(message);
                }
            }
            () = alarm.until(due) => {}
        }
        thread.do_what_is_due();
    }
    thread.dismiss_all();
    drop(thread);
    // The last messages are written before the connections go.
    let _ = tokio::time::timeout(Duration::from_secs(1), tasks.join_all()).await;
    endpoint.close().await;
}

/// Passes a run's commands on; at their end, passes on that nobody wants to know about it any more.
async fn forward(
    run: RunNumber,
    mut run_commands: mpsc::Receiver<RunCommand>,
    all: mpsc::Sender<(RunNumber, Option<RunCommand>)>,
) {
    loop {
        let message = run_commands.recv().await;
        let is_last = message.is_none();
        if all.send((run, message)).await.is_err() || is_last {
            return;
        }
    }
}

struct CoordinatorThread {
    own: NodeId,
    weight: f64,
    /// This node's own part in a run.
    bridge: Option<MemberBridge>,
    members: BTreeMap<NodeId, Member>,
    gathering: Option<(usize, oneshot::Sender<()>)>,
    runs: BTreeMap<RunNumber, CoordinatedRun>,
    numbers: u64,
    connections: u64,
    member_requests: mpsc::Sender<ClusterRequest>,
}

impl CoordinatorThread {
    fn connect(&mut self, peer: &Arc<Peer>) -> (u64, Outbox) {
        self.connections += 1;
        let before = self.members.get(&peer.id());
        let (member, outbox) = Member::connected(peer, self.connections, before);
        self.members.insert(peer.id(), member);
        (self.connections, outbox)
    }

    fn handle_connection(
        &mut self,
        id: NodeId,
        connection: u64,
        message: Result<FromMember, String>,
    ) {
        match message {
            Ok(FromMember::Introduction { name, role }) => {
                self.handle_introduction(id, &name, role)
            }
            Ok(FromMember::RunMessage(number, message)) => {
                if let Some(run) = self.runs.get_mut(&number) {
                    run.handle_message(id, message);
                }
            }
            Ok(FromMember::Request(number, request)) => {
                let cluster = self.member_requests.clone();
                if let Some(member) = self.members.get_mut(&id) {
                    member.handle_request(number, request, cluster);
                }
            }
            Err(reason) => self.handle_disconnect(id, connection, &reason),
        }
    }

    fn handle_disconnect(&mut self, id: NodeId, connection: u64, reason: &str) {
        let Some(member) =
            self.members.get_mut(&id).filter(|member| member.connection == connection)
        else {
            return;
        };
        member.handle_disconnect();
        let name = member.name.clone().unwrap_or_else(|| id.to_string());
        match member.at.and_then(|number| self.runs.get(&number)) {
            Some(run) => run.handle_disconnect(id, &name, reason),
            None => {
                if matches!(member.role, Role::Node(_)) {
                    tracing::info!("node {name} has gone");
                }
                self.members.remove(&id);
            }
        }
    }

    /// Takes in a member's first message: it goes on with its run, gets another, or waits for one.
    fn handle_introduction(&mut self, id: NodeId, name: &str, role: Role) {
        let mut name: String = line(name).to_string().chars().take(MAX_NAME).collect();
        let is_another_s = |(other, member): (&NodeId, &Member)| {
            *other != id && member.name.as_ref() == Some(&name)
        };
        if name == own_name() || self.members.iter().any(is_another_s) {
            name = format!("{name}-{:04x}", id.0 >> 48);
        }
        let Some(member) = self.members.get_mut(&id) else { return };
        member.role = role;
        member.name = Some(name.clone());
        let Role::Node(at) = role else { return };
        tracing::info!("node {name} is here, from {}", member.address);
        if let Some(number) = at.filter(|number| member.at != Some(*number)) {
            member.send_reliably(FromCoordinator::Dismissed(number));
        }
        if let Some(run) = member.at.and_then(|number| self.runs.get(&number)) {
            // The member may not have heard of it.
            member.send_reliably(FromCoordinator::Assignment(Box::new(run.assignment().clone())));
        } else if let Some(run) = self.runs.values_mut().find(|run| run.takes_latecomers()) {
            member.at = Some(run.number());
            member.send_reliably(FromCoordinator::Assignment(Box::new(run.assignment().clone())));
            run.handle_joining(id, name);
        } else if !self.runs.is_empty() {
            tracing::info!("node {name} waits: no run that goes on takes more nodes");
        }
    }

    /// Begins a run on nodes that are free: as many as it wants, or all.
    fn handle_new_run(
        &mut self,
        new_run: NewRun,
        run_command: &mpsc::Sender<(RunNumber, Option<RunCommand>)>,
    ) {
        self.numbers += 1;
        let number = RunNumber(self.numbers);
        let NewRun {
            mut assignment,
            settings,
            news,
            run_commands,
            own_part,
            exact_users,
            hosts,
            min_nodes,
        } = new_run;
        assignment.number = number;
        tokio::spawn(forward(number, run_commands, run_command.clone()));
        let names = self.free_nodes(hosts.unwrap_or(usize::MAX));
        // A node that coordinates and bears nothing counts as present, and takes no part.
        let there = names.len() + usize::from(self.weight == 0.0 && hosts.is_none());
        let refusal = if there < min_nodes || names.is_empty() {
            Some(self.too_few(names.len(), min_nodes.max(1)))
        } else {
            exact_users.and_then(|users| too_few_users(users, names.len()))
        };
        if let Some(refusal) = refusal {
            let _ = news.send(NodeEvent::Refused(refusal));
            return;
        }
        if names.contains_key(&self.own) {
            let (mut bridge, line) = MemberBridge::new(self.own, number);
            // Nobody waits for it where the run has been given up.
            let _ = own_part.send(line);
            bridge.handle_prepared(Ok(self.weight));
            self.bridge = Some(bridge);
        }
        for (id, member) in self.members.iter_mut().filter(|(id, _)| names.contains_key(id)) {
            debug_assert_ne!(*id, self.own, "no node is its own member");
            member.at = Some(number);
            member.send_reliably(FromCoordinator::Assignment(Box::new(assignment.clone())));
        }
        let max_nodes = exact_users.map_or(hosts.unwrap_or(usize::MAX), |_| 0);
        self.runs.insert(number, CoordinatedRun::new(assignment, settings, news, names, max_nodes));
    }

    /// The names of at most so many free nodes; this node comes first.
    fn free_nodes(&self, most: usize) -> BTreeMap<NodeId, String> {
        let own = (self.weight > 0.0 && self.bridge.is_none()).then(|| (self.own, own_name()));
        let free =
            self.members.iter().filter(|(_, member)| member.is_node() && member.at.is_none());
        let free = free.filter_map(|(id, member)| Some((*id, member.name.clone()?)));
        own.into_iter().chain(free).take(most).collect()
    }

    /// Why there are too few nodes for a run to begin.
    fn too_few(&self, free: usize, least: usize) -> String {
        let of = |number: RunNumber| {
            self.runs.get(&number).map(|run| format!("{:?}", run.assignment().name))
        };
        let at = self
            .members
            .values()
            .filter_map(|member| member.at)
            .chain(self.bridge.as_ref().map(MemberBridge::run));
        let busy: BTreeSet<String> = at.filter_map(of).collect();
        let busy: Vec<String> = busy.into_iter().collect();
        let others = if busy.is_empty() {
            "no other is there".to_owned()
        } else {
            format!("others are at {}", busy.join(", "))
        };
        let cure = "have hosts join by `host node`, give a smaller --hosts, or wait for the end of \
        a run (`host runs` lists them)";
        format!("{free} of {least} hosts are free; {others}\nhelp: {cure}")
    }

    fn handle_command(&mut self, number: RunNumber, run_command: Option<RunCommand>) {
        match run_command {
            Some(run_command) => {
                if let Some(run) = self.runs.get_mut(&number) {
                    run.handle_command(run_command);
                }
            }
            None => self.dismiss(number),
        }
    }

    /// Nobody wants to know about a run any more: its nodes are free for another.
    fn dismiss(&mut self, number: RunNumber) {
        if self.runs.remove(&number).is_none() {
            return;
        }
        if let Some(bridge) = self.bridge.take_if(|bridge| bridge.run() == number) {
            bridge.dismiss();
        }
        for member in self.members.values_mut().filter(|member| member.at == Some(number)) {
            member.at = None;
            member.send_reliably(FromCoordinator::Dismissed(number));
        }
        self.members.retain(|_, member| member.is_connected || member.at.is_some());
    }

    fn dismiss_all(&mut self) {
        let numbers: Vec<RunNumber> = self.runs.keys().copied().collect();
        numbers.into_iter().for_each(|number| self.dismiss(number));
    }

    fn handle_own(&mut self, message: FromMember) {
        if let FromMember::RunMessage(number, message) = message
            && let Some(run) = self.runs.get_mut(&number)
        {
            run.handle_message(self.own, message);
        }
    }

    /// Does all that is due, for nodes and for this node's own workers.
    fn do_what_is_due(&mut self) {
        let here = 1 + self.members.values().filter(|member| member.is_node()).count();
        if let Some((_, there)) = self.gathering.take_if(|(wanted, _)| here >= *wanted) {
            // Nobody waits for it any more if the command was given up.
            let _ = there.send(());
        }
        loop {
            let mut is_idle = true;
            while let Some(message) = self.bridge.as_mut().and_then(MemberBridge::poll) {
                is_idle = false;
                self.handle_own(message);
            }
            for (number, run) in &mut self.runs {
                while let Some((to, message)) = run.poll(local_now()) {
                    is_idle = false;
                    if to != self.own {
                        if let Some(member) = self.members.get(&to) {
                            member.send(FromCoordinator::Down(*number, message));
                        }
                    } else if let Some(bridge) =
                        self.bridge.as_mut().filter(|bridge| bridge.run() == *number)
                    {
                        bridge.handle_message(message);
                    }
                }
                if let Some(bridge) =
                    self.bridge.as_ref().filter(|bridge| bridge.run() == *number && run.is_closed())
                {
                    bridge.dismiss();
                }
            }
            if is_idle {
                return;
            }
        }
    }

    /// When something is to be done at the latest.
    fn poll_timeout(&self) -> LocalInstant {
        let of_bridge = self.bridge.as_ref().map(MemberBridge::poll_timeout);
        of_bridge
            .into_iter()
            .chain(self.runs.values().map(CoordinatedRun::poll_timeout))
            .min()
            .unwrap_or(LocalInstant::NEVER)
    }
}

/// Why so few users cannot be shared out among so many nodes, if they cannot.
fn too_few_users(users: u32, hosts: usize) -> Option<String> {
    let cure = "give at least as many users as hosts, or --max-vus in place of --vus";
    ((users as usize) < hosts)
        .then(|| format!("{users} users on {hosts} hosts: some would have no user\nhelp: {cure}"))
}
