//! The courses of the runs of a command, gathered as they go on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use swell_report::record::RunCourse;
use swell_report::{Report, Written};

use crate::queued::{NewsKind, RunNews, Taker};

/// By the identities of their runs.
#[derive(Clone, Default)]
pub(crate) struct Courses(Arc<Mutex<BTreeMap<String, RunCourse>>>);

impl Courses {
    /// Gives each run of these results its course.
    pub(crate) fn put_into(&self, results: &mut Written) {
        let courses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let give = |report: &mut Report| {
            if let Some(course) = courses.get(&report.run.id) {
                course.put_into(report);
            }
        };
        match results {
            Written::Run(report) => give(report),
            Written::Runs(report) => report.runs.values_mut().for_each(give),
        }
    }
}

impl Taker for Courses {
    fn take(&mut self, told: &RunNews, gathered: &AtomicU64) -> anyhow::Result<()> {
        let mut courses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let course = courses.entry(told.run.run.id.clone()).or_default();
        match &told.what {
            NewsKind::Frame(frame) => course.add(frame),
            NewsKind::Mark(mark) => course.mark(mark),
            NewsKind::Begun | NewsKind::Over(_) => {}
        }
        gathered.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn finish(&mut self, _: &AtomicU64) -> anyhow::Result<Vec<String>> {
        Ok(Vec::new())
    }
}
