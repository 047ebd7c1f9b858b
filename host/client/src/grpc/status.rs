//! How a call ended, as its answer says it: the status in its trailers, or what stands for one
//! where an answer is no gRPC.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use percent_encoding::percent_decode;
use swell_core::grpc::{
    INTERNAL, PERMISSION_DENIED, UNAUTHENTICATED, UNAVAILABLE, UNIMPLEMENTED, UNKNOWN, known,
};

use crate::grpc::metadata::decode_binary;
use crate::http::head::Head;

/// The code of a call that has ended.
pub(crate) const STATUS: &str = "grpc-status";
/// What was said of it, percent-encoded.
pub(crate) const MESSAGE: &str = "grpc-message";
/// More of it, as a message in base64.
pub(crate) const DETAILS: &str = "grpc-status-details-bin";

/// How a call ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcStatus {
    /// One of the statuses that gRPC knows.
    pub code: u16,
    /// What was said of it; may be empty.
    pub message: String,
    /// The message `google.rpc.Status`, if there is one.
    pub details: Bytes,
}

impl GrpcStatus {
    pub(crate) fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Bytes::new() }
    }

    /// The status in trailers, if there is one. A number that gRPC does not know is UNKNOWN, and
    /// the message says which it was.
    pub(crate) fn of_trailers(trailers: &HeaderMap) -> Option<Self> {
        let code = trailers.get(STATUS)?;
        let mut message = trailers.get(MESSAGE).map(decoded).unwrap_or_default();
        let number = code.to_str().ok().and_then(|text| text.parse().ok());
        let code = number.and_then(known).unwrap_or_else(|| {
            let of = String::from_utf8_lossy(code.as_bytes());
            let rest = if message.is_empty() { String::new() } else { format!(": {message}") };
            message = format!("status {of}, which gRPC does not know{rest}");
            UNKNOWN
        });
        let details = trailers.get(DETAILS);
        let details = details.map(|value| decode_binary(value.as_bytes())).unwrap_or_default();
        Some(Self { code, message, details: details.into() })
    }

    /// What stands for the status of an answer that is no gRPC, by the status of HTTP
    /// (grpc/doc/http-grpc-status-mapping.md); nothing where the answer is one.
    pub(crate) fn of_foreign(head: &Head) -> Option<Self> {
        let kind = head.headers.get(CONTENT_TYPE);
        if head.status == StatusCode::OK && kind.is_some_and(is_grpc) {
            return None;
        }
        let code = match head.status.as_u16() {
            400 => INTERNAL,
            401 => UNAUTHENTICATED,
            403 => PERMISSION_DENIED,
            404 => UNIMPLEMENTED,
            429 | 502 | 503 | 504 => UNAVAILABLE,
            _ => UNKNOWN,
        };
        let kind = match kind {
            Some(kind) => format!("content-type {kind:?}"),
            None => "no content-type".to_owned(),
        };
        let status = head.status.as_u16();
        let words = format!("answered with HTTP status {status} and {kind}, which is no gRPC");
        Some(Self::new(code, words))
    }

    /// What stands for the status of an answer that ended without one.
    pub(crate) fn missing() -> Self {
        Self::new(UNKNOWN, "the answer ended without grpc-status")
    }
}

/// `application/grpc`, alone or with the form of its messages.
fn is_grpc(kind: &HeaderValue) -> bool {
    let Some(rest) = kind.as_bytes().strip_prefix(b"application/grpc") else { return false };
    matches!(rest.first(), None | Some(b'+' | b';'))
}

/// A text that is percent-encoded. What is coded wrongly stays as it came.
fn decoded(value: &HeaderValue) -> String {
    percent_decode(value.as_bytes()).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_status_has_its_code_its_words_and_its_details() {
        let status = GrpcStatus::of_trailers(&trailers(&[
            (STATUS, "14"),
            (MESSAGE, "gone %C3%BC 100% %zz"),
            (DETAILS, "CA4"),
        ]));
        let expected = GrpcStatus {
            code: 14,
            message: "gone ü 100% %zz".into(),
            details: Bytes::from_static(&[8, 14]),
        };
        assert_eq!(status, Some(expected));
        assert_eq!(GrpcStatus::of_trailers(&trailers(&[(MESSAGE, "x")])), None);
    }

    #[test]
    fn a_status_that_grpc_does_not_know_is_unknown_and_told() {
        for wrong in ["17", "4294967296", "-1", "", "OK", "0x1"] {
            let status = GrpcStatus::of_trailers(&trailers(&[(STATUS, wrong), (MESSAGE, "so")]));
            let status = status.expect("there is one");
            assert_eq!(status.code, UNKNOWN, "{wrong:?}");
            assert_eq!(status.message, format!("status {wrong}, which gRPC does not know: so"));
        }
    }

    #[test]
    fn answers_that_are_no_grpc_have_the_codes_that_grpc_gives_them() {
        let foreign = |status: u16, kind: Option<&'static str>| {
            let headers = kind.map(|kind| trailers(&[("content-type", kind)])).unwrap_or_default();
            let status = StatusCode::from_u16(status).unwrap();
            GrpcStatus::of_foreign(&Head { status, headers })
        };
        let html = Some("text/html");
        for (status, code) in [
            (400, 13),
            (401, 16),
            (403, 7),
            (404, 12),
            (429, 14),
            (502, 14),
            (503, 14),
            (504, 14),
            (500, 2),
            (302, 2),
            (200, 2),
        ] {
            assert_eq!(foreign(status, html).map(|status| status.code), Some(code), "{status}");
        }
        let words = foreign(503, html).expect("no gRPC").message;
        assert_eq!(
            words,
            "answered with HTTP status 503 and content-type \"text/html\", which is no gRPC"
        );
        for kind in ["application/grpc", "application/grpc+proto", "application/grpc;x=y"] {
            assert_eq!(foreign(200, Some(kind)), None, "{kind}");
        }
        for kind in [Some("application/grpc-web"), Some("application/json"), None] {
            assert_eq!(foreign(200, kind).map(|status| status.code), Some(2), "{kind:?}");
        }
    }
}
