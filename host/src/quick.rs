//! `host run URL`: a request that is made again and again, without a scenario of one's own.
//!
//! It is a script like any other, which the host writes for the interpreter of steps. The URL was
//! typed, so it is what the run may reach.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::Args;
use hyper::{Method, Uri};
use swell_engine::{MAX_SCENARIO_SIZE, ScenarioSource, ScriptFile, ScriptSource};
use swell_report::record::without_secret;
use swell_steps::{BODY, QuickRequest, REQUEST, parse_statuses};

use crate::interpreters::{STEPS, kept};

/// How a request is made, where a URL is run.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct QuickArgs {
    /// The method of the request. Default: GET, or POST with --body.
    #[arg(long, short = 'X', value_name = "METHOD", help_heading = URL)]
    method: Option<String>,

    /// The body of the request: a text, or a file as `@order.json`.
    #[arg(long, value_name = "TEXT", help_heading = URL)]
    body: Option<String>,

    /// Which statuses are a success: `200`, `2xx` or `200-204`; repeatable. Default: 200-399.
    #[arg(long, value_name = "STATUS", value_parser = parse_statuses, help_heading = URL)]
    expect: Vec<(u16, u16)>,
}

const URL: &str = "Request, with a URL in place of a file";

/// A URL that is to be run.
pub(crate) struct QuickRun {
    pub(crate) source: ScenarioSource,
    /// What the run may reach.
    pub(crate) target: String,
    /// The file of the body, if it is one.
    pub(crate) body: Option<PathBuf>,
}

impl QuickArgs {
    /// What is to be run, if this is a URL and no file.
    ///
    /// # Errors
    /// The URL is none, the file of a body cannot be read, or this host has no interpreter of
    /// steps; or a flag is about a URL, and what is run is a file.
    pub(crate) fn of(&self, typed: &Path) -> anyhow::Result<Option<QuickRun>> {
        let Some(url) = typed.to_str().filter(|typed| is_url(typed)) else {
            if let Some(typed) = typed.to_str().filter(|text| has_port(text) && !typed.exists()) {
                bail!(
                    "{typed}: there is no such file\nhelp: a URL begins with its scheme: \
                    http://{typed}"
                );
            }
            let flags = [
                ("method", self.method.is_some()),
                ("body", self.body.is_some()),
                ("expect", !self.expect.is_empty()),
            ];
            match flags.iter().find(|(_, given)| *given) {
                Some((flag, _)) => bail!(
                    "--{flag}: {} is a file, which says itself what is sent\nhelp: host run URL \
                    --{flag} ...",
                    typed.display()
                ),
                None => return Ok(None),
            }
        };
        let interpreter = kept(STEPS).ok_or_else(|| {
            anyhow!(
                "{url} is no scenario file, and this host has no interpreter of steps, which \
                could ask for it\nhelp: `cargo xtask install` in a clone of Swell brings one; or \
                host run FILE --target {url}, and `host new NAME` makes a scenario to begin with"
            )
        })?;
        let mut files = Vec::new();
        let body = self.body.as_deref().map(body).transpose()?;
        let (request, target) = self.request(url, body.is_some())?;
        let file = |path: &str, content: Vec<u8>| ScriptFile {
            path: path.to_owned(),
            content: content.into(),
        };
        files.push(file(REQUEST, serde_json::to_vec(&request)?));
        files.extend(body.map(|body| file(BODY, body)));
        let source = ScenarioSource::Script {
            interpreter: Box::new(ScenarioSource::File(interpreter)),
            // Results, records and commands name it.
            script: ScriptSource::Files { name: without_secret("url", url), files },
        };
        let body = self.body.as_deref().and_then(|body| body.strip_prefix('@')).map(PathBuf::from);
        Ok(Some(QuickRun { source, target, body }))
    }

    /// The request, and the part of the URL that says which service it is of.
    fn request(&self, url: &str, has_body: bool) -> anyhow::Result<(QuickRequest, String)> {
        // What follows a hash is for whoever shows the page.
        let url = url.split('#').next().unwrap_or(url);
        let parsed: Uri = url.parse().with_context(|| format!("{url} is no URL"))?;
        let authority = parsed.authority().with_context(|| format!("{url} names no host"))?;
        ensure!(
            !authority.as_str().contains('@'),
            "a user and a password in a URL would be shown wherever the run is\nhelp: --header \
            'authorization: ...' sends them"
        );
        let scheme = parsed.scheme_str().unwrap_or("http");
        let default = if has_body { "POST" } else { "GET" };
        let method = self.method.as_deref().unwrap_or(default);
        Method::from_bytes(method.as_bytes())
            .with_context(|| format!("--method {method:?} is no method"))?;
        let mut name = format!("{method} {}", parsed.path());
        while name.len() > MAX_NAME {
            name.pop();
        }
        let request = QuickRequest {
            name,
            method: method.to_owned(),
            url: url.to_owned(),
            expect: self.expect.clone(),
            has_body,
        };
        Ok((request, format!("{scheme}://{authority}")))
    }
}

/// Bytes of the name of a transaction.
const MAX_NAME: usize = 128;

/// Whether what was typed in place of a file is a URL.
pub(crate) fn is_url(typed: &str) -> bool {
    let begins = |scheme: &str| {
        typed.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    begins("http://") || begins("https://")
}

/// Whether a text begins as an address does: with a host and a port.
fn has_port(typed: &str) -> bool {
    let authority = typed.split('/').next().unwrap_or(typed);
    authority
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

/// The bytes of a body that was typed.
fn body(typed: &str) -> anyhow::Result<Vec<u8>> {
    let Some(path) = typed.strip_prefix('@') else { return Ok(typed.as_bytes().to_vec()) };
    let mut body = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_SCENARIO_SIZE + 1).read_to_end(&mut body))
        .with_context(|| format!("--body: cannot read {path}"))?;
    ensure!(
        body.len() as u64 <= MAX_SCENARIO_SIZE,
        "--body @{path}: the file is too large; a body has at most {MAX_SCENARIO_SIZE} bytes"
    );
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_which_service_and_what_is_asked_for() {
        let request = |url: &str, args: &QuickArgs, has_body| {
            args.request(url, has_body).map_err(|error| format!("{error:#}"))
        };
        let plain = QuickArgs::default();
        let (get, target) =
            request("https://shop.test:8443/a%20b?page=1#top", &plain, false).expect("a URL");
        assert_eq!((get.name.as_str(), get.method.as_str()), ("GET /a%20b", "GET"));
        assert_eq!(get.url, "https://shop.test:8443/a%20b?page=1");
        assert_eq!(target, "https://shop.test:8443");
        let (root, _) = request("http://shop.test", &plain, true).expect("a URL");
        assert_eq!((root.name.as_str(), root.has_body), ("POST /", true));
        let long = format!("http://shop.test/{}", "x".repeat(300));
        assert_eq!(request(&long, &plain, false).expect("a URL").0.name.len(), MAX_NAME);
        for wrong in ["http://", "http://a b/", "http:///path"] {
            assert!(request(wrong, &plain, false).is_err(), "{wrong}");
        }
        let odd = QuickArgs { method: Some("G T".to_owned()), ..QuickArgs::default() };
        assert!(request("http://a/", &odd, false).is_err_and(|words| words.contains("--method")));
    }

    #[test]
    fn a_body_that_is_too_large_is_refused_and_not_cut() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_len(MAX_SCENARIO_SIZE + 1).expect("it has no blocks");
        let error = body(&format!("@{}", file.path().display())).expect_err("it is too large");
        assert!(error.to_string().contains("at most 268435456 bytes"), "{error}");
    }

    #[test]
    fn what_is_about_a_url_is_refused_with_a_file() {
        let args = QuickArgs { body: Some("x".to_owned()), ..QuickArgs::default() };
        let error = args.of(Path::new("shop.wasm")).err().expect("it is a file").to_string();
        assert!(error.contains("--body") && error.contains("host run URL"), "{error}");
        assert!(QuickArgs::default().of(Path::new("shop.wasm")).is_ok_and(|run| run.is_none()));
        let error = QuickArgs::default().of(Path::new("localhost:8080/x")).err().expect("no file");
        assert!(error.to_string().contains("http://localhost:8080/x"), "{error}");
        assert!(is_url("HTTP://a/") && is_url("https://a") && !is_url("httpx://a") && !is_url("ä"));
    }
}
