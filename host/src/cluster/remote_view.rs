//! The terminal view of a run that a cluster does (`--tui`): the node that leads tells each second
//! what is new in the run's record, and is asked for what keys say.

use std::sync::Arc;

use anyhow::Context as _;
use serde_json::json;
use swell_core::units::print_rate;
use swell_outputs::{EntryId, LoggedEntry, RecordPart};
use swell_report::record::Entry;
use swell_tui::KeyRequest;
use tokio::sync::mpsc::UnboundedReceiver;

use super::coordinator_client::{CoordinatorClient, path};
use crate::tui::{ReadyView, SharedScreen, ShownView};

/// See the module's documentation. The terminal is given back with it.
pub(super) struct RemoteView {
    shown: ShownView,
    asking: UnboundedReceiver<KeyRequest>,
    followed: FollowedRecord,
}

/// The record of a run, as far as the view has been told of it.
pub(super) struct FollowedRecord {
    name: String,
    screen: Arc<SharedScreen>,
    /// The entry that came last, which names the run as well.
    seen: Option<EntryId>,
}

impl RemoteView {
    /// Takes the terminal for the run of this name.
    ///
    /// # Errors
    /// As [`ShownView::new`].
    pub(super) fn open(view: ReadyView, name: &str) -> anyhow::Result<Self> {
        let screen = view.into_screen();
        let (shown, asking) = ShownView::new(&screen)?;
        let followed = FollowedRecord { name: name.to_owned(), screen, seen: None };
        Ok(Self { shown, asking, followed })
    }

    /// What is told of, and where keys are heard.
    pub(super) fn parts(&mut self) -> (&mut FollowedRecord, &mut UnboundedReceiver<KeyRequest>) {
        (&mut self.followed, &mut self.asking)
    }

    /// Does what a key asks for, and tells what came of it.
    pub(super) async fn obey(&self, client: &mut CoordinatorClient, request: KeyRequest) {
        let (method, name, act, body, done) = match request {
            KeyRequest::Pause(name, true) => ("POST", name, "/pause", None, "paused".to_owned()),
            KeyRequest::Pause(name, false) => ("POST", name, "/resume", None, "resumed".to_owned()),
            KeyRequest::Goal(name, goal) => {
                let body = json!({ "tps": goal });
                ("PUT", name, "/goal", Some(body), format!("goal {}", print_rate(goal)))
            }
            KeyRequest::Stop(name) => ("POST", name, "/interrupt", None, "it ends".to_owned()),
            // The thread that reads the keys has done it.
            KeyRequest::Close => return,
        };
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let told = match client.tell(method, &path(&name, act), body).await {
            Ok(()) => done,
            Err(error) => format!("{error:#}"),
        };
        self.followed.screen.change(|dashboard| dashboard.tell(told));
    }

    /// Gives the terminal back, and prints what was said meanwhile.
    pub(super) fn close(self) {
        self.shown.close();
    }
}

impl FollowedRecord {
    /// Tells what is new.
    ///
    /// # Errors
    /// The coordinator is out of reach, or its answer makes no sense.
    pub(super) async fn follow(&mut self, client: &mut CoordinatorClient) -> anyhow::Result<()> {
        let seen = self.seen.as_ref().map(ToString::to_string).unwrap_or_default();
        let path = path(&self.name, &format!("/record?after={seen}"));
        let part = client.insist_on_bytes(&path).await?;
        let part = RecordPart::from_bytes(&part)
            .context("what the coordinator tells of the run's seconds makes no sense")?;
        let Some(last) = part.last() else { return Ok(()) };
        for entry in part.entries.iter().map(LoggedEntry::entry) {
            if let Entry::Header(header) = &entry {
                // What was told before is in what follows, too.
                let header = Arc::new((**header).clone());
                self.screen.change(|dashboard| {
                    dashboard.forget();
                    dashboard.handle_begin(&header);
                });
            }
            self.screen.tell(&last.run, &entry);
        }
        self.seen = Some(last);
        Ok(())
    }
}
