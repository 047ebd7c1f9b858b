//! Thresholds: conditions on the figures of a run that decide whether it passed.
//!
//! ```text
//! response.p95 < 200ms          service[front page].p99 < 300ms     response.failed.max < 1s
//! error_rate < 1%               error_rate[pay] <= 0.5%             interrupted < 0.1%
//! throughput >= 4900/s          request.p99 < 80ms                  checks[has a title] > 99%
//! metric[rows].mean > 10
//! ```
//!
//! ## Why this form
//! A metric; in brackets the name to which it is narrowed; after a point which statistic of it; a
//! comparison; a value with its unit. Names of transactions, checks and own metrics are free texts,
//! so they stand in brackets and need no quoting beyond that of the shell. What stands outside of
//! brackets is a closed list, so a typing error shows before the run and not after it. Percentiles
//! obey the rule of reports: without enough samples there is no data, and a threshold without data
//! fails. With `even if few` after the limit it is judged by the samples that there are, and holds
//! where there are none: so do tools judge whose users bring their thresholds along.
//!
//! ## While the run goes on
//! After the limit may stand `over 30s`: then it must hold in each window of that length, too.
//! After that, `abort` or `abort after 10s` ends the run when it does not hold. Here fewer samples
//! than a percentile needs break nothing: more may come.
//!
//! ## What was cut off
//! What was cut off has no end: it would have taken longer than its age, and it would have
//! succeeded or failed. A threshold passes if it surely holds whatever the end would have been: a
//! time that is "at least 150 ms" is not known to be below 200 ms, and an error rate is not known
//! to be below 1 % while more requests hang.

mod judging;
mod margin;
mod quantity;
mod reading;
mod rule;

pub use self::judging::Outcome;
pub use self::margin::{By, Margin};
pub use self::quantity::{Makings, QuantityAmount};
pub use self::reading::ThresholdError;
pub use self::rule::{Comparison, Quantity, Threshold};

#[cfg(test)]
mod tests;
