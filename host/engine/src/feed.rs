//! Feeds: rows read once from a file and shared by all users.
//!
//! Which row an iteration is given follows from its number, the user's number or the iteration's randomness alone, so a run hands out the same rows whatever
//! thread or host an iteration lands on.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// A feed could not be read. The line number is the file's, from 1.
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
    /// The ending says neither CSV nor JSON lines.
    #[error("feed {name:?}: {} is neither .csv nor .jsonl\nhelp: name a CSV file .csv, and a file with one JSON object a line .jsonl or .ndjson", path.display())]
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
    /// There is no row to hand out.
    #[error("feed {name:?}: {} has no rows", path.display())]
    Empty {
        /// The feed's name.
        name: String,
        /// Its file.
        path: PathBuf,
    },
}

/// One row: columns in the file's order, each with its value.
pub(crate) type Row = Vec<(String, String)>;

/// A feed in memory.
#[derive(Debug)]
pub struct Feed {
    name: String,
    rows: Vec<Row>,
}

impl Feed {
    /// Reads a CSV file with a header line, or a file with one JSON object a line, by the file's ending.
    pub fn read(name: &str, path: &Path) -> Result<Self, FeedError> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        let (name, path) = (name.to_owned(), path.to_owned());
        let content = match std::fs::read_to_string(&path) {
            Ok(content) => content,
            Err(error) => return Err(FeedError::Read { name, path, reason: error.to_string() }),
        };
        let rows = match ending.as_str() {
            "csv" => csv_rows(&content),
            "jsonl" | "ndjson" => json_rows(&content),
            _ => return Err(FeedError::Kind { name, path }),
        };
        match rows {
            Err((line, reason)) => Err(FeedError::Row { name, path, line, reason }),
            Ok(rows) if rows.is_empty() => Err(FeedError::Empty { name, path }),
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
    pub fn wrapped(&self, index: u64) -> &Row {
        let index = index % self.len();
        &self.rows[usize::try_from(index).expect("an index below the number of rows in memory")]
    }

    /// Row `index`, if there is one.
    pub fn row(&self, index: u64) -> Option<&Row> {
        self.rows.get(usize::try_from(index).ok()?)
    }
}

type Rows = Result<Vec<Row>, (u64, String)>;

fn csv_rows(content: &str) -> Rows {
    let mut reader = csv::ReaderBuilder::new().from_reader(content.trim_start_matches('\u{feff}').as_bytes());
    let line = |error: &csv::Error| error.position().map_or(1, csv::Position::line);
    let columns = reader.headers().map_err(|error| (line(&error), error.to_string()))?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| (line(&error), error.to_string()))?;
        rows.push(columns.iter().zip(record.iter()).map(|(column, value)| (column.to_owned(), value.to_owned())).collect());
    }
    Ok(rows)
}

fn json_rows(content: &str) -> Rows {
    let mut rows = Vec::new();
    for (line, text) in (1_u64..).zip(content.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text).map_err(|error| (line, format!("not a JSON object: {error}")))?;
        let value = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        rows.push(object.into_iter().map(|(column, content)| (column, value(content))).collect());
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(ending: &str, content: &str) -> Result<Feed, FeedError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(format!("rows.{ending}"));
        std::fs::write(&path, content).expect("a file in it");
        Feed::read("rows", &path)
    }

    #[test]
    fn a_csv_row_has_its_columns() {
        let feed = feed("csv", "user,age\nada,36\n\"b,c\",1\n").expect("two rows");
        assert_eq!(feed.len(), 2);
        assert_eq!(feed.wrapped(3), &vec![("user".to_owned(), "b,c".to_owned()), ("age".to_owned(), "1".to_owned())]);
        assert_eq!(feed.row(2), None);
    }

    #[test]
    fn json_values_that_are_no_strings_stay_json() {
        let feed = feed("jsonl", "{\"a\":\"x\",\"b\":[1,2]}\n\n{\"a\":\"y\",\"b\":null}\n").expect("two rows");
        assert_eq!(feed.wrapped(0), &vec![("a".to_owned(), "x".to_owned()), ("b".to_owned(), "[1,2]".to_owned())]);
    }

    #[test]
    fn a_bad_line_is_named() {
        for (ending, content, expected) in
            [("csv", "a,b\n1,2\n3\n", "line 3"), ("jsonl", "{}\n[1]\n", "line 2"), ("csv", "a,b\n", "no rows"), ("txt", "a", "neither")]
        {
            let error = feed(ending, content).expect_err("not a feed").to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
