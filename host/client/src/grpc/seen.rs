//! What a call that is looked on sends and receives.

use std::sync::Arc;

use http::header::HeaderMap;
use swell_core::exchange::Phases;
use swell_core::observer::{ObservedAnswer, ObservedError, ObservedHop};

use crate::grpc::metadata::decode_binary;
use crate::grpc::request::GrpcError;
use crate::grpc::wire::AnswerEnd;
use crate::http::urls::ParsedUrl;

/// One call so far.
#[derive(Default)]
pub(crate) struct SeenCall(Option<ObservedHop>);

impl SeenCall {
    /// A call is to be made.
    pub(crate) fn begins(&mut self, url: &ParsedUrl, head: &HeaderMap) {
        self.0 = Some(ObservedHop {
            method: "POST".into(),
            url: url.url.to_string(),
            version: Some("HTTP/2"),
            reused: false,
            headers: fields(head),
            body: Arc::from([]),
            answer: None,
            error: None,
            phases: Phases::default(),
        });
    }

    /// It goes over a connection that was open before, or over a new one, with this message.
    pub(crate) fn goes(&mut self, reused: bool, message: &[u8]) {
        if let Some(hop) = &mut self.0 {
            hop.reused = reused;
            hop.body = Arc::from(message);
        }
    }

    /// Its answer has ended, with a status of HTTP.
    pub(crate) fn is_answered(
        &mut self,
        status: u16,
        end: &AnswerEnd,
        message: &[u8],
        received: u64,
    ) {
        let Some(hop) = &mut self.0 else { return };
        let mut headers = fields(&end.headers);
        headers.extend(fields(&end.trailers));
        hop.answer = Some(ObservedAnswer {
            status,
            reason: "",
            headers,
            body: message.to_vec(),
            received,
            body_lacks: None,
        });
    }

    /// It has come to its end.
    pub(crate) fn over(self, phases: &Phases, error: Option<&GrpcError>) -> Vec<ObservedHop> {
        let Some(mut hop) = self.0 else { return Vec::new() };
        hop.phases = *phases;
        hop.error = error
            .and_then(GrpcError::error)
            .map(|error| ObservedError { class: error.class, words: error.message.clone() });
        vec![hop]
    }
}

fn fields(headers: &HeaderMap) -> Vec<(String, String)> {
    let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let name = name.as_str();
        let value = value.as_bytes();
        let shown = match name.ends_with("-bin") {
            true => format!("{} bytes", decode_binary(value).len()),
            false => String::from_utf8_lossy(value).into_owned(),
        };
        (name.to_owned(), shown)
    };
    headers.iter().map(pair).collect()
}
