//! `--record FILE`, and the record that is kept where nobody asks for one: each run in a file. And
//! `--journal DIR`: what one of several hosts counts itself, each run in a file too.
//!
//! A record that was asked for by name is a result: where it cannot be written, the command fails.
//! One that is kept by default is a convenience: then it is said, and nothing else happens; the
//! command ends without it where it takes too long.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError};

use anyhow::{Context as _, anyhow, bail};
use swell_core::plain::line;
use swell_report::record::{Entry, FIRST_BYTES, RecordHeader, RecordReader};
use tempfile::NamedTempFile;

use crate::aside::{end_of_links, folder_of};
use crate::history::{ENDING, History, goes_on};
use crate::queued::{NewsKind, Queued, RecordPlaces, RunNews, Taker};
use crate::record_file::{Bounds, RecordFile};
use crate::sink::{Flag, Kind, KindValue, Sink};
use crate::wall_clock::wall_clock;

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "record",
    flag: Flag::Own,
    help: "Keep the record of a run in this file, or of each run in a file of this folder, in \
    place of the user's own history",
    needs_seconds: true,
    value: KindValue::File,
    open: |value, _| Ok(Box::new(Queued::new("record", Records::named(Path::new(value))?)?)),
};

/// Keeps the record of each run in the user's history. Where that cannot be, it is said.
pub fn default_record() -> Option<Box<dyn Sink>> {
    let opened = History::of_user().and_then(|history| {
        let records = Records::new(Destination::History(history));
        Queued::new("record", records)
    });
    match opened {
        Ok(sink) => Some(Box::new(sink)),
        Err(error) => {
            tracing::warn!("no record of the run is kept: {error:#}");
            None
        }
    }
}

/// Keeps the records of a host's own part of runs in this folder, each in a file of its own.
///
/// # Errors
/// There is no such folder, or nothing can be made in it.
pub(crate) fn journals(folder: &Path) -> anyhow::Result<Box<dyn Sink>> {
    let shown = folder.display();
    if !folder.is_dir() {
        bail!("--journal {shown}: there is no such folder\nhelp: make it, or name another");
    }
    check_folder(folder).with_context(|| format!("--journal {shown}: cannot write there"))?;
    let records = Records::new(Destination::Folder(folder.to_owned()));
    Ok(Box::new(Queued::new("journal", records)?))
}

/// Where records go.
enum Destination {
    /// Into this file, which is no link, that of the first run.
    File(PathBuf),
    /// Into this folder, each in a file of its own.
    Folder(PathBuf),
    /// Where they are found again by `last`.
    History(History),
}

/// The records that are being written.
struct Records {
    destination: Destination,
    /// By the identities of their runs.
    open: BTreeMap<String, RecordFile>,
    /// Whether one was begun, whatever became of it.
    was_begun: bool,
    /// Those that are whole, and the identities of their runs.
    kept: Vec<(PathBuf, String)>,
    /// Of all that were begun, as others know them.
    places: RecordPlaces,
    /// The first that could not be written.
    amiss: Option<anyhow::Error>,
}

impl Records {
    fn new(destination: Destination) -> Self {
        Self {
            destination,
            open: BTreeMap::new(),
            was_begun: false,
            kept: Vec::new(),
            places: RecordPlaces::default(),
            amiss: None,
        }
    }

    /// Records in a file or a folder that somebody named.
    ///
    /// # Errors
    /// Something else is there, there is no folder for it, or nothing can be made in that.
    fn named(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let cannot = || format!("--record {shown}: cannot write there");
        if path.as_os_str().is_empty() {
            bail!("--record: a file or a folder is needed");
        }
        if path.is_dir() {
            check_folder(path).with_context(cannot)?;
            return Ok(Self::new(Destination::Folder(path.to_owned())));
        }
        // A link stays one.
        let place = end_of_links(path).with_context(cannot)?;
        let folder = folder_of(&place).with_context(cannot)?;
        if !folder.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            bail!("--record {shown}: there is no such folder\nhelp: make it, or name another");
        }
        check_file(&place)?;
        check_folder(folder).with_context(cannot)?;
        Ok(Self::new(Destination::File(place)))
    }

    /// Begins the record of a run.
    fn begin(&mut self, run: &RecordHeader) -> anyhow::Result<()> {
        let record = match &self.destination {
            Destination::File(path) => {
                if self.was_begun {
                    bail!(
                        "--record {}: run {:?} has none, as that is one file and there are several \
                        runs\nhelp: name a folder",
                        path.display(),
                        run.run.name
                    );
                }
                // It may be another file by now.
                check_file(path)?;
                self.was_begun = true;
                match fs::remove_file(path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(error)
                            .with_context(|| format!("cannot replace {}", path.display()));
                    }
                    _ => RecordFile::create(path, run, Bounds::default())
                        .with_context(|| format!("cannot make the record {}", path.display()))?,
                }
            }
            Destination::Folder(folder) => create_in(folder, run)?,
            Destination::History(history) => {
                history.make_room()?;
                // The node that did the run may keep it for the same user.
                let path = history.folder().join(file_name(run, 1));
                if is_of(&path, run) {
                    self.kept.push((path, run.run.id.clone()));
                    return Ok(());
                }
                create_in(history.folder(), run)?
            }
        };
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.insert(run.run.id.clone(), record.path().to_owned());
        self.open.insert(run.run.id.clone(), record);
        Ok(())
    }

    /// Adds to the record of a run; one that broke off gets nothing more.
    fn add(&mut self, run: &RecordHeader, entry: &Entry, written: &AtomicU64) {
        let Some(record) = self.open.get_mut(&run.run.id) else { return };
        if let Err(error) = record.add_counting(entry, written) {
            let path = record.path().display().to_string();
            self.open.remove(&run.run.id);
            self.note(anyhow!("the record {path} ends here: {error}"));
        }
    }

    /// Says what is amiss, at once and once.
    fn note(&mut self, error: anyhow::Error) {
        tracing::warn!("{error:#}");
        self.amiss.get_or_insert(error);
    }
}

impl Taker for Records {
    fn take(&mut self, told: &RunNews, written: &AtomicU64) -> anyhow::Result<()> {
        let run = &*told.run;
        match &told.what {
            NewsKind::Begun => {
                if let Err(error) = self.begin(run) {
                    self.note(error.context(format!("run {:?} has no record", run.run.name)));
                }
            }
            NewsKind::Frame(frame) => {
                self.add(run, &Entry::Frame(Box::new((**frame).clone())), written)
            }
            NewsKind::Mark(mark) => self.add(run, &Entry::Mark(mark.clone()), written),
            NewsKind::Over(report) => {
                if let Some(report) = report {
                    self.add(run, &Entry::End(report.clone()), written);
                }
                let whole = self.open.remove(&run.run.id);
                self.kept.extend(whole.map(|file| (file.path().to_owned(), run.run.id.clone())));
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: &AtomicU64) -> anyhow::Result<Vec<String>> {
        let is_default = self.is_optional();
        if let Some(error) = self.amiss.take().filter(|_| !is_default) {
            return Err(error);
        }
        let words = |(path, id): &(PathBuf, String)| {
            // The latest in the history may be another command's.
            let which = if is_default { id.clone() } else { path.display().to_string() };
            format!("look at it again: host report {}", line(&which))
        };
        Ok(self.kept.iter().map(words).collect())
    }

    fn is_optional(&self) -> bool {
        matches!(self.destination, Destination::History(_))
    }

    fn places(&self) -> Option<RecordPlaces> {
        Some(Arc::clone(&self.places))
    }
}

/// Looks whether a record may take the place of what is there, and leaves it as it is.
///
/// # Errors
/// It may not: that is something else, or the record of a run that goes on.
fn check_file(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    // A device or a pipe is no place for what is replaced and read back.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        bail!("--record {shown}: that is no ordinary file\nhelp: name another");
    }
    let mut first = Vec::new();
    let read = File::open(path)
        .and_then(|file| file.take(FIRST_BYTES.len() as u64).read_to_end(&mut first));
    match read {
        Ok(1..) if first != FIRST_BYTES => bail!(
            "--record {shown}: that file is no record of a run, and is left as it is\nhelp: name \
            another"
        ),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("--record {shown}: cannot write there"));
        }
        _ => {}
    }
    if goes_on(path) {
        bail!("--record {shown}: that is the record of a run that goes on\nhelp: name another");
    }
    Ok(())
}

/// Whether a file is a record of this run.
fn is_of(path: &Path, run: &RecordHeader) -> bool {
    let opened = File::open(path).ok().and_then(|file| RecordReader::open(file).ok());
    opened.is_some_and(|(_, header)| header.run == run.run)
}

/// Looks whether a record can be made in a folder, which takes a file beside it once it is long.
fn check_folder(folder: &Path) -> io::Result<()> {
    NamedTempFile::with_prefix_in(".joining.", folder).map(drop)
}

/// Begins the record of a run under a name that nothing else has.
fn create_in(folder: &Path, run: &RecordHeader) -> anyhow::Result<RecordFile> {
    let mut number = 1;
    loop {
        let path = folder.join(file_name(run, number));
        match RecordFile::create(&path, run, Bounds::default()) {
            // Of a run whose name is the same once it is cut.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            made => {
                return made.with_context(|| format!("cannot make the record {}", path.display()));
            }
        }
    }
}

/// The name of a run's file: when it began, what it is called, what no other run has, of a host's
/// part which host it is of, and a number where another file has that name. By their names they are
/// in the order of their runs.
fn file_name(run: &RecordHeader, number: usize) -> String {
    let began = humantime::format_rfc3339_millis(wall_clock(run.began_at));
    let began = began.to_string().replace(['-', ':'], "");
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = run.run.name.chars().take(40).map(plain).collect();
    // As long as our own are at most, and short enough for a file's name.
    let id: String = run.run.id.chars().take(40).map(plain).collect();
    let number = if number > 1 { format!(".{number}") } else { String::new() };
    let host = run.part.as_ref().map_or_else(String::new, |part| format!("-{}", part.host));
    format!("{began}-{name}-{id}{host}{number}.{ENDING}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::samples::{frame, header, results};

    /// Has a sink hear of runs of these names, side by side; gives its last words.
    fn recorded(sink: &mut dyn Sink, names: &[&str]) -> anyhow::Result<Vec<String>> {
        let named = |(number, name): (usize, &&str)| {
            let mut run = (*header(name)).clone();
            run.run.id = format!("19abcdef012-{number}");
            Arc::new(run)
        };
        let runs: Vec<_> = names.iter().enumerate().map(named).collect();
        runs.iter().for_each(|run| sink.begin(run));
        for run in &runs {
            sink.frame(run, &frame(0, 5));
            sink.over(run, None);
        }
        sink.end(&results(), &AtomicU64::new(0))?;
        Ok(sink.last_words())
    }

    fn files(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            names.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn runs_of_one_second_have_files_of_their_own_in_a_folder_of_one_user() {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("swell/runs");
        let records = Records::new(Destination::History(History::in_folder(&runs)));
        let mut sink = Queued::new("t", records).unwrap();
        let words = recorded(&mut sink, &["shop", "shop", "../../etc\u{1b}[2J"]).unwrap();
        assert_eq!(
            files(&runs),
            [
                "20261118T110640.500Z-.._.._etc__2J-19abcdef012-2.swell",
                "20261118T110640.500Z-shop-19abcdef012-0.swell",
                "20261118T110640.500Z-shop-19abcdef012-1.swell"
            ]
        );
        assert_eq!(words.len(), 3);
        assert_eq!(words[0], "look at it again: host report 19abcdef012-0");
        assert_eq!(fs::metadata(&runs).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_named_file_is_replaced_if_it_is_a_record_and_left_if_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r");
        for _ in 0..2 {
            let mut sink = Queued::new("t", Records::named(&path).unwrap()).unwrap();
            let words = recorded(&mut sink, &["shop"]).unwrap();
            assert_eq!(words, [format!("look at it again: host report {}", path.display())]);
            assert!(fs::read(&path).unwrap().starts_with(FIRST_BYTES));
        }
        fs::write(&path, "my thesis").unwrap();
        let Err(error) = Records::named(&path) else { panic!("it is no record") };
        assert!(error.to_string().contains("is left as it is"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"my thesis");
        for none in ["none/r", "none/"] {
            let Err(error) = Records::named(&folder.path().join(none)) else { panic!("{none}") };
            assert!(error.to_string().contains("no such folder"), "{error}");
        }
        // Nobody makes files there, root neither.
        assert!(Records::named(Path::new("/proc")).is_err());
        assert!(Records::named(Path::new("/proc/r")).is_err());
        assert_eq!(files(folder.path()), ["r"], "looking makes nothing");
        let Err(error) = Records::named(Path::new("/dev/null")) else { panic!("it is a device") };
        assert!(error.to_string().contains("no ordinary file"), "{error}");
    }

    #[test]
    fn names_that_agree_once_they_are_cut_have_files_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let mut records = Records::named(folder.path()).unwrap();
        for name in ["a b", "a_b"] {
            records.begin(&header(name)).unwrap();
        }
        let expected =
            ["20261118T110640.500Z-a_b-f00.2.swell", "20261118T110640.500Z-a_b-f00.swell"];
        assert_eq!(files(folder.path()), expected);
    }

    #[test]
    fn the_record_of_a_run_that_goes_on_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r");
        let (mut early, mut first) =
            (Records::named(&path).unwrap(), Records::named(&path).unwrap());
        first.begin(&header("shop")).unwrap();
        let error = early.begin(&header("pay")).unwrap_err().to_string();
        assert!(error.contains("of a run that goes on"), "{error}");
        let Err(late) = Records::named(&path) else { panic!("it is being written") };
        assert_eq!(late.to_string(), error);
        drop(first);
        early.begin(&header("pay")).unwrap();
        // What became of that one matters nothing.
        early.open.clear();
        let error = early.begin(&header("search")).unwrap_err().to_string();
        assert!(error.contains("name a folder"), "{error}");
    }

    #[test]
    fn what_has_taken_a_named_place_before_the_run_begins_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r");
        let mut records = Records::named(&path).unwrap();
        fs::write(&path, "my thesis").unwrap();
        let error = records.begin(&header("shop")).unwrap_err().to_string();
        assert!(error.contains("is left as it is"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"my thesis");
    }

    #[test]
    fn a_link_stays_one_and_the_record_is_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let (link, file) = (folder.path().join("link"), folder.path().join("file"));
        std::os::unix::fs::symlink("file", &link).unwrap();
        // First it leads nowhere, then to a record.
        for _ in 0..2 {
            Records::named(&link).unwrap().begin(&header("shop")).unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert!(fs::read(&file).unwrap().starts_with(FIRST_BYTES));
        }
    }

    #[test]
    fn a_run_that_is_in_the_history_already_is_not_kept_twice() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["shop", "shop", "pay"] {
            let history = History::in_folder(folder.path());
            let mut sink = Queued::new("t", Records::new(Destination::History(history))).unwrap();
            let words = recorded(&mut sink, &[name]).unwrap();
            assert_eq!(words, ["look at it again: host report 19abcdef012-0"]);
        }
        assert_eq!(files(folder.path()).len(), 2);
    }

    #[test]
    fn one_file_for_several_runs_fails_the_command_and_one_in_the_history_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r");
        let mut sink = Queued::new("t", Records::named(&path).unwrap()).unwrap();
        let error = recorded(&mut sink, &["one", "two"]).unwrap_err();
        assert!(format!("{error:#}").contains("name a folder"), "{error:#}");
        // A history that is a file.
        let records = Records::new(Destination::History(History::in_folder(&path)));
        let mut sink = Queued::new("t", records).unwrap();
        assert_eq!(recorded(&mut sink, &["one"]).unwrap(), [""; 0]);
    }
}
