//! What one user does, event by event, for whoever looks on: `host try` shows it.
//!
//! A run has no observer, and pays for that with a look at an `Option`. Where there is one, whoever
//! knows of an event tells it: the recorder what it counts, the engine what it calls and sends. The
//! events hold copies, so that they can be printed or kept while the user goes on.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::RunInstant;
use crate::exchange::{ErrorClass, Exchange, Phases};
use crate::record::metric_kind::MetricKind;

/// Who is told what a user does.
#[derive(Clone)]
pub struct Observer(Rc<dyn Fn(UserEvent)>);

impl Observer {
    /// One that hands each event on.
    pub fn new(tell: impl Fn(UserEvent) + 'static) -> Self {
        Self(Rc::new(tell))
    }

    /// Tells it an event.
    pub fn tell(&self, event: UserEvent) {
        (self.0)(event);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// Something that a user did, or that happened to it.
#[derive(Clone, Debug, PartialEq)]
pub enum UserEvent {
    /// One of the scenario's functions is called.
    Called(Function),
    /// It returned: an error in these words, if it did not end well.
    Returned(Result<(), String>),
    /// A transaction began.
    Began {
        /// Its name.
        name: String,
    },
    /// The innermost open transaction ended.
    Ended {
        /// Its name.
        name: String,
        /// End − actual start.
        service: Duration,
        /// How.
        end: ObservedEnd,
    },
    /// A request has come to its end.
    Exchanged(Box<ObservedExchange>),
    /// The head of an answer has come that the scenario reads while it comes; when it is over, the
    /// request is told as all others.
    Opened {
        /// What was asked for, as `GET /items`.
        asked: String,
        /// The status.
        status: u16,
        /// How long after the request.
        after: Duration,
    },
    /// A part of such an answer was read.
    Read {
        /// What.
        what: ObservedPiece,
        /// How long after the part before it, or after the request, it came; nothing where nobody
        /// knows.
        after: Option<Duration>,
    },
    /// A request was cut off with its user.
    CutOff {
        /// What was asked for, as `GET /items`.
        asked: String,
        /// How long it had been under way.
        age: Duration,
    },
    /// A message went over a WebSocket, or over a stream of gRPC.
    Messaged(ObservedMessage),
    /// A check.
    Checked {
        /// Its name.
        name: String,
        /// Whether it was so.
        passed: bool,
    },
    /// A value of the scenario's own metric.
    Measured {
        /// The metric's name.
        metric: String,
        /// What the metric adds up.
        kind: MetricKind,
        /// The value.
        value: f64,
        /// What it is tagged with.
        tags: Vec<(String, String)>,
    },
    /// A line for the log.
    Logged {
        /// How much it matters.
        level: LogLevel,
        /// The line.
        text: String,
    },
    /// Something over a socket of the scenario's own: what came about, or what came to nothing and
    /// why.
    Socket(Result<String, String>),
    /// A wait of the scenario's begins, as think time.
    Waits(Duration),
}

/// A part of an answer that is read while it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObservedPiece {
    /// So many bytes.
    Bytes(usize),
    /// A server-sent event.
    Event {
        /// Its type.
        kind: String,
        /// Its data.
        data: String,
    },
}

/// A function of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Before the run.
    Setup,
    /// Before a user's first iteration.
    Start,
    /// The iteration with this number.
    Iteration(u64),
    /// After a user's last iteration.
    Stop,
    /// After the run.
    Teardown,
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObservedEnd {
    /// It did what it should.
    Ok,
    /// It did not, for this reason.
    Failed(String),
    /// It was cut off with its user.
    Interrupted,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// For whoever looks for a fault.
    Debug,
    /// For everybody.
    Info,
    /// Something may be wrong.
    Warn,
    /// Something is wrong.
    Error,
}

/// One request of a scenario, with all that was sent for it and all that came back.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedExchange {
    /// When it began, on the run's clock.
    pub began: RunInstant,
    /// What the scenario asked for, as `GET /items`.
    pub asked: String,
    /// What the recorder counts of it.
    pub exchange: Exchange,
    /// Why it counts as failed, where it does: no answer, or a status that was not expected.
    pub failure: Option<String>,
    /// What was sent, in order: more than one with redirects, or where it was sent anew. Nothing
    /// where it was refused before anything was tried.
    pub hops: Vec<ObservedHop>,
}

/// One request on the wire and its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedHop {
    /// `GET` and the like.
    pub method: String,
    /// Where it went, with scheme and host.
    pub url: String,
    /// As `HTTP/1.1`; nothing where there was no connection.
    pub version: Option<&'static str>,
    /// Whether its connection was open before.
    pub reused: bool,
    /// All headers that were sent, also those that nobody gave.
    pub headers: Vec<(String, String)>,
    /// The request's body; hops that send the same one share it.
    pub body: Arc<[u8]>,
    /// The answer, as far as one came.
    pub answer: Option<ObservedAnswer>,
    /// Why it had none, or not all of it.
    pub error: Option<ObservedError>,
    /// How long each of its phases took.
    pub phases: Phases,
}

/// Why a request on the wire has no answer, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedError {
    /// Its class, which says nothing of what was sent or received.
    pub class: ErrorClass,
    /// What happened; it may quote both.
    pub words: String,
}

/// What went over a WebSocket, or over a stream of gRPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedMessage {
    /// Whether the scenario sent it; else it was received.
    pub sent: bool,
    /// What it was.
    pub kind: ObservedMessageKind,
    /// Its beginning: at most [`ObservedMessage::KEPT`] bytes.
    pub data: Vec<u8>,
    /// How many bytes it has.
    pub size: usize,
}

/// What goes over a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObservedMessageKind {
    /// A message of text.
    Text,
    /// A message of bytes.
    Binary,
    /// A ping that was sent.
    Ping,
    /// A pong that came, after so long.
    Pong(Duration),
    /// The connection was closed with this code, for a reason that the data has.
    Close(u16),
    /// What the scenario wanted failed, in the words that the data has.
    Failure,
}

impl ObservedMessage {
    /// The most bytes of a message that are kept: a screen of text.
    pub const KEPT: usize = 4 << 10;

    /// What went over the wire, with the beginning of its data.
    pub fn new(sent: bool, kind: ObservedMessageKind, data: &[u8]) -> Self {
        Self { sent, kind, data: data[..data.len().min(Self::KEPT)].to_vec(), size: data.len() }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedAnswer {
    /// The status.
    pub status: u16,
    /// What the status is called; empty where it has no name.
    pub reason: &'static str,
    /// All headers.
    pub headers: Vec<(String, String)>,
    /// The body without its codings, as far as it was kept: whatever the scenario does with it.
    pub body: Vec<u8>,
    /// Bytes of the body as received.
    pub received: u64,
    /// Whether the body is not all of it, or still coded, and why.
    pub body_lacks: Option<String>,
}
