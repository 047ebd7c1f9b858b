//! The URL of a receiver, as it was typed: where it is, and who we are there.

use anyhow::{anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use swell_report::record::without_secret;
use url::Url;

/// See the module's documentation.
#[derive(Clone, Debug)]
pub(super) struct ReceiverUrl {
    /// It holds no user and no password.
    pub(super) url: Url,
    /// What the header `authorization` says of the user and password that it had.
    pub(super) basic: Option<String>,
    /// The flag that named it, as it may be shown.
    pub(super) flag: String,
}

impl ReceiverUrl {
    /// Reads what stands behind `--to KIND=`. `example` is one that would do.
    ///
    /// # Errors
    /// It is no URL of http or https.
    pub(super) fn parse(kind: &str, text: &str, example: &str) -> anyhow::Result<Self> {
        let flag = flag(kind, text);
        let help = format!("help: as --to {kind}={example}");
        let mut url = Url::parse(text).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => {
                anyhow!("{flag}: a URL with http:// or https:// is needed\n{help}")
            }
            error => anyhow!("{flag}: that is no URL: {error}\n{help}"),
        })?;
        if !["http", "https"].contains(&url.scheme()) {
            bail!("{flag}: a URL with http:// or https:// is needed\n{help}");
        }
        if url.fragment().is_some() {
            bail!("{flag}: nobody is sent what stands behind #\nhelp: write %23 for a # in a name");
        }
        let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
        let has_user = !url.username().is_empty() || url.password().is_some();
        let basic = has_user.then(|| {
            let (user, password) = (url.username(), url.password().unwrap_or_default());
            let both = [decoded(user), b":".to_vec(), decoded(password)].concat();
            format!("Basic {}", STANDARD.encode(both))
        });
        // A URL of http has a host, and so may have these.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Ok(Self { url, basic, flag })
    }

    /// The same place with another path and query.
    pub(super) fn at(&self, path: &str, query: &[(&str, &str)]) -> String {
        let mut url = self.url.clone();
        url.set_path(path);
        url.set_query(None);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url.to_string()
    }

    /// The same place with another path.
    pub(super) fn below(&self, path: &str) -> String {
        let mut url = self.url.clone();
        url.set_path(path);
        url.to_string()
    }

    /// The pairs in its query but for those of these names.
    pub(super) fn further(&self, known: &[&str]) -> Vec<(String, String)> {
        let pairs = self.url.query_pairs().into_owned();
        pairs.filter(|(name, _)| !known.contains(&&**name)).collect()
    }

    /// The value of a pair in its query.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let mut pairs = self.url.query_pairs();
        let found = pairs.find(|(known, _)| known == name);
        found.map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty())
    }
}

/// A flag `--to` as it may be shown.
pub(crate) fn flag(kind: &str, place: &str) -> String {
    format!("--to {}", without_secret("to", &format!("{kind}={place}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_become_a_header_and_are_shown_nowhere() {
        let url = ReceiverUrl::parse("influx", "https://me:s%40cret@h:8086/db", "x").unwrap();
        assert_eq!(url.basic.as_deref(), Some("Basic bWU6c0BjcmV0"));
        assert_eq!(url.url.as_str(), "https://h:8086/db");
        assert_eq!(url.flag, "--to influx=https://not-kept@h:8086/db");
        assert_eq!(url.at("/write", &[("db", "a b")]), "https://h:8086/write?db=a+b");
    }

    #[test]
    fn what_is_no_url_is_refused_without_its_secrets() {
        for (text, words) in [
            ("h:8086/db", "http:// or https:// is needed"),
            ("/db", "http:// or https:// is needed"),
            ("ftp://me:s3cret@h/db", "http:// or https:// is needed"),
            ("me:s3cret@h/db", "http:// or https:// is needed"),
            ("http://me:s3cret@", "no URL"),
            ("http://me:s3cret@h:99999/", "no URL"),
            ("http://me:s3cret@h/#x", "behind #"),
        ] {
            let error = ReceiverUrl::parse("influx", text, "http://localhost:8086/k6");
            let error = error.unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("help: "), "{text}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
