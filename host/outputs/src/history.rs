//! The user's history: a folder with the records of the latest runs, and how one of them is found.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufReader};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use swell_core::RunInstant;
use swell_report::Report;
use swell_report::record::{Entry, RecordHeader, RecordReader, Unreadable};

use crate::record_file::JOINING;
use crate::wall_clock::wall_clock;

/// How the name of a record ends.
pub(crate) const ENDING: &str = "swell";

/// Runs that are kept where nobody says otherwise, and bytes of them all: some weeks of work.
const RUNS_KEPT: usize = 100;
const BYTES_KEPT: u64 = 2 << 30;

/// When nobody is at work on a file any more that is made within seconds.
const LEFT_AFTER: Duration = Duration::from_secs(600);

/// The name by which the latest run is found.
pub const LAST: &str = "last";

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct History {
    folder: PathBuf,
}

/// A record in the history.
#[derive(Debug)]
pub struct Kept {
    /// Its file.
    pub path: PathBuf,
    /// How large it is.
    pub bytes: u64,
    /// What was run.
    pub header: RecordHeader,
    /// What the run came to, how far its record goes, or why that cannot be told.
    pub end: KeptEnd,
}

/// How the record of a run ends.
#[derive(Debug)]
pub enum KeptEnd {
    /// With what it came to.
    Report(Box<Report>),
    /// The run goes on.
    GoesOn,
    /// It was cut short, after this instant of the run.
    Cut(RunInstant),
}

/// What is to be kept of the history.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeepRule {
    /// So many of the latest runs.
    pub runs: Option<usize>,
    /// So many bytes of the latest runs.
    pub bytes: Option<u64>,
    /// Those that ended later than this.
    pub since: Option<SystemTime>,
}

impl History {
    /// That of this user: `$XDG_STATE_HOME/swell/runs`, or `~/.local/state/swell/runs`.
    ///
    /// # Errors
    /// The environment names no such folder.
    pub fn of_user() -> anyhow::Result<Self> {
        let folder = |name: &str| {
            std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute())
        };
        let state = folder("XDG_STATE_HOME")
            .or_else(|| folder("HOME").map(|home| home.join(".local/state")));
        let state = state.context("neither XDG_STATE_HOME nor HOME names a folder")?;
        Ok(Self { folder: state.join("swell/runs") })
    }

    /// One in another folder.
    #[cfg(test)]
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder, and removes the oldest records if there are too many for one more.
    ///
    /// # Errors
    /// There can be no such folder.
    pub(crate) fn make_room(&self) -> anyhow::Result<()> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.with_context(|| format!("cannot make the folder {}", self.folder.display()))?;
        self.sweep();
        let keep = KeepRule { runs: Some(RUNS_KEPT - 1), bytes: Some(BYTES_KEPT), since: None };
        // The next run tries again.
        if let Err(error) = self.prune(keep) {
            tracing::warn!("cannot remove old records from {}: {error}", self.folder.display());
        }
        Ok(())
    }

    /// Removes what commands that were killed have left of a record that they were writing anew.
    fn sweep(&self) {
        for path in fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|e| e.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // One that has just been made is not held yet; and not every file system has locks.
            let is_old = fs::metadata(&path)
                .and_then(|known| known.modified())
                .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LEFT_AFTER));
            if name.starts_with(JOINING) && is_old && !goes_on(&path) {
                // The next run tries again.
                let _ = fs::remove_file(&path);
            }
        }
    }

    /// The records that can be read, latest first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn all(&self) -> io::Result<Vec<Kept>> {
        // In the order in which they are removed, so that the latest is the last that goes.
        Ok(self.files()?.iter().filter_map(|(path, ..)| Kept::read(path).ok()).collect())
    }

    /// The file of a run: one that is there by this name, the latest, or the latest of which the
    /// name or the beginning of the identity is this.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, wanted: &str) -> anyhow::Result<PathBuf> {
        let path = Path::new(wanted);
        if path.is_file() {
            return Ok(path.to_owned());
        }
        let folder = self.folder.display();
        let all = self.all().with_context(|| format!("cannot read {folder}"))?;
        let is_it = |kept: &&Kept| {
            let run = &kept.header.run;
            let is_id = wanted.len() >= 4 && run.id.starts_with(wanted);
            wanted == LAST || run.name == wanted || is_id
        };
        match all.iter().find(is_it) {
            Some(kept) => Ok(kept.path.clone()),
            None if all.is_empty() => bail!("{wanted}: no run is kept in {folder}"),
            None => bail!(
                "{wanted}: there is no such file, and no run of this name or identity in {folder}\n\
                help: `host history` lists them"
            ),
        }
    }

    /// Removes what is not to be kept; gives what was removed. The record of a run that goes on
    /// stays.
    ///
    /// # Errors
    /// The folder cannot be read, or a file not be removed.
    pub fn prune(&self, keep: KeepRule) -> io::Result<Vec<PathBuf>> {
        let (mut removed, mut bytes) = (Vec::new(), 0);
        for (place, (path, size, changed)) in self.files()?.into_iter().enumerate() {
            bytes += size;
            let is_kept = keep.runs.is_none_or(|runs| place < runs)
                && keep.bytes.is_none_or(|most| bytes <= most)
                && keep.since.is_none_or(|since| changed >= since);
            if !is_kept && !goes_on(&path) {
                match fs::remove_file(&path) {
                    Ok(()) => removed.push(path),
                    // Another command has just done the same.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
                bytes -= size;
            }
        }
        Ok(removed)
    }

    /// The files of records with their sizes and when they were written last, latest first.
    fn files(&self) -> io::Result<Vec<(PathBuf, u64, SystemTime)>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let is_record = path.extension().is_some_and(|ending| ending == ENDING);
            // Another command may just have removed it.
            let Ok(known) = fs::metadata(&path) else { continue };
            if is_record && known.is_file() {
                let changed = known.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                files.push((path, known.len(), changed));
            }
        }
        // Their names begin with when their runs began, to the millisecond.
        files.sort_by(|one, other| other.0.cmp(&one.0));
        Ok(files)
    }
}

impl Kept {
    /// Reads how a record begins and ends.
    ///
    /// # Errors
    /// It is no record, or none that this release can read.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = || format!("{}", path.display());
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let bytes = file.metadata().map_or(0, |known| known.len());
        let (mut reader, header) = RecordReader::open(BufReader::new(file)).with_context(shown)?;
        let end = match reader.last_entry() {
            Ok(Some(Entry::End(report))) => KeptEnd::Report(report),
            Ok(_) | Err(Unreadable::Broken(_)) if goes_on(path) => KeptEnd::GoesOn,
            Ok(Some(Entry::Frame(frame))) => KeptEnd::Cut(frame.until),
            Ok(Some(Entry::Mark(mark))) => KeptEnd::Cut(mark.at),
            Ok(Some(Entry::Header(_)) | None) | Err(Unreadable::Broken(_)) => {
                KeptEnd::Cut(RunInstant::START)
            }
            Err(error) => return Err(error).with_context(shown),
        };
        Ok(Self { path: path.to_owned(), bytes, header, end })
    }

    /// How long ago its run began.
    pub fn age(&self, now: SystemTime) -> Duration {
        now.duration_since(wall_clock(self.header.began_at)).unwrap_or_default()
    }
}

/// Whether the run of a record goes on: its writer holds it.
pub(crate) fn goes_on(path: &Path) -> bool {
    let held = |file: File| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock));
    File::open(path).is_ok_and(held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record_file::{Bounds, RecordFile};
    use crate::samples::{frame, header};

    /// A history with runs of these names, each a second later than the one before.
    fn history(folder: &Path, names: &[&str]) -> History {
        for (second, name) in names.iter().enumerate() {
            let mut run = (*header(name)).clone();
            run.run.id = format!("id{second:02}00");
            run.began_at += second as f64;
            let path = folder.join(format!("2026112{second}-{name}.swell"));
            let mut record = RecordFile::create(&path, &run, Bounds::default()).unwrap();
            record.add(&Entry::Frame(Box::new((*frame(0, 1)).clone()))).unwrap();
        }
        History::in_folder(folder)
    }

    fn names(history: &History) -> Vec<String> {
        history.all().unwrap().into_iter().map(|kept| kept.header.run.name).collect()
    }

    #[test]
    fn a_run_is_found_by_last_its_name_its_identity_or_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let history = history(folder.path(), &["shop", "pay", "shop", "pay"]);
        fs::write(folder.path().join("notes.txt"), "x").unwrap();
        fs::write(folder.path().join("broken.swell"), "x").unwrap();
        assert_eq!(names(&history), ["pay", "shop", "pay", "shop"]);
        let found = |name: &str| {
            let path = history.find(name).unwrap();
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(found(LAST), "20261123-pay.swell");
        assert_eq!(found("shop"), "20261122-shop.swell");
        assert_eq!(found("id00"), "20261120-shop.swell");
        let file = folder.path().join("20261121-pay.swell");
        assert_eq!(history.find(file.to_str().unwrap()).unwrap(), file);
        let error = history.find("cart").unwrap_err().to_string();
        assert!(error.contains("help: `host history` lists them"), "{error}");
        let none = History::in_folder(&folder.path().join("none"));
        assert!(none.find(LAST).unwrap_err().to_string().contains("no run is kept"));
    }

    #[test]
    fn the_oldest_are_removed_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let history = history(folder.path(), &["a", "b", "c", "d"]);
        let path = folder.path().join("20261119-held.swell");
        let held = RecordFile::create(&path, &header("held"), Bounds::default()).unwrap();
        let removed = history.prune(KeepRule { runs: Some(2), ..KeepRule::default() }).unwrap();
        assert_eq!(removed.len(), 2);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "d, c and what is held");
        assert!(matches!(Kept::read(&path).unwrap().end, KeptEnd::GoesOn));
        drop(held);
        let size = fs::metadata(folder.path().join("20261123-d.swell")).unwrap().len();
        history.prune(KeepRule { bytes: Some(size), ..KeepRule::default() }).unwrap();
        assert_eq!(names(&history), ["d"]);
        let later = SystemTime::now() + Duration::from_secs(60);
        history.prune(KeepRule { since: Some(later), ..KeepRule::default() }).unwrap();
        assert_eq!(names(&history), [""; 0]);
    }

    #[test]
    fn what_a_killed_command_left_half_made_goes_and_what_is_held_or_young_stays() {
        let folder = tempfile::tempdir().unwrap();
        let history = history(folder.path(), &["a"]);
        let make = |name: &str, age: u64| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
            file
        };
        for name in [".joining.left", ".other"] {
            drop(make(name, 3_600));
        }
        drop(make(".joining.young", 0));
        let held = make(".joining.held", 3_600);
        held.lock().unwrap();
        history.make_room().unwrap();
        let is_there = |name: &str| folder.path().join(name).exists();
        assert!(!is_there(".joining.left"));
        assert!([".other", ".joining.young", ".joining.held"].iter().all(|name| is_there(name)));
        assert_eq!(names(&history), ["a"]);
    }

    #[test]
    fn a_record_that_was_cut_says_how_far_it_goes() {
        let folder = tempfile::tempdir().unwrap();
        let history = history(folder.path(), &["a"]);
        let path = history.find(LAST).unwrap();
        let until = |path: &Path| match Kept::read(path).unwrap().end {
            KeptEnd::Cut(until) => until.as_secs_f64(),
            end => panic!("{end:?}"),
        };
        assert_eq!(until(&path), 1.0);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(until(&path), 0.0);
    }
}
