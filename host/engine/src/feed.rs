//! Feeds: rows read once from a file and shared by all users.
//!
//! Which row an iteration gets follows from its number, the user's number or the iteration's
//! randomness alone, so a run hands out the same rows whatever thread or node an iteration runs on.
//!
//! A value reaches the scenario as it was written: a number keeps its digits, and nested JSON its
//! spaces. What cannot be read for certain is an error with its line: rows that were guessed would
//! be sent by the million.

mod csv;
mod json;
mod rows;
mod unread;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use thiserror::Error;

pub(crate) use self::rows::FeedRow;
use self::rows::Rows;
use self::unread::Unread;

/// A feed could not be read. Line numbers are those of the file, from 1.
#[derive(Debug, Error)]
pub enum FeedError {
    /// The file could not be opened or read.
    #[error("feed {name:?}: cannot read {}: {reason}", path.display())]
    Read {
        /// The feed's name.
        name: String,
        /// Its file.
        path: PathBuf,
        /// What the system or the parser said.
        reason: String,
    },
    /// The file's ending is neither that of CSV nor that of JSON lines.
    #[error("feed {name:?}: {} is neither .csv nor .jsonl\nhelp: name a CSV file .csv, and a file \
    with one JSON object a line .jsonl or .ndjson", path.display())]
    Kind {
        /// The feed's name.
        name: String,
        /// Its file.
        path: PathBuf,
    },
    /// A line that is not a row.
    #[error("feed {name:?}: {}, line {line}: {reason}", path.display())]
    Row {
        /// The feed's name.
        name: String,
        /// Its file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The feed has no row.
    #[error("feed {name:?}: {} has no rows\nhelp: a .csv file has a header line and then one row a \
    line, a .jsonl file one object a line", path.display())]
    Empty {
        /// The feed's name.
        name: String,
        /// Its file.
        path: PathBuf,
    },
}

/// A feed in memory.
#[derive(Debug)]
pub struct Feed {
    name: String,
    rows: Rows,
}

impl Feed {
    /// Reads a CSV file with a header line, or a file with one JSON object a line, by the file's
    /// ending.
    ///
    /// # Errors
    /// The file cannot be read, or is no such file; nothing of it is kept.
    pub fn read(name: &str, path: &Path) -> Result<Self, FeedError> {
        let ending = path
            .extension()
            .and_then(|ending| ending.to_str())
            .unwrap_or_default()
            .to_ascii_lowercase();
        let (name, path) = (name.to_owned(), path.to_owned());
        let read = match ending.as_str() {
            "csv" => csv::rows,
            "jsonl" | "ndjson" => json::rows,
            _ => return Err(FeedError::Kind { name, path }),
        };
        match open(&path).and_then(|(file, size)| read(file, size)) {
            Err(Unread::Io(error)) => {
                Err(FeedError::Read { name, path, reason: error.to_string() })
            }
            Err(Unread::Line(line, reason)) => Err(FeedError::Row { name, path, line, reason }),
            Ok(rows) if rows.len() == 0 => Err(FeedError::Empty { name, path }),
            Ok(rows) => Ok(Self { name, rows }),
        }
    }

    /// The name by which a scenario opens it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many rows there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "a feed is never empty")]
    pub fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Row `index`, beginning anew after the last.
    pub(crate) fn wrapped(&self, index: u64) -> FeedRow {
        self.row(index % self.len()).expect("an index below the number of rows")
    }

    /// Row `index`, if there is one.
    pub(crate) fn row(&self, index: u64) -> Option<FeedRow> {
        self.rows.row(usize::try_from(index).ok()?)
    }
}

/// The file without a byte order mark, as Windows' programs put it in front of UTF-8, and its size.
fn open(path: &Path) -> Result<(BufReader<File>, u64), Unread> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut file = BufReader::with_capacity(256 << 10, file);
    match file.fill_buf()? {
        [0xef, 0xbb, 0xbf, ..] => file.consume(3),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            return Err(Unread::Line(
                1,
                "this is UTF-16, and UTF-8 is needed\nhelp: convert it: iconv -f UTF-16 -t UTF-8 \
                OLD > NEW"
                    .into(),
            ));
        }
        _ => {}
    }
    Ok((file, size))
}

#[cfg(test)]
mod tests;
