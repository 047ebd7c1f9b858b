//! Signatures that services of AWS want on requests: Signature Version 4.
//!
//! The secret never travels: a key made of it and of the day signs a text made of the request. What
//! is signed is the method, path and query, the body's hash, and the headers that nobody on the way
//! changes: `host`, `content-type` and all `x-amz-*`. The rules are those of
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>,
//! and the tests are AWS's own examples.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use ring::{digest, hmac};

/// What a signature is for: the region and the service, as `aws:amz:eu-west-1:s3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsScope {
    region: String,
    service: String,
}

/// Who signs.
#[derive(Clone)]
pub struct AwsCredentials {
    /// The name of the key, which is sent.
    pub key_id: String,
    /// The key, which is not.
    pub secret: String,
    /// What temporary keys come with; it is sent.
    pub session_token: Option<String>,
}

/// Signs requests. What is printed of it holds no secret.
#[derive(Clone)]
pub struct AwsSigner {
    scope: AwsScope,
    key_id: String,
    secret: String,
    session_token: Option<HeaderValue>,
}

/// What is signed of a request.
pub(crate) struct SignedParts<'a> {
    pub(crate) method: &'a str,
    /// As it is sent.
    pub(crate) path: &'a str,
    /// As it is sent; empty for none.
    pub(crate) query: &'a str,
    /// In the order in which they are sent, with `host`; names are in small letters.
    pub(crate) headers: Vec<(&'a str, &'a [u8])>,
    pub(crate) body: &'a [u8],
}

/// The header that names the hash of the body, for services that want it.
pub(crate) const CONTENT_HASH: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// All but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl FromStr for AwsScope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "it is aws:amz:REGION:SERVICE, as aws:amz:eu-west-1:s3";
        let parts: Vec<&str> = text.split(':').collect();
        let ["aws", "amz", region, service] = parts[..] else { return Err(FORM.to_owned()) };
        let is_word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if !is_word(region) || !is_word(service) {
            return Err(FORM.to_owned());
        }
        Ok(Self { region: region.to_owned(), service: service.to_owned() })
    }
}

impl AwsScope {
    /// Whether paths are signed as S3 does it, which also wants the hash of the body as a header.
    fn is_s3(&self) -> bool {
        self.service == "s3" || self.service.starts_with("s3-")
    }
}

impl AwsSigner {
    /// Takes what signs.
    ///
    /// # Errors
    /// A key or token that cannot be one, in words that hold nothing of it.
    pub fn new(scope: AwsScope, credentials: AwsCredentials) -> Result<Self, &'static str> {
        let AwsCredentials { key_id, secret, session_token } = credentials;
        let is_word =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_word(&key_id) || key_id.contains(['/', ',']) {
            return Err("the name of the key is none");
        }
        if !is_word(&secret) {
            return Err("the secret key is none");
        }
        let session_token = match session_token {
            None => None,
            Some(token) if is_word(&token) => {
                let mut value =
                    HeaderValue::try_from(token).map_err(|_| "the session token is none")?;
                value.set_sensitive(true);
                Some(value)
            }
            Some(_) => return Err("the session token is none"),
        };
        Ok(Self { scope, key_id, secret, session_token })
    }

    /// The headers that sign a request which is sent now. Where the request says itself what its
    /// body's hash is, as `UNSIGNED-PAYLOAD`, that is what is signed.
    pub(crate) fn sign(
        &self,
        parts: &SignedParts<'_>,
        now: SystemTime,
    ) -> Vec<(HeaderName, HeaderValue)> {
        let date = date(now);
        let ascii = |text: &str| HeaderValue::try_from(text).expect("it is ASCII");
        let mut added = vec![(DATE, ascii(&date))];
        added.extend(self.session_token.iter().map(|token| (TOKEN, token.clone())));
        let given = parts.headers.iter().find(|(name, _)| *name == CONTENT_HASH.as_str());
        let hash = match given {
            Some((_, given)) => String::from_utf8_lossy(given).trim().to_owned(),
            None => sha256(parts.body),
        };
        if given.is_none() && self.scope.is_s3() {
            added.push((CONTENT_HASH, ascii(&hash)));
        }
        let of_request = parts.headers.iter().copied();
        let headers = of_request
            .filter(|(name, _)| !added.iter().any(|(own, _)| own.as_str() == *name))
            .chain(added.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        let authorization = self.authorization(parts, headers.collect(), &hash, &date);
        added.push((AUTHORIZATION, ascii(&authorization)));
        added
    }

    fn authorization(
        &self,
        parts: &SignedParts<'_>,
        headers: Vec<(&str, &[u8])>,
        hash: &str,
        date: &str,
    ) -> String {
        let (names, headers) = canonical_headers(headers);
        let path = self.canonical_path(parts.path);
        let query = canonical_query(parts.query);
        let request = [parts.method, &path, &query, &headers, &names, hash].join("\n");
        let AwsScope { region, service } = &self.scope;
        let day = &date[..8];
        let scope = format!("{day}/{region}/{service}/aws4_request");
        let text = ["AWS4-HMAC-SHA256", date, &scope, &sha256(request.as_bytes())].join("\n");
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in [day, region, service, "aws4_request"] {
            key = mac(&key, part.as_bytes());
        }
        let signature = HEXLOWER.encode(&mac(&key, text.as_bytes()));
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.key_id
        )
    }

    /// S3 signs the path that is meant, all others sign it as it is sent, without empty parts.
    fn canonical_path(&self, path: &str) -> String {
        let encoded = |part: &[u8]| percent_encode(part, RESERVED).to_string();
        let parts = path.strip_prefix('/').unwrap_or(path).split('/');
        if self.scope.is_s3() {
            let parts = parts.map(|part| encoded(&decoded(part)));
            return format!("/{}", parts.collect::<Vec<_>>().join("/"));
        }
        let mut canonical: String = parts
            .filter(|part| !part.is_empty())
            .map(|part| format!("/{}", encoded(part.as_bytes())))
            .collect();
        if canonical.is_empty() || path.ends_with('/') {
            canonical.push('/');
        }
        canonical
    }
}

impl fmt::Debug for AwsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AwsSigner({:?})", self.scope)
    }
}

/// The names of the headers, and the headers with a line each; several of one name are one.
fn canonical_headers(mut headers: Vec<(&str, &[u8])>) -> (String, String) {
    headers.sort_by_key(|(name, _)| *name);
    let (mut names, mut lines, mut last) = (String::new(), String::new(), "");
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value);
        let value = value.split([' ', '\t']).filter(|word| !word.is_empty());
        let value = value.collect::<Vec<_>>().join(" ");
        if name == last {
            lines.pop();
            lines += &format!(",{value}\n");
            continue;
        }
        if !names.is_empty() {
            names.push(';');
        }
        names += name;
        lines += &format!("{name}:{value}\n");
        last = name;
    }
    (names, lines)
}

fn canonical_query(query: &str) -> String {
    let encoded = |text: &str| percent_encode(&decoded(text), RESERVED).to_string();
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (encoded(name), encoded(value))
    });
    let mut pairs: Vec<(String, String)> = pairs.collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn decoded(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

/// An instant as `20150830T123600Z`, by Howard Hinnant's `civil_from_days`. A clock before 1970 is
/// taken for 1970: no service would believe it anyway.
fn date(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Years begin with March, and an era has 400 of them, from 0000-03-01 on.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests;
