//! `--out html=FILE`: a page that shows the runs of a command, with their records in it.
//!
//! It is one file that needs no network: `host/web` builds it, and a host carries it that was built
//! afterwards. What the page holds is the lines of a record with packed histograms, deflated, as
//! base64: it reckons everything that it shows from them. A frame is packed on a thread of the
//! page's own, so the load waits for nothing; of a run so long or so varied that a browser would be
//! slow with it, neighbouring frames are joined, which loses nothing but resolution in time.

mod compared;
mod embedded;
mod kept;
mod packed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, bail, ensure};
use swell_report::record::{Frame, Mark, RecordHeader, end_line};
use swell_report::{Report, Written};

pub use self::compared::{ComparedSide, ComparisonPage};
use self::embedded::{EmptyPage, MAX_BYTES, PAGE};
use self::kept::KeptRun;
use crate::aside::Aside;
use crate::sink::{Flag, Kind, KindValue, Sink, Stdout};

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "html",
    flag: Flag::Out,
    help: "html=FILE writes a page that shows the run, to open in a browser",
    needs_seconds: true,
    value: KindValue::File,
    open: |value, _: Stdout| {
        Html::open(value, PAGE, MAX_BYTES).map(|html| Box::new(html) as Box<dyn Sink>)
    },
};

/// Frames that may wait to be packed before those that follow are joined with each other.
const MAX_WAITING: usize = 64;

struct Html {
    path: PathBuf,
    aside: Aside,
    page: EmptyPage,
    to_packer: Option<Sender<PackerOrder>>,
    packer: Option<JoinHandle<Vec<KeptRun>>>,
    /// Frames that wait to be packed.
    waiting: Arc<AtomicUsize>,
    /// By run, what was counted while too many waited.
    late: BTreeMap<String, Frame>,
}

/// What the packer is told.
enum PackerOrder {
    Begin(Arc<RecordHeader>),
    /// Of the run with this id.
    Of(String, PackedNews),
}

enum PackedNews {
    Frame(Arc<Frame>),
    Mark(Mark),
    /// The line of what it came to.
    Over(String),
}

impl Html {
    fn open(value: &str, page: Option<&'static str>, max_bytes: usize) -> anyhow::Result<Self> {
        ensure!(!value.is_empty(), "--out html=: a file is needed after '='");
        let page =
            EmptyPage::new(page, max_bytes).with_context(|| format!("--out html={value}"))?;
        let aside = Aside::open(Path::new(value))
            .with_context(|| format!("--out html={value}: cannot write there"))?;
        let waiting = Arc::new(AtomicUsize::new(0));
        let (to_packer, heard) = channel();
        let packed = Arc::clone(&waiting);
        let packer = thread::Builder::new()
            .name("html".to_owned())
            .spawn(move || pack(&heard, &packed))
            .context("cannot begin a thread for the page")?;
        Ok(Self {
            path: value.into(),
            aside,
            page,
            to_packer: Some(to_packer),
            packer: Some(packer),
            waiting,
            late: BTreeMap::new(),
        })
    }

    fn tell(&self, heard: PackerOrder) {
        // A packer that is gone has panicked, and whoever asks for the page is told so.
        let _ = self.to_packer.as_ref().map(|packer| packer.send(heard));
    }

    fn tell_frame(&self, id: &str, frame: Arc<Frame>) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.tell(PackerOrder::Of(id.to_owned(), PackedNews::Frame(frame)));
    }
}

/// Keeps what is heard of all runs, in the order in which they began.
fn pack(heard: &Receiver<PackerOrder>, waiting: &AtomicUsize) -> Vec<KeptRun> {
    let mut runs: Vec<KeptRun> = Vec::new();
    for heard in heard {
        let (id, told) = match heard {
            PackerOrder::Begin(header) => {
                runs.push(KeptRun::new(&header));
                continue;
            }
            PackerOrder::Of(id, told) => (id, told),
        };
        let Some(run) = runs.iter_mut().find(|run| run.id() == id) else { continue };
        match told {
            PackedNews::Frame(frame) => {
                waiting.fetch_sub(1, Ordering::Relaxed);
                run.add(Arc::unwrap_or_clone(frame));
            }
            PackedNews::Mark(mark) => run.mark(mark),
            PackedNews::Over(line) => run.over(line),
        }
    }
    runs
}

impl Sink for Html {
    fn has_room(&mut self) -> bool {
        self.waiting.load(Ordering::Relaxed) < MAX_WAITING / 2
    }

    fn hears_frames(&self) -> bool {
        true
    }

    fn begin(&mut self, run: &Arc<RecordHeader>) {
        self.tell(PackerOrder::Begin(Arc::clone(run)));
    }

    fn frame(&mut self, run: &RecordHeader, frame: &Arc<Frame>) {
        let id = &run.run.id;
        let is_late = self.waiting.load(Ordering::Relaxed) >= MAX_WAITING;
        match self.late.remove(id) {
            None if is_late => {
                self.late.insert(id.clone(), Frame::clone(frame));
            }
            None => self.tell_frame(id, Arc::clone(frame)),
            Some(late) if !late.can_join(frame) => {
                self.tell_frame(id, Arc::new(late));
                self.tell_frame(id, Arc::clone(frame));
            }
            Some(mut late) => {
                late.join(frame);
                if is_late {
                    self.late.insert(id.clone(), late);
                } else {
                    self.tell_frame(id, Arc::new(late));
                }
            }
        }
    }

    fn mark(&mut self, run: &RecordHeader, mark: &Mark) {
        self.tell(PackerOrder::Of(run.run.id.clone(), PackedNews::Mark(mark.clone())));
    }

    fn over(&mut self, run: &RecordHeader, report: Option<&Report>) {
        let id = &run.run.id;
        if let Some(late) = self.late.remove(id) {
            self.tell_frame(id, Arc::new(late));
        }
        if let Some(report) = report {
            self.tell(PackerOrder::Of(id.clone(), PackedNews::Over(end_line(report).to_string())));
        }
    }

    fn end(&mut self, _: &Written, taken: &AtomicU64) -> anyhow::Result<()> {
        self.end_without_results(taken)
    }

    fn end_without_results(&mut self, taken: &AtomicU64) -> anyhow::Result<()> {
        self.to_packer = None;
        let packer = self.packer.take().context("the page was written before")?;
        let Ok(runs) = packer.join() else { bail!("the thread that packs the page has panicked") };
        let path = self.path.display();
        ensure!(
            !runs.is_empty(),
            "cannot write {path}: this command heard of no run while it went on, and a page shows \
            its course\nhelp: --out json=FILE has the results alone"
        );
        let runs = runs.into_iter().map(|run| (None, run)).collect();
        let page = self.page.whole(runs, None, taken)?;
        self.aside.write(page.as_bytes(), taken).with_context(|| {
            let as_it_was = if self.path.is_file() { "; the file is as it was" } else { "" };
            format!("cannot write the {} bytes of the page to {path}{as_it_was}", page.len())
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;
    use std::io::Read as _;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use flate2::read::ZlibDecoder;
    use serde_json::Value;
    use swell_report::{Exit, ExitReport, ReportOfRuns};

    use super::*;
    use crate::outputs::Outputs;
    use crate::samples::{frame, header, mark};

    const SMALL: &str = "<html>@@RECORDS@@</html>";

    /// As the kind opens it, where the page was not built.
    pub(crate) fn opened(value: &str) -> anyhow::Result<Box<dyn Sink>> {
        Html::open(value, Some(SMALL), MAX_BYTES).map(|html| Box::new(html) as Box<dyn Sink>)
    }

    fn results() -> Written {
        let exit = ExitReport { code: Exit::Passed, reason: "passed".to_owned() };
        Written::Runs(Box::new(ReportOfRuns::of(&[], exit)))
    }

    /// The lines of each record in a page.
    pub(crate) fn lines(page: &str) -> Vec<Vec<Value>> {
        let records = page.split("<script").skip(1);
        records
            .map(|record| {
                let base64 = record.split(['>', '<']).nth(1).unwrap();
                let mut text = String::new();
                ZlibDecoder::new(&*STANDARD.decode(base64).unwrap())
                    .read_to_string(&mut text)
                    .unwrap();
                text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
            })
            .collect()
    }

    /// A page of two runs, with its records' lines.
    fn page_of(seconds: u64, max_bytes: usize) -> Vec<Vec<Value>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o.html");
        let html = Html::open(path.to_str().unwrap(), Some(SMALL), max_bytes).unwrap();
        let outputs = Outputs::of(vec![Box::new(html)]);
        for name in ["shop", "search"] {
            let mut run = RecordHeader::clone(&header(name));
            run.run.id = format!("id of {name}");
            let run = Arc::new(run);
            outputs.begin(&run);
            (0..seconds).for_each(|second| outputs.frame(&run, &frame(second, 3)));
            outputs.mark(&run, &mark());
            outputs.over(&run, None);
        }
        let taken = AtomicU64::new(0);
        outputs.end(&results(), &taken).unwrap();
        assert!(taken.load(Ordering::Relaxed) > 0);
        let page = fs::read_to_string(path).unwrap();
        assert!(page.len() < max_bytes + 200, "{}", page.len());
        lines(&page)
    }

    fn started(lines: &[Value]) -> (usize, u64) {
        let frames: Vec<_> = lines.iter().filter_map(|line| line.get("frame")).collect();
        let of =
            |frame: &&Value| frame["measured"]["transactions"]["started"].as_u64().unwrap_or(0);
        (frames.len(), frames.iter().map(of).sum())
    }

    #[test]
    fn a_page_holds_the_lines_of_each_run() {
        let runs = page_of(5, MAX_BYTES);
        assert_eq!(runs.len(), 2);
        for (lines, name) in runs.iter().zip(["shop", "search"]) {
            assert_eq!(lines[0]["header"]["name"], name);
            assert_eq!(started(lines), (5, 15));
            assert_eq!(lines.last().unwrap()["mark"]["kind"], "goal-changed");
        }
    }

    #[test]
    fn where_there_is_little_room_frames_are_joined_and_nothing_is_lost() {
        let runs = page_of(1_000, 30_000);
        let (frames, all) = started(&runs[0]);
        assert!(frames > 10 && frames <= 500, "{frames}");
        assert_eq!(all, 3_000);
    }

    #[test]
    fn a_host_without_the_page_says_how_to_get_one_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o.html");
        let Err(error) = Html::open(path.to_str().unwrap(), None, MAX_BYTES) else { panic!() };
        assert!(format!("{error:#}").contains("cargo xtask install"), "{error:#}");
        assert!(!path.exists());
        assert!(Html::open("", Some(SMALL), MAX_BYTES).is_err());
        assert!(Html::open("/dev/full/o.html", Some(SMALL), MAX_BYTES).is_err());
    }

    #[test]
    fn a_command_that_hears_of_no_run_has_no_page_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o.html");
        let mut html = Html::open(path.to_str().unwrap(), Some(SMALL), MAX_BYTES).unwrap();
        let error = html.end(&results(), &AtomicU64::new(0)).unwrap_err();
        assert!(format!("{error:#}").contains("--out json=FILE"), "{error:#}");
        assert!(!path.exists());
    }

    #[test]
    fn a_run_that_came_to_nothing_has_a_page_of_its_seconds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o.html");
        let html = Html::open(path.to_str().unwrap(), Some(SMALL), MAX_BYTES).unwrap();
        let (outputs, run) = (Outputs::of(vec![Box::new(html)]), header("shop"));
        outputs.begin(&run);
        outputs.frame(&run, &frame(0, 3));
        outputs.over(&run, None);
        outputs.end_without_results(&AtomicU64::new(0)).unwrap();
        let lines = lines(&fs::read_to_string(path).unwrap());
        assert_eq!(started(&lines[0]), (1, 3));
        assert!(lines[0].iter().all(|line| line.get("end").is_none()));
    }

    #[test]
    fn what_is_counted_while_too_many_frames_wait_is_joined() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("o.html");
        let mut html = Html::open(path.to_str().unwrap(), Some(SMALL), MAX_BYTES).unwrap();
        let run = header("shop");
        html.begin(&run);
        html.frame(&run, &frame(0, 1));
        // As if its thread had no processor for a minute.
        html.waiting.fetch_add(MAX_WAITING, Ordering::Relaxed);
        (1..100).for_each(|second| html.frame(&run, &frame(second, 1)));
        assert_eq!(html.late["f00"].length().as_secs(), 99);
        html.over(&run, None);
        html.end(&results(), &AtomicU64::new(0)).unwrap();
        assert_eq!(started(&lines(&fs::read_to_string(path).unwrap())[0]), (2, 100));
    }
}
