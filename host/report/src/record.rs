//! A run as a record: what each second counted, where the run was then, what happened in between,
//! and what it came to.
//!
//! Whoever shows a run takes the same datum, live or from a file: a [`RecordHeader`], then a
//! [`Frame`] a second with a [`Mark`] here and there, then the report. A frame holds all that was
//! counted, histograms included, so any stretch of time has exact percentiles: those of the sum of
//! its frames.
//!
//! | file | what it knows |
//! |---|---|
//! | `header` | what is known of a run when it begins |
//! | `frame` | what was counted in a stretch, and where the run was at its end |
//! | `mark` | what happened at one instant |
//! | `follow` | the marks that follow from one frame after the other |
//! | `notable` | the transactions that are worth a look of their own, as they come |
//! | `thinning` | which frames are joined where there are too many |
//! | `part` | what a node alone knows of a run that several share |
//! | `side_by_side` | the frames of several nodes as those of all |
//! | `course` | the run in at most 3,600 points, for its report |
//! | `stretch` | a part of the run, and the report of it |
//! | `bytes` | a record as bytes, and back |
//! | `summed` | what of a frame is not written, as it follows from the rest |
//! | `lines` | a record as lines of JSON |
//! | `counts` | what a frame counted as JSON |
//! | `redact` | what of a setting may be kept |

mod bytes;
mod counts;
mod course;
mod follow;
mod frame;
mod header;
mod lines;
mod mark;
mod notable;
mod part;
mod redact;
#[cfg(test)]
mod samples;
mod side_by_side;
mod stretch;
mod summed;
mod thinning;

pub use self::bytes::{Entry, FIRST_BYTES, RecordReader, Unreadable, from_bytes, to_bytes};
pub use self::course::RunCourse;
pub use self::follow::MarkWatch;
pub use self::frame::{Frame, Moment};
pub use self::header::{HostAbout, RecordForm, RecordHeader};
pub use self::lines::{end_line, frame_line, header_line, mark_line, notable_line};
pub use self::mark::{Mark, MarkKind};
pub use self::notable::{NotableNews, NotableWatch};
pub use self::part::{PartAbout, PartMoment};
pub use self::redact::without_secret;
pub(crate) use self::redact::without_secrets_of_url;
pub use self::side_by_side::{JointFrames, SideBySide};
pub use self::stretch::{RunStretch, StretchSum};
pub use self::thinning::{Span, joined};
