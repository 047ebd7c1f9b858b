//! What runs tell, as bytes of a receiver's form.

use std::collections::BTreeMap;
use std::time::Duration;

use swell_core::RunInstant;
use swell_report::Status;
use swell_report::record::{Frame, Moment, RecordHeader};

use crate::queued::{NewsKind, RunNews};

/// Makes updates of what runs tell.
pub(super) trait Updates: Send + 'static {
    /// The update that something is worth, if it is worth one.
    fn update(&mut self, told: &RunNews) -> Option<Vec<u8>>;
}

/// The form of one frame.
pub(super) trait FrameForm: Send + 'static {
    /// What has to be known of a run from frame to frame.
    type SoFar: Send;

    /// What is known of a run that begins.
    fn begin(&self, run: &RecordHeader) -> Self::SoFar;

    /// What a frame says, at an instant that no other update of the run has. The first comes as the
    /// run begins, and counts nothing; the last when it is over.
    fn bytes(
        &self,
        run: &RecordHeader,
        so_far: &mut Self::SoFar,
        frame: &Frame,
        at: RunInstant,
    ) -> Vec<u8>;
}

/// Updates that are made of frames alone.
pub(super) struct FrameUpdates<F: FrameForm> {
    form: F,
    /// The runs that go on, by their identities.
    runs: BTreeMap<String, ToldRun<F::SoFar>>,
}

/// A run that goes on.
struct ToldRun<S> {
    so_far: S,
    /// When its last update was, and where it was then.
    at: RunInstant,
    moment: Moment,
}

/// How far updates of a run are apart at least. The last frame of a run may be shorter; but of two
/// samples of one millisecond receivers refuse the second, or take it in place of the first.
const APART: Duration = Duration::from_millis(1);

impl<F: FrameForm> FrameUpdates<F> {
    pub(super) const fn new(form: F) -> Self {
        Self { form, runs: BTreeMap::new() }
    }
}

impl<F: FrameForm> Updates for FrameUpdates<F> {
    fn update(&mut self, told: &RunNews) -> Option<Vec<u8>> {
        let run = &*told.run;
        match &told.what {
            NewsKind::Begun => {
                let (frame, at) = (Frame::empty(Moment::of(&Status::default())), RunInstant::START);
                let mut so_far = self.form.begin(run);
                let bytes = self.form.bytes(run, &mut so_far, &frame, at);
                let followed = ToldRun { so_far, at, moment: frame.moment };
                self.runs.insert(run.run.id.clone(), followed);
                Some(bytes)
            }
            NewsKind::Frame(frame) => {
                let followed = self.runs.get_mut(&run.run.id)?;
                followed.at = frame.until.max(followed.at + APART);
                followed.moment.clone_from(&frame.moment);
                Some(self.form.bytes(run, &mut followed.so_far, frame, followed.at))
            }
            NewsKind::Mark(_) => None,
            NewsKind::Over(_) => {
                let ToldRun { mut so_far, at, moment } = self.runs.remove(&run.run.id)?;
                let frame = Frame::empty(moment.over());
                Some(self.form.bytes(run, &mut so_far, &frame, at + APART))
            }
        }
    }
}

/// The time since the Unix epoch of an instant of a run.
pub(super) fn unix_time(run: &RecordHeader, at: RunInstant) -> Duration {
    let began = Duration::try_from_secs_f64(run.began_at).unwrap_or_default();
    began + at.since(RunInstant::START)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::samples::{frame, header};

    /// When each update is, in milliseconds.
    struct Instants;

    impl FrameForm for Instants {
        type SoFar = ();

        fn begin(&self, _: &RecordHeader) {}

        fn bytes(&self, _: &RecordHeader, (): &mut (), _: &Frame, at: RunInstant) -> Vec<u8> {
            at.since(RunInstant::START).as_millis().to_string().into_bytes()
        }
    }

    #[test]
    fn no_two_updates_of_a_run_are_of_one_millisecond() {
        let (run, mut updates) = (header("shop"), FrameUpdates::new(Instants));
        let last = Frame { from: frame(0, 0).until, ..(*frame(0, 0)).clone() };
        let told = [
            NewsKind::Begun,
            NewsKind::Frame(frame(0, 1)),
            NewsKind::Frame(Arc::new(last)),
            NewsKind::Over(None),
        ];
        let at = told.map(|what| {
            let update = updates.update(&RunNews { run: Arc::clone(&run), what });
            String::from_utf8(update.unwrap()).unwrap()
        });
        assert_eq!(at, ["0", "1000", "1001", "1002"]);
    }
}
