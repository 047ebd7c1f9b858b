//! The private cache of compiled code: a folder that only its user may enter, bounded in size and
//! age.
//!
//! Several hosts may use the cache at once. A file appears whole, because it is renamed into its
//! place, and is read whole into memory, so that a host that has read a file does not need it any
//! more. If something is wrong with the folder (it is full, or read-only), only time is lost.
//!
//! ## What goes, and when
//! After each file that is added: first files that nobody used for a month, then the files whose
//! last use is longest ago, until the rest fits. A file that was used in the last minute stays in
//! any case, because another host may be about to read it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The most bytes of all files together: some thousand scenarios in Rust, or a dozen interpreters.
const MAX_BYTES: u64 = 1 << 30;

/// A file that nobody used for so long belongs to an older host, or to a scenario that nobody runs
/// any more.
const MAX_UNUSED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A file that was used more recently than this is never removed.
const IN_USE: Duration = Duration::from_secs(60);

const EXTENSION: &str = "compiled";

/// See the module's documentation.
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache in this folder, which is made if it is missing.
    ///
    /// # Errors
    /// The text says why the folder cannot be trusted or used.
    pub(crate) fn open(folder: &Path) -> Result<Self, String> {
        private_folder(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The bytes that are kept under this key. To find them counts as a use.
    pub(crate) fn find(&self, key: &str) -> Option<Vec<u8>> {
        let path = self.path(key);
        let bytes = std::fs::read(&path).ok()?;
        // If the use cannot be marked, the file is found all the same, and is removed sooner.
        let _ = std::fs::File::options()
            .append(true)
            .open(&path)
            .and_then(|file| file.set_modified(SystemTime::now()));
        Some(bytes)
    }

    /// Keeps these bytes under this key, and then removes what is too much.
    ///
    /// # Errors
    /// The bytes could not be written; nothing has changed.
    pub(crate) fn keep(&self, key: &str, bytes: &[u8]) -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.persist(self.path(key)).map_err(|error| error.error)?;
        for path in surplus(self.files(), SystemTime::now(), MAX_BYTES) {
            // Another host may have written the same file sooner.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(key).with_extension(EXTENSION)
    }

    fn files(&self) -> Vec<CacheFile> {
        let Ok(entries) = self.folder.read_dir() else { return Vec::new() };
        let kept = |entry: std::fs::DirEntry| {
            let metadata = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
            Some(CacheFile {
                path: entry.path(),
                bytes: metadata.len(),
                used: metadata.modified().ok()?,
            })
        };
        entries.flatten().filter_map(kept).collect()
    }
}

/// A file of the cache.
#[derive(Debug)]
struct CacheFile {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// The files that are to be removed. A file that is no compiled code was being written by a host
/// that died, and nobody will use it.
fn surplus(mut files: Vec<CacheFile>, now: SystemTime, max_bytes: u64) -> Vec<PathBuf> {
    // After a clock was set back some files seem to be of the future; they count as used just now.
    let unused = |file: &CacheFile| now.duration_since(file.used).unwrap_or_default();
    files.sort_by_key(unused);
    let mut bytes = 0_u64;
    let mut is_surplus = |file: &CacheFile| {
        bytes = bytes.saturating_add(file.bytes);
        let is_whole = file.path.extension().is_some_and(|extension| extension == EXTENSION);
        unused(file) > IN_USE && (!is_whole || bytes > max_bytes || unused(file) > MAX_UNUSED)
    };
    files.into_iter().filter(|file| is_surplus(file)).map(|file| file.path).collect()
}

/// Makes the folder with access for its owner alone; refuses a folder that others may write to.
fn private_folder(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let shown = path.display();
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| format!("cannot make {shown}: {error}"))?;
    let metadata =
        std::fs::metadata(path).map_err(|error| format!("cannot look at {shown}: {error}"))?;
    if metadata.uid() != rustix::process::geteuid().as_raw() || metadata.mode() & 0o022 != 0 {
        return Err(format!("{shown} belongs to or can be written by somebody else"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 60 * 60;

    /// Which of these go, of a cache of 100 bytes: each has a name, a size, and seconds since it
    /// was used.
    fn going(files: &[(&str, u64, u64)]) -> Vec<String> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 * DAY);
        let kept = |&(name, bytes, unused): &(&str, u64, u64)| CacheFile {
            path: PathBuf::from(name),
            bytes,
            used: now - Duration::from_secs(unused),
        };
        surplus(files.iter().map(kept).collect(), now, 100)
            .iter()
            .map(|path| path.display().to_string())
            .collect()
    }

    #[test]
    fn what_was_used_longest_ago_goes_until_the_rest_fits() {
        let files = [
            ("old.compiled", 40, 3_000),
            ("new.compiled", 40, 1_000),
            ("middle.compiled", 40, 2_000),
        ];
        assert_eq!(going(&files), ["old.compiled"]);
        assert_eq!(going(&files[..2]), Vec::<String>::new());
    }

    #[test]
    fn what_was_not_used_for_a_month_goes_though_there_is_room() {
        assert_eq!(
            going(&[("a.compiled", 1, 31 * DAY), ("b.compiled", 1, 29 * DAY)]),
            ["a.compiled"]
        );
    }

    #[test]
    fn what_another_host_may_be_about_to_read_stays_however_large() {
        assert_eq!(
            going(&[("a.compiled", 500, 0), ("b.compiled", 500, 59), ("c.compiled", 1, 61)]),
            ["c.compiled"]
        );
    }

    #[test]
    fn what_a_host_that_died_was_writing_goes() {
        assert_eq!(
            going(&[(".tmpAbc", 1, 61), (".tmpDef", 1, 10), ("a.compiled", 1, 61)]),
            [".tmpAbc"]
        );
    }

    #[test]
    fn what_is_found_was_used() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cache = Cache::open(folder.path()).expect("it is ours");
        assert_eq!(cache.find("key"), None);
        cache.keep("key", b"code").expect("it can be written");
        let long_ago = SystemTime::now() - 2 * MAX_UNUSED;
        let age = |key| {
            std::fs::File::options()
                .append(true)
                .open(cache.path(key))
                .and_then(|file| file.set_modified(long_ago))
        };
        age("key").expect("it is ours");
        assert_eq!(cache.find("key").as_deref(), Some(&b"code"[..]));
        cache.keep("other", b"code").expect("it can be written");
        assert!(cache.find("key").is_some(), "it was used a moment ago");
        age("key").expect("it is ours");
        cache.keep("third", b"code").expect("it can be written");
        assert_eq!((cache.find("key"), cache.files().len()), (None, 2));
    }

    #[test]
    fn a_folder_that_others_may_write_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777))
            .expect("it is ours");
        assert!(Cache::open(folder.path()).is_err_and(|reason| reason.contains("somebody else")));
    }
}
