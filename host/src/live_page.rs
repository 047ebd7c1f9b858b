//! `--ui`: a page that follows the runs of this process, or of the cluster that it has joined, at
//! one address with the control API.
//!
//! The page asks for a run's record so far, and then for what comes, as server-sent events: the
//! lines of the record as `--out jsonl` has them, each under its [`EntryId`], so that whoever lost
//! the connection goes on where it was. Nobody who follows is waited for: a reader that takes
//! nothing is let go, and finds later what it has missed.

use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HeaderName, HeaderValue, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::json;
use swell_outputs::{BuiltPage, EntryId, LoggedEntry, RecordFollower, RecordPart};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::access::header;
use crate::aside::aside;
use crate::live_comparison::LiveComparisons;
use crate::live_history;
use crate::page_access::PageAccess;
use crate::page_runs::PageRuns;
use crate::serve::{
    AnswerBody, AnswerPiece, Busy, Call, HttpAnswer, OngoingAnswer, PATIENCE, whole,
};

/// How many may follow runs at a time. They have places of their own: a call always finds one.
const MAX_STREAMS: usize = 50;
/// How many records are put together at a time: each takes some megabytes.
const MAX_READS: usize = 4;
/// How long a follower may take nothing.
const SLOW: Duration = Duration::from_secs(30);
/// How often it is looked whether a run ended without a record.
const LOOK: Duration = Duration::from_secs(1);
/// After so many looks without news something is said, which finds out whether anybody hears it.
const LOOKS_A_WORD: u32 = 15;
/// How long a browser waits before it connects again.
const RETRY: &str = "retry: 1000\n\n";
/// Entries whose lines are made and sent together.
const ENTRIES_A_PIECE: usize = 64;
/// How long followers have for the last words of runs when the process ends. Nearly always it is a
/// moment; on a busy machine the threads that write the end out, which give way to all others, take
/// seconds.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// The entry with which an answer ends.
const LAST_ENTRY: HeaderName = HeaderName::from_static("swell-entry");
/// The entry after which a browser goes on by itself.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const LINES: &str = "application/jsonl; charset=utf-8";
const EVENTS: &str = "text/event-stream";

/// What a worker of the page may do.
const WORKER_POLICY: &str = "default-src 'none'; connect-src 'self'";
/// The page says itself what runs in it and what it may load; no other site shows it.
const PAGE_POLICY: &str = "frame-ancestors 'none'";

/// See the module's documentation.
pub(crate) struct LivePage {
    runs: Rc<dyn PageRuns>,
    comparisons: LiveComparisons,
    page: BuiltPage,
    access: PageAccess,
    streams: Arc<Semaphore>,
    reads: Arc<Semaphore>,
}

impl LivePage {
    /// The page of these runs.
    pub(crate) fn new(runs: Rc<dyn PageRuns>, page: BuiltPage, access: PageAccess) -> Self {
        let places = |places| Arc::new(Semaphore::new(places));
        let (streams, reads) = (places(MAX_STREAMS), places(MAX_READS));
        let comparisons = LiveComparisons::new(Rc::clone(&runs));
        Self { runs, comparisons, page, access, streams, reads }
    }

    /// Answers a call.
    pub(crate) async fn answer(&self, call: Call) -> Response<AnswerBody> {
        let mut response = self.routed(call).await.unwrap_or_else(Into::into);
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    async fn routed(&self, call: Call) -> Result<Response<AnswerBody>, HttpAnswer> {
        let now = Instant::now();
        match (&call.method, call.path.as_str()) {
            (&Method::GET, "/") => self.part(&call, HTML, self.page.live, PAGE_POLICY),
            (&Method::GET, "/worker.js") => {
                self.part(&call, JAVASCRIPT, self.page.worker, WORKER_POLICY)
            }
            (_, "/" | "/worker.js") => {
                let words = "GET is all there is here; runs are at /v1/runs";
                Err(HttpAnswer::error(StatusCode::METHOD_NOT_ALLOWED, words))
            }
            (&Method::POST, "/v1/login") => {
                let cookie = self.access.log_in(&call, now)?;
                let mut welcome = HttpAnswer::text("logged in\n").into();
                set(&mut welcome, SET_COOKIE, &cookie);
                Ok(welcome)
            }
            _ => {
                let caller = self.access.admit(&call, now)?;
                match asked(&call) {
                    Some(PageCall::Record(name)) => self.record(&name, &call).await,
                    Some(PageCall::Stream(name)) => self.stream(name, call).await,
                    Some(PageCall::History) => {
                        let _place = self.place().await?;
                        let runs = aside(live_history::list).await??;
                        Ok(HttpAnswer::json(StatusCode::OK, &json!({ "runs": runs })).into())
                    }
                    Some(PageCall::Comparison) => {
                        Ok(self.comparisons.answer(call.query.as_deref()).await?.into())
                    }
                    Some(PageCall::Kept(id)) => {
                        let _place = self.place().await?;
                        let part = aside(move || live_history::record(&id)).await??;
                        written_out(part, None, &call).await
                    }
                    None => Ok(self.runs.answer(caller, call).await.into()),
                }
            }
        }
    }

    fn part(
        &self,
        call: &Call,
        content_type: &'static str,
        text: &'static str,
        policy: &'static str,
    ) -> Result<Response<AnswerBody>, HttpAnswer> {
        if let Some(refused) = self.access.refuse_part(call) {
            return Err(refused);
        }
        let mut part = whole(content_type, Bytes::from_static(text.as_bytes()));
        part.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        Ok(part)
    }

    /// A place for what takes megabytes.
    async fn place(&self) -> Result<OwnedSemaphorePermit, HttpAnswer> {
        let place = tokio::time::timeout(PATIENCE, Arc::clone(&self.reads).acquire_owned());
        place.await.ok().and_then(Result::ok).ok_or_else(|| {
            let words = format!("{MAX_READS} records are being put together; ask again");
            HttpAnswer::error(StatusCode::SERVICE_UNAVAILABLE, &words)
        })
    }

    /// The record of a run so far, or what came after an entry; nothing before the run begins.
    async fn record(&self, name: &str, call: &Call) -> Result<Response<AnswerBody>, HttpAnswer> {
        let _place = self.place().await?;
        let seen = seen(call);
        let part = self.runs.after(name, seen.as_ref()).await?;
        if part.is_of_nothing() {
            return Ok(whole(LINES, Bytes::new()));
        }
        written_out(part, seen, call).await
    }

    /// What a run tells from an entry on, for as long as it goes on.
    async fn stream(&self, name: String, call: Call) -> Result<Response<AnswerBody>, HttpAnswer> {
        let place = Arc::clone(&self.streams).try_acquire_owned().map_err(|_| {
            let words =
                format!("{MAX_STREAMS} pages follow runs already; close one, and this one goes on");
            HttpAnswer::error(StatusCode::SERVICE_UNAVAILABLE, &words)
        })?;
        // What is told after the first part is news.
        let follower = self.runs.follow();
        let seen = seen(&call);
        let first = self.runs.after(&name, seen.as_ref()).await?;
        let (to, pieces) = OngoingAnswer::new();
        let runs = Rc::clone(&self.runs);
        let teller = StreamTeller { runs, name, seen, to, _place: place, _busy: call.busy };
        tokio::task::spawn_local(teller.tell(first, follower));
        let mut response = Response::new(Box::pin(pieces) as AnswerBody);
        set(&mut response, CONTENT_TYPE, EVENTS);
        Ok(response)
    }

    /// Waits a moment until all who follow runs that are over have heard the last of them.
    pub(crate) async fn last_words(&self) {
        let all = u32::try_from(MAX_STREAMS).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(LAST_WORDS, self.streams.acquire_many(all)).await;
    }
}

/// What is answered here, and not by the control API.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PageCall {
    /// The record of this run.
    Record(String),
    /// What it tells.
    Stream(String),
    /// Which runs are kept.
    History,
    /// The record of the one with this identity.
    Kept(String),
    /// What differs between two runs.
    Comparison,
}

fn asked(call: &Call) -> Option<PageCall> {
    let path = call.path.strip_prefix("/v1/").filter(|_| call.method == Method::GET)?;
    let parts: Vec<&str> = path.split('/').collect();
    let named = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match parts[..] {
        ["runs", name, "record"] => Some(PageCall::Record(named(name))),
        ["runs", name, "stream"] => Some(PageCall::Stream(named(name))),
        ["history"] => Some(PageCall::History),
        ["comparison"] => Some(PageCall::Comparison),
        ["history", id, "record"] => Some(PageCall::Kept(named(id))),
        _ => None,
    }
}

/// A part of a record as lines.
async fn written_out(
    part: RecordPart,
    seen: Option<EntryId>,
    call: &Call,
) -> Result<Response<AnswerBody>, HttpAnswer> {
    let RecordPart { run, entries, .. } = part;
    let last = entries.last().map(|entry| EntryId { run, number: entry.number() });
    let is_deflated = header(&call.headers, ACCEPT_ENCODING)
        .is_some_and(|accepted| accepted.split(',').any(|one| one.trim() == "deflate"));
    let body = aside(move || lines(&entries, is_deflated)).await?;
    let mut response = whole(LINES, body.into());
    if is_deflated {
        set(&mut response, CONTENT_ENCODING, "deflate");
    }
    if let Some(last) = last.or(seen) {
        set(&mut response, LAST_ENTRY, &last.to_string());
    }
    Ok(response)
}

/// The entry that the caller has seen: as a browser says by itself, or as the page does.
fn seen(call: &Call) -> Option<EntryId> {
    let by_query = call.query.as_deref().into_iter().flat_map(|query| query.split('&'));
    let mut by_query = by_query.filter_map(|pair| pair.strip_prefix("after="));
    header(&call.headers, LAST_EVENT_ID).or_else(|| by_query.next())?.parse().ok()
}

fn set(response: &mut Response<AnswerBody>, name: HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("it is made of names and numbers");
    response.headers_mut().insert(name, value);
}

/// The lines of entries.
fn lines(entries: &[LoggedEntry], is_deflated: bool) -> Vec<u8> {
    if is_deflated {
        let deflated = written(entries, ZlibEncoder::new(Vec::new(), Compression::fast()));
        deflated.finish().expect("nothing keeps a list from growing")
    } else {
        written(entries, Vec::new())
    }
}

fn written<W: Write>(entries: &[LoggedEntry], mut to: W) -> W {
    for entry in entries {
        writeln!(to, "{}", entry.line()).expect("nothing keeps a list from growing");
    }
    to
}

/// Somebody who is told what a run tells.
struct StreamTeller {
    runs: Rc<dyn PageRuns>,
    name: String,
    seen: Option<EntryId>,
    to: mpsc::Sender<AnswerPiece>,
    _place: OwnedSemaphorePermit,
    _busy: Busy,
}

impl StreamTeller {
    async fn tell(mut self, first: RecordPart, mut follower: Option<RecordFollower>) {
        let (mut silence, mut first) = (0_u32, Some(first));
        if !self.send(AnswerPiece::More(Bytes::from_static(RETRY.as_bytes()))).await {
            return;
        }
        loop {
            let part = match first.take() {
                Some(part) => part,
                None => match self.runs.after(&self.name, self.seen.as_ref()).await {
                    Ok(part) => part,
                    // Whoever follows connects again, and is told then what is amiss.
                    Err(_) => return,
                },
            };
            let RecordPart { run, entries, is_over } = part;
            // If it ended before it began, its record would be there a look later.
            let is_surely_over = is_over && (!run.is_empty() || silence > 0);
            if entries.is_empty() && is_surely_over {
                self.send(AnswerPiece::Last(Bytes::from_static(b"event: over\ndata: {}\n\n")))
                    .await;
                // Until it is on its way, the process does not end.
                let _ = tokio::time::timeout(LAST_WORDS, self.to.closed()).await;
                return;
            }
            if !entries.is_empty() {
                silence = 0;
                for some in entries.chunks(ENTRIES_A_PIECE) {
                    if !self.send_entries(&run, some).await {
                        return;
                    }
                }
                // Where nobody tells that there is news, it is looked for in a while.
                if is_over || follower.is_some() {
                    continue;
                }
            }
            tokio::select! {
                () = news(&mut follower) => {}
                () = self.to.closed() => return,
                () = tokio::time::sleep(LOOK) => silence += 1,
            }
            if silence > 0
                && silence.is_multiple_of(LOOKS_A_WORD)
                && !self.send(AnswerPiece::More(Bytes::from_static(b":\n\n"))).await
            {
                return;
            }
        }
    }

    /// Sends entries of a run; says whether somebody takes them.
    async fn send_entries(&mut self, run: &str, entries: &[LoggedEntry]) -> bool {
        let Some(last) = entries.last() else { return true };
        let is_ready = entries.iter().all(|entry| entry.ready_line().is_some());
        let (of, some) = (run.to_owned(), entries.to_vec());
        let text = if is_ready {
            events(&of, &some)
        } else {
            let Ok(text) = aside(move || events(&of, &some)).await else { return false };
            text
        };
        self.seen = Some(EntryId { run: run.to_owned(), number: last.number() });
        self.send(AnswerPiece::More(text.into())).await
    }

    async fn send(&self, piece: AnswerPiece) -> bool {
        tokio::time::timeout(SLOW, self.to.send(piece)).await.is_ok_and(|sent| sent.is_ok())
    }
}

/// Waits until there is something new, where somebody tells of that.
async fn news(follower: &mut Option<RecordFollower>) {
    match follower {
        Some(follower) => follower.news().await,
        None => std::future::pending().await,
    }
}

/// Entries as events.
fn events(run: &str, entries: &[LoggedEntry]) -> String {
    let event =
        |entry: &LoggedEntry| format!("id: {run}.{}\ndata: {}\n\n", entry.number(), entry.line());
    entries.iter().map(event).collect()
}
