//! Recordings of browsers (HTTP Archive): what a person did, as requests with the pauses between.
//!
//! A recording holds one visit, and a scenario is every visit. So values that the service gave out
//! are taken anew each time ([`carry`](crate::carry)), cookies are left to the cookie jar, and what
//! a browser would have in its cache, or asks others for, is left out unless it is wanted.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use url::Url;

use crate::carry::{ValueCarrier, resolve};
use crate::draft::{Body, Draft, DraftContent, DraftEntry, DraftPart, DraftStep};
use crate::not_imported::NotImported;
use crate::place::{http_url, shown};
use crate::response::{HarHeader, HarResponse, decoded};

/// A shorter pause is the browser's, not a person's.
const SHORTEST_THINK: Duration = Duration::from_millis(200);

#[derive(Deserialize)]
struct Archive {
    log: HarLog,
}

#[derive(Deserialize)]
struct HarLog {
    #[serde(default)]
    pages: Option<Vec<HarPage>>,
    entries: Vec<HarExchange>,
}

#[derive(Deserialize)]
struct HarPage {
    id: Option<String>,
    title: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarExchange {
    pageref: Option<String>,
    started_date_time: Option<String>,
    time: Option<f64>,
    #[serde(rename = "_resourceType")]
    resource_type: Option<String>,
    request: HarRequest,
    response: Option<HarResponse>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarRequest {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<HarHeader>,
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostData {
    mime_type: Option<String>,
    text: Option<String>,
    encoding: Option<String>,
    #[serde(default)]
    params: Option<Vec<Param>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Param {
    name: String,
    value: Option<String>,
    file_name: Option<String>,
    content_type: Option<String>,
}

/// Whether a text that is JSON begins as a recording does.
pub(crate) fn is_har(text: &str) -> bool {
    text[1..].trim_start().starts_with("\"log\"")
}

/// Reads a recording; `all` takes statics and other hosts, too.
pub(crate) fn read(text: &str, all: bool) -> Result<Draft, NotImported> {
    let archive: Archive = serde_json::from_str(text).map_err(|fault| {
        if fault.is_data() {
            NotImported::Broken { what: "HAR", why: fault.to_string() }
        } else {
            NotImported::Json(fault)
        }
    })?;
    let titles: BTreeMap<String, String> = archive
        .log
        .pages
        .unwrap_or_default()
        .into_iter()
        .filter_map(|page| Some((page.id?, page.title.filter(|title| !title.is_empty())?)))
        .collect();
    let mut exchanges = archive.log.entries;
    // Some programs write them in the order in which they ended.
    exchanges.sort_by_key(|exchange| exchange.started());
    let mut reader =
        HarReader { draft: Draft::default(), carrier: ValueCarrier::default(), taken: vec![] };
    let mut left = Left::default();
    let first_party = exchanges.iter().find_map(|exchange| {
        let url = http_url(&exchange.request.url)?;
        (!exchange.is_static(&url)).then(|| url.host_str().map(str::to_owned))?
    });
    for exchange in &exchanges {
        let url = http_url(&exchange.request.url);
        match url.ok_or("no http").and_then(|url| exchange.judge(url, first_party.as_deref(), all))
        {
            Ok(url) => reader.take(exchange, &url),
            Err(why) => left.count(why, &exchange.request.url),
        }
    }
    Ok(reader.finish(&titles, left))
}

/// What was left out, counted by why.
#[derive(Default)]
struct Left(BTreeMap<&'static str, (usize, String)>);

impl Left {
    fn count(&mut self, why: &'static str, url: &str) {
        let place: String = shown(url).chars().take(100).collect();
        self.0.entry(why).or_insert_with(|| (0, place)).0 += 1;
    }
}

impl HarExchange {
    fn started(&self) -> Option<SystemTime> {
        let text = self.started_date_time.as_deref()?;
        // All of a recording have one offset, and only what lies between them counts.
        let at = text.find('T')?;
        let end = text[at..].find(['Z', '+', '-']).map_or(text.len(), |end| at + end);
        humantime::parse_rfc3339(&format!("{}Z", &text[..end])).ok()
    }

    fn ended(&self) -> Option<SystemTime> {
        let took = self.time.filter(|time| time.is_finite() && *time >= 0.0).unwrap_or(0.0);
        self.started()?.checked_add(Duration::try_from_secs_f64(took / 1000.0).ok()?)
    }

    fn status(&self) -> i32 {
        self.response.as_ref().and_then(|response| response.status).unwrap_or(0)
    }

    /// Why it is left out, if it is.
    fn judge(&self, url: Url, first_party: Option<&str>, all: bool) -> Result<Url, &'static str> {
        let is_upgrade = self.resource_type.as_deref() == Some("websocket") || self.status() == 101;
        if is_upgrade {
            return Err("of a WebSocket");
        }
        if self.status() <= 0 {
            return Err("without an answer, as they were blocked, aborted or taken from a cache");
        }
        if self.request.method.eq_ignore_ascii_case("OPTIONS") {
            return Err("that ask for permission (CORS), which browsers send by themselves");
        }
        let own = first_party.unwrap_or_default();
        let own = own.strip_prefix("www.").unwrap_or(own);
        let host = url.host_str().unwrap_or_default();
        let is_own = host == own || host.strip_suffix(own).is_some_and(|rest| rest.ends_with('.'));
        if !all && !is_own {
            return Err("of other hosts (--all takes them)");
        }
        if !all && self.is_static(&url) {
            return Err("of pictures, styles, scripts and the like (--all takes them)");
        }
        Ok(url)
    }

    fn is_static(&self, url: &Url) -> bool {
        const TYPES: [&str; 9] = [
            "stylesheet",
            "image",
            "font",
            "script",
            "media",
            "manifest",
            "ping",
            "texttrack",
            "preflight",
        ];
        const ENDS: [&str; 18] = [
            ".css", ".js", ".mjs", ".map", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif",
            ".svg", ".ico", ".woff", ".woff2", ".ttf", ".otf", ".mp4", ".webm",
        ];
        if let Some(kind) = &self.resource_type {
            return TYPES.contains(&kind.as_str());
        }
        let kind = self.response.as_ref().map_or("", HarResponse::kind).to_lowercase();
        let path = url.path().to_lowercase();
        ["image/", "font/", "video/", "audio/", "text/css"]
            .iter()
            .any(|begin| kind.starts_with(begin))
            || kind.contains("javascript")
            || ENDS.iter().any(|end| path.ends_with(end))
    }
}

/// A step that was taken, the page it belongs to, and when it began and ended.
struct Taken {
    step: DraftStep,
    page: Option<String>,
    started: Option<SystemTime>,
    ended: Option<SystemTime>,
}

struct HarReader {
    draft: Draft,
    carrier: ValueCarrier,
    taken: Vec<Taken>,
}

impl HarReader {
    fn take(&mut self, exchange: &HarExchange, url: &Url) {
        let request = &exchange.request;
        let mut step = DraftStep { method: request.method.to_uppercase(), ..DraftStep::default() };
        let (path, query) = self.carrier.url(url.path(), url.query().unwrap_or_default());
        self.draft.place_parts(&mut step, url, &path, &query);
        for header in &request.headers {
            let value = header.value.as_deref().unwrap_or_default();
            if is_kept(&header.name, &request.method) && !step.has_header(&header.name) {
                let value = self.carrier.text(value);
                self.draft.guarded_header(&mut step, &header.name, &value);
            }
        }
        if let Some(data) = &request.post_data {
            self.body(&mut step, data);
        }
        resolve(&mut step);
        for (at, name, from) in self.carrier.new_extracts() {
            self.taken[at].step.extract.push((name, from));
        }
        let status = exchange.status();
        step.status = u16::try_from(status).ok().filter(|status| !(200..400).contains(status));
        if let Some(response) = &exchange.response {
            self.carrier.learn(self.taken.len(), response);
        }
        self.pause(exchange);
        self.taken.push(Taken {
            step,
            page: exchange.pageref.clone(),
            started: exchange.started(),
            ended: exchange.ended(),
        });
    }

    /// The pause between what was taken last and this, as a person's.
    fn pause(&mut self, exchange: &HarExchange) {
        let ended = self.taken.iter().filter_map(|taken| taken.ended).max();
        let (Some(ended), Some(started)) = (ended, exchange.started()) else { return };
        let pause = started.duration_since(ended).unwrap_or_default();
        if let Some(last) = self.taken.last_mut().filter(|_| pause >= SHORTEST_THINK) {
            let tenths = u64::try_from(pause.as_millis() / 100).unwrap_or(u64::MAX / 100);
            last.step.think = Some(Duration::from_millis(tenths * 100));
        }
    }

    fn body(&mut self, step: &mut DraftStep, data: &PostData) {
        let kind = data.mime_type.clone().unwrap_or_default();
        let params = data.params.as_deref().unwrap_or_default();
        if kind.starts_with("multipart/form-data") {
            step.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            if params.is_empty() {
                self.draft.notes.push(format!(
                    "the multipart body of {} {}, of which the recording does not have the parts",
                    step.method, step.url
                ));
                return;
            }
            let mut parts = Vec::new();
            for param in params {
                let content = match &param.file_name {
                    Some(file) => {
                        self.draft.notes.push(format!(
                            "the content of {file:?}, which {} {} sends: put it beside this file",
                            step.method, step.url
                        ));
                        DraftContent::File(file.clone())
                    }
                    None => {
                        let value = self.carrier.text(param.value.as_deref().unwrap_or_default());
                        DraftContent::Value(self.draft.guarded(&param.name, &value, &step.url))
                    }
                };
                parts.push(DraftPart {
                    name: param.name.clone(),
                    content,
                    kind: param.content_type.clone(),
                });
            }
            step.body = Some(Body::Multipart(parts));
            return;
        }
        let text = match &data.text {
            Some(text) => decoded(text, data.encoding.as_deref()),
            None => {
                let pairs =
                    params.iter().map(|p| (&p.name, p.value.as_deref().unwrap_or_default()));
                Some(form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
            }
        };
        match text {
            Some(text) if text.is_empty() => {}
            Some(text) => {
                let text = self.carrier.body(&text, &kind);
                self.draft.body(step, &text, &kind);
            }
            None => self
                .draft
                .notes
                .push(format!("the body of {} {}, which is not text", step.method, step.url)),
        }
    }

    fn finish(self, titles: &BTreeMap<String, String>, left: Left) -> Draft {
        let Self { mut draft, taken, .. } = self;
        for (why, (count, example)) in left.0 {
            draft.notes.push(format!("{count} requests {why}, as {example}"));
        }
        let mut pages: Vec<(Option<String>, Option<SystemTime>, Vec<DraftEntry>)> = Vec::new();
        for Taken { step, page, started, .. } in taken {
            let step = DraftEntry::Step(Box::new(step));
            match pages.last_mut() {
                Some((last, _, entries)) if *last == page => entries.push(step),
                _ => pages.push((page, started, vec![step])),
            }
        }
        let is_grouped = pages.len() > 1;
        for (number, (page, _, entries)) in pages.into_iter().enumerate() {
            if !is_grouped || page.is_none() {
                draft.entries.extend(entries);
                continue;
            }
            let title = page.as_ref().and_then(|page| titles.get(page));
            let name = title.map_or(format!("page {}", number + 1), |title| page_name(title));
            draft.entries.push(DraftEntry::Group { name, entries });
        }
        draft
    }
}

/// A page's title, or the path where a browser wrote the URL in its place.
fn page_name(title: &str) -> String {
    let name = match http_url(title) {
        Some(url) => url.path().to_owned(),
        None => title.to_owned(),
    };
    let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    let name = name.trim().replace("{{", "{").replace("}}", "}");
    if name.is_empty() { "/".to_owned() } else { name }
}

/// Whether a header says something that a service may need, and is not the client's own affair.
fn is_kept(name: &str, method: &str) -> bool {
    const CLIENTS: [&str; 19] = [
        "host",
        "connection",
        "content-length",
        "cookie",
        "user-agent",
        "accept-encoding",
        "te",
        "upgrade-insecure-requests",
        "cache-control",
        "pragma",
        "if-none-match",
        "dnt",
        "priority",
        "if-modified-since",
        "keep-alive",
        "transfer-encoding",
        "proxy-connection",
        "upgrade",
        "expect",
    ];
    let name = name.to_lowercase();
    let is_safe = method.eq_ignore_ascii_case("GET") || method.eq_ignore_ascii_case("HEAD");
    !(name.starts_with(':')
        || name.starts_with("sec-")
        || CLIENTS.contains(&name.as_str())
        || is_safe && matches!(name.as_str(), "origin" | "referer"))
}
