//! The one error of a scenario, so that `?` works everywhere.

use crate::grpc::error::Error as GrpcError;
use crate::http::error::Error as HttpError;
use crate::websocket::error::Error as WebSocketError;

/// What a scenario's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a step of a scenario did not do what it should.
///
/// An error that leaves a transaction fails it; one that leaves the scenario fails the iteration.
/// The report counts equal texts together, so a text is better without numbers that differ each
/// time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The run is over, or a feed of unique rows is used up. It ends the iteration without counting
    /// as a failure.
    #[error("the run is over")]
    RunOver,
    /// A request had no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Something with a WebSocket did not succeed.
    #[error(transparent)]
    WebSocket(#[from] WebSocketError),
    /// A call of gRPC did not succeed.
    #[error(transparent)]
    Grpc(#[from] GrpcError),
    /// An answer lacks what was asked of it: a part that was not kept, a header that is not there,
    /// a body that is no text.
    #[error("{0}")]
    Answer(String),
    /// A text was not the JSON expected.
    #[error("unexpected JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A feed or a column does not exist, or a value in it does not parse.
    #[error("{0}")]
    Data(String),
    /// The scenario's own words: from [`bail!`](crate::bail), [`ensure!`](crate::ensure), or a text
    /// under `?`.
    #[error("{0}")]
    Failed(String),
    /// Any other error, see [`Error::other`].
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Wraps an error of another library: `.map_err(Error::other)?`.
    pub fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }
}

impl From<&str> for Error {
    fn from(text: &str) -> Self {
        Self::Failed(text.to_owned())
    }
}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

macro_rules! from_std {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::other(error)
            }
        }
    )+};
}

from_std!(
    std::char::ParseCharError,
    std::fmt::Error,
    std::io::Error,
    std::num::ParseFloatError,
    std::num::ParseIntError,
    std::num::TryFromIntError,
    std::str::ParseBoolError,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
);

/// Returns from the function with an error in the scenario's own words:
/// `bail!("no item left in {category}")`.
#[macro_export]
macro_rules! bail {
    ($($words:tt)+) => {
        return ::core::result::Result::Err($crate::Error::from(::std::format!($($words)+)))
    };
}

/// Returns with an error unless the condition holds: `ensure!(items.len() > 3, "too few items")`.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            $crate::bail!($($words)+);
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_errors_of_the_standard_library_pass_through_the_question_mark() {
        fn number(text: Option<&str>) -> Result<u32> {
            Ok(text.ok_or("no number in the page")?.parse::<u32>()?)
        }
        assert_eq!(number(Some("7")).unwrap(), 7);
        assert_eq!(number(None).unwrap_err().to_string(), "no number in the page");
        assert_eq!(number(Some("x")).unwrap_err().to_string(), "invalid digit found in string");
    }

    #[test]
    fn ensure_returns_the_scenarios_own_words() {
        fn few(items: usize) -> Result<()> {
            ensure!(items > 3, "only {items} items");
            Ok(())
        }
        assert!(few(4).is_ok());
        assert!(matches!(few(2), Err(Error::Failed(words)) if words == "only 2 items"));
    }
}
