//! The world of a user who follows steps.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::FeedPick;

/// Why steps were not done to their end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The run is over.
    RunOver,
    /// A step failed, and this says which and why.
    Failed(String),
    /// The same of one that ends the user if it fails, whatever steps it stands in.
    UserEnds(String),
}

/// What a user can do, and what it can ask.
pub trait StepsWorld {
    /// Opens the transaction of this name; `false` if the run is over.
    fn begin(&mut self, name: &str) -> bool;
    /// Ends it, as a failure where there is a text; an empty one where the request says why.
    fn finish(&mut self, failure: Option<&str>);
    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// Why there is none, for people; or the run is over, which a request finds only outside
    /// transactions.
    fn send(&mut self, request: &StepsRequest<'_>) -> Result<StepAnswer, Stopped>;
    /// Sends them at the same time; as many answers, in their order.
    fn send_all(&mut self, requests: &[StepsRequest<'_>]) -> Vec<Result<StepAnswer, Stopped>>;
    /// A body with a content coding applied, which is one of `gzip`, `deflate`, `br` and `zstd`.
    fn compress(&mut self, body: &[u8], coding: &str) -> Vec<u8>;
    /// Waits.
    fn wait(&mut self, time: Duration);
    /// Has the user end once these steps are left.
    fn stop_user(&mut self, reason: &str);
    /// A line for whoever runs the test.
    fn warn(&mut self, line: &str);
    /// The row that this iteration has of a feed.
    ///
    /// # Errors
    /// There is no such feed, or it has no more rows.
    fn row(&mut self, feed: &str, pick: FeedPick) -> Result<Vec<(String, String)>, String>;
    /// The value given with `-e NAME=VALUE`.
    fn given(&mut self, name: &str) -> Option<String>;
    /// The user's number.
    fn user(&mut self) -> u64;
    /// The iteration's number.
    fn iteration(&mut self) -> u64;
    /// A random number, which follows from the run's seed.
    fn random(&mut self) -> u64;
    /// Milliseconds since 1970.
    fn unix_ms(&mut self) -> u64;
}

/// A request that is sent.
#[derive(Debug)]
pub struct StepsRequest<'a> {
    /// The method as it goes over the wire.
    pub method: &'a str,
    /// A path of the target, or a URL.
    pub url: Cow<'a, str>,
    /// Headers, in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Cow<'a, [u8]>,
    /// Whether the answer's headers are wanted, and its body.
    pub wants: OutgoingPart,
    /// How many redirects to follow.
    pub redirects: u8,
    /// Statuses that are a success, as ranges with both ends; if there are none, 200 to 399.
    pub expect: &'a [(u16, u16)],
    /// The most that it may take.
    pub timeout: Option<Duration>,
}

/// What is wanted of an answer beside its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutgoingPart {
    /// Its headers.
    pub headers: bool,
    /// Its body.
    pub body: bool,
}

/// The answer to a request.
#[derive(Clone, Debug, Default)]
pub struct StepAnswer {
    /// Its status.
    pub status: u16,
    /// Its headers, if they were wanted.
    pub headers: Vec<(String, String)>,
    /// Its body, if it was wanted.
    pub body: Vec<u8>,
    /// How long the exchange took.
    pub took: Duration,
}
