//! Why nothing was made of a text.

use thiserror::Error;

/// A text is none of what can be read, or a broken one. Nothing has been made.
#[derive(Debug, Error)]
pub enum NotImported {
    /// It is nothing that is known here.
    #[error(
        "this is none of what steps are made of\nhelp: give a command of curl in quotes, or a file \
        with commands of curl, a HAR, an OpenAPI 3 description, a Postman collection, or URLs"
    )]
    Unknown,
    /// It should be JSON.
    #[error("it begins as JSON and is not: {0}\nhelp: export it again; it may have been cut off")]
    Json(serde_json::Error),
    /// It is JSON or YAML of the right kind with a wrong inside.
    #[error("it is no {what}: {why}\nhelp: export it again, or mend it there")]
    Broken {
        /// What it was taken for.
        what: &'static str,
        /// What is wrong, and where.
        why: String,
    },
    /// A version of a format that is not read.
    #[error("{what} is not read\nhelp: {help}")]
    Version {
        /// Format and version.
        what: String,
        /// How to get one that is read.
        help: &'static str,
    },
    /// There was nothing to send.
    #[error("there is no request in it{0}")]
    Empty(String),
    /// A quote without its end.
    #[error("the quote {quote} of line {line} has no end\nhelp: copy the whole command")]
    OpenQuote {
        /// How it begins.
        quote: &'static str,
        /// Where it begins.
        line: usize,
    },
    /// An option of curl that is not known.
    #[error("{option} is no option of curl that is known here\nhelp: leave it out of the command")]
    Option {
        /// The option.
        option: String,
    },
    /// An option of curl at the end of the command.
    #[error("curl's {option} takes a value, and has none\nhelp: copy the whole command")]
    NoValue {
        /// The option.
        option: String,
    },
    /// A value that curl would not take.
    #[error("curl's {option} can't be {value:?}\nhelp: give a number of seconds above 0")]
    BadValue {
        /// The option.
        option: String,
        /// What it was given.
        value: String,
    },
    /// A command without a URL.
    #[error("a command of curl has no URL\nhelp: put the whole command into single quotes")]
    NoUrl,
    /// A URL that is none, or of another protocol.
    #[error("{url:?} is no URL of http or https\nhelp: write its values out, as http://host/path")]
    Url {
        /// What was given.
        url: String,
    },
    /// A line in a list of URLs.
    #[error("line {line}: {text:?} is no URL\nhelp: write `http://host/path` or `POST http://...`")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What it says.
        text: String,
    },
}
