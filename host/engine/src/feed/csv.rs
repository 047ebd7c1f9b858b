//! CSV (RFC 4180) with a header line: values in quotes may have commas and lines in them, and a
//! quote doubled is one.
//!
//! Read byte for byte, so that a quote that is never closed is told apart from a long value, and
//! with the line where it was opened.

use std::io::BufRead;

use super::rows::{Gathering, Rows};
use super::unread::{Unread, text};

pub(super) fn rows(mut file: impl BufRead, size: u64) -> Result<Rows, Unread> {
    let mut reader = CsvReader::new(size);
    loop {
        let chunk = file.fill_buf()?;
        if chunk.is_empty() {
            return reader.finish();
        }
        chunk.iter().try_for_each(|&byte| reader.byte(byte))?;
        let length = chunk.len();
        file.consume(length);
    }
}

/// Where in a value the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ValueState {
    /// Before the first byte of a value.
    Begin,
    /// In a value without quotes, or behind those of one.
    Plain,
    /// Behind an opening quote.
    Quoted,
    /// Behind a quote that ends the value, or is the first of two.
    Closed,
}

/// What was read so far, byte for byte.
struct CsvReader {
    rows: Gathering,
    /// The header, once it is there.
    columns: Option<Vec<String>>,
    /// What the header has so far.
    header: Vec<String>,
    /// What the value under way has so far.
    value: Vec<u8>,
    place: ValueState,
    /// Values of the row so far.
    width: usize,
    /// The number of the row's first value in the file.
    first: usize,
    /// The line of the next byte, and that in which the row began.
    line: u64,
    row_line: u64,
    /// Where the last quote was opened.
    opened: u64,
    /// Whether the last byte was a carriage return, which a line feed belongs to.
    after_return: bool,
}

impl CsvReader {
    fn new(size: u64) -> Self {
        Self {
            rows: Gathering::of_file(size),
            columns: None,
            header: Vec::new(),
            value: Vec::new(),
            place: ValueState::Begin,
            width: 0,
            first: 0,
            line: 1,
            row_line: 1,
            opened: 1,
            after_return: false,
        }
    }

    fn byte(&mut self, byte: u8) -> Result<(), Unread> {
        let begins_row = self.place == ValueState::Begin && self.width == 0;
        if begins_row {
            self.row_line = self.line;
        }
        match (self.place, byte) {
            (ValueState::Quoted, b'"') => self.place = ValueState::Closed,
            (ValueState::Quoted, other) => self.value.push(other),
            (ValueState::Closed, b'"') => {
                self.value.push(b'"');
                self.place = ValueState::Quoted;
            }
            (ValueState::Begin, b'"') => {
                self.opened = self.line;
                self.place = ValueState::Quoted;
            }
            (_, b',') => self.end_value()?,
            // A line with nothing in it is no row.
            (_, b'\r' | b'\n') if begins_row => {}
            (_, b'\r' | b'\n') => self.end_row()?,
            // Quotes that meet again lines later are likely those of two values, one of which was
            // never closed.
            (ValueState::Closed, _) if self.opened != self.line => {
                let reason = format!(
                    "the quote that was opened in line {} ends before other text; was it meant to \
                    be closed there?",
                    self.opened
                );
                return Err(Unread::Line(self.line, reason));
            }
            (_, other) => {
                self.value.push(other);
                self.place = ValueState::Plain;
            }
        }
        self.line += u64::from(byte == b'\r' || byte == b'\n' && !self.after_return);
        self.after_return = byte == b'\r';
        Ok(())
    }

    fn end_value(&mut self) -> Result<(), Unread> {
        let value = text(&self.value, self.row_line)?;
        if self.columns.is_some() {
            self.rows.value(value).map_err(|reason| Unread::Line(self.row_line, reason.into()))?;
        } else {
            self.header.push(value.to_owned());
        }
        self.value.clear();
        self.width += 1;
        self.place = ValueState::Begin;
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), Unread> {
        self.end_value()?;
        let wrong = |reason| Unread::Line(self.row_line, reason);
        match &self.columns {
            None => {
                for (number, column) in (1..).zip(&self.header) {
                    if column.is_empty() {
                        return Err(wrong(format!("column {number} of the header has no name")));
                    }
                    if self.header[..number - 1].contains(column) {
                        return Err(wrong(format!("the header has two columns {column:?}")));
                    }
                }
                self.rows.shape(&self.header);
                self.columns = Some(std::mem::take(&mut self.header));
            }
            Some(columns) => {
                if columns.len() != self.width {
                    let values = if self.width == 1 { "value" } else { "values" };
                    return Err(wrong(format!(
                        "{} {values} in a row, and {} in the header",
                        self.width,
                        columns.len()
                    )));
                }
                self.rows.end_row(self.first, Some(0)).map_err(|reason| wrong(reason.into()))?;
            }
        }
        self.width = 0;
        self.first = self.rows.values();
        Ok(())
    }

    fn finish(mut self) -> Result<Rows, Unread> {
        if self.place == ValueState::Quoted {
            return Err(Unread::Line(
                self.opened,
                "a quote is opened here and never closed".into(),
            ));
        }
        // The last line may lack its end.
        if self.width > 0 || self.place != ValueState::Begin {
            self.end_row()?;
        }
        Ok(self.rows.finish())
    }
}
