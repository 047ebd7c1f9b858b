//! What goes between nodes. Both sides have the same release, so messages are the types themselves.

use serde::{Deserialize, Serialize};
use swell_core::plain::line;
use swell_core::plan::{Search, WeightedScenario};
use swell_core::run::{EndRequest, Flowed};
use swell_protocol::message::{LeaseAnswer, ToLead, ToMember};

use super::bundle::Bundle;

/// Which of a cluster's runs a message is about. No two runs have the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct RunNumber(pub(super) u64);

/// From a node, or from a command that gives a cluster something to do, to the node that leads.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum FromMember {
    /// The first message of a member.
    Introduction {
        /// What it is called, for people.
        name: String,
        role: Role,
    },
    /// About the run in which the node takes part.
    RunMessage(RunNumber, RunMessage),
    /// Somebody wants something of the cluster; the answer has the same number.
    Request(u64, MemberRequest),
}

impl FromMember {
    /// Whether the same is soon said again: then it is better lost than late.
    pub(super) const fn is_passing(&self) -> bool {
        matches!(self, Self::RunMessage(_, RunMessage::Up(ToLead::LeaseRequest(_))))
    }
}

/// What somebody is in a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Role {
    /// A node that takes part in runs, and in this one now.
    Node(Option<RunNumber>),
    /// A command that wants things done, and does none.
    Client,
}

/// What a node says about a run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum RunMessage {
    /// A message to the rules.
    Up(ToLead),
    /// What went through in a window.
    Flowed(Flowed),
    /// A scenario wants the run to end.
    EndRequest(SharedEndRequest),
}

/// What somebody may want of a cluster.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum MemberRequest {
    /// A call of the control API.
    Call(MemberCall),
    /// A run. The files of its bundle are fetched from the one who wants it.
    Run(Box<Submission>),
}

/// A call of the control API by a member of the cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MemberCall {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
    /// Whether the live page of the member makes it, in somebody's browser.
    pub(crate) is_of_page: bool,
}

/// A run that a cluster is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Submission {
    pub(super) bundle: Bundle,
    /// How many nodes are to share it; without it all that are free.
    pub(super) hosts: Option<usize>,
    /// Whether it is a search, and how long.
    pub(super) search: Option<Search>,
}

/// From the node that leads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum FromCoordinator {
    /// A run to take part in.
    Assignment(Box<Assignment>),
    /// About a run.
    Down(RunNumber, ToMember),
    /// The run is over, and all that was counted has been taken in.
    Dismissed(RunNumber),
    /// A piece of an answer: the status as in HTTP, and some of its bytes.
    Answer { number: u64, status: u16, is_json: bool, piece: Vec<u8>, is_last: bool },
}

impl FromCoordinator {
    /// Whether the same is soon said again: then it is better lost than late.
    pub(super) const fn is_passing(&self) -> bool {
        matches!(self, Self::Down(_, ToMember::LeaseAnswer(LeaseAnswer { orders: None, .. })))
    }
}

/// A run, as a node must know it to take part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Assignment {
    pub(super) number: RunNumber,
    pub(super) run: String,
    pub(super) name: String,
    pub(super) scenarios: Vec<AssignedScenario>,
    pub(super) bundle: Bundle,
}

/// A scenario of such a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AssignedScenario {
    pub(super) scenario: WeightedScenario,
    /// The bytes that its `setup` returned.
    pub(super) start_data: Vec<u8>,
}

/// Why a scenario wants its run to end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum SharedEndRequest {
    Stop(String),
    Fail(String),
    Lacks(String),
}

impl SharedEndRequest {
    /// The request if others must know about it; `None` where it is about one node alone.
    pub(super) fn of(request: EndRequest) -> Option<Self> {
        match request {
            EndRequest::Stop(reason) => Some(Self::Stop(reason)),
            EndRequest::Fail(reason) => Some(Self::Fail(reason)),
            EndRequest::Lacks(what) => Some(Self::Lacks(what)),
            EndRequest::FeedExhausted(_) => None,
        }
    }

    pub(super) fn request(self) -> EndRequest {
        match self {
            Self::Stop(reason) => EndRequest::Stop(line(&reason).to_string()),
            Self::Fail(reason) => EndRequest::Fail(line(&reason).to_string()),
            Self::Lacks(what) => EndRequest::Lacks(line(&what).to_string()),
        }
    }
}
