//! One user's cookies. Most scenarios have none, so an empty jar costs a comparison.

use cookie_store::{CookieStore, RawCookie};
use http::header::{HeaderMap, HeaderValue, SET_COOKIE};
use url::Url;

/// The cookies of one virtual user.
#[derive(Default)]
pub(crate) struct Jar(Option<Box<CookieStore>>);

impl Jar {
    /// The `cookie` header for a request to `url`, if a cookie belongs to it.
    pub(crate) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let mut text = String::new();
        for (name, value) in self.0.as_ref()?.get_request_values(url) {
            if !text.is_empty() {
                text.push_str("; ");
            }
            text.push_str(name);
            text.push('=');
            text.push_str(value);
        }
        // A cookie with characters that cannot go back over the wire is not sent, as browsers do.
        if text.is_empty() { None } else { HeaderValue::try_from(text).ok() }
    }

    /// Takes in the cookies of a response from `url`; those that are malformed or for another domain are ignored, as browsers do.
    pub(crate) fn store(&mut self, url: &Url, headers: &HeaderMap) {
        if !headers.contains_key(SET_COOKIE) {
            return;
        }
        let received = headers.get_all(SET_COOKIE).iter().filter_map(|value| RawCookie::parse(value.to_str().ok()?.to_owned()).ok());
        self.0.get_or_insert_default().store_response_cookies(received, url);
    }

    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}
