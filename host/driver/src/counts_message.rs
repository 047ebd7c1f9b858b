//! What a node counted, written so that it fits into one message.

use bytes::Bytes;
use swell_core::record::Snapshot;
use swell_core::run::NodeCounts;

/// Bytes of results in one message: what a message may be, with room for what surrounds them.
const MAX_BYTES: usize = 1_000_000;

/// Makes results lighter.
type LeaveOut = fn(&mut Snapshot);

/// What makes results large, and goes first: thousands of series of the scenario's own, thousands
/// of texts, a thousand names.
const LIGHTER: [(&str, LeaveOut); 3] = [
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
    use swell_core::record::{MetricKind, Recorder, RunPhase};

    use super::*;

    /// Of a scenario with a metric of forty series, texts and a check.
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
        recorder.unsent(RunInstant::START, UnsentCause::Users);
        let until = RunInstant::START + Duration::from_millis(200);
        let counted = recorder.take_window(until, Snapshot::default());
        NodeCounts { counted, ..NodeCounts::default() }
    }

    /// What is left of the metrics, the texts and the rows within so many bytes.
    fn left(most: usize) -> (usize, usize, usize, usize) {
        let mut counts = counts();
        let bytes = write_within(most, &mut counts);
        let read: NodeCounts = postcard::from_bytes(&bytes).expect("what was written is read");
        assert_eq!(read.counted, counts.counted, "the journal keeps what is sent");
        let NodeCounts { counted, .. } = read;
        assert_eq!((counted.users.traps.total(), counted.measured.unsent.total()), (40, 1));
        let measured = &counted.measured;
        let texts = counted.users.traps.iter().count();
        (bytes.len(), measured.metrics.iter().count(), texts, measured.checks.iter().count())
    }

    #[test]
    fn what_is_too_large_loses_its_metrics_then_its_texts_then_its_rows_and_no_more_than_it_must() {
        let (whole, metrics, texts, checks) = left(MAX_BYTES);
        assert_eq!((metrics, texts, checks), (40, 40, 1));
        let (without_metrics, metrics, texts, checks) = left(whole - 1);
        assert_eq!((metrics, texts, checks), (0, 40, 1));
        let (without_texts, metrics, texts, checks) = left(without_metrics - 1);
        assert_eq!((metrics, texts, checks), (0, 0, 1));
        let (least, metrics, texts, checks) = left(without_texts - 1);
        assert_eq!((metrics, texts, checks), (0, 0, 0));
        assert!(least < without_texts);
    }
}
