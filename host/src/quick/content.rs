//! The body of a request that was typed, in one of the forms that people know: a text or a file, a
//! JSON document, fields of a form, parts of a multipart form.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use swell_engine::MAX_SCENARIO_SIZE;

/// The heading of flags that are about a URL, in the help.
pub(super) const URL: &str = "Request, with a URL in place of a file";

/// What a request carries; at most one kind of it.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct ContentArgs {
    /// The body of the request: a text, or a file as `@order.json`.
    #[arg(
        long,
        value_name = "TEXT",
        conflicts_with_all = ["json", "form", "part"],
        help_heading = URL
    )]
    pub(super) body: Option<String>,

    /// A JSON document as the body: a text, or a file as `@order.json`. It is sent as
    /// application/json, and JSON is asked for.
    #[arg(long, value_name = "JSON", conflicts_with_all = ["form", "part"], help_heading = URL)]
    pub(super) json: Option<String>,

    /// A field of a form, as `user=ada`; repeatable. They are sent as a browser sends a form that
    /// has no files, encoded.
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "part", help_heading = URL)]
    pub(super) form: Vec<String>,

    /// A part of a multipart form: a text as `title=Harbour`, or a file as `photo=@p.jpg` or
    /// `photo=@p.jpg;type=image/jpeg`; repeatable.
    #[arg(long, value_name = "NAME=VALUE", help_heading = URL)]
    pub(super) part: Vec<String>,
}

/// What is sent behind the headers.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) body: Vec<u8>,
    /// Headers that say what it is.
    pub(super) headers: Vec<(String, String)>,
    /// The files that it was made of.
    pub(super) files: Vec<PathBuf>,
}

impl ContentArgs {
    /// The first of these flags that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let flags = [
            ("body", self.body.is_some()),
            ("json", self.json.is_some()),
            ("form", !self.form.is_empty()),
            ("part", !self.part.is_empty()),
        ];
        flags.iter().find(|(_, given)| *given).map(|(flag, _)| *flag)
    }

    /// What they say is sent, if any of them was given.
    ///
    /// # Errors
    /// A file cannot be read or is too large; what should be JSON, a field or a part is none.
    pub(super) fn read(&self) -> anyhow::Result<Option<Content>> {
        let mut content = Content::default();
        let says = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        match self.given() {
            Some("json") => {
                content.take("json", self.json.as_deref().unwrap_or_default())?;
                serde_json::from_slice::<serde::de::IgnoredAny>(&content.body)
                    .context("--json: this is no JSON")?;
                content.headers.push(says("content-type", "application/json"));
                content.headers.push(says("accept", "application/json"));
            }
            Some("form") => {
                let mut encoded = form_urlencoded::Serializer::new(String::new());
                for field in &self.form {
                    let (name, value) = name_and_value("form", field)?;
                    ensure!(
                        !value.starts_with('@'),
                        "--form {name}: a field is a text, and {value} looks like a \
                        file\nhelp: --part {name}={value} sends the file in a multipart form"
                    );
                    encoded.append_pair(name, value);
                }
                content.body = encoded.finish().into_bytes();
                content.headers.push(says("content-type", "application/x-www-form-urlencoded"));
            }
            Some("part") => content.take_parts(&self.part)?,
            Some(_) => content.take("body", self.body.as_deref().unwrap_or_default())?,
            None => return Ok(None),
        }
        ensure!(
            content.body.len() as u64 <= MAX_SCENARIO_SIZE,
            "the body is too large; a body has at most {MAX_SCENARIO_SIZE} bytes"
        );
        Ok(Some(content))
    }
}

impl Content {
    /// Takes a text, or a file if it begins with `@`, as the body.
    fn take(&mut self, flag: &str, typed: &str) -> anyhow::Result<()> {
        match typed.strip_prefix('@') {
            Some(path) => self.append_file(flag, path),
            None => {
                self.body.extend_from_slice(typed.as_bytes());
                Ok(())
            }
        }
    }

    /// Takes a multipart form (RFC 7578) as the body.
    fn take_parts(&mut self, parts: &[String]) -> anyhow::Result<()> {
        let mut taken = Vec::new();
        for part in parts {
            let (name, value) = name_and_value("part", part)?;
            let mut one = Self::default();
            let Some(file) = value.strip_prefix('@') else {
                one.take("part", value)?;
                taken.push((name, None, one.body));
                continue;
            };
            let (path, kind) =
                file.split_once(";type=").unwrap_or((file, "application/octet-stream"));
            ensure!(
                !kind.is_empty() && kind.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "--part {name}: {kind:?} is no type of a file\nhelp: as \
                {name}=@p.jpg;type=image/jpeg"
            );
            one.append_file("part", path)?;
            self.files.append(&mut one.files);
            let shown = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
            taken.push((name, Some((shown.into_owned(), kind)), one.body));
        }
        let boundary = boundary_for(taken.iter().map(|(.., body)| &body[..]));
        for (name, file, body) in taken {
            let mut head = format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"",
                quoted(name)
            );
            if let Some((shown, kind)) = file {
                head.push_str(&format!(
                    "; filename=\"{}\"\r\ncontent-type: {kind}",
                    quoted(&shown)
                ));
            }
            head.push_str("\r\n\r\n");
            self.body.extend_from_slice(head.as_bytes());
            self.body.extend_from_slice(&body);
            self.body.extend_from_slice(b"\r\n");
        }
        self.body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={boundary}");
        self.headers.push(("content-type".to_owned(), kind));
        Ok(())
    }

    fn append_file(&mut self, flag: &str, path: &str) -> anyhow::Result<()> {
        let before = self.body.len() as u64;
        File::open(path)
            .and_then(|file| file.take(MAX_SCENARIO_SIZE + 1).read_to_end(&mut self.body))
            .with_context(|| format!("--{flag}: cannot read {path}"))?;
        ensure!(
            self.body.len() as u64 - before <= MAX_SCENARIO_SIZE,
            "--{flag} @{path}: the file is too large; a body has at most {MAX_SCENARIO_SIZE} bytes"
        );
        self.files.push(PathBuf::from(path));
        Ok(())
    }
}

fn name_and_value<'a>(flag: &str, typed: &'a str) -> anyhow::Result<(&'a str, &'a str)> {
    match typed.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name, value)),
        // What was typed may be a secret.
        _ => bail!("--{flag}: a name, '=' and a value are needed, as --{flag} name=value"),
    }
}

/// A name within quotes, as browsers write it in a multipart form.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// A line that stands in none of the parts. The same parts have the same one, so that two runs send
/// the same bytes.
fn boundary_for<'a>(parts: impl Iterator<Item = &'a [u8]> + Clone) -> String {
    let mut boundary = "swell-part".to_owned();
    let stands_in = |boundary: &str, part: &[u8]| {
        part.windows(boundary.len()).any(|window| window == boundary.as_bytes())
    };
    while parts.clone().any(|part| stands_in(&boundary, part)) {
        boundary.push('-');
    }
    boundary
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn read(args: &ContentArgs) -> Content {
        args.read().expect("it can be read").expect("there is something")
    }

    fn refusal(args: &ContentArgs) -> String {
        format!("{:#}", args.read().expect_err("it makes no sense"))
    }

    #[test]
    fn a_form_is_encoded_and_a_file_in_it_is_refused_with_the_flag_that_sends_it() {
        let form = ContentArgs {
            form: texts(&["user=ada l.", "note=a&b=c", "empty="]),
            ..ContentArgs::default()
        };
        assert_eq!(read(&form).body, b"user=ada+l.&note=a%26b%3Dc&empty=");
        let file = ContentArgs { form: texts(&["photo=@p.jpg"]), ..ContentArgs::default() };
        assert!(refusal(&file).contains("--part photo=@p.jpg"));
        let secret = ContentArgs { form: texts(&["s3cret"]), ..ContentArgs::default() };
        assert!(!refusal(&secret).contains("s3cret"));
        assert!(ContentArgs::default().read().is_ok_and(|content| content.is_none()));
    }

    #[test]
    fn what_is_said_to_be_json_must_be() {
        let args = |json: &str| ContentArgs { json: Some(json.to_owned()), ..Default::default() };
        let content = read(&args("{\"items\": [1]}"));
        assert_eq!(content.body, b"{\"items\": [1]}");
        assert_eq!(content.headers.len(), 2);
        for wrong in ["{items: 1}", "", "{} {}"] {
            assert!(refusal(&args(wrong)).starts_with("--json: this is no JSON"), "{wrong}");
        }
    }

    #[test]
    fn parts_stand_between_lines_that_are_in_none_of_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let photo = folder.path().join("a \"b\".jpg");
        std::fs::write(&photo, "\r\n--swell-part\r\n").expect("it can be written");
        let part = format!("photo=@{};type=image/jpeg", photo.display());
        let args = ContentArgs { part: texts(&["title=Harbour", &part]), ..Default::default() };
        let content = read(&args);
        let body = String::from_utf8(content.body).expect("it is text");
        assert_eq!(
            body,
            "--swell-part-\r\ncontent-disposition: form-data; name=\"title\"\r\n\r\nHarbour\r\n\
            --swell-part-\r\ncontent-disposition: form-data; name=\"photo\"; \
            filename=\"a %22b%22.jpg\"\r\ncontent-type: image/jpeg\r\n\r\n\
            \r\n--swell-part\r\n\r\n--swell-part---\r\n"
        );
        assert_eq!(content.headers[0].1, "multipart/form-data; boundary=swell-part-");
        assert_eq!(content.files, [photo]);
        let typeless = ContentArgs { part: texts(&["a=@b;type="]), ..Default::default() };
        assert!(refusal(&typeless).contains("type=image/jpeg"));
    }

    #[test]
    fn a_body_that_is_too_large_is_refused_and_not_cut() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_len(MAX_SCENARIO_SIZE + 1).expect("it has no blocks");
        let body = Some(format!("@{}", file.path().display()));
        let error = refusal(&ContentArgs { body, ..ContentArgs::default() });
        assert!(error.contains("at most 268435456 bytes"), "{error}");
    }
}
