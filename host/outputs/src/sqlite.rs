//! `--out sqlite=FILE`: each second in tables of a SQLite database, to be asked in SQL.
//!
//! Runs are added to a database of ours that is there already, so that one file holds those of
//! weeks; a run that it has is replaced. What is written is safe each second or two, and whoever
//! opens the file meanwhile sees it that far. A file that is something else is left as it is.

mod tables;

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;

use self::tables::SqlTables;
use crate::aside::{Aside, folder_of};
use crate::document::STDOUT;
use crate::queued::{NewsKind, Queued, RunNews, Taker};
use crate::sink::{Flag, Kind, KindValue, Stdout};

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "sqlite",
    flag: Flag::Out,
    help: "sqlite=FILE adds each second to the tables of a SQLite database",
    needs_seconds: true,
    value: KindValue::File,
    open: |value, _: Stdout| Ok(Box::new(Queued::new("sqlite", SqliteFile::open(value)?)?)),
};

/// What tells our databases from others, in the head of the file: "Swel" as a number.
const APPLICATION_ID: i32 = 0x5377_656c;

/// The version of our tables, beside it.
const VERSION: i32 = 1;

/// How long what was written may wait to be safe: each time costs the disk a flush or two.
const COMMIT_EACH: Duration = Duration::from_secs(1);

/// How long another program may keep the database to itself.
const PATIENCE: Duration = Duration::from_secs(10);

struct SqliteFile {
    path: PathBuf,
    /// Once there is a run.
    connection: Option<Connection>,
    /// When what is written since then began to wait; nothing where none does.
    waits_since: Option<Instant>,
    /// Runs that take the place of earlier ones, and go on: until they are whole nothing is made
    /// safe, so that an earlier one stays where this one breaks off.
    replacing: Vec<String>,
}

impl SqliteFile {
    /// Looks whether runs can be added, and leaves everything as it is.
    ///
    /// # Errors
    /// They cannot, or the file is something else.
    fn open(value: &str) -> anyhow::Result<Self> {
        let asked = format!("--out sqlite={value}");
        ensure!(!value.is_empty(), "--out sqlite=: a file is needed after '='");
        if STDOUT.contains(&value) {
            bail!("{asked}: a database cannot go to stdout\nhelp: name a file");
        }
        // Without a folder SQLite would take some names for something else, as ":memory:".
        let path = std::path::absolute(value).with_context(|| asked.clone())?;
        match fs::metadata(&path) {
            Ok(there) if !there.is_file() => {
                bail!("{asked}: that is no ordinary file\nhelp: name another")
            }
            Ok(there) => {
                check_head(&path, there.len()).with_context(|| asked.clone())?;
                // SQLite keeps a journal beside the file itself, wherever a link stands.
                File::options()
                    .append(true)
                    .open(&path)
                    .and_then(|_| fs::canonicalize(&path))
                    .and_then(|file| NamedTempFile::new_in(folder_of(&file)?))
                    .map(drop)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Aside::open(&path).map(drop),
            Err(error) => Err(error),
        }
        .with_context(|| format!("{asked}: cannot write there"))?;
        Ok(Self { path, connection: None, waits_since: None, replacing: Vec::new() })
    }

    fn add(&mut self, told: &RunNews) -> anyhow::Result<u64> {
        let connection = match &self.connection {
            Some(connection) => connection,
            None => self.connection.insert(connect(&self.path)?),
        };
        if self.waits_since.is_none() {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            self.waits_since = Some(Instant::now());
        }
        let (tables, run) = (SqlTables(connection), &*told.run);
        let rows = match &told.what {
            NewsKind::Begun => {
                if tables.has_run(run)? {
                    self.replacing.push(run.run.id.clone());
                }
                tables.begin(run)?
            }
            NewsKind::Frame(frame) => tables.frame(run, frame)?,
            NewsKind::Mark(mark) => tables.mark(run, mark)?,
            NewsKind::Over(report) => {
                self.replacing.retain(|id| *id != run.run.id);
                report.as_deref().map_or(Ok(0), |report| tables.over(run, report))?
            }
        };
        if self.replacing.is_empty()
            && self.waits_since.is_some_and(|since| since.elapsed() >= COMMIT_EACH)
        {
            self.commit()?;
        }
        Ok(rows)
    }

    fn commit(&mut self) -> anyhow::Result<()> {
        if let Some(connection) = &self.connection
            && self.waits_since.take().is_some()
        {
            connection.execute_batch("COMMIT")?;
        }
        Ok(())
    }

    fn cannot(&self) -> String {
        format!(
            "cannot write to the database {}: it has what was written before",
            self.path.display()
        )
    }
}

impl Taker for SqliteFile {
    fn take(&mut self, told: &RunNews, written: &AtomicU64) -> anyhow::Result<()> {
        let rows = self.add(told).with_context(|| self.cannot())?;
        written.fetch_add(rows.max(1), Ordering::Relaxed);
        Ok(())
    }

    fn finish(&mut self, written: &AtomicU64) -> anyhow::Result<Vec<String>> {
        if self.replacing.is_empty() {
            self.commit().with_context(|| self.cannot())?;
        }
        written.fetch_add(1, Ordering::Relaxed);
        Ok(Vec::new())
    }
}

/// Looks at the first bytes of a file, without SQLite: that would change some that are not ours.
///
/// # Errors
/// It is no database of ours, nor empty.
fn check_head(path: &Path, length: u64) -> anyhow::Result<()> {
    if length == 0 {
        return Ok(());
    }
    let mut head = [0; 72];
    let is_sqlite = match File::open(path).and_then(|mut file| file.read_exact(&mut head)) {
        Ok(()) => head.starts_with(b"SQLite format 3\0"),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => false,
        Err(error) => return Err(error.into()),
    };
    ensure!(
        is_sqlite,
        "that file is no SQLite database, and is left as it is\nhelp: name another file"
    );
    let number = |from: usize| {
        i32::from_be_bytes([head[from], head[from + 1], head[from + 2], head[from + 3]])
    };
    check_form(number(68), number(60))
}

/// Whether a database is ours, and of this release.
fn check_form(application_id: i32, version: i32) -> anyhow::Result<()> {
    ensure!(
        application_id == APPLICATION_ID,
        "that database holds something else than runs, and is left as it is\nhelp: name another \
        file, which is made"
    );
    ensure!(
        version == VERSION,
        "that database has tables of another release (version {version}, this one writes \
        {VERSION}), and is left as it is\nhelp: name another file, which is made"
    );
    Ok(())
}

/// Opens the database, and makes its tables where it has none.
fn connect(path: &Path) -> anyhow::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application_id, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 && version == 0 {
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", VERSION)?;
        connection.execute_batch(&tables::schema())?;
    } else {
        // It may be another file by now.
        check_form(application_id, version)?;
    }
    connection.execute_batch("COMMIT")?;
    Ok(connection)
}

#[cfg(test)]
mod tests;
