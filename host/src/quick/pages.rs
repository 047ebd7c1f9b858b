//! The URLs that are asked for: the one that was typed, or those of a file, in turn.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use hyper::Uri;
use swell_steps::QuickPage;

/// URLs of a file. Each user holds all of them.
const MAX_URLS: usize = 10_000;

/// Names that a run tells apart.
const MAX_NAMES: usize = 1_000;

/// Bytes of the name of a transaction.
const MAX_NAME: usize = 128;

/// What is asked for.
#[derive(Debug)]
pub(super) struct TypedUrls {
    pub(super) pages: Vec<QuickPage>,
    /// The service that was typed: a scheme, a host and its port.
    pub(super) target: String,
    /// Hosts beside it, as `--allow-host` takes them.
    pub(super) hosts: Vec<String>,
}

impl TypedUrls {
    /// The URL that was typed.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn of_url(url: &str, method: &str) -> anyhow::Result<Self> {
        let (page, origin) = page(url, method)?;
        Ok(Self { pages: vec![page], target: origin, hosts: Vec::new() })
    }

    /// The URLs of a file, a line each: paths of the service that was typed, or whole URLs.
    ///
    /// # Errors
    /// The file cannot be read, or one of its lines is no URL.
    pub(super) fn of_file(file: &Path, service: &str, method: &str) -> anyhow::Result<Self> {
        let shown = file.display();
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("--urls: cannot read {shown}"))?;
        let Self { target, pages: typed, .. } = Self::of_url(service, method)?;
        let path = typed[0].url.strip_prefix(&target).unwrap_or_default();
        ensure!(
            path.is_empty() || path == "/",
            "--urls: the lines of {shown} say what is asked for, and {service} has a path, \
            too\nhelp: host run {target} --urls {shown}"
        );
        Self::of_lines(&text, target, method).with_context(|| shown.to_string())
    }

    fn of_lines(text: &str, target: String, method: &str) -> anyhow::Result<Self> {
        let mut all = Self { pages: Vec::new(), target, hosts: Vec::new() };
        let (mut names, mut hosts) = (BTreeSet::new(), BTreeSet::new());
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = || format!("line {}", index + 1);
            let whole = if line.starts_with('/') && !line.starts_with("//") {
                format!("{}{line}", all.target)
            } else if is_url(line) {
                line.to_owned()
            } else {
                bail!(
                    "{}: {line:?} is neither a path nor a URL\nhelp: as /items, or as {}/items",
                    at(),
                    all.target
                );
            };
            let (page, origin) = page(&whole, method).with_context(at)?;
            if origin != all.target {
                let authority = origin.split_once("://").map_or(&*origin, |(_, rest)| rest);
                hosts.insert(authority.to_owned());
            }
            names.insert(page.name.clone());
            all.pages.push(page);
            ensure!(
                all.pages.len() <= MAX_URLS,
                "these are more than {MAX_URLS} URLs\nhelp: a scenario takes as many as there are \
                from a feed: --data NAME=FILE"
            );
        }
        ensure!(!all.pages.is_empty(), "there is no URL in it\nhelp: a line each, as /items");
        ensure!(
            names.len() <= MAX_NAMES,
            "these are {} paths, and each names its transactions; a run tells {MAX_NAMES} names \
            apart\nhelp: a scenario names its transactions itself: host new",
            names.len()
        );
        all.hosts = hosts.into_iter().collect();
        Ok(all)
    }
}

/// Whether what was typed in place of a file is a URL.
pub(crate) fn is_url(typed: &str) -> bool {
    let begins = |scheme: &str| {
        typed.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    begins("http://") || begins("https://")
}

/// One URL, and the part of it that says which service it is of.
fn page(url: &str, method: &str) -> anyhow::Result<(QuickPage, String)> {
    // What follows a hash is for whoever shows the page.
    let url = url.split('#').next().unwrap_or(url);
    let parsed: Uri = url.parse().with_context(|| format!("{url} is no URL"))?;
    let authority = parsed.authority().with_context(|| format!("{url} names no host"))?;
    ensure!(
        !authority.as_str().contains('@'),
        "a user and a password in a URL would be shown wherever the run is\nhelp: --basic \
        USER:PASSWORD sends them in the header authorization, and is kept nowhere"
    );
    let scheme = parsed.scheme_str().unwrap_or("http");
    let mut name = format!("{method} {}", parsed.path());
    while name.len() > MAX_NAME {
        name.pop();
    }
    Ok((QuickPage { name, url: url.to_owned() }, format!("{scheme}://{authority}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Result<TypedUrls, String> {
        TypedUrls::of_lines(text, "http://shop.test".to_owned(), "GET")
            .map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_url_says_which_service_and_what_is_asked_for() {
        let get =
            TypedUrls::of_url("https://shop.test:8443/a%20b?page=1#top", "GET").expect("a URL");
        assert_eq!(get.pages[0].name, "GET /a%20b");
        assert_eq!(get.pages[0].url, "https://shop.test:8443/a%20b?page=1");
        assert_eq!(get.target, "https://shop.test:8443");
        let root = TypedUrls::of_url("http://shop.test", "POST").expect("a URL");
        assert_eq!(root.pages[0].name, "POST /");
        let long = format!("http://shop.test/{}", "x".repeat(300));
        assert_eq!(TypedUrls::of_url(&long, "GET").expect("a URL").pages[0].name.len(), MAX_NAME);
        for wrong in ["http://", "http://a b/", "http:///path"] {
            assert!(TypedUrls::of_url(wrong, "GET").is_err(), "{wrong}");
        }
    }

    #[test]
    fn lines_are_paths_and_urls_and_other_hosts_are_named() {
        let text = "\u{feff}/items?page=1\r\n\n# later\nhttp://shop.test/cart\n\
            https://api.test:8443/v1\n/items?page=2\n";
        let pages = lines(text).expect("they are URLs");
        let names: Vec<&str> = pages.pages.iter().map(|page| &*page.name).collect();
        assert_eq!(names, ["GET /items", "GET /cart", "GET /v1", "GET /items"]);
        assert_eq!(pages.pages[0].url, "http://shop.test/items?page=1");
        assert_eq!(pages.hosts, ["api.test:8443"]);
    }

    #[test]
    fn a_line_that_is_no_url_is_named_with_the_cure() {
        let error = lines("/a\nitems\n").expect_err("it has no slash");
        assert!(error.contains("line 2") && error.contains("http://shop.test/items"), "{error}");
        assert!(lines("/a\nhttp://b c/\n").expect_err("a space").contains("line 2"));
        assert!(lines("# nothing\n\n").expect_err("it is empty").contains("no URL"));
        assert!(lines("//b/\n").is_err(), "it could mean a host");
        let many: String = (0..=MAX_NAMES).map(|item| format!("/items/{item}\n")).collect();
        assert!(lines(&many).expect_err("too many names").contains("1000 names"));
        let endless: String = (0..=MAX_URLS).map(|item| format!("/items?i={item}\n")).collect();
        assert!(lines(&endless).expect_err("too many").contains("--data"));
    }
}
