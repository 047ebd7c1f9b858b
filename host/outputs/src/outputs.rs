//! All kinds of outputs, and those of one command.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use swell_core::spelling;
use swell_report::record::{Frame, Mark, RecordHeader};
use swell_report::{Report, Written};

use crate::exporter::Exporter;
use crate::places::keep_apart;
use crate::sink::{Flag, Kind, Sink, Stdout};
use crate::to::receiver_url::flag as to_flag;
use crate::to::{influx, otlp, prometheus_file, remote_write, statsd, webhook};
use crate::{charts, csv, html, json, jsonl, junit, md, prometheus, records, sqlite};

/// How often it is looked whether sinks have room.
const LOOK: Duration = Duration::from_millis(1);

/// All kinds. A new one is added here, and is a file of its own.
pub static KINDS: [Kind; 17] = [
    json::KIND,
    jsonl::KIND,
    html::KIND,
    csv::KIND,
    sqlite::KIND,
    md::KIND,
    junit::KIND,
    charts::SVG,
    charts::PNG,
    prometheus_file::KIND,
    statsd::KIND,
    influx::KIND,
    webhook::KIND,
    otlp::KIND,
    remote_write::KIND,
    prometheus::KIND,
    records::KIND,
];

/// The outputs that somebody asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct AskedOutputs<'a> {
    /// By `--out KIND=VALUE`.
    pub out: &'a [(String, String)],
    /// By `--to KIND=VALUE`.
    pub to: &'a [(String, String)],
    /// By flags of their own, which are named after their kinds.
    pub own: &'a [(&'a str, String)],
}

/// The sinks of one command.
#[derive(Clone)]
pub struct Outputs {
    sinks: Arc<Mutex<Vec<Box<dyn Sink>>>>,
    is_empty: bool,
    hears_frames: bool,
    /// Whether somebody has asked for one that is made of seconds.
    needs_seconds: bool,
    takes_stdout: bool,
    /// What a person is to be told when all is over.
    last_words: Arc<Mutex<Vec<String>>>,
}

impl Outputs {
    /// Opens what `--out KIND=VALUE` names, and what flags of their own do, for a command that
    /// reads these `inputs`.
    ///
    /// # Errors
    /// As [`Outputs::open_all`].
    pub fn open(
        wanted: &[(String, String)],
        by_own_flags: &[(&str, String)],
        inputs: &[PathBuf],
        stdout: Stdout,
    ) -> anyhow::Result<Self> {
        let asked = AskedOutputs { out: wanted, own: by_own_flags, ..AskedOutputs::default() };
        Self::open_all(asked, inputs, stdout)
    }

    /// Opens what is asked for in any way, for a command that reads these `inputs`.
    ///
    /// # Errors
    /// A kind that there is not, or a place that cannot be written to, is that of another output,
    /// or is one of the inputs. It is then as it was.
    pub fn open_all(
        asked: AskedOutputs<'_>,
        inputs: &[PathBuf],
        stdout: Stdout,
    ) -> anyhow::Result<Self> {
        Self::open_among(&KINDS, asked, inputs, stdout)
    }

    /// As [`Outputs::open_all`], where there are these kinds.
    pub(crate) fn open_among(
        kinds: &[Kind],
        AskedOutputs { out, to, own }: AskedOutputs<'_>,
        inputs: &[PathBuf],
        stdout: Stdout,
    ) -> anyhow::Result<Self> {
        let mut asked = Vec::new();
        for (flag, wanted) in [(Flag::Out, out), (Flag::To, to)] {
            for (kind, value) in wanted {
                let known = named(kinds, kind, flag);
                let known = known.ok_or_else(|| unknown(kinds, flag, kind, value))?;
                asked.push((known, value.as_str()));
            }
        }
        for (kind, value) in own {
            let known = named(kinds, kind, Flag::Own).expect("a flag is named after its kind");
            asked.push((known, value.as_str()));
        }
        // A pipe is opened once somebody reads it, and a file is made: not before all is known.
        keep_apart(&asked, inputs)?;
        let opened = asked.iter().map(|(kind, value)| (kind.open)(value, stdout));
        let needs_seconds = asked.iter().any(|(kind, _)| kind.needs_seconds);
        Ok(Self { needs_seconds, ..Self::of(opened.collect::<anyhow::Result<_>>()?) })
    }

    /// The one that keeps the records of a host's own part of runs in a folder, where that is asked
    /// for.
    ///
    /// # Errors
    /// There is no such folder, or nothing can be made in it.
    pub fn journals(folder: Option<&Path>) -> anyhow::Result<Option<Self>> {
        let sink = folder.map(records::journals).transpose()?;
        Ok(sink.map(|sink| Self::of(vec![sink])))
    }

    /// What `--out` may be, for its help.
    pub fn help() -> String {
        format!(
            "Where results go; repeatable. {}. Where FILE is `-`, text goes to stdout, in place of \
            the summary",
            helps(Flag::Out)
        )
    }

    /// What `--to` may be, for its help.
    pub fn help_of_receivers() -> String {
        format!(
            "Who is sent figures while runs go on; repeatable. {}. A receiver that is not there \
            changes neither the run nor the exit code, and credentials are never shown",
            helps(Flag::To)
        )
    }

    /// These sinks.
    pub fn of(sinks: Vec<Box<dyn Sink>>) -> Self {
        Self {
            is_empty: sinks.is_empty(),
            hears_frames: sinks.iter().any(|sink| sink.hears_frames()),
            needs_seconds: false,
            takes_stdout: sinks.iter().any(|sink| sink.takes_stdout()),
            sinks: Arc::new(Mutex::new(sinks)),
            last_words: Arc::default(),
        }
    }

    /// These and another one.
    #[must_use]
    pub fn and(self, sink: Box<dyn Sink>) -> Self {
        let mut sinks = std::mem::take(&mut *self.sinks());
        sinks.push(sink);
        Self { needs_seconds: self.needs_seconds, ..Self::of(sinks) }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Whether any of them does something with what is counted while a run goes on.
    pub const fn hear_frames(&self) -> bool {
        self.hears_frames
    }

    /// Whether any of them has nothing to write where there are no results.
    pub fn need_results(&self) -> bool {
        self.sinks().iter().any(|sink| sink.needs_results())
    }

    /// Whether somebody has asked for what is made of each second of a run.
    pub const fn need_seconds(&self) -> bool {
        self.needs_seconds
    }

    /// As [`Sink::record_of`].
    pub fn record_of(&self, run: &str) -> Option<PathBuf> {
        self.sinks().iter().find_map(|sink| sink.record_of(run))
    }

    /// As [`Sink::begin`].
    pub fn begin(&self, run: &Arc<RecordHeader>) {
        self.sinks().iter_mut().for_each(|sink| sink.begin(run));
    }

    /// As [`Sink::frame`].
    pub fn frame(&self, run: &RecordHeader, frame: &Arc<Frame>) {
        self.sinks().iter_mut().for_each(|sink| sink.frame(run, frame));
    }

    /// As [`Sink::mark`].
    pub fn mark(&self, run: &RecordHeader, mark: &Mark) {
        self.sinks().iter_mut().for_each(|sink| sink.mark(run, mark));
    }

    /// As [`Sink::over`].
    pub fn over(&self, run: &RecordHeader, report: Option<&Report>) {
        self.sinks().iter_mut().for_each(|sink| sink.over(run, report));
    }

    /// As [`Sink::end`], once, of all that somebody asked for. A run that goes on meanwhile has
    /// none of them any more that hears of it, and waits for no reader of results.
    ///
    /// # Errors
    /// The first of those that could not be written; the others were tried all the same.
    pub fn end(&self, results: &Written, taken: &AtomicU64) -> anyhow::Result<()> {
        self.end_those(SinkEnd::Result, |sink| sink.end(results, taken))
    }

    /// The same of those that send to somebody who may not be there.
    ///
    /// # Errors
    /// As [`Outputs::end`].
    pub fn end_elsewhere(&self, results: &Written) -> anyhow::Result<()> {
        self.end_those(SinkEnd::Elsewhere, |sink| sink.end(results, &AtomicU64::new(0)))
    }

    /// Whether any of them does.
    pub fn go_elsewhere(&self) -> bool {
        self.sinks().iter().any(|sink| sink.goes_elsewhere())
    }

    /// The same of those that nobody asked for.
    ///
    /// # Errors
    /// As [`Outputs::end`].
    pub fn end_optional(&self, results: &Written) -> anyhow::Result<()> {
        self.end_those(SinkEnd::Optional, |sink| sink.end(results, &AtomicU64::new(0)))
    }

    /// As [`Outputs::end`], where there are no results: see [`Sink::end_without_results`].
    ///
    /// # Errors
    /// As [`Outputs::end`].
    pub fn end_without_results(&self, taken: &AtomicU64) -> anyhow::Result<()> {
        self.end_those(SinkEnd::Result, |sink| sink.end_without_results(taken))
    }

    fn end_those(
        &self,
        which: SinkEnd,
        end: impl Fn(&mut dyn Sink) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let all = std::mem::take(&mut *self.sinks());
        let (mut ending, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|sink| SinkEnd::of(&**sink) == which);
        *self.sinks() = others;
        ending.iter_mut().for_each(|sink| sink.close());
        let mut ended = Ok(());
        for sink in &mut ending {
            ended = ended.and(end(&mut **sink));
            self.words().extend(sink.last_words());
        }
        ended
    }

    /// What a person is to be told when all is over, once.
    pub fn last_words(&self) -> Vec<String> {
        std::mem::take(&mut *self.words())
    }

    /// Whether all sinks can take what comes next as it is.
    fn have_room(&self) -> bool {
        self.sinks().iter_mut().all(|sink| sink.has_room())
    }

    /// Waits until all sinks can take what comes next as it is: whoever reads a record does.
    pub fn wait_for_room(&self) {
        while !self.have_room() {
            std::thread::sleep(LOOK);
        }
    }

    /// Whether stdout holds results, so that nothing else may go there.
    pub const fn takes_stdout(&self) -> bool {
        self.takes_stdout
    }

    /// What is to be served while runs go on, and where.
    pub fn pages(&self) -> Vec<(SocketAddr, Arc<Exporter>)> {
        self.sinks().iter().filter_map(|sink| sink.page()).collect()
    }

    fn words(&self) -> MutexGuard<'_, Vec<String>> {
        self.last_words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sinks(&self) -> MutexGuard<'_, Vec<Box<dyn Sink>>> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When in a command's end a sink has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SinkEnd {
    /// With the results, which somebody asked for.
    Result,
    /// After those have been shown: it sends to somebody who may not be there.
    Elsewhere,
    /// Last, as nobody asked for it.
    Optional,
}

impl SinkEnd {
    fn of(sink: &dyn Sink) -> Self {
        match sink {
            sink if sink.is_optional() => Self::Optional,
            sink if sink.goes_elsewhere() => Self::Elsewhere,
            _ => Self::Result,
        }
    }
}

/// The error for a kind that there is not, with those that there are. What stands where a kind
/// should may be a URL with a password.
fn unknown(kinds: &[Kind], flag: Flag, kind: &str, value: &str) -> anyhow::Error {
    let known = || kinds.iter().filter(|known| known.flag == flag);
    let helps: Vec<&str> = known().map(|known| known.help).collect();
    let near = spelling::nearest(kind, known().map(|known| known.name));
    let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
    let error = match flag {
        Flag::To if kind.contains(['/', ':', '@']) => {
            "--to: a kind, '=' and a place are needed".to_owned()
        }
        Flag::To => format!("{}: there is no receiver {kind:?}{near}", to_flag(kind, value)),
        _ => format!("--out {kind}={value}: there is no output {kind:?}{near}"),
    };
    anyhow!("{error}\nhelp: {}", helps.join("; "))
}

/// What each kind of a flag does, after its form.
fn helps(flag: Flag) -> String {
    let known = KINDS.iter().filter(|known| known.flag == flag);
    let helps: Vec<String> = known
        .map(|known| match known.help.split_once(' ') {
            Some((form, does)) => format!("`{form}` {does}"),
            None => known.help.to_owned(),
        })
        .collect();
    helps.join("; ")
}

fn named<'a>(kinds: &'a [Kind], name: &str, flag: Flag) -> Option<&'a Kind> {
    kinds.iter().find(|known| known.name == name && known.flag == flag)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::Ordering;

    use anyhow::bail;

    use super::*;
    use crate::samples::{frame, header, mark, results};

    /// Writes down what it hears.
    struct Heard(Arc<Mutex<Vec<String>>>, &'static str);

    impl Heard {
        fn note(&self, what: &str) {
            self.0.lock().unwrap().push(format!("{} {what}", self.1));
        }
    }

    impl Sink for Heard {
        fn hears_frames(&self) -> bool {
            true
        }

        fn begin(&mut self, run: &Arc<RecordHeader>) {
            self.note(&format!("begin {}", run.run.name));
        }

        fn frame(&mut self, run: &RecordHeader, frame: &Arc<Frame>) {
            let (begun, phase) = (frame.counted.measured.total.counts.started, frame.moment.phase);
            self.note(&format!("frame {} {begun} {}", run.run.name, phase.name()));
        }

        fn mark(&mut self, run: &RecordHeader, mark: &Mark) {
            self.note(&format!("mark {} {:?}", run.run.name, mark.kind));
        }

        fn over(&mut self, run: &RecordHeader, report: Option<&Report>) {
            self.note(&format!("over {} {}", run.run.name, report.is_some()));
        }

        fn end(&mut self, _: &Written, _: &AtomicU64) -> anyhow::Result<()> {
            self.note("end");
            bail!("{} is full", self.1)
        }
    }

    #[test]
    fn each_sink_hears_of_a_run_from_its_beginning_to_the_results_of_all() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let sinks = ["one", "two"].map(|name| Box::new(Heard(Arc::clone(&heard), name)) as _);
        let (outputs, run) = (Outputs::of(sinks.into()), header("shop"));
        outputs.begin(&run);
        outputs.frame(&run, &frame(0, 7));
        outputs.mark(&run, &mark());
        outputs.over(&run, None);
        let error = outputs.end(&results(), &AtomicU64::new(0)).unwrap_err();
        assert_eq!(error.to_string(), "one is full", "the first is told, and the second tried");
        let expected = [
            "begin shop",
            "frame shop 7 measuring",
            "mark shop GoalChanged",
            "over shop false",
            "end",
        ]
        .iter()
        .flat_map(|what| [format!("one {what}"), format!("two {what}")]);
        assert_eq!(*heard.lock().unwrap(), Vec::from_iter(expected));
    }

    #[test]
    fn each_kind_is_opened_by_its_own_flag_and_metrics_are_served_where_it_says() {
        let nowhere = |_: &[u8]| Err(io::ErrorKind::BrokenPipe.into());
        let own = [("prometheus", "127.0.0.1:9464".to_owned())];
        let outputs = Outputs::open(&[], &own, &[], nowhere).unwrap();
        let pages = outputs.pages();
        assert_eq!(pages.len(), 1);
        assert_eq!(pages[0].0, "127.0.0.1:9464".parse().unwrap());
        let run = header("shop");
        outputs.begin(&run);
        assert!(pages[0].1.render().contains("swell_run_active{run=\"shop\",scenario=\"shop\"} 1"));
        outputs.over(&run, None);
        assert!(pages[0].1.render().contains("swell_run_active{run=\"shop\",scenario=\"shop\"} 0"));
        assert!(!outputs.takes_stdout() && outputs.hear_frames());
    }

    /// Nobody has asked for it, and it cannot be written.
    struct Unasked;

    impl Sink for Unasked {
        fn is_optional(&self) -> bool {
            true
        }

        fn end(&mut self, _: &Written, _: &AtomicU64) -> anyhow::Result<()> {
            bail!("the disk is full")
        }

        fn last_words(&mut self) -> Vec<String> {
            vec!["look at it".to_owned()]
        }
    }

    #[test]
    fn what_nobody_asked_for_is_ended_by_itself() {
        let outputs = Outputs::of(vec![Box::new(Unasked)]);
        outputs.end(&results(), &AtomicU64::new(0)).unwrap();
        assert_eq!(outputs.last_words(), [""; 0]);
        let error = outputs.end_optional(&results()).unwrap_err();
        assert_eq!(error.to_string(), "the disk is full");
        assert_eq!(outputs.last_words(), ["look at it"]);
        outputs.end_optional(&results()).unwrap();
    }

    #[test]
    fn a_pipe_for_results_is_opened_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let rights = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rights).unwrap();
        let wanted = [("json".to_owned(), pipe.display().to_string())];
        let reader = std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap());
        let outputs = Outputs::open(&wanted, &[], &[], |_| Ok(())).unwrap();
        outputs.end(&results(), &AtomicU64::new(0)).unwrap();
        drop(outputs);
        assert!(reader.join().unwrap().ends_with("}\n"), "its reader has seen no earlier end");
    }

    #[test]
    fn each_kind_of_out_says_rightly_whether_it_is_made_of_seconds() {
        let folder = tempfile::tempdir().unwrap();
        for kind in KINDS.iter().filter(|kind| kind.flag != Flag::Own) {
            let path = folder.path().join(kind.name).display().to_string();
            // A page can only be had where it was built.
            if let Ok(sink) = (kind.open)(&path, |_| Ok(())) {
                assert!(sink.hears_frames() || !kind.needs_seconds, "{}", kind.name);
                assert_ne!(sink.needs_results(), kind.needs_seconds, "{}", kind.name);
            }
        }
    }

    /// Its reader takes nothing until it is told to.
    struct Stuck(Arc<Mutex<()>>);

    impl Sink for Stuck {
        fn end(&mut self, _: &Written, taken: &AtomicU64) -> anyhow::Result<()> {
            taken.fetch_add(1, Ordering::SeqCst);
            drop(self.0.lock());
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_takes_no_results_holds_up_no_run_that_goes_on() {
        let reader = Arc::new(Mutex::new(()));
        let outputs = Outputs::of(vec![Box::new(Stuck(Arc::clone(&reader)))]);
        assert!(!outputs.hear_frames());
        let takes_nothing = reader.lock().unwrap();
        let taken = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let ending = scope.spawn(|| outputs.end(&results(), &taken));
            while taken.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now();
            }
            let run = header("shop");
            outputs.begin(&run);
            outputs.frame(&run, &frame(0, 1));
            drop(takes_nothing);
            ending.join().unwrap().unwrap();
        });
    }
}
