//! What a run came to: as data, in a verdict, in an exit code and in words.
//!
//! Everything here follows from the facts of a run, which core has; nothing reads a clock, a file
//! or the machine. A [`Report`] is what `--out json=FILE` writes, and it is read back as it was:
//! the [`Summary`], an output and who attaches to a run elsewhere all show the same one. A
//! [`Status`] is the same of a run that goes on.
//!
//! | file | what it knows |
//! |---|---|
//! | `report` | the results as data, and how they follow from the counts |
//! | `judgement` | whether the figures may be believed, what held, and how the run ended |
//! | `conclusion` | the report of a run, from what the run came to |
//! | `attempt` | one iteration, as `host try` shows it |
//! | `exit` | the numbers of exit codes, and which goes before which |
//! | `summary` | a report as text |
//! | `summarized` | a report as a script is given it that writes a summary of its own |
//! | `sheet` | text on lines of a width, with tones in place of colours |
//! | `live_line` | a run as it is seen while it goes on |
//! | `figures` | figures in words, for both |
//! | `status` | where a run is at the moment |
//! | `gauges` | what of that is a metric |
//! | `compare` | runs held against each other |
//! | `record` | a run second by second, for whoever shows it and for a file |

mod attempt;
mod compare;
mod conclusion;
#[cfg(test)]
mod documentation;
mod exit;
mod figures;
mod gauges;
mod judgement;
mod live_line;
pub mod record;
mod report;
mod sheet;
mod status;
mod summarized;
mod summary;
mod url_run;

pub use self::attempt::{EventTally, Har, PrintedLines, Printer, Secrets};
pub use self::compare::{
    ComparedRun, ComparisonForm, ComparisonInMarkdown, ComparisonText, FigureComparison,
    FigureFinding, MarginReport, MarginRuling, Method, RunComparison, Unlike,
};
pub use self::conclusion::LeftOut;
pub use self::exit::{Exit, UnknownExit};
pub use self::figures::{bounded, stamp_tone, time};
pub use self::gauges::{FrameGauge, GAUGES, TellGauge};
pub use self::judgement::Rules;
pub use self::live_line::LiveLine;
pub use self::report::{
    About, CheckReport, ConfidenceReport, ControlReport, Counted, Evidence, ExitReport, Form,
    FormOfRuns, GrpcCallsReport, GrpcMessagesReport, GrpcMethodReport, GrpcReport, Header,
    HostReport, LimitReport, MachineReport, MarkReport, NameReport, NotableReport, NotableRow,
    ObjectiveReport, OneOfRuns, Part, PointReport, Report, ReportOfRuns, RequestsReport,
    ScenarioReport, SearchReport, SeriesReport, SocketsReport, StreamsReport, StretchReport,
    ThresholdReport, Times, Totals, UnsentReport, UsersReport, VerdictReport, WebSocketsReport,
    Written, failures,
};
pub use self::sheet::{Piece, Sheet, Tone, cut};
pub use self::status::{Ended, HostStatus, ObjectiveStatus, RunState, Status};
pub use self::summarized::ForSummary;
pub use self::summary::{Summary, SummaryOfRuns};
pub use self::url_run::typed_method;
