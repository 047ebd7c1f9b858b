//! What a script sends, or has hashed, as bytes.

use rquickjs::{ArrayBuffer, Value};

/// A body: text as UTF-8, or the bytes of a buffer.
pub(crate) fn bytes(body: &Value<'_>) -> rquickjs::Result<Vec<u8>> {
    if let Some(buffer) = ArrayBuffer::from_value(body.clone()) {
        // SAFETY: nothing of JavaScript runs before the bytes are copied.
        return Ok(unsafe { buffer.as_bytes() }.unwrap_or_default().to_vec());
    }
    match body.as_string() {
        Some(text) => Ok(text.to_string()?.into_bytes()),
        None => Ok(Vec::new()),
    }
}
