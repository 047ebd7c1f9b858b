//! A run to compare, from its record.

use std::time::Duration;

use swell_core::RunInstant;
use swell_core::record::Figures;

use super::run::{ComparedRun, Facts, MeasuredCounts, RunPiece};
use crate::record::{Frame, RecordHeader};
use crate::report::Report;
use crate::status::RunState;

impl ComparedRun {
    /// A run of which there is a record, with its report unless it was cut short.
    pub fn of_record(
        name: String,
        header: &RecordHeader,
        frames: impl IntoIterator<Item = Frame>,
        report: Option<&Report>,
    ) -> Self {
        let mut pieces = RunPieces::new(header, report);
        frames.into_iter().for_each(|frame| pieces.add(&frame));
        let RunPieces { pieces, measured, .. } = pieces;
        let mut total = Figures::default();
        pieces.iter().for_each(|piece| total.merge(&piece.counted));
        let mut facts = report.map_or_else(|| Facts::of_header(header), Facts::of);
        facts.machine = Some(format!("{}, {}", header.host.name, header.host.system));
        if report.is_none() {
            facts.measured_seconds = measured.as_secs_f64();
        }
        Self { name, facts, known: MeasuredCounts::Counted { pieces, total: Box::new(total) } }
    }
}

impl Facts {
    fn of_header(header: &RecordHeader) -> Self {
        let run = header.run.clone();
        Self {
            id: run.id,
            version: run.version,
            scenario: run.scenario,
            file_hash: run.file_hash,
            target: run.target,
            model: run.model,
            asked_per_second: run.asked_per_second,
            warm_up_seconds: header.warm_up_seconds,
            measured_seconds: header.measured_seconds.unwrap_or_default(),
            timeout_seconds: run.timeout.as_secs_f64(),
            began_at: header.began_at,
            machine: None,
            cores: header.host.cores,
            hosts: 1,
            stamp: None,
        }
    }
}

/// Pieces that are kept before two are made one: four for each of thirty blocks.
const PIECES: usize = 120;

/// The measured part of a run in pieces of about equal length, however long it is.
struct RunPieces {
    pieces: Vec<RunPiece>,
    /// How long a piece is, when it is full.
    span: Duration,
    from: RunInstant,
    /// Nothing where the record ends before the run does.
    until: Option<RunInstant>,
    /// How much of the measured part there was.
    measured: Duration,
}

impl RunPieces {
    fn new(header: &RecordHeader, report: Option<&Report>) -> Self {
        let instant = |seconds: f64| {
            RunInstant::START + Duration::try_from_secs_f64(seconds).unwrap_or_default()
        };
        let warm_up = report.map_or(header.warm_up_seconds, |report| report.run.warm_up_seconds);
        Self {
            pieces: Vec::new(),
            span: Duration::from_secs(1),
            from: instant(warm_up),
            until: report.map(|report| instant(warm_up + report.run.measured_seconds)),
            measured: Duration::ZERO,
        }
    }

    fn add(&mut self, frame: &Frame) {
        let from = frame.from.max(self.from);
        let end = self.until.unwrap_or(frame.until);
        // What ends after the measured part began in it, and is of its last piece.
        let is_after = matches!(frame.moment.phase, RunState::Draining | RunState::Over);
        let goes_on = self.until.is_some() || !is_after;
        let length = if goes_on { frame.until.min(end).since(from) } else { Duration::ZERO };
        let counted = &frame.counted.measured;
        if length.is_zero() && counted.total.counts.started + counted.total.counts.ended() == 0 {
            return;
        }
        self.measured += length;
        match self.pieces.last_mut() {
            Some(last) if last.length + length / 2 < self.span || length.is_zero() => {
                last.counted.merge(counted);
                last.length += length;
            }
            _ => {
                if self.pieces.len() == PIECES {
                    self.pieces = pairs(std::mem::take(&mut self.pieces));
                    self.span *= 2;
                }
                self.pieces.push(RunPiece { counted: counted.clone(), length });
            }
        }
    }
}

fn pairs(pieces: Vec<RunPiece>) -> Vec<RunPiece> {
    let mut pieces = pieces.into_iter();
    let mut joined = Vec::new();
    while let Some(mut piece) = pieces.next() {
        if let Some(RunPiece { counted, length }) = pieces.next() {
            piece.counted.merge(&counted);
            piece.length += length;
        }
        joined.push(piece);
    }
    joined
}

#[cfg(test)]
mod tests {
    use swell_core::record::Snapshot;

    use super::*;
    use crate::record::Moment;

    fn header() -> RecordHeader {
        let header = serde_json::json!({
            "schema": "swell.record/1", "name": "shop", "id": "f00", "version": "0.1.0", "seed": 7,
            "scenario": "shop", "file": "shop.wasm", "file_hash": "abc", "target": null,
            "model": "open model, 10/s transactions", "asked_per_second": 10.0,
            "grace_seconds": 30.0, "timeout_seconds": 30.0, "hold_seconds": null,
            "began_at": 1.0, "command": [], "settings": [], "warm_up_seconds": 2.0,
            "measured_seconds": null, "thresholds": [], "objectives": [],
            "host": { "name": "a", "cores": 2, "system": "linux x86_64" }, "node": null,
        });
        serde_json::from_value(header).expect("a header is read from its JSON")
    }

    /// A second of a run, with ten transactions of the measured part from its third second on.
    fn frame(second: u64, phase: RunState) -> Frame {
        let at = |second: u64| RunInstant::from_nanos(second * 1_000_000_000);
        let mut counted = Snapshot::default();
        if second >= 2 {
            let total = &mut counted.measured.total;
            (total.counts.started, total.counts.ok) = (10, 10);
            total.response.ok.record_many(Duration::from_millis(second), 10);
        }
        let moment = Moment {
            phase,
            users: 1,
            under_way: 0,
            goal_per_second: None,
            held_by: None,
            limited_by: None,
            limit: None,
            objectives: Vec::new(),
            cores: None,
            memory_mib: None,
            hosts: Vec::new(),
            part: None,
        };
        Frame { from: at(second), until: at(second + 1), counted, moment }
    }

    #[test]
    fn what_came_before_the_measured_part_is_left_out_and_what_ends_after_it_is_of_its_end() {
        let frames = (0..12).map(|second| match second {
            0..2 => frame(second, RunState::WarmUp),
            2..10 => frame(second, RunState::Measuring),
            _ => frame(second, RunState::Draining),
        });
        let run = ComparedRun::of_record("a".to_owned(), &header(), frames, None);
        let pieces = run.pieces().unwrap();
        assert_eq!(pieces.len(), 8);
        assert!(pieces.iter().all(|piece| piece.length == Duration::from_secs(1)));
        assert_eq!(pieces[7].counted.total.counts.ok, 30, "what the drain counted is here");
        assert_eq!((run.started(), run.facts.measured_seconds), (100, 8.0));
        let throughput = run.amount(&"throughput".parse().unwrap()).unwrap();
        assert!((throughput.value - 12.5).abs() < 1e-9, "{throughput:?}");
        assert_eq!(run.facts.stamp, None, "a record without an end has no verdict");
    }

    #[test]
    fn a_run_of_any_length_has_some_pieces_that_lose_nothing() {
        for seconds in [119, 120, 121, 3_602, 10_000] {
            let frames = (0..seconds).map(|second| frame(second, RunState::Measuring));
            let run = ComparedRun::of_record("a".to_owned(), &header(), frames, None);
            let pieces = run.pieces().unwrap();
            assert!((60..=PIECES).contains(&pieces.len()), "{seconds}: {}", pieces.len());
            assert_eq!(run.started(), (seconds - 2) * 10);
            let length: Duration = pieces.iter().map(|piece| piece.length).sum();
            assert_eq!(length, Duration::from_secs(seconds - 2));
        }
    }
}
