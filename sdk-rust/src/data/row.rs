//! One row of a feed, by its columns or as a struct of the scenario's own.

use std::fmt::Display;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};

use crate::error::{Error, Result};

/// A row: columns in the file's order, each with a text. In JSON lines a value that is no string is
/// given as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    columns: Vec<(String, String)>,
}

impl Row {
    pub(super) fn new(columns: Vec<(String, String)>) -> Self {
        Self { columns }
    }

    /// The columns in the file's order, each with its text.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The text in a column.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] when there is no such column; it says which there are.
    pub fn text(&self, column: &str) -> Result<&str> {
        self.columns().find(|(name, _)| *name == column).map(|(_, text)| text).ok_or_else(|| {
            let known: Vec<&str> = self.columns().map(|(name, _)| name).collect();
            Error::Data(format!("the feed has no column \"{column}\"; it has {}", known.join(", ")))
        })
    }

    /// The value in a column: `row.parse::<u32>("age")?`.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] when there is no such column, or its text does not parse.
    pub fn parse<T: FromStr<Err: Display>>(&self, column: &str) -> Result<T> {
        let text = self.text(column)?;
        text.parse()
            .map_err(|error| Error::Data(format!("column \"{column}\" holds \"{text}\": {error}")))
    }

    /// The JSON value in a column.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] when there is no such column, or its text is not the JSON expected.
    pub fn json<'a, T: Deserialize<'a>>(&'a self, column: &str) -> Result<T> {
        serde_json::from_str(self.text(column)?)
            .map_err(|error| Error::Data(format!("column \"{column}\": {error}")))
    }

    /// The row as a struct whose fields are named like the columns:
    /// `let user = row.into::<User>()?`.
    ///
    /// Numbers and booleans are parsed, an empty text is `None` for an `Option`, and what has an
    /// inner structure is read as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] when a column is missing, or its text does not fit its field.
    pub fn into<T: DeserializeOwned>(self) -> Result<T> {
        let columns = self.columns().map(|(name, text)| (name, Text { column: name, text }));
        T::deserialize(MapDeserializer::new(columns)).map_err(|error: serde_json::Error| {
            Error::Data(format!("a row of the feed does not fit: {error}"))
        })
    }
}

/// A column's text, which becomes whatever the field asks for.
struct Text<'a> {
    column: &'a str,
    text: &'a str,
}

impl Text<'_> {
    fn parsed<T: FromStr<Err: Display>>(&self) -> Result<T, serde_json::Error> {
        self.text.parse().map_err(|error| self.unfit(error))
    }

    fn unfit(&self, error: impl Display) -> serde_json::Error {
        serde_json::Error::custom(format!(
            "column \"{}\" holds \"{}\": {error}",
            self.column, self.text
        ))
    }
}

impl<'a> IntoDeserializer<'a, serde_json::Error> for Text<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident),+) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            visitor.$visit(self.parsed()?)
        }
    )+};
}

macro_rules! as_json {
    ($($method:ident($($argument:ident: $kind:ty),*)),+) => {$(
        fn $method<V: Visitor<'a>>(
            self,
            $($argument: $kind,)*
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            serde_json::Deserializer::from_str(self.text)
                .$method($($argument,)* visitor)
                .map_err(|error| self.unfit(error))
        }
    )+};
}

impl<'a> Deserializer<'a> for Text<'a> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_borrowed_str(self.text)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.text.is_empty() || self.text == "null" {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_enum(self.text.into_deserializer())
    }

    parsed!(
        deserialize_bool visit_bool,
        deserialize_i8 visit_i8,
        deserialize_i16 visit_i16,
        deserialize_i32 visit_i32,
        deserialize_i64 visit_i64,
        deserialize_i128 visit_i128,
        deserialize_u8 visit_u8,
        deserialize_u16 visit_u16,
        deserialize_u32 visit_u32,
        deserialize_u64 visit_u64,
        deserialize_u128 visit_u128,
        deserialize_f32 visit_f32,
        deserialize_f64 visit_f64
    );

    as_json!(
        deserialize_seq(),
        deserialize_map(),
        deserialize_unit(),
        deserialize_tuple(length: usize),
        deserialize_unit_struct(name: &'static str),
        deserialize_tuple_struct(name: &'static str, length: usize),
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
    );

    serde::forward_to_deserialize_any! { <W: Visitor<'a>>
        char str string bytes byte_buf identifier ignored_any
    }
}

#[cfg(test)]
mod tests;
