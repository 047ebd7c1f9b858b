//! Messages: texts and bytes.

use serde::de::DeserializeOwned;

use crate::bindings::websocket::Message as Raw;
use crate::error::{Error, Result};

/// A message, whole: a text, or bytes.
#[derive(Debug, Clone)]
pub struct Message(pub(super) Raw);

impl Message {
    /// A value as a message of text in JSON.
    pub fn json(value: &impl serde::Serialize) -> Result<Self> {
        Ok(Self(Raw::Text(serde_json::to_string(value)?)))
    }

    /// The text; an error where it is bytes.
    pub fn text(&self) -> Result<&str> {
        match &self.0 {
            Raw::Text(text) => Ok(text),
            Raw::Binary(_) => Err(Error::Answer("the message is binary, and no text".to_owned())),
        }
    }

    /// The bytes of either.
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Raw::Text(text) => text.as_bytes(),
            Raw::Binary(bytes) => bytes,
        }
    }

    /// What its JSON says.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_slice(self.bytes())?)
    }

    /// Whether it is a text.
    pub fn is_text(&self) -> bool {
        matches!(self.0, Raw::Text(_))
    }
}

macro_rules! messages {
    ($($kind:ident of $from:ty),+ $(,)?) => {$(
        impl From<$from> for Message {
            fn from(content: $from) -> Self {
                Self(Raw::$kind(content.into()))
            }
        }
    )+};
}

messages!(Text of &str, Text of String, Text of &String, Binary of &[u8], Binary of Vec<u8>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_bytes_become_messages_of_their_kind() {
        assert_eq!(Message::from("hello").text().unwrap(), "hello");
        let bytes = Message::from(vec![1, 2]);
        assert!(!bytes.is_text() && bytes.bytes() == [1, 2] && bytes.text().is_err());
        let json = Message::json(&[1, 2]).unwrap();
        assert_eq!((json.text().unwrap(), json.parse::<Vec<u8>>().unwrap()), ("[1,2]", vec![1, 2]));
    }
}
