//! What a comparison goes by, which follows from how many runs there are and what is known of them.

use schemars::JsonSchema;
use serde::Serialize;

use super::between;
use super::run::ComparedRun;

/// See the module's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The totals of two runs: no interval is known.
    TotalsOfTwoRuns,
    /// What varied within each of two runs.
    TwoRuns,
    /// The spread of few runs, which is taken to be normal.
    FewRuns,
    /// The ranks of many.
    ManyRuns,
}

impl Method {
    /// How so many runs on each side are compared.
    pub fn of(a: &[ComparedRun], b: &[ComparedRun]) -> Self {
        let has_records = || a.iter().chain(b).all(ComparedRun::is_record);
        match (a.len(), b.len()) {
            (..=1, ..=1) if has_records() => Self::TwoRuns,
            (..=1, ..=1) => Self::TotalsOfTwoRuns,
            (a, b) if a.min(b) >= between::MANY => Self::ManyRuns,
            _ => Self::FewRuns,
        }
    }

    /// What it can say, and what it cannot.
    pub const fn words(self) -> &'static str {
        match self {
            Self::TotalsOfTwoRuns => {
                "The totals of two runs: how sure a difference is, only their records could say."
            }
            Self::TwoRuns => {
                "Two runs: \"differs\" speaks of these two and what varied within them. How much \
                equal runs differ from each other, they cannot say: give some of each, \
                A1,A2,... B1,B2,..., best taken in turn."
            }
            Self::FewRuns => {
                "Few runs: \"differs\" holds if runs spread as the normal law says. With five and \
                more on each side nothing is assumed."
            }
            Self::ManyRuns => {
                "Ranks of the runs (Mann-Whitney) and the median of their differences \
                (Hodges-Lehmann): nothing is assumed of how runs spread."
            }
        }
    }
}
