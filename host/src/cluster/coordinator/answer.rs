//! What somebody wants of a cluster, over a link or through its coordinator's own control API. It
//! is done where all runs are, on the control thread.

use std::rc::Rc;

use hyper::{Method, StatusCode};
use swell_outputs::LiveRecords;
use tokio::sync::mpsc;

use super::kept_record::{kept_record, run_of_record};
use super::live_record::{followed_run, live_record};
use crate::cluster::message::MemberCall;
use crate::cluster::requests::{ApiReply, ClusterRequest, Requested};
use crate::control_api::{Caller, ControlApi, begun};
use crate::runs::Runs;
use crate::serve::{HttpAnswer, JSON};

/// Answers what is wanted of the cluster, each wish in a task of its own.
pub(crate) async fn answer(
    mut member_requests: mpsc::Receiver<ClusterRequest>,
    api: Rc<ControlApi>,
    runs: Rc<Runs>,
    records: LiveRecords,
) {
    while let Some(ClusterRequest { what, reply }) = member_requests.recv().await {
        let (api, runs, records) = (Rc::clone(&api), Rc::clone(&runs), records.clone());
        tokio::task::spawn_local(async move {
            if let Requested::Call(call) = &what
                && let Some(record) = record_of(call, &runs, &records).await
            {
                let _ = reply.send(record);
                return;
            }
            let answer = match what {
                Requested::Call(call) => match call.method.parse::<Method>() {
                    Ok(method) => {
                        let caller = if call.is_of_page { Caller::Page } else { Caller::Member };
                        api.answer(caller, &method, &call.path, &call.body).await
                    }
                    Err(_) => {
                        HttpAnswer::error(StatusCode::BAD_REQUEST, "the method is none of HTTP")
                    }
                },
                Requested::Run(received, hosts, search) => {
                    match api.submit(received, hosts, search, || !reply.is_closed()).await {
                        Ok(run) if reply.is_closed() => return run.interrupt(),
                        Ok(run) => begun(&run),
                        Err(refusal) => refusal,
                    }
                }
            };
            let is_json = answer.content_type == JSON;
            // The one who wanted it may have gone.
            let _ = reply.send(ApiReply {
                status: answer.status.as_u16(),
                is_json,
                body: answer.body.into_bytes(),
            });
        });
    }
}

/// The record of a run, or what it has told of it so far; nothing where something else is asked
/// for.
async fn record_of(call: &MemberCall, runs: &Runs, records: &LiveRecords) -> Option<ApiReply> {
    if let Some((name, seen)) = followed_run(call) {
        return Some(live_record(runs, records, &name, seen.as_ref()));
    }
    match run_of_record(call) {
        Some(name) => Some(kept_record(runs, &name).await),
        None => None,
    }
}
