//! What a recording holds of an answer.

use base64::Engine as _;
use serde::Deserialize;

/// A header of either side.
#[derive(Deserialize)]
pub(crate) struct HarHeader {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
}

/// What a service answered.
#[derive(Deserialize)]
pub(crate) struct HarResponse {
    pub(crate) status: Option<i32>,
    #[serde(default)]
    pub(crate) headers: Vec<HarHeader>,
    content: Option<ResponseContent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponseContent {
    mime_type: Option<String>,
    text: Option<String>,
    encoding: Option<String>,
}

impl HarResponse {
    /// The type of its content.
    pub(crate) fn kind(&self) -> &str {
        self.content.as_ref().and_then(|content| content.mime_type.as_deref()).unwrap_or_default()
    }

    /// The body as text, if it is there and is text.
    pub(crate) fn text(&self) -> Option<String> {
        let content = self.content.as_ref()?;
        decoded(content.text.as_deref()?, content.encoding.as_deref())
    }
}

/// A text as it was before the recording wrote it as base64.
pub(crate) fn decoded(text: &str, encoding: Option<&str>) -> Option<String> {
    if !encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64")) {
        return Some(text.to_owned());
    }
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).ok()?).ok()
}
