//! Requests as they go out: templates filled in, bodies written.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::follower::StepsFollower;
use super::world::{OutgoingPart, StepsRequest, StepsWorld};
use crate::model::{Auth, JsonPiece, PartContent, StepBody, StepRequest};

/// What stands for itself in a query and in a form (RFC 3986, 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A body, with the media type that its form has.
type WrittenBody<'r> = (Option<Cow<'r, str>>, Cow<'r, [u8]>);

impl<'a> StepsFollower<'a> {
    /// A request with everything filled in; what is fixed is lent.
    pub(super) fn outgoing<'r>(
        &mut self,
        request: &'r StepRequest,
        world: &mut dyn StepsWorld,
    ) -> Result<StepsRequest<'r>, String>
    where
        'a: 'r,
    {
        let mut url = match request.url.fixed() {
            Some(url) => Cow::Borrowed(url),
            None => Cow::Owned(self.fill(&request.url, world)?),
        };
        for (name, value) in &request.query {
            let sign = if url.contains('?') { '&' } else { '?' };
            let value = self.fill(value, world)?;
            url = format!("{url}{sign}{}={}", encoded(name), encoded(&value)).into();
        }
        let mut headers = Vec::new();
        for (name, value) in &request.headers {
            headers.push((name.clone(), self.fill(value, world)?));
        }
        let has = |headers: &[(String, String)], name: &str| {
            headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        if let Some(auth) = request.auth.as_ref().filter(|_| !has(&headers, "authorization")) {
            let value = match auth {
                Auth::Bearer(token) => format!("Bearer {}", self.fill(token, world)?),
                Auth::Basic(user, password) => {
                    let pair =
                        format!("{}:{}", self.fill(user, world)?, self.fill(password, world)?);
                    format!("Basic {}", BASE64_STANDARD.encode(pair))
                }
            };
            headers.push(("authorization".to_owned(), value));
        }
        let (kind, body) = self.body(&request.body, world)?;
        if let Some(kind) = kind.filter(|_| !has(&headers, "content-type")) {
            headers.push(("content-type".to_owned(), kind.into_owned()));
        }
        let body = match request.compress.filter(|_| !body.is_empty()) {
            None => body,
            Some(coding) => {
                if !has(&headers, "content-encoding") {
                    headers.push(("content-encoding".to_owned(), coding.to_owned()));
                }
                Cow::Owned(world.compress(&body, coding))
            }
        };
        Ok(StepsRequest {
            method: &request.method,
            url,
            headers,
            body,
            wants: OutgoingPart {
                headers: request.looks_at_headers(),
                body: request.looks_at_body(),
            },
            redirects: request.redirects,
            expect: &request.expect.status,
            timeout: request.timeout,
        })
    }

    /// A body, with its media type.
    fn body<'r>(
        &mut self,
        body: &'r StepBody,
        world: &mut dyn StepsWorld,
    ) -> Result<WrittenBody<'r>, String>
    where
        'a: 'r,
    {
        Ok(match body {
            StepBody::None => (None, Cow::Borrowed(&[])),
            StepBody::Text(template) => (None, self.filled(template, world)?),
            StepBody::File(path) => (None, Cow::Borrowed(self.file(path)?)),
            StepBody::Json(pieces) => {
                let kind = Some("application/json".into());
                if let [JsonPiece::Written(json)] = &**pieces {
                    return Ok((kind, Cow::Borrowed(json.as_bytes())));
                }
                let mut json = String::new();
                for piece in pieces {
                    match piece {
                        JsonPiece::Written(written) => json += written,
                        JsonPiece::Number(template) => json += &self.fill(template, world)?,
                        JsonPiece::Text(template) => {
                            json += &Value::from(self.fill(template, world)?).to_string();
                        }
                    }
                }
                (kind, Cow::Owned(json.into_bytes()))
            }
            StepBody::Form(fields) => {
                let mut form = String::new();
                for (name, value) in fields {
                    let sign = if form.is_empty() { "" } else { "&" };
                    let value = self.fill(value, world)?;
                    form += &format!("{sign}{}={}", encoded(name), encoded(&value));
                }
                (Some("application/x-www-form-urlencoded".into()), Cow::Owned(form.into_bytes()))
            }
            StepBody::Multipart(parts) => {
                let boundary = format!("swell-{:016x}{:016x}", world.random(), world.random());
                let mut bytes = Vec::new();
                for part in parts {
                    let mut head = format!(
                        "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"",
                        part.name
                    );
                    let content: Cow<'_, [u8]> = match &part.content {
                        PartContent::Value(template) => self.filled(template, world)?,
                        PartContent::File(path) => {
                            let name = path.rsplit('/').next().unwrap_or(path);
                            let name = name.replace(['"', '\r', '\n'], "_");
                            head += &format!("; filename=\"{name}\"");
                            Cow::Borrowed(self.file(path)?)
                        }
                    };
                    if let Some(kind) = &part.kind {
                        head += &format!("\r\nContent-Type: {kind}");
                    }
                    bytes.extend_from_slice(head.as_bytes());
                    bytes.extend_from_slice(b"\r\n\r\n");
                    bytes.extend_from_slice(&content);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
                let kind = format!("multipart/form-data; boundary={boundary}");
                (Some(kind.into()), Cow::Owned(bytes))
            }
        })
    }

    fn filled<'r>(
        &mut self,
        template: &'r crate::template::ValueTemplate,
        world: &mut dyn StepsWorld,
    ) -> Result<Cow<'r, [u8]>, String> {
        Ok(match template.fixed() {
            Some(text) => Cow::Borrowed(text.as_bytes()),
            None => Cow::Owned(self.fill(template, world)?.into_bytes()),
        })
    }

    fn file(&self, path: &str) -> Result<&'a [u8], String> {
        self.files.get(path).map(Vec::as_slice).ok_or_else(|| format!("{path} was not loaded"))
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}
