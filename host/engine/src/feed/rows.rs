//! Rows in memory: little more than the file they come from, because a run may have millions of
//! rows.
//!
//! All values stand in one text, one behind the other, and each costs four bytes more for its end.
//! The names of columns are kept once for all rows that have the same columns; in a CSV file these
//! are all rows.

use std::collections::HashMap;

/// One row: columns in the file's order, each with its value.
pub(crate) type FeedRow = Vec<(String, String)>;

/// Ends are counted from the first value of a block, so that four bytes are enough in a file of any
/// size.
const BLOCK: usize = 1024;

/// The most sets of columns that are told apart. Further rows, in files in which hardly two rows
/// are alike, keep their names as values.
const MAX_SHAPES: usize = 1024;

/// The shape of such a row.
const OWN_NAMES: u32 = u32::MAX;

/// All rows of a feed.
#[derive(Debug, Default)]
pub(super) struct Rows {
    values: RowValues,
    /// The sets of columns, by number.
    shapes: Vec<Box<[Box<str>]>>,
    order: RowIndex,
}

/// Where a row's values begin, and what its columns are.
#[derive(Debug)]
enum RowIndex {
    /// All rows have the first shape.
    Uniform {
        rows: usize,
    },
    Mixed(Vec<RowStart>),
}

/// Where one row begins, and what its columns are.
#[derive(Clone, Copy, Debug)]
struct RowStart {
    /// The first of its values, in units of one value.
    first: u32,
    /// The number of its set of columns, or [`OWN_NAMES`].
    shape: u32,
}

/// The values of all rows, one behind the other.
#[derive(Debug, Default)]
struct RowValues {
    text: String,
    /// Where each value ends in the text, counted from the beginning of its block.
    ends: Vec<u32>,
    /// Where each block begins in the text.
    blocks: Vec<usize>,
}

/// Takes rows one after the other.
#[derive(Default)]
pub(super) struct Gathering {
    rows: Rows,
    /// The numbers of the sets of columns.
    known: HashMap<Box<[Box<str>]>, u32>,
}

/// There are more values than four bytes can count.
pub(super) const TOO_MUCH: &str = "this is more than a feed can hold";

impl Default for RowIndex {
    fn default() -> Self {
        Self::Uniform { rows: 0 }
    }
}

impl Gathering {
    /// For a file of this many bytes: its values are no longer than the file.
    pub(super) fn of_file(bytes: u64) -> Self {
        let mut gathering = Self::default();
        // Memory that is never written is never resident. The size of a pipe is no size, and only a
        // wrong guess.
        let _ = gathering.rows.values.text.try_reserve_exact(usize::try_from(bytes).unwrap_or(0));
        gathering
    }

    /// Adds a value to the row that is being built.
    pub(super) fn value(&mut self, value: &str) -> Result<(), &'static str> {
        self.rows.values.push(value)
    }

    /// The number of a set of columns; `None` where there are too many sets already.
    pub(super) fn shape(&mut self, columns: &[String]) -> Option<u32> {
        let columns: Box<[Box<str>]> =
            columns.iter().map(|column| column.as_str().into()).collect();
        if let Some(&known) = self.known.get(&columns) {
            return Some(known);
        }
        let shapes = &mut self.rows.shapes;
        if shapes.len() >= MAX_SHAPES {
            return None;
        }
        let number = shapes.len() as u32;
        shapes.push(columns.clone());
        self.known.insert(columns, number);
        Some(number)
    }

    /// Ends a row, whose values were added since the last row ended. Without a shape the values are
    /// names and values in turn.
    pub(super) fn end_row(&mut self, first: usize, shape: Option<u32>) -> Result<(), &'static str> {
        let rows = &mut self.rows;
        if let RowIndex::Uniform { rows: before } = rows.order {
            if shape == Some(0) {
                rows.order = RowIndex::Uniform { rows: before + 1 };
                return Ok(());
            }
            let width = rows.shapes.first().map_or(0, |columns| columns.len());
            let place = |row| {
                Ok(RowStart { first: u32::try_from(row * width).map_err(|_| TOO_MUCH)?, shape: 0 })
            };
            rows.order =
                RowIndex::Mixed((0..before).map(place).collect::<Result<_, &'static str>>()?);
        }
        let RowIndex::Mixed(places) = &mut rows.order else { unreachable!("it was made so") };
        places.push(RowStart {
            first: u32::try_from(first).map_err(|_| TOO_MUCH)?,
            shape: shape.unwrap_or(OWN_NAMES),
        });
        Ok(())
    }

    /// How many values there are so far.
    pub(super) fn values(&self) -> usize {
        self.rows.values.ends.len()
    }

    pub(super) fn finish(mut self) -> Rows {
        self.rows.values.text.shrink_to_fit();
        self.rows.values.ends.shrink_to_fit();
        if let RowIndex::Mixed(places) = &mut self.rows.order {
            places.shrink_to_fit();
        }
        self.rows
    }
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        match &self.order {
            RowIndex::Uniform { rows } => *rows,
            RowIndex::Mixed(places) => places.len(),
        }
    }

    pub(super) fn row(&self, index: usize) -> Option<FeedRow> {
        let columns =
            |shape: u32| self.shapes.get(shape as usize).map_or(&[][..], |columns| columns);
        let (first, shape) = match &self.order {
            RowIndex::Uniform { rows } => (index * columns(0).len(), (index < *rows).then_some(0)?),
            RowIndex::Mixed(places) => {
                places.get(index).map(|place| (place.first as usize, place.shape))?
            }
        };
        let value = |number: usize| self.values.get(number).to_owned();
        if shape != OWN_NAMES {
            return Some(
                columns(shape)
                    .iter()
                    .zip(first..)
                    .map(|(column, number)| (String::from(&**column), value(number)))
                    .collect(),
            );
        }
        let after = match &self.order {
            RowIndex::Mixed(places) => places.get(index + 1).map(|next| next.first as usize),
            RowIndex::Uniform { .. } => None,
        };
        let end = after.unwrap_or(self.values.ends.len());
        Some((first..end).step_by(2).map(|name| (value(name), value(name + 1))).collect())
    }

    /// The bytes that it holds.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let order = match &self.order {
            RowIndex::Uniform { .. } => 0,
            RowIndex::Mixed(places) => places.capacity() * size_of::<RowStart>(),
        };
        let names: usize =
            self.shapes.iter().flatten().map(|name| name.len() + size_of::<Box<str>>()).sum();
        let values = &self.values;
        names
            + order
            + values.text.capacity()
            + values.ends.capacity() * size_of::<u32>()
            + values.blocks.capacity() * size_of::<usize>()
    }
}

impl RowValues {
    fn push(&mut self, value: &str) -> Result<(), &'static str> {
        if self.ends.len().is_multiple_of(BLOCK) {
            self.blocks.push(self.text.len());
        }
        self.text.push_str(value);
        let start = self.blocks.last().copied().unwrap_or(0);
        self.ends.push(u32::try_from(self.text.len() - start).map_err(|_| TOO_MUCH)?);
        Ok(())
    }

    fn get(&self, number: usize) -> &str {
        let block = self.blocks[number / BLOCK];
        let start = if number.is_multiple_of(BLOCK) { 0 } else { self.ends[number - 1] };
        &self.text[block + start as usize..block + self.ends[number] as usize]
    }
}
