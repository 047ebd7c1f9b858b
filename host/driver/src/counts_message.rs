//! What a node counted, written so that it fits into one message.

use bytes::Bytes;
use swell_core::record::Snapshot;
use swell_core::run::NodeCounts;

/// Bytes of results in one message: what a message may be, with room for what surrounds them.
const MAX_BYTES: usize = 1_000_000;

/// Makes results lighter.
type LeaveOut = fn(&mut Snapshot);

/// What makes results large, in the order in which it is left out: transactions that are only worth
/// a look, thousands of series of the scenario's own, thousands of texts, a thousand names.
const LIGHTER: [(&str, LeaveOut); 4] = [
    ("slowest transactions and first failures", Snapshot::leave_out_notables),
    ("metrics of the scenario", Snapshot::leave_out_metrics),
    ("texts", Snapshot::leave_out_texts),
    ("rows by name", Snapshot::leave_out_rows),
];

/// Writes counts. What would not fit is left out of them, and a person is told of it.
pub(super) fn write_counts(counts: &mut NodeCounts) -> Bytes {
    write_within(MAX_BYTES, counts)
}

fn write_within(most: usize, counts: &mut NodeCounts) -> Bytes {
    let mut bytes = written(counts);
    for (what, leave_out) in LIGHTER {
        if bytes.len() > most {
            tracing::warn!(
                "half a second's {what} are left out: its results take {} bytes, and {most} can be \
                sent",
                bytes.len()
            );
            leave_out(&mut counts.counted);
            bytes = written(counts);
        }
    }
    bytes
}

fn written(counts: &NodeCounts) -> Bytes {
    Bytes::from(postcard::to_stdvec(counts).expect("counts can be written"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use swell_core::RunInstant;
    use swell_core::dispatch::UnsentCause;
    use swell_core::record::{
        Cause, MetricKind, Recorder, RunPhase, TransactionEnd, TransactionTimes, Whose,
    };

    use super::*;

    /// Of a scenario with a failure, a metric of forty series, texts and a check.
    fn counts() -> NodeCounts {
        let mut recorder = Recorder::new(RunInstant::START);
        let metric = recorder.define_metric("size", MetricKind::Counter).expect("it is new");
        for tag in 0..40 {
            let tag = tag.to_string();
            let tags = [("item", tag.as_str())];
            recorder.metric(RunPhase::Measured, RunInstant::START, metric, 1.0, &tags);
        }
        (0..40).for_each(|line| recorder.trap(&format!("unreachable at {line}")));
        recorder.check(RunPhase::Measured, "has a title", true);
        let kind = recorder.define("buy").expect("it is new");
        let times = TransactionTimes::unpaced(RunInstant::START, RunInstant::START);
        let failed = TransactionEnd::Failed(&Cause::Status(503));
        recorder.begun(kind, RunInstant::START, true);
        recorder.ended(kind, &times, true, failed);
        recorder.note(kind, &times, Whose { iteration: 1, user: 1 }, failed);
        recorder.unsent(RunInstant::START, UnsentCause::Users);
        let until = RunInstant::START + Duration::from_millis(200);
        let counted = recorder.take_window(until, Snapshot::default());
        NodeCounts { counted, ..NodeCounts::default() }
    }

    /// Bytes, and what is left within so many: notable transactions, metrics, texts, and rows.
    fn left(most: usize) -> (usize, [usize; 4]) {
        let mut counts = counts();
        let bytes = write_within(most, &mut counts);
        let read: NodeCounts = postcard::from_bytes(&bytes).expect("what was written is read");
        assert_eq!(read.counted, counts.counted, "what is kept is what is sent");
        let NodeCounts { counted, .. } = read;
        assert_eq!((counted.users.traps.total(), counted.measured.unsent.total()), (40, 1));
        let measured = &counted.measured;
        assert_eq!(measured.total.counts.failed, 1);
        let noted = measured.transactions.row("buy").map_or(0, |row| row.notable.failures().len());
        let (metrics, texts) =
            (measured.metrics.iter().count(), counted.users.traps.iter().count());
        (bytes.len(), [noted, metrics, texts, measured.checks.iter().count()])
    }

    #[test]
    fn what_is_too_large_is_left_out_one_after_the_other_and_no_more_than_must_be() {
        let (whole, all) = left(MAX_BYTES);
        assert_eq!(all, [1, 40, 40, 1]);
        let (without_notables, rest) = left(whole - 1);
        assert_eq!(rest, [0, 40, 40, 1]);
        let (without_metrics, rest) = left(without_notables - 1);
        assert_eq!(rest, [0, 0, 40, 1]);
        let (without_texts, rest) = left(without_metrics - 1);
        assert_eq!(rest, [0, 0, 0, 1]);
        let (least, rest) = left(without_texts - 1);
        assert_eq!(rest, [0, 0, 0, 0]);
        assert!(least < without_texts);
    }
}
