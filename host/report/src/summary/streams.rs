//! Answers that were read while they came, for people.

use swell_core::units::{counted, grouped};

use super::part::times_table;
use crate::report::Part;
use crate::sheet::{Piece, Sheet, Tone};

/// How many there were, how they ended, and when their parts came; nothing where there were none.
pub(super) fn streams(sheet: &mut Sheet, part: &Part) {
    let Some(streams) = &part.streams else { return };
    let mut words = vec![Piece::from(format!("{} complete", grouped(streams.complete)))];
    if streams.left > 0 {
        words.push(format!(", {} left before their end", grouped(streams.left)).into());
    }
    for (count, what) in [(streams.failed, "failed"), (streams.interrupted, "interrupted")] {
        if count > 0 {
            words.push(", ".into());
            words.push(Tone::Bad.of(format!("{} {what}", grouped(count))));
        }
    }
    let pieces = counted(streams.pieces, "piece");
    words.push(match streams.events {
        0 => format!("; {pieces}").into(),
        events => format!("; {} in {pieces}", counted(events, "event")).into(),
    });
    sheet.blank();
    sheet.fact("streams", words);
    if streams.unseen > 0 {
        let unseen = grouped(streams.unseen);
        sheet
            .say(4, [format!("{unseen} came while the scenario was busy: their gaps are unknown")]);
    }
    sheet.table(times_table([("first byte", &streams.first_byte_ms), ("gap", &streams.gap_ms)]));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use swell_core::arrivals::Gap;
    use swell_core::record::{Figures, StreamEnd, StreamNews};

    use super::*;

    #[test]
    fn streams_are_told_where_there_were_any_and_each_end_by_itself() {
        let mut figures = Figures::default();
        let text = |figures: &Figures| {
            let mut sheet = Sheet::new(None);
            streams(&mut sheet, &Part::of(figures, 1.0));
            sheet.to_string()
        };
        assert_eq!(text(&figures), "");
        let all = &mut figures.streams;
        all.opened = 3;
        all.ended(StreamEnd::Complete);
        all.ended(StreamEnd::Left);
        all.ended(StreamEnd::Failed);
        for gap in [Gap::First, Gap::Known(Duration::from_millis(20)), Gap::Unseen] {
            all.read(&StreamNews {
                pieces: 1,
                first_byte: (gap == Gap::First).then_some(Duration::from_millis(7)),
                is_event: true,
                gap: Some(gap),
            });
        }
        let told = text(&figures);
        for words in [
            "1 complete, 1 left before their end, 1 failed; 3 events in 3 pieces",
            "1 came while the scenario was busy: their gaps are unknown",
            "first byte",
            "20.0 ms",
        ] {
            assert!(told.contains(words), "{words} in {told}");
        }
        let json = serde_json::to_value(Part::of(&figures, 1.0)).expect("a report can be JSON");
        assert_eq!(json.pointer("/streams/gap_ms/count"), Some(&1.into()), "{json:#}");
    }
}
