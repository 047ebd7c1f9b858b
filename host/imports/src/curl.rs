//! Commands of curl, as they are typed and as browsers copy them.

use std::time::Duration;

use url::Url;

use crate::draft::{
    Body, Draft, DraftAuth, DraftContent, DraftEntry, DraftPart, DraftStep, literal,
};
use crate::not_imported::NotImported;
use crate::place::{http_url, shown};
use crate::words::commands;

/// Options of curl that say nothing about the request, and take no value.
const SILENT: &[&str] = &[
    "--silent",
    "--show-error",
    "--verbose",
    "--include",
    "--fail",
    "--fail-with-body",
    "--no-buffer",
    "--progress-bar",
    "--no-progress-meter",
    "--remote-name",
    "--remote-time",
    "--parallel",
    "--tcp-nodelay",
    "--no-keepalive",
    "--globoff",
    "--path-as-is",
    "--http1.1",
    "--http2",
    "--location-trusted",
    "--create-dirs",
    "--remote-header-name",
];

/// Options that are told, as they change what is sent or reached, and take no value.
const TOLD: &[&str] = &[
    "--http1.0",
    "--http3",
    "--http2-prior-knowledge",
    "--ipv4",
    "--ipv6",
    "--digest",
    "--ntlm",
    "--negotiate",
    "--anyauth",
    "--ssl-reqd",
    "--tlsv1.2",
    "--tlsv1.3",
    "--netrc",
];

/// Options with a value that say nothing about the request.
const SILENT_WITH_VALUE: &[&str] =
    &["--output", "--write-out", "--stderr", "--dump-header", "--trace", "--trace-ascii"];

/// Options with a value that are told.
const TOLD_WITH_VALUE: &[&str] = &[
    "--proxy",
    "--resolve",
    "--connect-to",
    "--cacert",
    "--capath",
    "--cert",
    "--key",
    "--interface",
    "--retry",
    "--retry-delay",
    "--retry-max-time",
    "--limit-rate",
    "--connect-timeout",
    "--range",
    "--proxy-user",
    "--unix-socket",
    "--ciphers",
    "--cookie-jar",
    "--config",
    "--aws-sigv4",
];

/// What the letters mean.
const LETTERS: &[(char, &str)] = &[
    ('X', "--request"),
    ('d', "--data"),
    ('F', "--form"),
    ('H', "--header"),
    ('u', "--user"),
    ('b', "--cookie"),
    ('A', "--user-agent"),
    ('e', "--referer"),
    ('k', "--insecure"),
    ('L', "--location"),
    ('G', "--get"),
    ('I', "--head"),
    ('T', "--upload-file"),
    ('x', "--proxy"),
    ('m', "--max-time"),
    ('s', "--silent"),
    ('S', "--show-error"),
    ('v', "--verbose"),
    ('i', "--include"),
    ('f', "--fail"),
    ('N', "--no-buffer"),
    ('#', "--progress-bar"),
    ('o', "--output"),
    ('O', "--remote-name"),
    ('w', "--write-out"),
    ('D', "--dump-header"),
    ('c', "--cookie-jar"),
    ('E', "--cert"),
    ('K', "--config"),
    ('r', "--range"),
    ('4', "--ipv4"),
    ('6', "--ipv6"),
    ('0', "--http1.0"),
    ('Z', "--parallel"),
    ('g', "--globoff"),
    ('n', "--netrc"),
    ('J', "--remote-header-name"),
    ('U', "--proxy-user"),
];

/// As many redirects as curl follows with `-L`.
const REDIRECTS: u32 = 50;

/// Reads a text with commands; what is no curl among them is told.
pub(crate) fn read(text: &str) -> Result<Draft, NotImported> {
    let mut draft = Draft::default();
    for words in commands(text)? {
        let begin = words.iter().position(|word| is_curl(word));
        let Some(begin) = begin.filter(|begin| words[..*begin].iter().all(|word| word == "$"))
        else {
            let name = words[0].split('=').next().unwrap_or_default();
            draft.notes.push(format!("the command {name:?}, which is not curl"));
            continue;
        };
        for request in words[begin + 1..].split(|word| word == "--next" || word == "-:") {
            CurlCommand::default().read(request, &mut draft)?;
        }
    }
    Ok(draft)
}

/// Whether a word calls curl.
pub(crate) fn is_curl(word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name.eq_ignore_ascii_case("curl") || name.eq_ignore_ascii_case("curl.exe")
}

/// One request while its options are read.
#[derive(Default)]
struct CurlCommand {
    urls: Vec<String>,
    method: Option<String>,
    headers: Vec<(String, String)>,
    user: Option<String>,
    data: Vec<String>,
    data_file: Option<String>,
    upload: Option<String>,
    parts: Vec<DraftPart>,
    is_json: bool,
    is_get: bool,
    is_head: bool,
    redirects: Option<u32>,
    timeout: Option<Duration>,
    notes: Vec<String>,
}

impl CurlCommand {
    fn read(mut self, words: &[String], draft: &mut Draft) -> Result<(), NotImported> {
        let mut words = words.iter().cloned();
        let mut only_urls = false;
        while let Some(word) = words.next() {
            if only_urls || word == "-" || !word.starts_with('-') {
                self.urls.push(word);
            } else if word == "--" {
                only_urls = true;
            } else if word.starts_with("--") {
                if takes_value(&word) {
                    let value = words.next();
                    self.set(&word, &value.ok_or(NotImported::NoValue { option: word.clone() })?)?;
                } else {
                    self.flag(&word)?;
                }
            } else {
                self.letters(&word, &mut words)?;
            }
        }
        self.finish(draft)
    }

    /// Letters behind one hyphen, of which the last may have a value, joined to it or not.
    fn letters(
        &mut self,
        word: &str,
        rest: &mut impl Iterator<Item = String>,
    ) -> Result<(), NotImported> {
        for (at, letter) in word.char_indices().skip(1) {
            let known = LETTERS.iter().find(|(known, _)| *known == letter);
            let (_, option) =
                known.ok_or_else(|| NotImported::Option { option: format!("-{letter}") })?;
            if !takes_value(option) {
                self.flag(option)?;
                continue;
            }
            let joined = &word[at + letter.len_utf8()..];
            let value = if joined.is_empty() { rest.next() } else { Some(joined.to_owned()) };
            let value =
                value.ok_or_else(|| NotImported::NoValue { option: format!("-{letter}") })?;
            return self.set(option, &value);
        }
        Ok(())
    }

    fn flag(&mut self, option: &str) -> Result<(), NotImported> {
        match option {
            "--get" => self.is_get = true,
            "--head" => self.is_head = true,
            "--location" => self.redirects = Some(self.redirects.unwrap_or(REDIRECTS)),
            "--compressed" => self
                .headers
                .push(("Accept-Encoding".to_owned(), "gzip, deflate, br, zstd".to_owned())),
            "--insecure" => self.notes.push(
                "-k: certificates are checked unless you give `host run` the flag --insecure"
                    .to_owned(),
            ),
            option if SILENT.contains(&option) => {}
            option if TOLD.contains(&option) => self.notes.push(format!("curl's {option}")),
            option => return Err(NotImported::Option { option: option.to_owned() }),
        }
        Ok(())
    }

    fn set(&mut self, option: &str, value: &str) -> Result<(), NotImported> {
        match option {
            "--url" => self.urls.push(value.to_owned()),
            "--request" => self.method = Some(value.to_owned()),
            "--header" => self.header(value),
            "--user-agent" => self.headers.push(("User-Agent".to_owned(), value.to_owned())),
            "--referer" => self.headers.push(("Referer".to_owned(), value.to_owned())),
            "--cookie" if value.contains('=') => {
                self.headers.push(("Cookie".to_owned(), value.to_owned()));
            }
            "--cookie" => self.notes.push(format!("the cookies of the file {value}")),
            "--user" => self.user = Some(value.to_owned()),
            "--data-raw" => self.data.push(value.to_owned()),
            "--json" => {
                self.is_json = true;
                self.data(value);
            }
            "--data" | "--data-ascii" | "--data-binary" => self.data(value),
            "--data-urlencode" => self.encoded(value),
            "--form" | "--form-string" => self.part(value, option == "--form"),
            "--upload-file" => self.upload = Some(value.to_owned()),
            "--max-time" => {
                let seconds: Option<f64> = value.parse().ok();
                let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                self.timeout = Some(time.filter(|time| time.as_millis() > 0).ok_or_else(|| {
                    NotImported::BadValue { option: option.to_owned(), value: value.to_owned() }
                })?);
            }
            "--max-redirs" => {
                self.redirects = Some(value.parse().unwrap_or(REDIRECTS));
            }
            option if SILENT_WITH_VALUE.contains(&option) => {}
            // Its value may be a credential.
            option => self.notes.push(format!("curl's {option}")),
        }
        Ok(())
    }

    fn header(&mut self, text: &str) {
        match (text.split_once(':'), text.strip_suffix(';')) {
            (Some((_, value)), _) if value.trim().is_empty() => {}
            (Some((name, value)), _) => {
                self.headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            (None, Some(name)) => self.headers.push((name.to_owned(), String::new())),
            (None, None) => self.notes.push("a header that has no colon".to_owned()),
        }
    }

    fn data(&mut self, value: &str) {
        match value.strip_prefix('@') {
            Some(file) if self.data.is_empty() && self.data_file.is_none() => {
                self.data_file = Some(file.to_owned());
            }
            Some(file) => self.notes.push(format!("the data of {file}, as it is not the only one")),
            None => self.data.push(value.to_owned()),
        }
    }

    fn encoded(&mut self, value: &str) {
        let encode =
            |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
        match value.split_once('=') {
            Some(("", content)) => self.data.push(encode(content)),
            Some((name, content)) => self.data.push(format!("{name}={}", encode(content))),
            None if value.contains('@') => {
                self.notes.push(format!("--data-urlencode {value}: a file that is encoded"));
            }
            None => self.data.push(encode(value)),
        }
    }

    fn part(&mut self, value: &str, may_be_file: bool) {
        let (name, content) = value.split_once('=').unwrap_or((value, ""));
        let Some(file) = content.strip_prefix('@').filter(|_| may_be_file) else {
            if may_be_file && content.starts_with('<') {
                self.notes.push(format!("the value of the part {name}, which is read of a file"));
            }
            let content = DraftContent::Value(content.to_owned());
            return self.parts.push(DraftPart { name: name.to_owned(), content, kind: None });
        };
        let mut pieces = file.split(';');
        let file = pieces.next().unwrap_or_default().trim_matches('"');
        let kind = pieces.find_map(|piece| piece.trim().strip_prefix("type=")).map(str::to_owned);
        let content = DraftContent::File(file.to_owned());
        self.parts.push(DraftPart { name: name.to_owned(), content, kind });
    }

    fn finish(mut self, draft: &mut Draft) -> Result<(), NotImported> {
        let place = shown(self.urls.first().ok_or(NotImported::NoUrl)?);
        draft.notes.extend(self.notes.drain(..).map(|note| format!("{note} ({place})")));
        let has_body = !self.data.is_empty() || self.data_file.is_some() || !self.parts.is_empty();
        let default = match () {
            () if self.is_head => "HEAD",
            () if self.upload.is_some() => "PUT",
            () if has_body && !self.is_get => "POST",
            () => "GET",
        };
        let method = self.method.take().unwrap_or_else(|| default.to_owned());
        for url in std::mem::take(&mut self.urls) {
            let mut url = absolute(&url).ok_or_else(|| NotImported::Url { url: url.clone() })?;
            let mut step = DraftStep { method: method.clone(), ..DraftStep::default() };
            if self.is_get && !self.data.is_empty() {
                let data = self.data.join("&");
                let query = url.query().map_or(data.clone(), |query| format!("{query}&{data}"));
                url.set_query(Some(&query));
            }
            draft.place(&mut step, &url);
            self.fill(&mut step, draft);
            draft.entries.push(DraftEntry::Step(Box::new(step)));
        }
        Ok(())
    }

    fn fill(&self, step: &mut DraftStep, draft: &mut Draft) {
        for (name, value) in &self.headers {
            if step.has_header(name) {
                draft.notes.push(format!("the second header {name} of {}", step.url));
            } else if !name.eq_ignore_ascii_case("content-length") {
                draft.guarded_header(step, name, value);
            }
        }
        if let Some(user) = &self.user {
            let user = user.split_once(':').map_or(user.as_str(), |(user, _)| user);
            let password = draft.secret("PASSWORD", format!("the password of {user}"));
            step.auth = Some(DraftAuth::Basic(literal(user), password));
        }
        (step.redirects, step.timeout) = (self.redirects, self.timeout);
        if self.is_json {
            step.default_header("Content-Type", "application/json");
            step.default_header("Accept", "application/json");
        }
        if let Some(file) = &self.upload {
            step.body = Some(Body::File(file.clone()));
        } else if !self.parts.is_empty() {
            step.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            step.body =
                Some(Body::Multipart(self.parts.iter().map(|p| part(p, step, draft)).collect()));
        } else if let Some(file) = &self.data_file {
            step.default_header("Content-Type", "application/x-www-form-urlencoded");
            step.body = Some(Body::File(file.clone()));
        } else if !self.data.is_empty() && !self.is_get {
            draft.body(step, &self.data.join("&"), "application/x-www-form-urlencoded");
        }
    }
}

fn part(part: &DraftPart, step: &DraftStep, draft: &mut Draft) -> DraftPart {
    let content = match &part.content {
        DraftContent::File(file) => DraftContent::File(file.clone()),
        DraftContent::Value(value) => {
            DraftContent::Value(draft.guarded(&part.name, value, &step.url))
        }
    };
    DraftPart { name: part.name.clone(), content, kind: part.kind.clone() }
}

fn takes_value(option: &str) -> bool {
    const OWN: &[&str] = &[
        "--url",
        "--request",
        "--header",
        "--user-agent",
        "--referer",
        "--cookie",
        "--user",
        "--data-raw",
        "--json",
        "--data",
        "--data-ascii",
        "--data-binary",
        "--data-urlencode",
        "--form",
        "--form-string",
        "--upload-file",
        "--max-time",
        "--max-redirs",
    ];
    [OWN, SILENT_WITH_VALUE, TOLD_WITH_VALUE].iter().any(|known| known.contains(&option))
}

/// What curl makes of an address: one without a scheme is of http.
fn absolute(text: &str) -> Option<Url> {
    if text.contains("://") { http_url(text) } else { http_url(&format!("http://{text}")) }
}
