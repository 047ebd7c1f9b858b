//! The books of a run: what must add up in every report, whatever happened, and what must agree
//! with the service's own count.

use serde_json::Value;

use crate::{Finished, TargetCounts};

impl Finished {
    /// The same, when its books balance: what started is ok, failed or interrupted, each failure
    /// has its cause, each request its status or its error, and the parts are the whole.
    ///
    /// # Panics
    /// They do not.
    #[track_caller]
    pub fn expect_balanced(self) -> Self {
        for part in ["/measured", "/warm_up"] {
            let at = |path: &str| self.json_at(&format!("{part}{path}"));
            let names = at("/by_name").as_object().expect("it is a map");
            let outcomes = [at("/transactions"), at("/iterations")];
            for outcomes in outcomes.into_iter().chain(names.values()) {
                let [started, ended] = [
                    sum_of(outcomes, &["started"]),
                    sum_of(outcomes, &["ok", "failed", "interrupted"]),
                ];
                assert_eq!(started, ended, "{part}: {outcomes:#}");
            }
            for (name, row) in names {
                assert_eq!(
                    sum(&row["failures"]),
                    sum_of(row, &["failed"]),
                    "{part}: {name} failed for {:#}",
                    row["failures"]
                );
            }
            for key in ["started", "ok", "failed", "interrupted"] {
                let rows: u64 = names.values().map(|row| sum_of(row, &[key])).sum();
                assert_eq!(
                    rows,
                    sum_of(at("/transactions"), &[key]),
                    "{part}: {key}, by name and in all"
                );
            }
            let requests = at("/requests");
            let answers_and_errors = sum(&requests["statuses"]) + sum(&requests["errors"]);
            assert_eq!(
                sum_of(requests, &["ok", "failed"]),
                answers_and_errors,
                "{part}: {requests:#}"
            );
        }
        let [measured, warm_up] =
            ["/measured/requests", "/warm_up/requests"].map(|path| self.json_at(path));
        let written = sum_of(measured, &["written"]) + sum_of(warm_up, &["written"]);
        if sum_of(measured, &["interrupted"]) + sum_of(warm_up, &["interrupted"]) == 0 {
            assert_eq!(
                written,
                self.count("/requests_written"),
                "the parts' requests and the run's"
            );
        }
        self
    }

    /// The same, when it wrote exactly the requests that the service saw, and its books balance.
    ///
    /// # Panics
    /// It did not.
    #[track_caller]
    pub fn expect_agreement(self, seen: &TargetCounts) -> Self {
        assert_eq!(
            self.count("/requests_written"),
            seen.requests,
            "requests written and requests seen, {:?}\n{}",
            seen.paths,
            self.stdout
        );
        self.expect_balanced()
    }
}

fn sum_of(map: &Value, keys: &[&str]) -> u64 {
    keys.iter()
        .map(|key| map[key].as_u64().unwrap_or_else(|| panic!("no count {key} in {map:#}")))
        .sum()
}

fn sum(map: &Value) -> u64 {
    map.as_object()
        .unwrap_or_else(|| panic!("{map} is no map"))
        .values()
        .filter_map(Value::as_u64)
        .sum()
}
