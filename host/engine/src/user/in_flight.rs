//! The exchanges that a user has under way.

use swell_core::RunInstant;
use swell_core::exchange::Protocol;
use swell_core::observer::{Observer, UserEvent};
use swell_core::record::{Recorder, RunPhase};

/// How many they are, and since when.
pub(super) struct InFlight {
    protocol: Protocol,
    pub(super) count: usize,
    since: RunInstant,
    /// The method of a call of gRPC.
    pub(super) method: Option<String>,
    /// What they ask for, where somebody looks on.
    pub(super) asked: Vec<String>,
}

impl InFlight {
    /// So many exchanges that began at the same time.
    pub(super) const fn new(protocol: Protocol, count: usize, since: RunInstant) -> Self {
        Self { protocol, count, since, method: None, asked: Vec::new() }
    }

    /// The user is cut off: what it has under way is interrupted.
    pub(super) fn handle_cut(&self, now: RunInstant, phase: RunPhase, recorder: &mut Recorder) {
        for _ in 0..self.count {
            // What they had written is in the client's own count, which outlives them.
            let age = now.since(self.since);
            recorder.exchange_interrupted(self.protocol, phase, age, 0, 0);
            if let Some(method) = &self.method {
                recorder.grpc(phase).interrupted(method, age);
            }
        }
    }

    /// Tells whoever looks on of those that are cut off.
    pub(super) fn tell(&self, now: RunInstant, observer: &Observer) {
        let age = now.since(self.since);
        for asked in self.asked.iter().take(self.count) {
            observer.tell(UserEvent::CutOff { asked: asked.clone(), age });
        }
    }
}
