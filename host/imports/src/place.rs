//! Where a request goes, and what of its address nobody should read in a file.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::carry::is_carried;
use crate::draft::{Draft, DraftAuth, DraftStep, is_secret_name, literal, pairs};

impl Draft {
    /// Has a step go to an absolute URL: a path below the target, which the first one decides.
    pub(crate) fn place(&mut self, step: &mut DraftStep, url: &Url) {
        self.place_parts(step, url, url.path(), url.query().unwrap_or_default());
    }

    /// The same with a path and a query in place of its own.
    pub(crate) fn place_parts(&mut self, step: &mut DraftStep, url: &Url, path: &str, query: &str) {
        let origin = origin(url);
        let is_own = *self.target.get_or_insert_with(|| origin.clone()) == origin;
        let path = literal(path);
        step.url = if is_own { path } else { format!("{}{path}", literal(&origin)) };
        if !url.username().is_empty() {
            let user: String = percent_decode_str(url.username()).decode_utf8_lossy().into_owned();
            let password = self.secret("PASSWORD", format!("the password of {user}"));
            step.auth = Some(DraftAuth::Basic(literal(&user), password));
        }
        self.place_query(step, query);
    }

    /// The query as it was written, or as pairs where a value is a secret.
    pub(crate) fn place_query(&mut self, step: &mut DraftStep, query: &str) {
        if query.is_empty() {
            return;
        }
        let decoded: Vec<(String, String)> =
            form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        // A value that is only known when it runs is encoded then.
        let has_secret = |(name, value): &(String, String)| {
            is_secret_name(name) && !value.is_empty() || is_carried(value)
        };
        if !decoded.iter().any(has_secret) {
            step.url.push('?');
            step.url.push_str(&literal(query));
            return;
        }
        if pairs(query).is_none() && !is_carried(query) {
            self.notes.push(format!(
                "the exact spelling of the query of {} {}, as a value in it is a secret",
                step.method, step.url
            ));
        }
        for (name, value) in decoded {
            if step.query.iter().any(|(own, _)| *own == name) {
                self.notes.push(format!("the second {name:?} in the query of {}", step.url));
                continue;
            }
            let value = self.guarded(&name, &value, &step.url);
            step.query.push((name, value));
        }
    }

    /// A value as it stands, or what stands for it where its name says that it is a secret.
    pub(crate) fn guarded(&mut self, name: &str, value: &str, place: &str) -> String {
        if value.is_empty() || !is_secret_name(name) || is_carried(value) {
            return literal(value);
        }
        self.secret(name, format!("{name} of {place}"))
    }

    /// A header as it stands; of a secret one what goes before the secret.
    pub(crate) fn guarded_header(&mut self, step: &mut DraftStep, name: &str, value: &str) {
        let is_header = |other: &str| name.eq_ignore_ascii_case(other);
        if is_carried(value) {
            match after_word(value, "bearer").filter(|_| is_header("authorization")) {
                Some(token) => step.auth = Some(DraftAuth::Bearer(literal(token))),
                None => step.headers.push((name.to_owned(), literal(value))),
            }
            return;
        }
        if is_header("authorization") {
            if let Some(encoded) = after_word(value, "basic") {
                let user = basic_user(encoded).unwrap_or_default();
                let password = self.secret("PASSWORD", format!("the password of {user}"));
                step.auth = Some(DraftAuth::Basic(literal(&user), password));
            } else if after_word(value, "bearer").is_some() {
                let token = self.secret("TOKEN", "the bearer token".to_owned());
                step.auth = Some(DraftAuth::Bearer(token));
            } else {
                let all = self.secret("AUTHORIZATION", "the header Authorization".to_owned());
                step.headers.push((name.to_owned(), all));
            }
            return;
        }
        let is_secret = is_header("cookie") || is_header("proxy-authorization");
        let value = if is_secret {
            self.secret(name, format!("the header {name}"))
        } else {
            self.guarded(name, value, &step.url)
        };
        step.headers.push((name.to_owned(), value));
    }
}

/// Scheme, host and port, where it is not the scheme's own.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// A URL of the schemes that are known here.
pub(crate) fn http_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// An address for a message: nothing of it that may be a secret.
pub(crate) fn shown(text: &str) -> String {
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    match http_url(&whole) {
        Some(url) => format!("{}{}", origin(&url), url.path()),
        None => "an address that is no URL".to_owned(),
    }
}

/// What follows a first word, whose case says nothing.
pub(crate) fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (first, rest) = text.trim().split_once(' ')?;
    first.eq_ignore_ascii_case(word).then(|| rest.trim())
}

fn basic_user(encoded: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
    String::from_utf8(bytes).ok()?.split_once(':').map(|(user, _)| user.to_owned())
}
