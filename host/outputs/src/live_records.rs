//! The records of this process' runs while they go on, in memory: for whoever follows them.
//!
//! One thread of its own takes what a run tells, as with any sink that takes its time. Who follows
//! a run asks for what came after the entry that it has seen; nothing is kept for a follower, so a
//! slow one costs nothing, and what it misses meanwhile it finds joined. The lines of a second are
//! made on that thread, and only while somebody follows.
//!
//! A record in a file is given in the same form, and within the same bounds.

mod log;
mod transfer;

use std::fmt::{self, Display, Formatter};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use swell_report::ComparedRun;
use swell_report::record::{Entry, RecordHeader, RecordReader, Unreadable};
use tokio::sync::watch;

pub use self::log::LoggedEntry;
use self::log::{RecordLog, thinned};
use crate::queued::{NewsKind, Queued, RunNews, Taker};
use crate::record_file::Bounds;
use crate::sink::Sink;

/// What the frames of a run may take, and how many there may be. As lines they take about twice as
/// much, deflated: what the page of a report may hold.
const BOUNDS: Bounds = Bounds { frames: 3_600, bytes: 9 << 19 };

/// How many runs that are over are kept at most, and bytes of them all.
const MAX_RUNS_OVER: usize = 100;
const MAX_BYTES_OVER: u64 = 64 << 20;

/// See the module's documentation. Clones are of the same records.
#[derive(Clone, Default)]
pub struct LiveRecords(Arc<SharedRecords>);

#[derive(Default)]
struct SharedRecords {
    /// In the order in which they began.
    runs: Mutex<Vec<LiveRun>>,
    /// Changes whenever there is something new.
    news: watch::Sender<()>,
    followers: AtomicUsize,
}

struct LiveRun {
    run: Arc<RecordHeader>,
    log: RecordLog,
}

/// Which entry of which run somebody has seen last, as "1a215dd7b8b-3161.57".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryId {
    /// The identity of the run.
    pub run: String,
    /// The entry's number; of a joined frame, the last.
    pub number: u64,
}

/// What follows an entry.
pub struct RecordPart {
    /// The identity of the run.
    pub run: String,
    /// In their order. Where they begin with the header, all that came before is in them too.
    pub entries: Vec<LoggedEntry>,
    /// Whether nothing follows.
    pub is_over: bool,
}

/// Somebody who follows runs.
pub struct RecordFollower {
    records: LiveRecords,
    news: watch::Receiver<()>,
}

impl LiveRecords {
    /// What hears of the runs.
    ///
    /// # Errors
    /// The machine gives no thread.
    pub fn sink(&self) -> anyhow::Result<Box<dyn Sink>> {
        Ok(Box::new(Queued::new("live", Listener(self.clone()))?))
    }

    /// What the latest run of this name has told after the entry that was `seen`; nothing where it
    /// has not begun. Somebody who has seen another run, or a part of what is one frame by now,
    /// gets all of it.
    pub fn after(&self, name: &str, seen: Option<&EntryId>) -> Option<RecordPart> {
        let runs = self.runs();
        let LiveRun { run, log } = runs.iter().rfind(|live| live.run.run.name == name)?;
        let number = seen.filter(|seen| seen.run == run.run.id).map_or(0, |seen| seen.number);
        let (entries, is_over) = log.after(number);
        Some(RecordPart { run: run.run.id.clone(), entries, is_over })
    }

    /// Begins to follow.
    pub fn follow(&self) -> RecordFollower {
        self.0.followers.fetch_add(1, Ordering::Relaxed);
        RecordFollower { records: self.clone(), news: self.0.news.subscribe() }
    }

    fn runs(&self) -> MutexGuard<'_, Vec<LiveRun>> {
        self.0.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, run: &Arc<RecordHeader>) {
        let live = LiveRun { run: Arc::clone(run), log: RecordLog::new(run) };
        self.runs().push(live);
    }

    /// Adds to a run; gives its frames where they are too many.
    fn add(&self, run: &RecordHeader, entry: &Entry) -> Option<Vec<LoggedEntry>> {
        let logged = LoggedEntry::new(entry);
        if self.0.followers.load(Ordering::Relaxed) > 0 {
            logged.remember_line();
        }
        let mut runs = self.runs();
        let log = &mut find(&mut runs, run)?.log;
        log.add(logged, entry);
        log.is_beyond(BOUNDS).then(|| log.frames().to_vec())
    }

    fn over(&self, run: &RecordHeader) {
        let mut runs = self.runs();
        if let Some(live) = find(&mut runs, run) {
            live.log.over();
        }
        let over = |live: &LiveRun| live.log.is_over();
        let mut count = runs.iter().filter(|live| over(live)).count();
        let mut bytes: u64 = runs.iter().filter(|live| over(live)).map(|l| l.log.bytes()).sum();
        runs.retain(|live| {
            let goes = over(live) && (count > MAX_RUNS_OVER || bytes > MAX_BYTES_OVER);
            if goes {
                (count, bytes) = (count - 1, bytes - live.log.bytes());
            }
            !goes
        });
    }
}

fn find<'a>(runs: &'a mut [LiveRun], run: &RecordHeader) -> Option<&'a mut LiveRun> {
    runs.iter_mut().rfind(|live| live.run.run.id == run.run.id)
}

impl RecordPart {
    /// The run as one that is held against others, as far as its record goes, which must be here
    /// from its header on. It is called by its identity. To read it takes a moment.
    pub fn compared(&self) -> ComparedRun {
        let mut known = self.entries.iter().filter(|entry| !entry.is_frame());
        let Some(Entry::Header(header)) = known.next().map(LoggedEntry::entry) else {
            unreachable!("a record begins with its header");
        };
        let report = known.next_back().map(LoggedEntry::entry).and_then(|last| match last {
            Entry::End(report) => Some(report),
            _ => None,
        });
        let frames = self.entries.iter().filter(|entry| entry.is_frame()).map(LoggedEntry::frame);
        ComparedRun::of_record(self.run.clone(), &header, frames, report.as_deref())
    }
}

/// The record in a file, as far as it can be read.
///
/// # Errors
/// It is none, or none that this release can read.
pub fn part_of_file(path: &Path) -> anyhow::Result<RecordPart> {
    let shown = || path.display().to_string();
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (mut reader, header) = RecordReader::open(BufReader::new(file)).with_context(shown)?;
    let mut log = RecordLog::new(&header);
    loop {
        match reader.entry() {
            Ok(Some(Entry::Header(_)) | None) | Err(Unreadable::Broken(_)) => break,
            Ok(Some(entry)) => log.add(LoggedEntry::new(&entry), &entry),
            Err(error) => return Err(error).with_context(shown),
        }
        if log.is_beyond(BOUNDS) {
            let frames = thinned(log.frames(), BOUNDS);
            log.replace_frames(frames);
        }
    }
    let (entries, _) = log.after(0);
    Ok(RecordPart { run: header.run.id, entries, is_over: true })
}

impl RecordFollower {
    /// Waits until there is something new, in whichever run.
    pub async fn news(&mut self) {
        // Its sender lives as long as the records do.
        let _ = self.news.changed().await;
    }
}

impl Drop for RecordFollower {
    fn drop(&mut self) {
        self.records.0.followers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Takes what runs tell.
struct Listener(LiveRecords);

impl Taker for Listener {
    fn take(&mut self, told: &RunNews, _: &AtomicU64) -> anyhow::Result<()> {
        let Self(records) = self;
        let surplus = match &told.what {
            NewsKind::Begun => {
                records.begin(&told.run);
                None
            }
            NewsKind::Frame(frame) => {
                records.add(&told.run, &Entry::Frame(Box::new((**frame).clone())))
            }
            NewsKind::Mark(mark) => records.add(&told.run, &Entry::Mark(mark.clone())),
            NewsKind::Over(report) => {
                if let Some(report) = report {
                    records.add(&told.run, &Entry::End(report.clone()));
                }
                records.over(&told.run);
                None
            }
        };
        if let Some(frames) = surplus {
            // It takes seconds, and nobody else changes frames.
            let frames = thinned(&frames, BOUNDS);
            if let Some(live) = find(&mut records.runs(), &told.run) {
                live.log.replace_frames(frames);
            }
        }
        records.0.news.send_replace(());
        Ok(())
    }

    fn finish(&mut self, _: &AtomicU64) -> anyhow::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

impl Display for EntryId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.run, self.number)
    }
}

impl FromStr for EntryId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (run, number) = text.rsplit_once('.').ok_or(())?;
        Ok(Self { run: run.to_owned(), number: number.parse().map_err(drop)? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::outputs::Outputs;
    use crate::record_file::RecordFile;
    use crate::samples::{frame, header, mark, results};

    /// The records of a run of so many seconds, and of its mark.
    fn told(seconds: u64) -> LiveRecords {
        let records = LiveRecords::default();
        let outputs = Outputs::of(vec![records.sink().unwrap()]);
        let run = header("shop");
        outputs.begin(&run);
        for second in 0..seconds {
            outputs.wait_for_room();
            outputs.frame(&run, &frame(second, 3));
        }
        outputs.mark(&run, &mark());
        outputs.over(&run, None);
        outputs.end(&results(), &AtomicU64::new(0)).unwrap();
        records
    }

    fn kinds(part: &RecordPart) -> String {
        let line = |entry: &LoggedEntry| serde_json::from_str::<Value>(&entry.line()).unwrap();
        let kind = |entry| line(entry).as_object().unwrap().keys().next().unwrap()[..1].to_owned();
        part.entries.iter().map(kind).collect()
    }

    #[test]
    fn who_has_seen_an_entry_gets_those_after_it_and_a_stranger_gets_all() {
        let records = told(3);
        let after = |seen: Option<&str>| {
            let seen = seen.map(|seen| seen.parse().unwrap());
            kinds(&records.after("shop", seen.as_ref()).unwrap())
        };
        assert_eq!(after(None), "hfffm");
        assert_eq!(after(Some("f00.1")), "fffm");
        assert_eq!(after(Some("f00.3")), "fm");
        assert_eq!(after(Some("f00.5")), "");
        // Of another run, or of this one as it will be.
        assert_eq!(after(Some("e99.3")), "hfffm");
        assert_eq!(after(Some("f00.6")), "hfffm");
        assert!(records.after("search", None).is_none());
        assert!(records.after("shop", None).unwrap().is_over);
        assert!("f00".parse::<EntryId>().is_err() && "f00.x".parse::<EntryId>().is_err());
    }

    #[test]
    fn a_late_follower_of_a_long_run_gets_joined_frames_that_count_the_same() {
        let records = told(9_000);
        let all = records.after("shop", None).unwrap();
        let frames: Vec<Value> = all
            .entries
            .iter()
            .map(|entry| serde_json::from_str::<Value>(&entry.line()).unwrap()["frame"].take())
            .filter(|frame| !frame.is_null())
            .collect();
        assert!(frames.len() <= BOUNDS.frames && frames.len() > 1_000, "{}", frames.len());
        let started = |frame: &Value| frame["measured"]["transactions"]["started"].as_u64();
        assert_eq!(frames.iter().filter_map(started).sum::<u64>(), 27_000);
        let last = frames.last().unwrap();
        assert_eq!((last["from"].as_f64(), last["until"].as_f64()), (Some(8_999.0), Some(9_000.0)));
        assert!(frames[0]["until"].as_f64() > Some(1.0), "the first are joined");
        // Whoever has seen the first of some that are one by now begins anew; whoever was away for
        // a while does not.
        let run = || "f00".to_owned();
        let after = |number| records.after("shop", Some(&EntryId { run: run(), number })).unwrap();
        assert!(kinds(&after(2)).starts_with('h'));
        assert_eq!(kinds(&after(9_001 - 300)), "f".repeat(300) + "m");
    }

    #[test]
    fn a_record_in_a_file_is_given_as_that_of_a_run_that_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.swell");
        let mut file = RecordFile::create(&path, &header("shop"), Bounds::default()).unwrap();
        for second in 0..5 {
            file.add(&Entry::Frame(Box::new((*frame(second, 3)).clone()))).unwrap();
        }
        file.add(&Entry::Mark(mark())).unwrap();
        drop(file);
        let lines = |part: RecordPart| -> Vec<Arc<str>> {
            part.entries.iter().map(LoggedEntry::line).collect()
        };
        let live = told(5).after("shop", None).unwrap();
        assert_eq!(lines(part_of_file(&path).unwrap()), lines(live));
        std::fs::write(&path, "no record").unwrap();
        assert!(part_of_file(&path).is_err());
    }

    #[test]
    fn lines_are_made_ready_only_while_somebody_follows() {
        let records = LiveRecords::default();
        let run = header("shop");
        let add = |second| records.add(&run, &Entry::Frame(Box::new((*frame(second, 3)).clone())));
        records.begin(&run);
        add(0);
        let follower = records.follow();
        (1..40).for_each(|second| drop(add(second)));
        drop(follower);
        add(40);
        let all = records.after("shop", None).unwrap().entries;
        let ready: Vec<bool> = all.iter().map(|entry| entry.ready_line().is_some()).collect();
        assert!(!ready[1] && !ready[20] && ready[39] && !ready[41], "{ready:?}");
        assert_eq!(*all[39].ready_line().unwrap(), *all[39].line());
    }

    #[test]
    fn of_runs_that_are_over_the_latest_are_kept() {
        let records = LiveRecords::default();
        for number in 0..MAX_RUNS_OVER + 5 {
            let mut run = RecordHeader::clone(&header(&format!("run {number}")));
            run.run.id = format!("id {number}");
            records.begin(&Arc::new(run.clone()));
            records.over(&run);
        }
        assert!(records.after("run 4", None).is_none());
        assert!(records.after("run 5", None).is_some());
    }
}
