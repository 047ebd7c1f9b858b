//! What a request that is looked on sends and receives, hop by hop.
//!
//! A session of `host try` keeps here what a run's would not: heads, and bodies that the scenario
//! discards. What the scenario is told is the same as ever, and so is what is sent.

use std::io;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use swell_core::exchange::Phases;
use swell_core::observer::{ObservedAnswer, ObservedError, ObservedHop};

use crate::error::Error;
use crate::http::body::KeptRoom;
use crate::http::coding::{Coding, Pieces, codings, decode};
use crate::http::head::Head;
use crate::http::outgoing::OutgoingRequest;
use crate::http::pool::Link;

/// The hops of one request so far.
pub(crate) struct Seen {
    hops: Vec<(ObservedHop, Codings)>,
    /// Whether the last hop has not come to its end.
    is_open: bool,
    /// The phases up to where the last hop began.
    before: Phases,
    /// Bytes of a body that are kept.
    limit: usize,
    room: KeptRoom,
}

/// What was done to an answer's body, and has to be undone before anybody can read it.
type Codings = Result<Vec<Coding>, Error>;

impl Seen {
    pub(crate) fn new(limit: usize, room: KeptRoom) -> Self {
        Self { hops: Vec::new(), is_open: false, before: Phases::default(), limit, room }
    }

    /// Bytes of a body that are kept.
    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    /// What they take their room from.
    pub(crate) fn room(&self) -> KeptRoom {
        self.room.clone()
    }

    /// A request is to be sent.
    pub(crate) fn begins(&mut self, outgoing: &OutgoingRequest<'_>) {
        let body = match self.hops.last() {
            Some((before, _)) if *before.body == *outgoing.request.body => Arc::clone(&before.body),
            _ => Arc::from(&*outgoing.request.body),
        };
        let hop = ObservedHop {
            method: outgoing.request.method.to_string(),
            url: outgoing.url.url.to_string(),
            version: None,
            reused: false,
            headers: sent_headers(outgoing, false),
            body,
            answer: None,
            error: None,
            phases: Phases::default(),
        };
        self.hops.push((hop, Ok(Vec::new())));
        self.is_open = true;
    }

    /// It goes over this connection.
    pub(crate) fn goes_over(&mut self, link: &Link, outgoing: &OutgoingRequest<'_>) {
        let Some((hop, _)) = self.hops.last_mut() else { return };
        (hop.version, hop.reused) = match link {
            Link::Http1 { reused, .. } => {
                if outgoing.is_last {
                    hop.headers = sent_headers(outgoing, false);
                }
                (Some("HTTP/1.1"), *reused)
            }
            Link::Shared { sender, reused } => {
                hop.headers = sent_headers(outgoing, true);
                (Some(sender.version()), *reused)
            }
        };
    }

    /// It is answered.
    pub(crate) fn is_answered(&mut self, head: &Head) {
        let Some((hop, undo)) = self.hops.last_mut() else { return };
        *undo = codings(&head.headers);
        hop.answer = Some(ObservedAnswer {
            status: head.status.as_u16(),
            reason: head.status.canonical_reason().unwrap_or_default(),
            headers: received_headers(&head.headers),
            body: Vec::new(),
            received: 0,
            body_lacks: None,
        });
    }

    /// The answer's body, as far as it came and was kept, with how much of it came.
    pub(crate) fn has_body(&mut self, body: Vec<u8>, received: u64) {
        let Some(answer) = self.hops.last_mut().and_then(|(hop, _)| hop.answer.as_mut()) else {
            return;
        };
        if received > body.len() as u64 {
            let why = if self.room.is_full() {
                format!(": one call keeps {} MiB of bodies in all", KeptRoom::WHOLE >> 20)
            } else {
                String::new()
            };
            let kept = match body.len() {
                0 => "none of them was kept".to_owned(),
                kept => format!("the first {kept} bytes were kept"),
            };
            answer.body_lacks = Some(kept + &why);
        }
        (answer.body, answer.received) = (body, received);
    }

    /// The last hop has come to its end: `error` says why it has no answer, or not all of it.
    pub(crate) fn ends(&mut self, phases: &Phases, error: Option<&Error>) {
        if !mem::take(&mut self.is_open) {
            return;
        }
        if let Some((hop, _)) = self.hops.last_mut() {
            hop.phases = phases.since(&self.before);
            hop.error = error.map(observed);
        }
        self.before = *phases;
    }

    /// The last hop failed, and is sent anew.
    pub(crate) fn is_sent_anew(
        &mut self,
        phases: &Phases,
        error: &Error,
        outgoing: &OutgoingRequest<'_>,
    ) {
        self.ends(phases, Some(error));
        self.begins(outgoing);
    }

    /// All hops, with bodies that can be read.
    pub(crate) async fn finish(self) -> Vec<ObservedHop> {
        let mut hops = Vec::with_capacity(self.hops.len());
        for (mut hop, codings) in self.hops {
            if let Some(answer) = &mut hop.answer
                && !answer.body.is_empty()
            {
                match codings {
                    Ok(codings) if codings.is_empty() => {}
                    Ok(codings) => undo(answer, &codings, self.limit, &self.room).await,
                    Err(error) => is_coded_still(answer, &error),
                }
            }
            hops.push(hop);
        }
        hops
    }

    /// All hops, of which the last one has an answer whose body somebody else reads, and the phases
    /// up to where that began.
    pub(crate) async fn leave_open(self) -> (Vec<ObservedHop>, Phases) {
        let before = self.before;
        (self.finish().await, before)
    }
}

/// An error as whoever looks on is told it.
pub(crate) fn observed(error: &Error) -> ObservedError {
    ObservedError { class: error.class, words: error.message.clone() }
}

/// Undoes the codings of a body, which then takes its room for what it has become.
async fn undo(answer: &mut ObservedAnswer, codings: &[Coding], limit: usize, room: &KeptRoom) {
    room.give_back(answer.body.len());
    let most = room.take(limit);
    let wire = Box::new(WholeBody(Bytes::from(answer.body.clone())));
    match decode(wire, codings, most).await {
        Ok(decoded) => answer.body = decoded.to_vec(),
        Err(error) => is_coded_still(answer, &error),
    }
    room.give_back(most.saturating_sub(answer.body.len()));
}

fn is_coded_still(answer: &mut ObservedAnswer, error: &Error) {
    answer.body_lacks.get_or_insert_with(|| format!("still coded: {error}"));
}

/// A body that is here.
struct WholeBody(Bytes);

impl Pieces for WholeBody {
    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        Poll::Ready(Ok(mem::take(&mut self.0)))
    }
}

fn sent_headers(outgoing: &OutgoingRequest<'_>, over_http2: bool) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    outgoing.all_headers(over_http2, |name, value| headers.push(pair(name, value)));
    headers
}

fn received_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| pair(name, value)).collect()
}

fn pair(name: &HeaderName, value: &HeaderValue) -> (String, String) {
    (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
}
