//! A timer for what a state machine says is due next.

use std::pin::Pin;
use std::time::Duration;

use swell_driver::machine::local_now;
use swell_protocol::clock::LocalInstant;
use tokio::time::Sleep;

/// Goes off at an instant that is moved now and then, and costs nothing while it is not.
pub(super) struct Alarm {
    set_to: Option<LocalInstant>,
    sleep: Pin<Box<Sleep>>,
}

impl Alarm {
    /// The longest that it sleeps at a time.
    const LONG: Duration = Duration::from_secs(3_600);

    pub(super) fn new() -> Self {
        Self { set_to: None, sleep: Box::pin(tokio::time::sleep(Self::LONG)) }
    }

    /// Waits until something is due, or for a long time. Dropping the future loses nothing.
    pub(super) async fn until(&mut self, due: LocalInstant) {
        if self.set_to.replace(due) != Some(due) {
            self.sleep
                .as_mut()
                .reset(tokio::time::Instant::now() + due.since(local_now()).min(Self::LONG));
        }
        self.sleep.as_mut().await;
        self.set_to = None;
    }
}
