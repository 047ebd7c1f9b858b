//! A sink with a thread of its own, which may take its time: a slow disk, a pipe that nobody reads.
//!
//! What a sink is told goes into a queue with a bound. While the queue is full, the frames of a
//! run are joined: the thread then hears of two seconds at once, or of ten, and of all that was
//! counted, and after that of what happened meanwhile. So nobody waits for the thread, nothing is
//! lost but resolution, and the memory that a stuck thread costs is bounded: marks of a run have a
//! bound where they are made.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use swell_core::units::counted;
use swell_report::record::{Frame, Mark, RecordHeader};
use swell_report::{Report, Written};

use crate::sink::Sink;

/// What is under way to the thread: a minute of one run.
const QUEUE: usize = 64;
/// How often it is looked whether there is room again, where somebody waits for it.
const LOOK: Duration = Duration::from_millis(5);
/// How long the thread has for what is left, where nobody waits who could give it up.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same for what is sent elsewhere, from when nothing follows: whoever waits for it gives it up
/// after 8 s, and would not hear what is missing.
const ELSEWHERE: Duration = Duration::from_millis(7_500);
/// The same where nobody has asked for it.
const SHORT_PATIENCE: Duration = Duration::from_secs(2);

/// What a sink is told of a run.
#[derive(Clone, Debug)]
pub struct RunNews {
    /// Of which.
    pub run: Arc<RecordHeader>,
    /// What happened.
    pub what: NewsKind,
}

/// See [`RunNews`].
#[derive(Clone, Debug)]
pub enum NewsKind {
    /// It begins.
    Begun,
    /// What was counted, and where it is.
    Frame(Arc<Frame>),
    /// Something happened.
    Mark(Mark),
    /// It is over, with what it came to if that is known.
    Over(Option<Box<Report>>),
}

/// What the thread does with what it is told.
pub trait Taker: Send + 'static {
    /// Takes it. Bytes are counted as they are written.
    ///
    /// # Errors
    /// It cannot be written, and neither can what follows.
    fn take(&mut self, told: &RunNews, written: &AtomicU64) -> anyhow::Result<()>;

    /// It has taken all that there is, or much of it, and may do now what takes long.
    ///
    /// # Errors
    /// As [`Taker::take`].
    fn rest(&mut self, _written: &AtomicU64) -> anyhow::Result<()> {
        Ok(())
    }

    /// Nothing follows. Gives what a person is to be told when all is over.
    ///
    /// # Errors
    /// Something could not be written.
    fn finish(&mut self, written: &AtomicU64) -> anyhow::Result<Vec<String>>;

    /// Whether it takes stdout for itself.
    fn takes_stdout(&self) -> bool {
        false
    }

    /// As [`Sink::is_optional`].
    fn is_optional(&self) -> bool {
        false
    }

    /// The files of the records that it keeps, if it keeps any.
    fn places(&self) -> Option<RecordPlaces> {
        None
    }

    /// What it sends to somebody who may not be there, if it does: as [`Sink::goes_elsewhere`].
    fn on_the_way(&self) -> Option<Arc<OnTheWay>> {
        None
    }
}

/// What is sent to somebody who may not be there.
#[derive(Debug)]
pub struct OnTheWay {
    /// The flag by which that was asked for.
    pub flag: String,
    /// Updates that did not arrive, so far.
    pub missing: AtomicU64,
}

/// Files of records, by the identities of their runs.
pub(crate) type RecordPlaces = Arc<Mutex<BTreeMap<String, PathBuf>>>;

/// The sink.
pub struct Queued {
    queue: Option<SyncSender<RunNews>>,
    thread: Option<JoinHandle<anyhow::Result<Vec<String>>>>,
    /// The runs that go on.
    runs: Vec<Arc<RecordHeader>>,
    /// What there was no room for yet. Of each run there is one frame in it, or few where one
    /// may not count so much.
    late: VecDeque<RunNews>,
    /// Frames that were joined.
    joined: u64,
    written: Arc<AtomicU64>,
    /// How much of it the thread has taken from the queue, and how much was put there.
    taken: Arc<AtomicU64>,
    put: Cell<u64>,
    takes_stdout: bool,
    is_optional: bool,
    places: Option<RecordPlaces>,
    on_the_way: Option<Arc<OnTheWay>>,
    /// Since when nothing follows.
    closed_at: Option<Instant>,
    last_words: Vec<String>,
}

impl Queued {
    /// A sink whose thread, of this name, does the taking.
    ///
    /// # Errors
    /// The machine gives no thread.
    pub fn new(name: &str, mut taker: impl Taker) -> anyhow::Result<Self> {
        let (queue, told) = sync_channel(QUEUE);
        let (written, taken) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (takes_stdout, is_optional) = (taker.takes_stdout(), taker.is_optional());
        let places = taker.places();
        let on_the_way = taker.on_the_way();
        let of_thread = (Arc::clone(&written), Arc::clone(&taken));
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // Whatever it has to do can wait for those who generate the load.
                let _ = rustix::process::nice(10);
                take_all(&mut taker, &told, &of_thread.0, &of_thread.1)
            })
            .context("cannot start a thread")?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            runs: Vec::new(),
            late: VecDeque::new(),
            joined: 0,
            written,
            taken,
            put: Cell::new(0),
            takes_stdout,
            is_optional,
            places,
            on_the_way,
            closed_at: None,
            last_words: Vec::new(),
        })
    }

    fn tell(&mut self, run: &RecordHeader, what: NewsKind) {
        let Some(run) = self.runs.iter().find(|known| known.run.id == run.run.id) else { return };
        let told = RunNews { run: Arc::clone(run), what };
        self.send_late();
        if self.late.is_empty() {
            if let Some(told) = self.try_send(told) {
                self.late.push_back(told);
            }
        } else {
            self.keep(told);
        }
    }

    /// Hands over what was late, as far as there is room.
    fn send_late(&mut self) {
        while let Some(told) = self.late.pop_front() {
            if let Some(told) = self.try_send(told) {
                self.late.push_front(told);
                return;
            }
        }
    }

    /// Gives back what there is no room for. A thread that has ended needs nothing more.
    fn try_send(&self, told: RunNews) -> Option<RunNews> {
        match self.queue.as_ref()?.try_send(told) {
            Ok(()) => {
                self.put.set(self.put.get() + 1);
                None
            }
            Err(TrySendError::Disconnected(_)) => None,
            Err(TrySendError::Full(told)) => Some(told),
        }
    }

    /// Keeps what there is no room for, joined with what is kept already where that can be.
    fn keep(&mut self, told: RunNews) {
        // Marks between two frames stand behind both: else each would cost a frame.
        let is_of = |late: &&mut RunNews| {
            Arc::ptr_eq(&late.run, &told.run) && !matches!(late.what, NewsKind::Mark(_))
        };
        if let NewsKind::Frame(frame) = &told.what
            && let Some(RunNews { what: NewsKind::Frame(before), .. }) =
                self.late.iter_mut().rev().find(is_of)
            && before.can_join(frame)
        {
            Arc::make_mut(before).join(frame);
            self.joined += 1;
        } else {
            self.late.push_back(told);
        }
    }

    /// Has the thread take all that is left and end, while `goes_on` says so.
    fn finish(&mut self, mut goes_on: impl FnMut(u64) -> bool) -> anyhow::Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        loop {
            self.close();
            if thread.is_finished() {
                self.queue = None;
            }
            if thread.is_finished() {
                break;
            }
            if !goes_on(self.written.load(Ordering::Relaxed)) {
                if let Some(OnTheWay { flag, missing }) = self.on_the_way.as_deref() {
                    let missing = counted(missing.load(Ordering::Relaxed), "update");
                    let words = format!("{flag}: at least {missing} did not arrive: no answer yet");
                    self.last_words = vec![words];
                    return Ok(());
                }
                return Err(anyhow!("what is written was not taken in time"));
            }
            std::thread::sleep(LOOK);
        }
        self.last_words = thread.join().map_err(|_| anyhow!("its thread broke down"))??;
        Ok(())
    }
}

fn take_all(
    taker: &mut impl Taker,
    told: &Receiver<RunNews>,
    written: &AtomicU64,
    taken: &AtomicU64,
) -> anyhow::Result<Vec<String>> {
    while let Ok(mut next) = told.recv() {
        // Whoever tells without an end has to wait now and then.
        let mut in_a_row = 0;
        loop {
            taken.fetch_add(1, Ordering::Relaxed);
            taker.take(&next, written)?;
            in_a_row += 1;
            if in_a_row == QUEUE {
                break;
            }
            match told.try_recv() {
                Ok(more) => next = more,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return taker.finish(written),
            }
        }
        taker.rest(written)?;
    }
    taker.finish(written)
}

impl Sink for Queued {
    fn hears_frames(&self) -> bool {
        true
    }

    fn begin(&mut self, run: &Arc<RecordHeader>) {
        self.runs.push(Arc::clone(run));
        self.tell(run, NewsKind::Begun);
    }

    fn frame(&mut self, run: &RecordHeader, frame: &Arc<Frame>) {
        self.tell(run, NewsKind::Frame(Arc::clone(frame)));
    }

    fn mark(&mut self, run: &RecordHeader, mark: &Mark) {
        self.tell(run, NewsKind::Mark(mark.clone()));
    }

    fn over(&mut self, run: &RecordHeader, report: Option<&Report>) {
        self.tell(run, NewsKind::Over(report.cloned().map(Box::new)));
        self.runs.retain(|known| known.run.id != run.run.id);
    }

    fn end(&mut self, _: &Written, taken: &AtomicU64) -> anyhow::Result<()> {
        self.end_without_results(taken)
    }

    fn end_without_results(&mut self, taken: &AtomicU64) -> anyhow::Result<()> {
        self.close();
        let by = self.closed_at.map(|at| at + ELSEWHERE).filter(|_| self.on_the_way.is_some());
        let ended = self.finish(|written| {
            taken.store(written, Ordering::Relaxed);
            by.is_none_or(|by| Instant::now() < by)
        });
        if self.joined > 0 {
            tracing::warn!(
                "{} seconds were written together with the one before, as the disk or the reader \
                was slow: nothing that was counted is missing",
                self.joined
            );
        }
        ended
    }

    fn is_optional(&self) -> bool {
        self.is_optional
    }

    fn goes_elsewhere(&self) -> bool {
        self.on_the_way.is_some()
    }

    fn close(&mut self) {
        self.closed_at.get_or_insert_with(Instant::now);
        self.send_late();
        if self.late.is_empty() {
            self.queue = None;
        }
    }

    fn takes_stdout(&self) -> bool {
        self.takes_stdout
    }

    fn record_of(&self, run: &str) -> Option<PathBuf> {
        let places = self.places.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(run).cloned()
    }

    fn has_room(&mut self) -> bool {
        self.send_late();
        let is_over = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        let waiting = self.put.get().saturating_sub(self.taken.load(Ordering::Relaxed));
        is_over || self.late.is_empty() && waiting < QUEUE as u64 / 2
    }

    fn last_words(&mut self) -> Vec<String> {
        std::mem::take(&mut self.last_words)
    }
}

impl Drop for Queued {
    /// A command that ends otherwise leaves what was written whole as well.
    fn drop(&mut self) {
        let patience = if self.is_optional { SHORT_PATIENCE } else { PATIENCE };
        let by = Instant::now() + patience;
        match self.finish(|_| Instant::now() < by) {
            Err(error) if self.is_optional => tracing::warn!("{error:#}"),
            Err(error) => tracing::error!("{error:#}"),
            // Nobody asks for them any more.
            Ok(()) if self.on_the_way.is_some() => {
                self.last_words.iter().for_each(|words| tracing::warn!("{words}"));
            }
            Ok(()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;

    use super::*;
    use crate::samples::{frame, header, mark, results};

    /// Takes nothing until it may, and then writes down what it takes.
    #[derive(Clone, Default)]
    struct BlockedTaker(Arc<(Mutex<bool>, Condvar)>, Arc<Mutex<Vec<String>>>);

    impl BlockedTaker {
        fn open(&self) {
            *self.0.0.lock().unwrap() = true;
            self.0.1.notify_all();
        }
    }

    impl Taker for BlockedTaker {
        fn take(&mut self, told: &RunNews, written: &AtomicU64) -> anyhow::Result<()> {
            let may = self.0.0.lock().unwrap();
            drop(self.0.1.wait_while(may, |may| !*may).unwrap());
            let words = match &told.what {
                NewsKind::Begun => "begun".to_owned(),
                NewsKind::Frame(frame) => {
                    let started = frame.counted.measured.total.counts.started;
                    format!("{started} in {} s", frame.length().as_secs())
                }
                NewsKind::Mark(mark) => format!("{:?}", mark.kind),
                NewsKind::Over(report) => format!("over {}", report.is_some()),
            };
            self.1.lock().unwrap().push(words);
            written.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }

        fn finish(&mut self, _: &AtomicU64) -> anyhow::Result<Vec<String>> {
            self.1.lock().unwrap().push("finished".to_owned());
            Ok(vec!["look at it".to_owned()])
        }
    }

    #[test]
    fn a_thread_that_is_stuck_hears_of_all_seconds_together_and_nobody_waits_for_it() {
        let gate = BlockedTaker::default();
        let mut sink = Queued::new("t", gate.clone()).unwrap();
        let run = header("shop");
        sink.begin(&run);
        // Far more than there is room for; nothing is taken meanwhile.
        let seconds = 1_000;
        (0..seconds).for_each(|second| sink.frame(&run, &frame(second, 3)));
        sink.mark(&run, &mark());
        sink.over(&run, None);
        assert!(sink.late.len() <= 3 && sink.joined > 900, "{} late", sink.late.len());
        gate.open();
        sink.end(&results(), &AtomicU64::new(0)).unwrap();
        let heard = gate.1.lock().unwrap().clone();
        let both: Vec<(u64, u64)> = heard
            .iter()
            .filter_map(|words| words.strip_suffix(" s")?.split_once(" in "))
            .map(|(started, length)| (started.parse().unwrap(), length.parse().unwrap()))
            .collect();
        assert_eq!(both.iter().map(|(_, length)| length).sum::<u64>(), seconds);
        assert_eq!(both.iter().map(|(started, _)| started).sum::<u64>(), 3 * seconds);
        assert_eq!(heard[heard.len() - 3..], ["GoalChanged", "over false", "finished"]);
        assert_eq!(sink.last_words(), ["look at it"]);
    }

    #[test]
    fn marks_between_frames_cost_a_thread_that_is_stuck_no_frame_each() {
        let gate = BlockedTaker::default();
        let mut sink = Queued::new("t", gate.clone()).unwrap();
        let run = header("shop");
        sink.begin(&run);
        for second in 0..500 {
            sink.frame(&run, &frame(second, 3));
            sink.mark(&run, &mark());
        }
        let frames = sink.late.iter().filter(|late| matches!(late.what, NewsKind::Frame(_)));
        assert!(frames.count() <= 1, "{} late", sink.late.len());
        gate.open();
        sink.end(&results(), &AtomicU64::new(0)).unwrap();
        let heard = gate.1.lock().unwrap().clone();
        let started = |words: &String| words.split_once(" in ")?.0.parse::<u64>().ok();
        assert_eq!(heard.iter().filter_map(started).sum::<u64>(), 1_500);
        assert_eq!(heard.iter().filter(|words| *words == "GoalChanged").count(), 500);
    }

    /// Cannot write.
    struct Full;

    impl Taker for Full {
        fn take(&mut self, _: &RunNews, _: &AtomicU64) -> anyhow::Result<()> {
            Err(anyhow!("no space left"))
        }

        fn finish(&mut self, _: &AtomicU64) -> anyhow::Result<Vec<String>> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn what_cannot_be_written_fails_the_end_and_holds_up_nobody_before() {
        let mut sink = Queued::new("t", Full).unwrap();
        let run = header("shop");
        sink.begin(&run);
        (0..200).for_each(|second| sink.frame(&run, &frame(second, 1)));
        sink.over(&run, None);
        let error = sink.end(&results(), &AtomicU64::new(0)).unwrap_err();
        assert_eq!(error.to_string(), "no space left");
    }

    /// Sends to somebody who never answers.
    struct Silent(BlockedTaker);

    impl Taker for Silent {
        fn take(&mut self, told: &RunNews, written: &AtomicU64) -> anyhow::Result<()> {
            self.0.take(told, written)
        }

        fn finish(&mut self, _: &AtomicU64) -> anyhow::Result<Vec<String>> {
            Ok(Vec::new())
        }

        fn on_the_way(&self) -> Option<Arc<OnTheWay>> {
            let missing = AtomicU64::new(3);
            Some(Arc::new(OnTheWay { flag: "--to x=y".to_owned(), missing }))
        }
    }

    #[test]
    fn of_a_receiver_that_is_given_up_it_is_told_which_and_what_is_missing() {
        let gate = BlockedTaker::default();
        let mut sink = Queued::new("t", Silent(gate.clone())).unwrap();
        sink.begin(&header("shop"));
        assert!(sink.goes_elsewhere());
        sink.finish(|_| false).expect("no receiver fails a command");
        let words = "--to x=y: at least 3 updates did not arrive: no answer yet";
        assert_eq!(sink.last_words(), [words]);
        gate.open();
    }

    #[test]
    fn who_waits_for_room_has_nothing_joined() {
        let gate = BlockedTaker::default();
        gate.open();
        let mut sink = Queued::new("t", gate.clone()).unwrap();
        let run = header("shop");
        sink.begin(&run);
        for second in 0..500 {
            while !sink.has_room() {
                std::thread::yield_now();
            }
            sink.frame(&run, &frame(second, 1));
        }
        sink.end(&results(), &AtomicU64::new(0)).unwrap();
        assert_eq!(sink.joined, 0);
        assert_eq!(gate.1.lock().unwrap().len(), 502);
    }

    #[test]
    fn what_was_told_is_written_although_no_results_come() {
        let gate = BlockedTaker::default();
        let mut sink = Queued::new("t", gate.clone()).unwrap();
        gate.open();
        let run = header("shop");
        sink.begin(&run);
        sink.frame(&run, &frame(0, 1));
        drop(sink);
        assert_eq!(*gate.1.lock().unwrap(), ["begun", "1 in 1 s", "finished"]);
    }
}
