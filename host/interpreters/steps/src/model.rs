//! What a steps file says, once it was read and checked: nothing after this asks what it means.

use std::ops::RangeInclusive;
use std::time::Duration;

use regex_lite::Regex;
use swell_core::plan::LOAD_SHAPE;

use crate::json_path::JsonPath;
use crate::template::ValueTemplate;

/// Users where nobody says how many: as many as wrk opens connections.
pub const USERS: u32 = 10;

/// What a file contains.
#[derive(Debug)]
pub struct StepsFile {
    /// At least one; their names differ.
    pub scenarios: Vec<StepsScenario>,
    /// Files that its requests send, by their paths.
    pub files: Vec<String>,
}

/// One scenario: what each of its users does, again and again.
#[derive(Debug)]
pub struct StepsScenario {
    /// Its name.
    pub name: String,
    /// A line for people.
    pub description: String,
    /// Settings of `host run` that hold where the command line is silent.
    pub settings: Vec<(String, String)>,
    /// Hosts that its steps name beside the target.
    pub hosts: Vec<String>,
    /// Variables that it needs from the command line.
    pub needs: Vec<String>,
    /// Variables, in the order in which they are reckoned when a user begins.
    pub(crate) vars: Vec<(String, ValueTemplate)>,
    /// Feeds by name, and which row an iteration has.
    pub(crate) feeds: Vec<(String, FeedPick)>,
    /// Once before the run and once after it.
    pub(crate) setup: Vec<Step>,
    pub(crate) teardown: Vec<Step>,
    /// As a user begins, and as it ends.
    pub(crate) start: Vec<Step>,
    pub(crate) stop: Vec<Step>,
    /// One iteration.
    pub(crate) steps: Vec<Step>,
}

impl StepsScenario {
    /// What holds where nobody says otherwise: its own settings, and [`USERS`] if those do not say
    /// what the load is.
    pub fn defaults(&self) -> Vec<(String, String)> {
        let mut defaults = self.settings.clone();
        let says_load = |key: &str| LOAD_SHAPE.contains(&key) || key == "max-vus";
        if !defaults.iter().any(|(key, _)| says_load(key)) {
            defaults.push(("vus".to_owned(), USERS.to_string()));
        }
        defaults
    }

    /// Whether something is done once, before the run or after it.
    pub fn has_setup(&self) -> bool {
        !self.setup.is_empty() || !self.teardown.is_empty()
    }

    /// Whether something is done by each user as it begins or ends.
    pub fn has_start(&self) -> bool {
        !self.start.is_empty() || !self.stop.is_empty()
    }
}

/// Which row of a feed an iteration has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedPick {
    /// Row i for iteration i, beginning anew after the last.
    Sequential,
    /// Any.
    Random,
    /// Row i for iteration i, each once.
    Unique,
    /// Row u for user u.
    User,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) when: Option<Condition>,
    pub(crate) repeat: Option<ValueTemplate>,
    /// Variables that it sets before anything else.
    pub(crate) set: Vec<(String, ValueTemplate)>,
    pub(crate) what: StepAction,
    /// How long the user waits afterwards.
    pub(crate) think: Option<RangeInclusive<Duration>>,
    pub(crate) on_error: OnError,
}

#[derive(Debug)]
pub(crate) enum StepAction {
    Nothing,
    Request(Box<StepRequest>),
    Group(Vec<Step>),
    /// One of them, as likely as its weight says.
    Choice(Vec<(u32, Vec<Step>)>),
    /// At the same time, as one transaction of this name.
    Parallel(String, Vec<StepRequest>),
}

/// What becomes of the iteration and its user when a step fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnError {
    #[default]
    StopIteration,
    Continue,
    /// The iteration is over, and then the user.
    StopUser,
}

#[derive(Debug)]
pub(crate) enum Condition {
    /// It is neither empty nor "false" nor "0".
    Is(ValueTemplate),
    Equal(ValueTemplate, ValueTemplate),
    Unequal(ValueTemplate, ValueTemplate),
}

#[derive(Debug)]
pub(crate) struct StepRequest {
    /// The name of its transaction.
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) url: ValueTemplate,
    /// Added to the URL, encoded.
    pub(crate) query: Vec<(String, ValueTemplate)>,
    pub(crate) headers: Vec<(String, ValueTemplate)>,
    pub(crate) auth: Option<Auth>,
    pub(crate) body: StepBody,
    /// The coding by which it is compressed.
    pub(crate) compress: Option<&'static str>,
    pub(crate) redirects: u8,
    pub(crate) timeout: Option<Duration>,
    pub(crate) expect: Expectations,
    pub(crate) extract: Vec<Extraction>,
}

#[derive(Debug)]
pub(crate) enum Auth {
    Basic(ValueTemplate, ValueTemplate),
    Bearer(ValueTemplate),
}

#[derive(Debug)]
pub(crate) enum StepBody {
    None,
    Text(ValueTemplate),
    Json(Vec<JsonPiece>),
    Form(Vec<(String, ValueTemplate)>),
    /// A file of the test, as it is.
    File(String),
    Multipart(Vec<FormPart>),
}

/// A piece of JSON that is written with values filled in.
#[derive(Clone, Debug)]
pub(crate) enum JsonPiece {
    /// JSON.
    Written(String),
    /// A text, with its quotes.
    Text(ValueTemplate),
    /// A number.
    Number(ValueTemplate),
}

#[derive(Debug)]
pub(crate) struct FormPart {
    pub(crate) name: String,
    pub(crate) content: PartContent,
    pub(crate) kind: Option<String>,
}

#[derive(Debug)]
pub(crate) enum PartContent {
    Value(ValueTemplate),
    File(String),
}

/// What an answer has to be for its transaction to be a success.
#[derive(Debug, Default)]
pub(crate) struct Expectations {
    /// Ranges with both ends; if there are none, 200 to 399.
    pub(crate) status: Vec<(u16, u16)>,
    pub(crate) others: Vec<Expectation>,
}

#[derive(Debug)]
pub(crate) struct Expectation {
    /// How reports name it when it does not hold.
    pub(crate) words: String,
    pub(crate) of: ExpectedOf,
}

#[derive(Debug)]
pub(crate) enum ExpectedOf {
    /// A header with this text in it.
    Header(String, ValueTemplate),
    Contains(ValueTemplate),
    Matches(Regex),
    /// A value at a path; without one anything may be there.
    Json(JsonPath, Option<ValueTemplate>),
    Within(Duration),
}

#[derive(Debug)]
pub(crate) struct Extraction {
    pub(crate) variable: String,
    pub(crate) from: ExtractionSource,
    pub(crate) default: Option<ValueTemplate>,
    /// Where it looks, in words.
    pub(crate) words: String,
}

#[derive(Debug)]
pub(crate) enum ExtractionSource {
    Json(JsonPath),
    /// The first group, or all of it where there is none.
    Regex(Regex),
    Header(String),
    Cookie(String),
}

impl StepRequest {
    /// Whether the answer's headers are looked into.
    pub(crate) fn looks_at_headers(&self) -> bool {
        self.expect.others.iter().any(|one| matches!(one.of, ExpectedOf::Header(..)))
            || self.extract.iter().any(|one| {
                matches!(one.from, ExtractionSource::Header(_) | ExtractionSource::Cookie(_))
            })
    }

    /// Whether the answer's body is.
    pub(crate) fn looks_at_body(&self) -> bool {
        let expected =
            |one: &Expectation| !matches!(one.of, ExpectedOf::Header(..) | ExpectedOf::Within(_));
        self.expect.others.iter().any(expected)
            || self.extract.iter().any(|one| {
                matches!(one.from, ExtractionSource::Json(_) | ExtractionSource::Regex(_))
            })
    }
}
