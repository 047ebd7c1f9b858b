//! Journals: what one of several hosts counted, on its own disk, so that a coordinator that is lost
//! takes no result with it.
//!
//! A journal begins with what was run, and holds the same deltas that the host sends, twice a
//! second, each with its length and a checksum. It is written as it goes, so a host that is killed
//! leaves all but its last half second; a last entry that is cut short is told and left out.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use swell_core::RunInstant;
use swell_core::run::NodeCounts;
use swell_protocol::message::NodeId;

/// How a journal begins.
const MAGIC: &[u8] = b"swell-journal/4\n";
/// The longest entry: far more than a delta may have.
const LONGEST: u32 = 16 << 20;

/// What a run is known by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunIdentity {
    /// Its identity.
    pub run: String,
    /// What people call it.
    pub name: String,
    /// From which everything random followed.
    pub seed: u64,
    /// Its scenario.
    pub scenario: String,
    /// The scenario's file.
    pub file: String,
    /// What the file held, as a hash.
    pub file_hash: String,
    /// What was said about it, as flags and values.
    pub settings: Vec<(String, Option<String>)>,
}

impl RunIdentity {
    /// The same without the values of headers and variables: they may be secrets, and nothing that
    /// is made of a journal needs them.
    fn without_secrets(&self) -> Self {
        let hidden = |key: &str, value: &str| match key {
            "header" => value.split_once(':').map(|(name, _)| format!("{name}: {HIDDEN}")),
            "env" => value.split_once('=').map(|(name, _)| format!("{name}={HIDDEN}")),
            _ => None,
        };
        let pair = |(key, value): &(String, Option<String>)| {
            (
                key.clone(),
                value.as_ref().map(|value| hidden(key, value).unwrap_or_else(|| value.clone())),
            )
        };
        Self { settings: self.settings.iter().map(pair).collect(), ..self.clone() }
    }
}

/// In the place of what is not kept.
const HIDDEN: &str = "(not kept)";

/// What stands at the beginning.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JournalHeader {
    /// What was run.
    pub subject: RunIdentity,
    /// Who counted.
    pub host: NodeId,
    /// What it calls itself.
    pub host_name: String,
    /// All that were to take part when this host began.
    pub hosts: Vec<NodeId>,
    /// Unix time of the run's first instant, in seconds.
    pub began_at: f64,
}

/// What a host counted in half a second.
#[derive(Debug, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Where the measured part begins.
    pub measured_from: RunInstant,
    /// Until when the host might start what was its own to start: after it, it counted what was
    /// under way, and no rate follows.
    pub covered_until: RunInstant,
    /// Whether whoever led was lost before the end.
    pub is_leaderless: bool,
    /// Whether nothing follows.
    pub is_last: bool,
    /// What was counted.
    pub counts: NodeCounts,
}

/// Where journals go, and of what.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder.
    pub folder: PathBuf,
    /// What the node calls itself.
    pub host_name: String,
    /// What is run.
    pub subject: RunIdentity,
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// Nothing after it could not be written to.
    file: Option<File>,
}

/// Looks whether journals can go to a folder, before anything begins.
///
/// # Errors
/// It is none.
pub fn check_folder(folder: Option<&Path>) -> anyhow::Result<()> {
    match folder.filter(|folder| !folder.is_dir()) {
        Some(folder) => bail!(
            "--journal {}: there is no such folder\nhelp: make it, or name another",
            folder.display()
        ),
        None => Ok(()),
    }
}

impl Place {
    /// Begins the journal of a host.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn open(
        &self,
        host: NodeId,
        hosts: &[NodeId],
        began_at: SystemTime,
    ) -> anyhow::Result<Journal> {
        let path = self.folder.join(format!("{}-{host}.journal", self.subject.run));
        // Of this user alone: who reads it learns what was run, and where.
        let file = File::options().write(true).create_new(true).mode(0o600).open(&path);
        let mut file =
            file.with_context(|| format!("cannot make the journal {}", path.display()))?;
        let header = JournalHeader {
            subject: self.subject.without_secrets(),
            host,
            host_name: self.host_name.clone(),
            hosts: hosts.to_vec(),
            began_at: began_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
        };
        let begun = file.write_all(MAGIC).and_then(|()| append(&mut file, &header));
        begun.with_context(|| format!("cannot write the journal {}", path.display()))?;
        Ok(Journal { path, file: Some(file) })
    }
}

impl Journal {
    /// Adds an entry. A disk that is full ends the journal, and not the run.
    pub fn add(&mut self, entry: &JournalEntry) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = append(file, entry) {
            tracing::warn!("the journal {} ends here: {error}", self.path.display());
            self.file = None;
        }
    }
}

fn append(file: &mut File, what: &impl Serialize) -> std::io::Result<()> {
    let bytes = postcard::to_stdvec(what).map_err(std::io::Error::other)?;
    let length = u32::try_from(bytes.len()).map_err(std::io::Error::other)?;
    // In one piece, so that a process that is killed leaves whole entries.
    file.write_all(&[&length.to_le_bytes(), &checksum(&bytes)[..], &bytes].concat())
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    let hash = blake3::hash(bytes);
    std::array::from_fn(|place| hash.as_bytes()[place])
}

/// A journal that is read.
pub struct Reading {
    path: PathBuf,
    file: File,
    /// How it begins.
    pub header: JournalHeader,
}

impl Reading {
    /// Reads how a journal begins.
    ///
    /// # Errors
    /// It cannot be read, or is no journal.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let mut file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
        let mut magic = [0; MAGIC.len()];
        if file.read_exact(&mut magic).is_err() || magic != MAGIC {
            bail!(
                "{shown} is no journal of this release\nhelp: `host node --journal DIR` writes them"
            );
        }
        let header = next(&mut file)?.and_then(|bytes| postcard::from_bytes(&bytes).ok());
        let header = header.with_context(|| format!("{shown}: its beginning is broken"))?;
        Ok(Self { path: path.to_owned(), file, header })
    }

    /// The next entry; nothing at the end, or where it is broken from here on, which is told.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn entry(&mut self) -> anyhow::Result<Option<JournalEntry>> {
        let shown = self.path.display();
        let at = std::io::Seek::stream_position(&mut self.file)?;
        let Some(bytes) = next(&mut self.file).with_context(|| format!("cannot read {shown}"))?
        else {
            if at < self.file.metadata()?.len() {
                tracing::warn!("{shown} is broken after {at} bytes: what follows is left out");
            }
            return Ok(None);
        };
        match postcard::from_bytes(&bytes) {
            Ok(entry) => Ok(Some(entry)),
            Err(error) => {
                tracing::warn!(
                    "{shown} is broken after {at} bytes ({error}): what follows is left out"
                );
                Ok(None)
            }
        }
    }
}

/// The bytes of the next entry; nothing where there is no whole one.
fn next(file: &mut File) -> anyhow::Result<Option<Vec<u8>>> {
    let mut head = [0; 8];
    if !read_whole(file, &mut head)? {
        return Ok(None);
    }
    let [a, b, c, d, sum @ ..] = head;
    let length = u32::from_le_bytes([a, b, c, d]);
    if length > LONGEST {
        return Ok(None);
    }
    let mut bytes = vec![0; length as usize];
    Ok((read_whole(file, &mut bytes)? && checksum(&bytes) == sum).then_some(bytes))
}

/// Whether there was enough to fill it.
fn read_whole(file: &mut File, into: &mut [u8]) -> std::io::Result<bool> {
    match file.read_exact(into) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(folder: &Path) -> Place {
        let subject = RunIdentity {
            run: "r".to_owned(),
            name: "n".to_owned(),
            seed: 1,
            scenario: "s".to_owned(),
            file: "f".to_owned(),
            file_hash: "h".to_owned(),
            settings: vec![("tps".to_owned(), Some("5".to_owned()))],
        };
        Place { folder: folder.to_owned(), host_name: "a".to_owned(), subject }
    }

    fn entry(users: u64) -> JournalEntry {
        JournalEntry {
            measured_from: RunInstant::START,
            covered_until: RunInstant::START,
            is_leaderless: false,
            is_last: false,
            counts: NodeCounts { users, ..NodeCounts::default() },
        }
    }

    fn users(path: &Path) -> Vec<u64> {
        let mut reading = Reading::open(path).unwrap();
        std::iter::from_fn(|| reading.entry().unwrap()).map(|entry| entry.counts.users).collect()
    }

    #[test]
    fn what_is_written_is_read_up_to_where_it_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let mut journal = place.open(NodeId(7), &[NodeId(7)], SystemTime::now()).unwrap();
        (1..=3).for_each(|count| journal.add(&entry(count)));
        let path = folder.path().join("r-0000000000000007.journal");
        assert_eq!(Reading::open(&path).unwrap().header.subject, place.subject);
        assert_eq!(users(&path), [1, 2, 3]);
        let whole = std::fs::read(&path).unwrap();
        // Cut short, and with a byte that has changed.
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(users(&path), [1, 2]);
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() ^= 1;
        std::fs::write(&path, changed).unwrap();
        assert_eq!(users(&path), [1, 2]);
        assert!(place.open(NodeId(7), &[], SystemTime::now()).is_err(), "nothing is written over");
    }

    #[test]
    fn headers_and_variables_are_kept_by_name_alone_and_for_one_user() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mut place = place(folder.path());
        let pairs = [
            ("header", "authorization: Bearer s3cret"),
            ("env", "password=s3cret=1"),
            ("env", "empty="),
            ("data", "x=users.csv"),
        ];
        place.subject.settings =
            pairs.map(|(key, value)| (key.to_owned(), Some(value.to_owned()))).to_vec();
        place.open(NodeId(7), &[], SystemTime::now()).unwrap();
        let path = folder.path().join("r-0000000000000007.journal");
        let kept: Vec<_> = Reading::open(&path)
            .unwrap()
            .header
            .subject
            .settings
            .into_iter()
            .filter_map(|(_, value)| value)
            .collect();
        assert_eq!(
            kept,
            ["authorization: (not kept)", "password=(not kept)", "empty=(not kept)", "x=users.csv"]
        );
        assert!(!String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains("s3cret"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_no_journal_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for content in [&b""[..], b"swell", b"something else that is long enough", MAGIC] {
            std::fs::write(&path, content).unwrap();
            assert!(Reading::open(&path).is_err(), "{content:?}");
        }
    }
}
