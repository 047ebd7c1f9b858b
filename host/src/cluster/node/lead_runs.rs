//! The runs of a cluster, as a node knows them that joined it: whatever is wanted of one is asked
//! of the node that leads, over the link on which both speak anyway.
//!
//! Nobody tells this node that a run goes on in which it has no part, so who follows one looks for
//! news each second, as the terminal view of `host attach` does.

use std::time::Duration;

use hyper::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use swell_outputs::{EntryId, RecordFollower, RecordPart};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::thread::Forwarded;
use crate::aside::aside;
use crate::cluster::message::MemberCall;
use crate::cluster::requests::ApiReply;
use crate::control_api::Caller;
use crate::page_runs::{PageAnswer, PageRuns};
use crate::serve::{Call, HttpAnswer, JSON, TEXT};

/// The longest wait for the answer to a call: a run's report comes with its end.
const MAX_CALL: Duration = Duration::from_secs(600);
/// The longest wait for what a run has told. Even a whole record is there in a few seconds; whoever
/// follows is to hear soon that the node that leads is out of reach.
const MAX_RECORD: Duration = Duration::from_secs(10);
/// How many records are asked for at a time: the link has places for 16 questions, and a stop is
/// always to find one.
const MAX_READS: usize = 4;

/// See the module's documentation.
pub(super) struct LeadRuns {
    forward: mpsc::Sender<Forwarded>,
    reads: Semaphore,
}

impl LeadRuns {
    /// Those that are asked for by this way.
    pub(super) fn new(forward: mpsc::Sender<Forwarded>) -> Self {
        Self { forward, reads: Semaphore::new(MAX_READS) }
    }

    /// The answer of the node that leads; nothing where it does not come in time. A call whose time
    /// is over before it was sent is not sent any more.
    async fn ask(&self, call: MemberCall, patience: Duration) -> Option<ApiReply> {
        let asked = async {
            let (reply, replied) = oneshot::channel();
            self.forward.send((call, reply)).await.ok()?;
            replied.await.ok()
        };
        tokio::time::timeout(patience, asked).await.ok().flatten()
    }

    async fn record(&self, path: String) -> Option<ApiReply> {
        let _place = self.reads.acquire().await.ok()?;
        let method = Method::GET.to_string();
        let call = MemberCall { method, path, body: Vec::new(), is_of_page: true };
        self.ask(call, MAX_RECORD).await
    }
}

impl PageRuns for LeadRuns {
    fn answer(&self, caller: Caller, call: Call) -> PageAnswer<'_, HttpAnswer> {
        Box::pin(async move {
            // It keeps the connection busy as long as the answer is awaited.
            let Call { method, path, body, busy: _busy, .. } = call;
            let (method, body) = (method.to_string(), body.to_vec());
            let is_of_page = caller == Caller::Page;
            let call = MemberCall { method, path, body, is_of_page };
            self.ask(call, MAX_CALL).await.map_or_else(out_of_reach, answer_of)
        })
    }

    fn after<'a>(
        &'a self,
        name: &'a str,
        seen: Option<&'a EntryId>,
    ) -> PageAnswer<'a, Result<RecordPart, HttpAnswer>> {
        Box::pin(async move {
            let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
            let seen = seen.map(ToString::to_string).unwrap_or_default();
            let path = format!("/v1/runs/{name}/record?after={seen}");
            let reply = self.record(path).await.ok_or_else(out_of_reach)?;
            if reply.status != StatusCode::OK.as_u16() {
                return Err(answer_of(reply));
            }
            aside(move || RecordPart::from_bytes(&reply.body)).await?.ok_or_else(|| {
                let words = "what the coordinator tells of the run's seconds makes no sense";
                HttpAnswer::error(StatusCode::BAD_GATEWAY, words)
            })
        })
    }

    fn follow(&self) -> Option<RecordFollower> {
        None
    }
}

fn out_of_reach() -> HttpAnswer {
    HttpAnswer::error(StatusCode::BAD_GATEWAY, "the coordinator is out of reach")
}

fn answer_of(ApiReply { status, is_json, body }: ApiReply) -> HttpAnswer {
    HttpAnswer {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY),
        content_type: if is_json { JSON } else { TEXT },
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}
