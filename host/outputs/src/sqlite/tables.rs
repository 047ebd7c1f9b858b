//! The tables of a database of runs, and what goes into them.

use rusqlite::types::Value;
use rusqlite::{Connection, Result};
use swell_core::plain::{line, shell_word};
use swell_core::record::{Figures, Histogram, Percentile, Split};
use swell_report::Report;
use swell_report::record::{Frame, Mark, RecordHeader};

use crate::second_rows::{PartOfFrame, SecondRow, columns_of_times};

/// The tables, but for the columns of times.
const SCHEMA: &str = "
CREATE TABLE runs (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, scenario TEXT NOT NULL, file TEXT NOT NULL,
    file_hash TEXT NOT NULL, target TEXT, model TEXT NOT NULL, seed TEXT NOT NULL,
    version TEXT NOT NULL, command TEXT NOT NULL, host TEXT NOT NULL, cores INTEGER NOT NULL,
    began_at REAL NOT NULL, measured_s REAL, verdict TEXT, exit_code INTEGER, exit_reason TEXT
);
CREATE TABLE thresholds (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    rule TEXT NOT NULL, passed INTEGER NOT NULL, found TEXT NOT NULL
);
CREATE TABLE seconds (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    from_s REAL NOT NULL, until_s REAL NOT NULL, phase TEXT NOT NULL,
    users INTEGER NOT NULL, under_way INTEGER NOT NULL, goal_per_s REAL, held_by TEXT,
    limited_by TEXT, cores REAL, memory_mib REAL
);
CREATE TABLE transactions (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    from_s REAL NOT NULL, until_s REAL NOT NULL, part TEXT NOT NULL, name TEXT,
    started INTEGER NOT NULL, ok INTEGER NOT NULL, failed INTEGER NOT NULL,
    interrupted INTEGER NOT NULL, unsent INTEGER, completed_per_s REAL NOT NULL,
    generator_lag_p99_ms REAL{times}, at_least TEXT NOT NULL
);
CREATE TABLE errors (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    from_s REAL NOT NULL, part TEXT NOT NULL, name TEXT NOT NULL, cause TEXT NOT NULL,
    count INTEGER NOT NULL
);
CREATE TABLE checks (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    from_s REAL NOT NULL, part TEXT NOT NULL, name TEXT NOT NULL,
    passed INTEGER NOT NULL, failed INTEGER NOT NULL
);
CREATE TABLE hosts (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    from_s REAL NOT NULL, name TEXT NOT NULL, share REAL NOT NULL, present INTEGER NOT NULL,
    has_left INTEGER NOT NULL, users INTEGER NOT NULL, completed_per_s REAL NOT NULL,
    cores REAL NOT NULL, generator_lag_p99_ms REAL, verdict TEXT NOT NULL
);
CREATE TABLE histograms (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    from_s REAL NOT NULL, until_s REAL NOT NULL, part TEXT NOT NULL, name TEXT,
    kind TEXT NOT NULL, cut_off INTEGER NOT NULL, count INTEGER NOT NULL, sum_ms REAL NOT NULL,
    min_ms REAL NOT NULL, max_ms REAL NOT NULL, buckets TEXT NOT NULL
);
CREATE TABLE marks (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    at_s REAL NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL
);
CREATE INDEX thresholds_of_run ON thresholds (run);
CREATE INDEX seconds_of_run ON seconds (run, from_s);
CREATE INDEX transactions_of_run ON transactions (run, from_s);
CREATE INDEX errors_of_run ON errors (run, from_s);
CREATE INDEX checks_of_run ON checks (run, from_s);
CREATE INDEX hosts_of_run ON hosts (run, from_s);
CREATE INDEX histograms_of_run ON histograms (run, from_s);
CREATE INDEX marks_of_run ON marks (run, at_s);
";

/// What makes all tables.
pub(super) fn schema() -> String {
    let times: String = columns_of_times().map(|name| format!(", {name} REAL")).collect();
    SCHEMA.replace("{times}", &times)
}

/// Adds rows to the tables of a database. Each method gives how many.
pub(super) struct SqlTables<'a>(pub(super) &'a Connection);

impl SqlTables<'_> {
    /// Whether a run is there already.
    pub(super) fn has_run(&self, run: &RecordHeader) -> Result<bool> {
        let known = "SELECT count(*) FROM runs WHERE id = ?";
        self.0.query_row(known, [text(&run.run.id)], |row| Ok(row.get::<_, i64>(0)? > 0))
    }

    /// A run begins, in place of what there is of it.
    pub(super) fn begin(&self, run: &RecordHeader) -> Result<u64> {
        let about = &run.run;
        self.0.execute("DELETE FROM runs WHERE id = ?", [text(&about.id)])?;
        self.add(
            "INSERT INTO runs (id, name, scenario, file, file_hash, target, model, seed, version,
                command, host, cores, began_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            vec![
                text(&about.id),
                text(&about.name),
                text(&about.scenario),
                text(&about.file),
                text(&about.file_hash),
                about.target.as_deref().map_or(Value::Null, text),
                text(&about.model),
                text(&about.seed.to_string()),
                text(&about.version),
                command(&run.command).into(),
                text(&run.host.name),
                integer(run.host.cores),
                run.began_at.into(),
            ],
        )
    }

    pub(super) fn frame(&self, run: &RecordHeader, frame: &Frame) -> Result<u64> {
        let moment = &frame.moment;
        let (id, from) = (&run.run.id, frame.from.as_secs_f64());
        let mut rows = self.add(
            "INSERT INTO seconds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            vec![
                text(id),
                from.into(),
                frame.until.as_secs_f64().into(),
                text(moment.phase.name()),
                integer(moment.users),
                integer(moment.under_way),
                moment.goal_per_second.into(),
                moment.held_by.as_deref().map_or(Value::Null, text),
                moment.limited_by.map_or(Value::Null, |by| text(by.name())),
                moment.cores.into(),
                moment.memory_mib.into(),
            ],
        )?;
        for part in PartOfFrame::all_of(run, frame) {
            rows += self.part(id, frame, &part)?;
        }
        for host in &moment.hosts {
            rows += self.add(
                "INSERT INTO hosts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                vec![
                    text(id),
                    from.into(),
                    text(&host.name),
                    host.share.into(),
                    host.present.into(),
                    host.left.into(),
                    integer(host.users),
                    host.per_second.into(),
                    host.cores.into(),
                    host.generator_lag_p99_ms.into(),
                    text(host.verdict.name()),
                ],
            )?;
        }
        Ok(rows)
    }

    fn part(&self, run: &str, frame: &Frame, part: &PartOfFrame) -> Result<u64> {
        let (from, name_of_part) = (frame.from.as_secs_f64(), part.name());
        let mut rows = 0;
        for row in part.rows() {
            rows += self.transactions(run, frame, &row)?;
        }
        for (name, row) in &part.counted.by_name {
            for (cause, count) in &row.failures {
                rows += self.add(
                    "INSERT INTO errors VALUES (?, ?, ?, ?, ?, ?)",
                    vec![
                        text(run),
                        from.into(),
                        text(name_of_part),
                        text(name),
                        text(cause),
                        integer(*count),
                    ],
                )?;
            }
        }
        for (name, check) in &part.counted.checks {
            rows += self.add(
                "INSERT INTO checks VALUES (?, ?, ?, ?, ?, ?)",
                vec![
                    text(run),
                    from.into(),
                    text(name_of_part),
                    text(name),
                    integer(check.passed),
                    integer(check.failed),
                ],
            )?;
        }
        let figures =
            if part.is_measured { &frame.counted.measured } else { &frame.counted.warm_up };
        rows += self.histograms(run, frame, part, figures)?;
        Ok(rows)
    }

    fn transactions(&self, run: &str, frame: &Frame, row: &SecondRow<'_>) -> Result<u64> {
        let (counts, totals) = (row.counts, &row.part.counted.transactions);
        let is_of_all = row.name.is_none();
        let lag = totals.generator_lag_ms.percentile(Percentile::P99).filter(|_| is_of_all);
        let mut values = vec![
            text(run),
            frame.from.as_secs_f64().into(),
            frame.until.as_secs_f64().into(),
            text(row.part.name()),
            row.name.map_or(Value::Null, text),
            integer(counts.started),
            integer(counts.ok),
            integer(counts.failed),
            integer(counts.interrupted),
            if is_of_all { integer(row.part.unsent()) } else { Value::Null },
            row.per_second.into(),
            lag.into(),
        ];
        values.extend(row.times().map(|(_, figure, _)| Value::from(figure)));
        values.push(text(&row.at_least()));
        let marks = vec!["?"; values.len()].join(", ");
        self.add(&format!("INSERT INTO transactions VALUES ({marks})"), values)
    }

    /// The histograms that have samples.
    fn histograms(
        &self,
        run: &str,
        frame: &Frame,
        part: &PartOfFrame,
        figures: &Figures,
    ) -> Result<u64> {
        let total = [("response", &figures.total.response), ("service", &figures.total.service)];
        let all = total.map(|(kind, split)| (None, kind, split));
        let named = figures.transactions.iter().flat_map(|(name, row)| {
            [("response", &row.response), ("service", &row.service)]
                .map(|(kind, split)| (Some(name), kind, split))
        });
        let mut rows = 0;
        for (name, kind, split) in all.into_iter().chain(named) {
            let Split { interrupted, .. } = split;
            for (cut_off, histogram) in [(false, &split.both()), (true, interrupted)] {
                let (Some(min), Some(max)) = (histogram.min(), histogram.max()) else { continue };
                rows += self.add(
                    "INSERT INTO histograms VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    vec![
                        text(run),
                        frame.from.as_secs_f64().into(),
                        frame.until.as_secs_f64().into(),
                        text(part.name()),
                        name.map_or(Value::Null, text),
                        text(kind),
                        cut_off.into(),
                        integer(histogram.count()),
                        (histogram.sum_ns() as f64 / 1e6).into(),
                        (min.as_nanos() as f64 / 1e6).into(),
                        (max.as_nanos() as f64 / 1e6).into(),
                        buckets(histogram).into(),
                    ],
                )?;
            }
        }
        Ok(rows)
    }

    pub(super) fn mark(&self, run: &RecordHeader, mark: &Mark) -> Result<u64> {
        let kind = serde_json::to_value(mark.kind).ok();
        let kind = kind.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
        self.add(
            "INSERT INTO marks VALUES (?, ?, ?, ?)",
            vec![text(&run.run.id), mark.at.as_secs_f64().into(), text(kind), text(&mark.text)],
        )
    }

    /// A run is over, with what it came to.
    pub(super) fn over(&self, run: &RecordHeader, report: &Report) -> Result<u64> {
        let id = &run.run.id;
        let mut rows = self.add(
            "UPDATE runs SET measured_s = ?, verdict = ?, exit_code = ?, exit_reason = ?
            WHERE id = ?",
            vec![
                report.run.measured_seconds.into(),
                text(report.verdict.stamp.name()),
                integer(u64::from(report.exit.code.code())),
                text(&report.exit.reason),
                text(id),
            ],
        )?;
        for threshold in &report.thresholds {
            let passed = Value::from(threshold.passed);
            rows += self.add(
                "INSERT INTO thresholds VALUES (?, ?, ?, ?)",
                vec![text(id), text(&threshold.rule), passed, text(&threshold.found)],
            )?;
        }
        Ok(rows)
    }

    fn add(&self, sql: &str, values: Vec<Value>) -> Result<u64> {
        let mut statement = self.0.prepare_cached(sql)?;
        Ok(statement.execute(rusqlite::params_from_iter(values))? as u64)
    }
}

/// `[[ms, count], …]`: the longest time of each bucket that has samples, and how many it has.
fn buckets(histogram: &Histogram) -> String {
    let buckets: Vec<(f64, u64)> = histogram
        .buckets()
        .map(|(longest, count)| (longest.as_nanos() as f64 / 1e6, count))
        .collect();
    serde_json::to_string(&buckets).expect("numbers are JSON")
}

/// What does the same again in a shell, all of it: a text that is shown in a line would be cut.
/// Each word is plain already.
fn command(words: &[String]) -> String {
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

/// A text in which nothing acts on the terminal of who asks for it.
fn text(text: &str) -> Value {
    line(text).to_string().into()
}

/// Counts of a run are far from the most that SQLite can hold.
fn integer(count: u64) -> Value {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}
