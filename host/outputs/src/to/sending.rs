//! A thread's part of a sink that sends: updates go in, a carrier brings them, and what goes wrong
//! is told once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use swell_core::random::Random;
use swell_core::units::{counted, grouped};

use super::backlog::{Backlog, Joining};
use super::carrier::{Carrier, NotTaken};
use super::updates::Updates;
use crate::queued::{OnTheWay, Queued, RunNews, Taker};
use crate::sink::Sink;

/// How long a receiver has to take what is sent. Those that work answer within a second; the queue
/// of a sink holds a minute.
const PATIENCE: Duration = Duration::from_secs(4);
/// The same for a message by itself, which is not sent twice: whoever takes it may have work to do.
const PATIENCE_APART: Duration = Duration::from_secs(10);
/// How long there is for what is left at the end.
const LAST: Duration = Duration::from_secs(3);
/// The same for messages by themselves.
const LAST_APART: Duration = Duration::from_secs(7);
/// How often a receiver is tried in that time.
const LAST_TRIES: Duration = Duration::from_millis(250);
/// A receiver that failed so often in a row is away, and is tried once at the end.
const AWAY: u32 = 2;

/// See the module's documentation.
pub(super) struct UpdateSender<U, C> {
    /// The flag by which it was asked for, without secrets.
    flag: String,
    updates: U,
    carrier: C,
    backlog: Backlog,
    on_the_way: Arc<OnTheWay>,
    /// The last reason for which something was not taken.
    reason: String,
    has_told: ToldOnce,
}

/// What has been told of already.
#[derive(Default)]
struct ToldOnce {
    failure: bool,
    refusal: bool,
    drop: bool,
}

/// A sink that sends, on a thread of this name.
///
/// # Errors
/// The machine gives no thread.
pub(super) fn sending(
    thread: &str,
    flag: String,
    joining: Joining,
    updates: impl Updates,
    carrier: impl Carrier,
) -> anyhow::Result<Box<dyn Sink>> {
    let sending = UpdateSender::new(flag.clone(), joining, updates, carrier);
    Ok(Box::new(Queued::new(thread, sending).context(flag)?))
}

impl<U: Updates, C: Carrier> UpdateSender<U, C> {
    fn new(flag: String, joining: Joining, updates: U, carrier: C) -> Self {
        let random = Random::stream(u64::from(std::process::id()), flag.len() as u64);
        let on_the_way = OnTheWay { flag: flag.clone(), missing: AtomicU64::new(0) };
        Self {
            flag,
            updates,
            carrier,
            backlog: Backlog::new(joining, random),
            on_the_way: Arc::new(on_the_way),
            reason: String::new(),
            has_told: ToldOnce::default(),
        }
    }

    /// Sends what is due, while the receiver takes it. It has so long for each message, and for all
    /// of them until `by`, if that is given; the first is tried in any case.
    fn send(&mut self, patience: Duration, by: Option<Instant>, written: &AtomicU64) {
        let mut left = patience;
        while let Some(batch) = self.backlog.poll_batch(Instant::now()) {
            if let Some(by) = by {
                left = by.saturating_duration_since(Instant::now()).clamp(LAST_TRIES, patience);
            }
            let brought = match self.carrier.bring(&batch, left) {
                // What adds up is the same when it comes again; a message is read by people.
                Err(NotTaken::Perhaps(reason)) if self.is_apart() => Err(NotTaken::Ever(reason)),
                brought => brought,
            };
            match brought {
                Ok(()) => {
                    written.fetch_add(batch.len() as u64, Ordering::Relaxed);
                    self.backlog.handle_taken();
                }
                Err(NotTaken::Yet(reason) | NotTaken::Perhaps(reason)) => {
                    self.backlog.handle_failed(Instant::now());
                    self.reason = reason;
                    if !std::mem::replace(&mut self.has_told.failure, true) {
                        let Self { flag, reason, .. } = self;
                        tracing::warn!("{flag}: {reason}; the run goes on, and it is tried again");
                    }
                    return;
                }
                Err(NotTaken::TooLarge(_)) if self.backlog.halve_batch() => {}
                Err(NotTaken::Ever(reason) | NotTaken::TooLarge(reason)) => {
                    self.backlog.handle_refused();
                    self.reason = reason;
                    if !std::mem::replace(&mut self.has_told.refusal, true) {
                        let Self { flag, reason, .. } = self;
                        tracing::warn!("{flag}: {reason}; the run goes on without that update");
                    }
                }
            }
            self.count();
            if by.is_some_and(|by| Instant::now() >= by) {
                return;
            }
        }
    }

    /// Has whoever gives this up know what is missing.
    fn count(&self) {
        self.on_the_way.missing.store(self.missing(), Ordering::Relaxed);
    }

    fn missing(&self) -> u64 {
        self.backlog.dropped() + self.backlog.waiting() as u64
    }

    const fn is_apart(&self) -> bool {
        matches!(self.backlog.joining(), Joining::Apart)
    }

    /// What a person is to be told at the end.
    fn last_words(&self) -> Option<String> {
        let missing = self.missing();
        let Self { flag, reason, .. } = self;
        let all = counted(self.backlog.all(), "update");
        (missing > 0)
            .then(|| format!("{flag}: {} of {all} did not arrive: {reason}", grouped(missing)))
    }
}

impl<U: Updates, C: Carrier> Taker for UpdateSender<U, C> {
    fn take(&mut self, told: &RunNews, _: &AtomicU64) -> anyhow::Result<()> {
        if let Some(update) = self.updates.update(told) {
            self.backlog.handle_update(update);
            self.count();
        }
        if self.backlog.failures() > 0
            && self.backlog.dropped() > 0
            && !std::mem::replace(&mut self.has_told.drop, true)
        {
            tracing::warn!("{}: away for long; the oldest updates are dropped", self.flag);
        }
        Ok(())
    }

    /// All that came meanwhile goes together: who is slow then still follows.
    fn rest(&mut self, written: &AtomicU64) -> anyhow::Result<()> {
        self.send(if self.is_apart() { PATIENCE_APART } else { PATIENCE }, None, written);
        Ok(())
    }

    fn finish(&mut self, written: &AtomicU64) -> anyhow::Result<Vec<String>> {
        let last = if self.is_apart() { LAST_APART } else { LAST };
        let by = Instant::now() + last;
        let is_away = self.backlog.failures() >= AWAY;
        loop {
            self.backlog.hurry();
            self.send(last, Some(by), written);
            if self.backlog.waiting() == 0 || is_away || Instant::now() + LAST_TRIES > by {
                break;
            }
            std::thread::sleep(LAST_TRIES);
        }
        Ok(self.last_words().into_iter().collect())
    }

    fn on_the_way(&self) -> Option<Arc<OnTheWay>> {
        Some(Arc::clone(&self.on_the_way))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::samples::{frame, header, results};
    use crate::to::updates::FrameForm;
    use crate::to::updates::FrameUpdates;
    use swell_core::RunInstant;
    use swell_report::record::{Frame, RecordHeader};

    /// How many transactions each frame began, a number each.
    struct Began;

    impl FrameForm for Began {
        type SoFar = ();

        fn begin(&self, _: &RecordHeader) {}

        fn bytes(&self, _: &RecordHeader, (): &mut (), frame: &Frame, _: RunInstant) -> Vec<u8> {
            vec![frame.counted.measured.total.counts.started as u8]
        }
    }

    /// Answers as it is told to, and keeps what it took.
    #[derive(Clone)]
    struct Answering {
        answer: fn(usize) -> Result<(), NotTaken>,
        taken: Arc<Mutex<Vec<u8>>>,
        asked: Arc<Mutex<usize>>,
    }

    impl Answering {
        fn new(answer: fn(usize) -> Result<(), NotTaken>) -> Self {
            Self { answer, taken: Arc::default(), asked: Arc::default() }
        }
    }

    impl Carrier for Answering {
        fn bring(&mut self, bytes: &[u8], _: Duration) -> Result<(), NotTaken> {
            let mut asked = self.asked.lock().unwrap();
            *asked += 1;
            (self.answer)(*asked - 1)?;
            self.taken.lock().unwrap().extend(bytes);
            Ok(())
        }
    }

    /// Tells of a run of so many seconds; gives the last words.
    fn told(carrier: &Answering, seconds: u64) -> Vec<String> {
        told_with(carrier, Joining::Appended, seconds)
    }

    fn told_with(carrier: &Answering, joining: Joining, seconds: u64) -> Vec<String> {
        let updates = FrameUpdates::new(Began);
        let flag = "--to x=y".to_owned();
        let mut sink = sending("t", flag, joining, updates, carrier.clone()).unwrap();
        let run = header("shop");
        sink.begin(&run);
        for second in 0..seconds {
            while !sink.has_room() {
                std::thread::yield_now();
            }
            sink.frame(&run, &frame(second, second + 1));
        }
        sink.over(&run, None);
        sink.end(&results(), &AtomicU64::new(0)).expect("no receiver fails a command");
        sink.last_words()
    }

    #[test]
    fn a_receiver_gets_the_beginning_each_second_and_the_end() {
        let carrier = Answering::new(|_| Ok(()));
        assert_eq!(told(&carrier, 3), [""; 0]);
        assert_eq!(*carrier.taken.lock().unwrap(), [0, 1, 2, 3, 0]);
    }

    #[test]
    fn a_receiver_that_comes_back_gets_what_it_has_missed() {
        let carrier = Answering::new(|asked| match asked {
            0 => Err(NotTaken::Yet("away".to_owned())),
            _ => Ok(()),
        });
        assert_eq!(told(&carrier, 3), [""; 0]);
        assert_eq!(*carrier.taken.lock().unwrap(), [0, 1, 2, 3, 0]);
    }

    #[test]
    fn a_message_that_may_have_arrived_is_not_sent_again_but_what_adds_up_is() {
        let slow = Answering::new(|asked| match asked {
            0 => Err(NotTaken::Perhaps("no answer".to_owned())),
            _ => Ok(()),
        });
        let words = told_with(&slow, Joining::Apart, 2);
        assert_eq!(words, ["--to x=y: 1 of 4 updates did not arrive: no answer"]);
        assert_eq!(*slow.taken.lock().unwrap(), [1, 2, 0]);
        let slow = Answering { taken: Arc::default(), asked: Arc::default(), ..slow };
        assert_eq!(told(&slow, 2), [""; 0]);
        assert_eq!(*slow.taken.lock().unwrap(), [0, 1, 2, 0]);
    }

    #[test]
    fn who_is_slow_gets_what_came_meanwhile_in_one_message() {
        let slow = Answering::new(|_| {
            std::thread::sleep(Duration::from_millis(20));
            Ok(())
        });
        let sending = UpdateSender::new(
            "--to x=y".to_owned(),
            Joining::Appended,
            FrameUpdates::new(Began),
            slow.clone(),
        );
        let (mut sink, run) = (Queued::new("t", sending).unwrap(), header("shop"));
        sink.begin(&run);
        (0..50).for_each(|second| sink.frame(&run, &frame(second, second + 1)));
        sink.over(&run, None);
        sink.end(&results(), &AtomicU64::new(0)).unwrap();
        assert_eq!(sink.last_words(), [""; 0]);
        assert_eq!(slow.taken.lock().unwrap().iter().filter(|began| **began > 0).count(), 50);
        assert!(*slow.asked.lock().unwrap() < 10, "{}", slow.asked.lock().unwrap());
    }

    #[test]
    fn what_was_refused_is_counted_and_told_at_the_end() {
        let carrier = Answering::new(|_| Err(NotTaken::Ever("it answered 400".to_owned())));
        let words = told(&carrier, 3);
        assert_eq!(words, ["--to x=y: 5 of 5 updates did not arrive: it answered 400"]);
    }

    #[test]
    fn a_receiver_that_is_away_all_the_time_loses_all_and_is_told() {
        let mut sending = UpdateSender::new(
            "--to x=y".to_owned(),
            Joining::Appended,
            FrameUpdates::new(Began),
            Answering::new(|_| Err(NotTaken::Yet("away".to_owned()))),
        );
        (0..3).for_each(|_| sending.backlog.handle_update(vec![1]));
        (0..AWAY).for_each(|_| sending.backlog.handle_failed(Instant::now()));
        let words = sending.finish(&AtomicU64::new(0)).unwrap();
        assert_eq!(words, ["--to x=y: 3 of 3 updates did not arrive: away"]);
        assert_eq!(*sending.carrier.asked.lock().unwrap(), 1, "it is tried once more");
    }
}
