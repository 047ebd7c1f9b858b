//! The runs that a live page shows: those of its own process, or those of the cluster that a node
//! has joined, which the node that leads knows. The page is the same for both; how it comes by what
//! runs tell, and has them obey, is here.

use std::pin::Pin;
use std::rc::Rc;

use swell_outputs::{EntryId, LiveRecords, RecordFollower, RecordPart};

use crate::control_api::{Caller, ControlApi};
use crate::serve::{Call, HttpAnswer};

/// Something that may have to be asked for elsewhere.
pub(crate) type PageAnswer<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// See the module's documentation.
pub(crate) trait PageRuns {
    /// Carries out a call of the control API.
    fn answer(&self, caller: Caller, call: Call) -> PageAnswer<'_, HttpAnswer>;

    /// What a run has told after the entry that was `seen`, or all of it; a part of nothing where
    /// it has told nothing.
    ///
    /// # Errors
    /// There is no such run, or it cannot be asked for; the answer says so.
    fn after<'a>(
        &'a self,
        name: &'a str,
        seen: Option<&'a EntryId>,
    ) -> PageAnswer<'a, Result<RecordPart, HttpAnswer>>;

    /// Begins to follow what runs tell; nothing where nobody says that there is news, so that it
    /// has to be looked for.
    fn follow(&self) -> Option<RecordFollower>;
}

/// The runs of this process.
pub(crate) struct OwnRuns {
    api: Rc<ControlApi>,
    records: LiveRecords,
}

impl OwnRuns {
    /// The runs behind an API, whose records these are.
    pub(crate) const fn new(api: Rc<ControlApi>, records: LiveRecords) -> Self {
        Self { api, records }
    }
}

impl PageRuns for OwnRuns {
    fn answer(&self, caller: Caller, call: Call) -> PageAnswer<'_, HttpAnswer> {
        Box::pin(async move {
            let Call { method, path, body, .. } = &call;
            self.api.answer(caller, method, path, body).await
        })
    }

    fn after<'a>(
        &'a self,
        name: &'a str,
        seen: Option<&'a EntryId>,
    ) -> PageAnswer<'a, Result<RecordPart, HttpAnswer>> {
        let part = self.api.run(name).map(|run| {
            let is_over = run.is_over();
            self.records.after(name, seen).unwrap_or_else(|| RecordPart::empty(is_over))
        });
        Box::pin(std::future::ready(part))
    }

    fn follow(&self) -> Option<RecordFollower> {
        Some(self.records.follow())
    }
}
