//! `--record FILE`, and the record that is kept where nobody asks for one: each run in a file.
//!
//! A record that was asked for by name is a result: where it cannot be written, the command fails.
//! One that is kept by default is a convenience: then it is said, and nothing else happens; the
//! command ends without it where it takes too long.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use swell_core::plain::line;
use swell_report::record::{Entry, FIRST_BYTES, RecordHeader};

use crate::history::{ENDING, History};
use crate::queued::{NewsKind, Queued, RunNews, Taker};
use crate::record_file::{Bounds, RecordFile};
use crate::sink::{Flag, Kind, Sink};

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "record",
    flag: Flag::Own,
    help: "Keep the record of a run in this file, or of each run in a file of this folder, in \
    place of the user's own history",
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

/// Where records go.
enum Destination {
    /// Into this file, that of the first run.
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
    /// Those that are whole.
    kept: Vec<PathBuf>,
    /// The first that could not be written.
    amiss: Option<anyhow::Error>,
}

impl Records {
    fn new(destination: Destination) -> Self {
        Self { destination, open: BTreeMap::new(), kept: Vec::new(), amiss: None }
    }

    /// Records in a file or a folder that somebody named.
    ///
    /// # Errors
    /// Something else is there, or there is no folder for it.
    fn named(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        if path.as_os_str().is_empty() {
            bail!("--record: a file or a folder is needed");
        }
        if path.is_dir() {
            return Ok(Self::new(Destination::Folder(path.to_owned())));
        }
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        if folder.is_some_and(|folder| !folder.is_dir()) {
            bail!("--record {shown}: there is no such folder\nhelp: make it, or name another");
        }
        // A device or a pipe is no place for what is replaced and read back.
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            bail!("--record {shown}: that is no ordinary file\nhelp: name another");
        }
        let mut first = Vec::new();
        let read = File::open(path)
            .and_then(|file| file.take(FIRST_BYTES.len() as u64).read_to_end(&mut first));
        match read {
            Ok(1..) if first != FIRST_BYTES => bail!(
                "--record {shown}: that file is no record of a run, and is left as it is\nhelp: \
                name another"
            ),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("--record {shown}: cannot write there"))
            }
            _ => Ok(Self::new(Destination::File(path.to_owned()))),
        }
    }

    /// Begins the record of a run.
    fn begin(&mut self, run: &RecordHeader) -> anyhow::Result<()> {
        let path = match &mut self.destination {
            Destination::File(path) => {
                if !self.open.is_empty() || !self.kept.is_empty() {
                    bail!(
                        "--record {}: run {:?} has none, as that is one file and there are several \
                        runs\nhelp: name a folder",
                        path.display(),
                        run.run.name
                    );
                }
                match fs::remove_file(&*path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(error)
                            .with_context(|| format!("cannot replace {}", path.display()));
                    }
                    _ => path.clone(),
                }
            }
            Destination::Folder(folder) => folder.join(file_name(run)),
            Destination::History(history) => {
                history.make_room()?;
                history.folder().join(file_name(run))
            }
        };
        let made = RecordFile::create(&path, run, Bounds::default());
        let record = made.with_context(|| format!("cannot make the record {}", path.display()))?;
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
                self.kept.extend(self.open.remove(&run.run.id).map(|file| file.path().to_owned()));
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: &AtomicU64) -> anyhow::Result<Vec<String>> {
        let is_default = self.is_optional();
        if let Some(error) = self.amiss.take().filter(|_| !is_default) {
            return Err(error);
        }
        let words = |path: &PathBuf| {
            if is_default && self.kept.len() == 1 {
                "look at it again: host report last".to_owned()
            } else {
                format!("look at it again: host report {}", line(&path.display().to_string()))
            }
        };
        Ok(self.kept.iter().map(words).collect())
    }

    fn is_optional(&self) -> bool {
        matches!(self.destination, Destination::History(_))
    }
}

/// The name of a run's file: when it began, what it is called, and what no other run has.
fn file_name(run: &RecordHeader) -> String {
    let began = Duration::try_from_secs_f64(run.began_at).unwrap_or_default();
    let began = UNIX_EPOCH.checked_add(began).unwrap_or(SystemTime::UNIX_EPOCH);
    let began = humantime::format_rfc3339_seconds(began).to_string().replace(['-', ':'], "");
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = run.run.name.chars().take(40).map(plain).collect();
    let id: String = run.run.id.chars().take(8).map(plain).collect();
    format!("{began}-{name}-{id}.{ENDING}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;

    use super::*;
    use crate::samples::{frame, header, results};

    /// Has a sink hear of runs of these names, side by side; gives its last words.
    fn recorded(sink: &mut dyn Sink, names: &[&str]) -> anyhow::Result<Vec<String>> {
        let named = |(number, name): (usize, &&str)| {
            let mut run = (*header(name)).clone();
            run.run.id = format!("{number}abc");
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
                "20261118T110640Z-.._.._etc__2J-2abc.swell",
                "20261118T110640Z-shop-0abc.swell",
                "20261118T110640Z-shop-1abc.swell"
            ]
        );
        assert_eq!(words.len(), 3);
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
        assert!(Records::named(&folder.path().join("none/r")).is_err());
        let Err(error) = Records::named(Path::new("/dev/null")) else { panic!("it is a device") };
        assert!(error.to_string().contains("no ordinary file"), "{error}");
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
