//! Where the results of a command go, while its runs go on and when they are over.
//!
//! Each place is a [`Sink`], and what there is stands in one list: [`KINDS`]. A sink hears of each
//! run what its record holds: how it begins, once a second what it counted and where it is, what
//! happened meanwhile, what it came to; and at the end the results of all. The load never waits for
//! it: a second's counts are handed to it on the control thread, and it may take no time over them;
//! the results are for a thread that has time.
//!
//! Records of runs are kept and found here as well: `record_file` is one that grows, `records` the
//! sink that writes them, `history` the folder where the latest are kept, and [`replay`] tells one
//! to sinks as its run was; [`LiveRecords`] has those of runs that go on, for who follows them.
//! A sink that takes its time is a `Taker` on a thread of its own (`queued`).
//!
//! A new kind is a file here, and a line in [`KINDS`].

#[cfg(test)]
mod agreement;
mod aside;
mod charts;
mod courses;
mod csv;
mod document;
mod exporter;
mod history;
mod html;
mod json;
mod jsonl;
mod junit;
mod live_records;
mod md;
mod outputs;
mod page;
mod places;
mod prometheus;
mod queued;
mod record_file;
mod records;
mod replay;
#[cfg(test)]
mod samples;
mod second_rows;
mod series;
mod sink;
mod sqlite;
mod to;
mod totals;
#[cfg(test)]
mod toy;
mod wall_clock;
mod xml_text;

pub use self::aside::Aside;
pub use self::document::in_pieces;
pub use self::exporter::Exporter;
pub use self::history::{History, KeepRule, Kept, KeptEnd, LAST};
pub use self::html::{ComparedSide, ComparisonPage};
pub use self::live_records::{
    EntryId, LiveRecords, LoggedEntry, RecordFollower, RecordPart, part_of_file,
};
pub use self::outputs::{AskedOutputs, KINDS, Outputs};
pub use self::page::{BuiltPage, PAGE, PAGE_MISSING};
pub use self::places::is_same_file;
pub use self::prometheus::Prometheus;
pub use self::queued::{NewsKind, Queued, RunNews, Taker};
pub use self::records::default_record;
pub use self::replay::{Replayed, replay, replay_stretch};
pub use self::sink::{Flag, Kind, KindValue, Sink, Stdout};
