//! `host run URL`: a request that is made again and again, without a scenario of one's own.
//!
//! It is a script like any other, which the host writes for the interpreter of steps. The URL was
//! typed, so it is what the run may reach. What is sent with it is no setting: it stands in no
//! record, since it may be secret.

mod content;
mod pages;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use hyper::Method;
use swell_client::header;
use swell_core::units;
use swell_engine::{ScenarioSource, ScriptFile, ScriptSource};
use swell_report::record::without_secret;
use swell_steps::{BODY, QuickRequest, REQUEST, parse_statuses};

use self::content::{ContentArgs, URL};
use self::pages::TypedUrls;
pub(crate) use self::pages::is_url;
use crate::interpreters::{STEPS, kept};
use crate::settings::flags::Settings;

/// How a request is made, where a URL is run.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct QuickArgs {
    /// The method of the request. Default: GET, or POST where something is sent.
    #[arg(long, short = 'X', value_name = "METHOD", help_heading = URL)]
    method: Option<String>,

    #[command(flatten)]
    content: ContentArgs,

    /// Who asks, by HTTP's own scheme of a user and a password. It is kept in no record.
    #[arg(
        long,
        value_name = "USER:PASSWORD",
        conflicts_with = "bearer",
        help_heading = URL
    )]
    basic: Option<String>,

    /// Who asks, by a token. It is kept in no record.
    #[arg(long, value_name = "TOKEN", help_heading = URL)]
    bearer: Option<String>,

    /// Ask for the URLs of this file in turn, over all users: a line each, as `/items?page=2`, or
    /// whole. Those of other hosts need --allow-host. Their paths name the transactions.
    #[arg(long, value_name = "FILE", help_heading = URL)]
    urls: Option<PathBuf>,

    /// How many redirects a request follows. Default: 0; a redirect is then an answer like others.
    #[arg(long, value_name = "N", help_heading = URL)]
    redirects: Option<u8>,

    /// Which statuses are a success: `200`, `2xx` or `200-204`; repeatable. Default: 200-399.
    #[arg(long, value_name = "STATUS", value_parser = parse_statuses, help_heading = URL)]
    expect: Vec<(u16, u16)>,
}

/// A URL that is to be run.
pub(crate) struct QuickRun {
    pub(crate) source: ScenarioSource,
    /// What the run may reach.
    pub(crate) target: String,
    /// The files of which the request was made.
    pub(crate) read: Vec<PathBuf>,
}

impl QuickArgs {
    /// What is to be run, if this is a URL and no file; `settings` are those that were typed.
    ///
    /// # Errors
    /// The URL is none, a file cannot be read, or this host has no interpreter of steps; flags say
    /// two things; or a flag is about a URL, and what is run is a file.
    pub(crate) fn of(&self, typed: &Path, settings: &Settings) -> anyhow::Result<Option<QuickRun>> {
        let Some(url) = typed.to_str().filter(|typed| is_url(typed)) else {
            return self.refuse_beside_a_file(typed).map(|()| None);
        };
        refuse_what_means_nothing_to_a_url(settings)?;
        let interpreter = kept(STEPS).ok_or_else(|| {
            anyhow!(
                "{url} is no scenario file, and this host has no interpreter of steps, which \
                could ask for it\nhelp: `cargo xtask install` in a clone of Swell brings one; or \
                host run FILE --target {url}, and `host new NAME` makes a scenario to begin with"
            )
        })?;
        let content = self.content.read()?;
        let (has_body, content) = (content.is_some(), content.unwrap_or_default());
        let (mut request, target) = self.request(url, has_body)?;
        request.headers = self.headers(content.headers, &settings.header)?;
        let file = |path: &str, content: Vec<u8>| ScriptFile {
            path: path.to_owned(),
            content: content.into(),
        };
        let mut files = vec![file(REQUEST, serde_json::to_vec(&request)?)];
        if has_body {
            files.push(file(BODY, content.body));
        }
        let source = ScenarioSource::Script {
            interpreter: Box::new(ScenarioSource::File(interpreter)),
            // Results, records and commands name it.
            script: ScriptSource::Files { name: without_secret("url", url), files },
        };
        let read = content.files.into_iter().chain(self.urls.clone()).collect();
        Ok(Some(QuickRun { source, target, read }))
    }

    /// A file says itself what is sent.
    fn refuse_beside_a_file(&self, typed: &Path) -> anyhow::Result<()> {
        if let Some(typed) = typed.to_str().filter(|text| has_port(text) && !typed.exists()) {
            bail!(
                "{typed}: there is no such file\nhelp: a URL begins with its scheme: \
                http://{typed}"
            );
        }
        let flags = [
            ("method", self.method.is_some()),
            ("basic", self.basic.is_some()),
            ("bearer", self.bearer.is_some()),
            ("urls", self.urls.is_some()),
            ("redirects", self.redirects.is_some()),
            ("expect", !self.expect.is_empty()),
        ];
        let first = flags.iter().find(|(_, given)| *given).map(|(flag, _)| *flag);
        match first.or(self.content.given()) {
            Some(flag) => bail!(
                "--{flag}: {} is a file, which says itself what is sent\nhelp: host run URL \
                --{flag} ...",
                typed.display()
            ),
            None => Ok(()),
        }
    }

    /// The request without its headers, and the service that it goes to.
    fn request(&self, url: &str, has_body: bool) -> anyhow::Result<(QuickRequest, String)> {
        let default = if has_body { "POST" } else { "GET" };
        let method = self.method.as_deref().unwrap_or(default);
        Method::from_bytes(method.as_bytes())
            .with_context(|| format!("--method {method:?} is no method"))?;
        let TypedUrls { pages, target, hosts } = match &self.urls {
            Some(file) => TypedUrls::of_file(file, url, method)?,
            None => TypedUrls::of_url(url, method)?,
        };
        let name = match &self.urls {
            Some(_) => format!("{method} URLs of a file"),
            None => pages[0].name.clone(),
        };
        let request = QuickRequest {
            name,
            method: method.to_owned(),
            pages,
            headers: Vec::new(),
            redirects: self.redirects.unwrap_or(0),
            expect: self.expect.clone(),
            has_body,
            hosts,
        };
        Ok((request, target))
    }

    /// The headers of the request: what its content is, unless that was typed as a header, and who
    /// asks.
    fn headers(
        &self,
        content: Vec<(String, String)>,
        typed: &[String],
    ) -> anyhow::Result<Vec<(String, String)>> {
        let is_typed = |name: &str| {
            let names = typed.iter().filter_map(|header| header.split_once(':'));
            names.into_iter().any(|(typed, _)| typed.trim().eq_ignore_ascii_case(name))
        };
        let mut headers = content;
        headers.retain(|(name, _)| !is_typed(name));
        let (flag, value) = match (&self.basic, &self.bearer) {
            (Some(who), _) => {
                ensure!(
                    who.contains(':'),
                    "--basic: a user and a password are needed, as USER:PASSWORD\nhelp: without \
                    a password a colon ends it, as USER:"
                );
                ("basic", format!("Basic {}", STANDARD.encode(who)))
            }
            (None, Some(token)) => ("bearer", format!("Bearer {token}")),
            (None, None) => return Ok(headers),
        };
        ensure!(
            !is_typed("authorization"),
            "--{flag} and --header 'authorization: ...' both say who asks\nhelp: leave one of them \
            out"
        );
        if header("authorization", &value).is_err() {
            bail!("--{flag}: the value has characters that cannot be sent in a header");
        }
        headers.push(("authorization".to_owned(), value));
        Ok(headers)
    }
}

/// Refuses what means something else here than to those who type it.
fn refuse_what_means_nothing_to_a_url(settings: &Settings) -> anyhow::Result<()> {
    if let Some((name, _)) = settings.data.first() {
        bail!(
            "--data {name}: a feed is for a scenario, which takes rows from it\nhelp: what is sent \
            to a URL is said by --body, --json or --form"
        );
    }
    if let Some(number) = &settings.target
        && (number.parse::<u64>().is_ok() || units::parse_duration(number).is_ok())
    {
        bail!(
            "-t {number}: -t is --target, and the URL says where requests go\nhelp: threads need \
            no flag, since the host has one on each core; how long is --duration, and how long an \
            answer may take --timeout"
        );
    }
    Ok(())
}

/// Whether a text begins as an address does: with a host and a port.
fn has_port(typed: &str) -> bool {
    let authority = typed.split('/').next().unwrap_or(typed);
    authority
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_as_a_header_is_not_said_twice() {
        let content = || vec![("content-type".to_owned(), "application/json".to_owned())];
        let basic = QuickArgs { basic: Some("ada:s3cret:1".to_owned()), ..QuickArgs::default() };
        let sent = basic.headers(content(), &[]).expect("both are sent");
        assert_eq!(sent[1].1, "Basic YWRhOnMzY3JldDox");
        let typed = ["Content-Type: text/plain".to_owned()];
        let sent = basic.headers(content(), &typed).expect("it was typed");
        assert_eq!(sent.len(), 1);
        let typed = ["Authorization: x".to_owned()];
        assert!(basic.headers(content(), &typed).is_err());
        for wrong in ["ada", "s3cret"] {
            let args = QuickArgs { basic: Some(wrong.to_owned()), ..QuickArgs::default() };
            let error = args.headers(content(), &[]).expect_err("no colon").to_string();
            assert!(error.contains("USER:") && !error.contains(wrong), "{error}");
        }
        let odd = QuickArgs { bearer: Some("s3cret\n".to_owned()), ..QuickArgs::default() };
        let error = odd.headers(content(), &[]).expect_err("a line's end").to_string();
        assert!(error.contains("--bearer") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_method_that_is_none_is_refused() {
        let odd = QuickArgs { method: Some("G T".to_owned()), ..QuickArgs::default() };
        let error = odd.request("http://a/", false).expect_err("a space");
        assert!(format!("{error:#}").contains("--method"), "{error:#}");
        let (posted, _) = QuickArgs::default().request("http://a/", true).expect("a URL");
        assert_eq!((posted.method.as_str(), posted.has_body), ("POST", true));
    }

    #[test]
    fn threads_of_other_tools_and_feeds_are_refused_with_what_says_it() {
        let settings = Settings { target: Some("4".to_owned()), ..Settings::default() };
        let error = refuse_what_means_nothing_to_a_url(&settings).expect_err("it is a number");
        assert!(error.to_string().contains("threads need no flag"), "{error}");
        let data = vec![("user".to_owned(), "ada".to_owned())];
        let settings = Settings { data, ..Settings::default() };
        let error = refuse_what_means_nothing_to_a_url(&settings).expect_err("there is no feed");
        assert!(error.to_string().contains("--form"), "{error}");
        let url = Some("http://a".to_owned());
        let settings = Settings { target: url, ..Settings::default() };
        assert!(refuse_what_means_nothing_to_a_url(&settings).is_ok());
    }

    #[test]
    fn what_is_about_a_url_is_refused_with_a_file() {
        let content = ContentArgs { body: Some("x".to_owned()), ..ContentArgs::default() };
        let args = QuickArgs { content, ..QuickArgs::default() };
        let of = |args: &QuickArgs, typed: &str| args.of(Path::new(typed), &Settings::default());
        let error = of(&args, "shop.wasm").err().expect("it is a file").to_string();
        assert!(error.contains("--body") && error.contains("host run URL"), "{error}");
        let plain = QuickArgs::default();
        assert!(of(&plain, "shop.wasm").is_ok_and(|run| run.is_none()));
        let error = of(&plain, "localhost:8080/x").err().expect("no file");
        assert!(error.to_string().contains("http://localhost:8080/x"), "{error}");
        assert!(is_url("HTTP://a/") && is_url("https://a") && !is_url("httpx://a") && !is_url("ä"));
    }
}
