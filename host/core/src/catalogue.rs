//! The catalogue of figures: what a run measures, by which names, in which unit, and how each
//! follows from what was counted.
//!
//! Thresholds, the metrics for Prometheus and the lists in the documentation are made from it, so a
//! figure is added here and nowhere else. Users, the goal and objectives are no counts: only the
//! moment knows them, and their list stands beside the status of a run.

mod entry;
mod figures;
mod grpc;
mod streams;
mod websocket;

pub use self::entry::{
    Family, FamilySeries, FigureEntry, Judged, Label, Measure, Portion, Source, Tell, Timed, Unit,
};
pub use self::figures::{ERROR_RATE, TRANSACTION, families, figures, present_name, subjects};

#[cfg(test)]
mod tests;
