//! What goes between hosts. Both sides have the same release, so messages are the types themselves.

use serde::{Deserialize, Serialize};
use swell_cluster::BlobRef;
use swell_engine::EndRequest;
use swell_protocol::message::{Down, Up};

use crate::driver::Flowed;

/// From a host to the one that leads.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum FromHost {
    /// Its first word.
    Here {
        /// What it is called, for people.
        name: String,
    },
    /// About the run.
    Up(Up),
    /// What went through in a window.
    Flowed(Flowed),
    /// A scenario wants the run to end.
    EndRequest(Wish),
}

/// From the host that leads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum FromLead {
    /// A run to take part in.
    Assignment(Box<Assignment>),
    /// About the run.
    Down(Down),
    /// The run is over, and all that was counted has been taken in.
    Dismissed,
}

/// A run, as a host must know it to take part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Assignment {
    pub(super) run: String,
    pub(super) name: String,
    pub(super) scenario: String,
    /// What the scenario's file is called on the host that leads.
    pub(super) path: String,
    /// Settings as flags, in the order in which they overrule one another.
    pub(super) settings: Vec<(String, Option<String>)>,
    pub(super) file: BlobRef,
    /// Files that settings name: at which place of `settings`, and which file.
    pub(super) files: Vec<(usize, BlobRef)>,
    /// What `setup` gave.
    pub(super) start_data: Vec<u8>,
}

/// Why a scenario wants its run to end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Wish {
    Stop(String),
    Fail(String),
}

impl Wish {
    /// The wish that others must know of; nothing where it is about one host alone.
    pub(super) fn of(request: EndRequest) -> Option<Self> {
        match request {
            EndRequest::Stop(reason) => Some(Self::Stop(reason)),
            EndRequest::Fail(reason) => Some(Self::Fail(reason)),
            EndRequest::FeedExhausted(_) => None,
        }
    }

    pub(super) fn request(self) -> EndRequest {
        match self {
            Self::Stop(reason) => EndRequest::Stop(reason),
            Self::Fail(reason) => EndRequest::Fail(reason),
        }
    }
}
