//! The keys of a steps file: what may stand where. The reader refuses others by this list, and the
//! JSON Schema is made of it.

/// A table of the file.
#[derive(Debug)]
pub(crate) struct TableForm {
    /// What it is, as in "an unknown key of a step".
    pub(crate) what: &'static str,
    pub(crate) keys: &'static [FileKey],
}

/// A key that may stand in a table.
#[derive(Debug)]
pub(crate) struct FileKey {
    pub(crate) name: &'static str,
    pub(crate) form: KeyForm,
    pub(crate) help: &'static str,
}

/// What stands at a key.
#[derive(Debug)]
pub(crate) enum KeyForm {
    /// A text; a number or true stand for the text that they are written as.
    Text,
    /// A whole number.
    Whole,
    /// Anything that JSON has.
    Any,
    /// One of these texts.
    Word(&'static [&'static str]),
    List(&'static Self),
    /// Names that the file's author gives, each with such a value.
    Map(&'static Self),
    Table(TableName),
    Either(&'static [Self]),
}

/// The tables within others: a step may have steps.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TableName {
    Scenario,
    Feed,
    Step,
    Branch,
    Auth,
    Part,
    Expect,
    ExpectBody,
    Extract,
}

impl TableName {
    pub(crate) const fn form(self) -> &'static TableForm {
        match self {
            Self::Scenario => &SCENARIO,
            Self::Feed => &FEED,
            Self::Step => &STEP,
            Self::Branch => &BRANCH,
            Self::Auth => &AUTH,
            Self::Part => &PART,
            Self::Expect => &EXPECT,
            Self::ExpectBody => &EXPECT_BODY,
            Self::Extract => &EXTRACT,
        }
    }
}

const fn key(name: &'static str, form: KeyForm, help: &'static str) -> FileKey {
    FileKey { name, form, help }
}

use KeyForm::{Any, Either, List, Map, Table, Text, Whole, Word};

pub(crate) const TEXTS: KeyForm = List(&Text);
const STEPS: KeyForm = List(&Table(TableName::Step));

const VARS: FileKey =
    key("vars", Map(&Text), "Variables, reckoned when a user begins; -e NAME=VALUE replaces one");
const DATA: FileKey =
    key("data", Map(&Table(TableName::Feed)), "Feeds of `--data NAME=FILE`: {{name.column}}");
const SETTINGS: FileKey = key(
    "settings",
    Map(&Either(&[Text, TEXTS])),
    "Settings of `host run` by the names of its flags, where the command line is silent",
);
const SETUP: FileKey =
    key("setup", STEPS, "Once before the run; its variables are given to all users");
const TEARDOWN: FileKey = key("teardown", STEPS, "Once after the run");
const START: FileKey = key("start", STEPS, "By each user, when it begins");
const STOP: FileKey = key("stop", STEPS, "By each user, when it ends");
const SCENARIO_STEPS: FileKey = key("step", STEPS, "What a user does, again and again");
const DESCRIPTION: FileKey = key("description", Text, "A line for people");

/// The whole file: one scenario, or several by their names.
pub(crate) const FILE: TableForm = TableForm {
    what: "a steps file",
    keys: &[
        key("$schema", Text, "Where editors find the schema of this file"),
        DESCRIPTION,
        key(
            "target",
            Text,
            "The service that paths are of; whoever runs it gives it with --target",
        ),
        SETTINGS,
        VARS,
        DATA,
        SETUP,
        START,
        SCENARIO_STEPS,
        STOP,
        TEARDOWN,
        key("scenario", Map(&Table(TableName::Scenario)), "Several scenarios, by their names"),
    ],
};

pub(crate) const SCENARIO: TableForm = TableForm {
    what: "a scenario",
    keys: &[DESCRIPTION, SETTINGS, VARS, DATA, SETUP, START, SCENARIO_STEPS, STOP, TEARDOWN],
};

pub(crate) const PICKS: &[&str] = &["sequential", "random", "unique", "user"];

pub(crate) const FEED: TableForm = TableForm {
    what: "a feed",
    keys: &[
        key("pick", Word(PICKS), "Which row an iteration has; default: sequential"),
        key("file", Text, "The file of rows beside this one; whoever runs it gives it with --data"),
    ],
};

pub(crate) const METHODS: &[&str] = &["get", "post", "put", "delete", "patch", "head", "options"];
pub(crate) const CODINGS: &[&str] = &["gzip", "deflate", "br", "zstd"];
pub(crate) const ON_ERROR: &[&str] = &["stop-iteration", "continue", "stop-user"];

const URL: &str = "Sends such a request to a path of the target, or to a URL";

pub(crate) const STEP: TableForm = TableForm {
    what: "a step",
    keys: &[
        key("name", Text, "The name of its transaction, or of a group; default: method and path"),
        key("get", Text, URL),
        key("post", Text, URL),
        key("put", Text, URL),
        key("delete", Text, URL),
        key("patch", Text, URL),
        key("head", Text, URL),
        key("options", Text, URL),
        key("method", Text, "Any other method, with `url`"),
        key("url", Text, "The path or URL, with `method`"),
        key("query", Map(&Text), "Added to the URL, encoded"),
        key("headers", Map(&Text), "Headers of the request"),
        key("auth", Table(TableName::Auth), "Who asks"),
        key("body", Text, "The body, as a text"),
        key("json", Any, "The body, as JSON; \"{{number(x)}}\" stands there as a number"),
        key("form", Map(&Text), "The body, as a form"),
        key("multipart", List(&Table(TableName::Part)), "The body, as a form with files"),
        key("file", Text, "The body, from a file beside this one"),
        key("compress", Word(CODINGS), "How the body is compressed; default: not at all"),
        key(
            "expect",
            Table(TableName::Expect),
            "What makes the transaction a success; default: status 200 to 399",
        ),
        key("extract", Map(&Table(TableName::Extract)), "Variables, from the answer"),
        key("timeout", Text, "The most that the request may take, as \"5s\""),
        key("redirects", Whole, "How many redirects to follow; default: 0"),
        key("think", Text, "How long the user waits afterwards, as \"1s\" or \"1s..3s\""),
        key("repeat", Text, "How often the step is done"),
        key("if", Text, "Done if that is neither empty nor false nor 0, or as \"{{a}} == {{b}}\""),
        key("set", Map(&Text), "Variables, set before the request"),
        key("on-error", Word(ON_ERROR), "What follows if it fails; default: stop-iteration"),
        key("steps", STEPS, "A group of steps"),
        key(
            "choice",
            List(&Table(TableName::Branch)),
            "One of several, as likely as its weight says",
        ),
        key("parallel", STEPS, "Requests at the same time"),
    ],
};

pub(crate) const BRANCH: TableForm = TableForm {
    what: "a branch of a choice",
    keys: &[
        key("weight", Whole, "How likely it is beside the others; default: 1"),
        key("steps", STEPS, "What is done then"),
    ],
};

pub(crate) const AUTH: TableForm = TableForm {
    what: "auth",
    keys: &[key("basic", TEXTS, "User and password"), key("bearer", Text, "A token")],
};

pub(crate) const PART: TableForm = TableForm {
    what: "a part",
    keys: &[
        key("name", Text, "The field's name"),
        key("value", Text, "Its value"),
        key("file", Text, "Or a file beside this one"),
        key("type", Text, "Its media type"),
    ],
};

pub(crate) const EXPECT: TableForm = TableForm {
    what: "expect",
    keys: &[
        key("status", Either(&[Text, TEXTS]), "Statuses, as 200, \"2xx\" or \"200-204\""),
        key("headers", Map(&Text), "Headers, each with a text that is in it"),
        key("body", Table(TableName::ExpectBody), "What the body has"),
        key("time", Text, "The answer takes less, as \"500ms\""),
    ],
};

pub(crate) const EXPECT_BODY: TableForm = TableForm {
    what: "expect.body",
    keys: &[
        key("contains", Text, "A text that is in it"),
        key("matches", Text, "A regular expression"),
        key("json", Map(&Any), "Values by their JSON paths; null: anything that is there"),
    ],
};

pub(crate) const EXTRACT: TableForm = TableForm {
    what: "an extraction",
    keys: &[
        key("json", Text, "A JSON path, as \"$.items[0].id\""),
        key("regex", Text, "A regular expression: its first group, or all of it"),
        key("header", Text, "A header"),
        key("cookie", Text, "A cookie that the answer sets"),
        key("default", Text, "What holds if nothing is found; else that fails the transaction"),
    ],
};
