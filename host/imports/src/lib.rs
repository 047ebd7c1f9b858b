//! Steps files made of what people have already: commands of curl, recordings of browsers, and
//! descriptions of services.
//!
//! Text goes in, and the text of a steps file comes out, with what could not be taken over. Nothing
//! is read, sent or run: a script in a collection is somebody's program, and what it does is told
//! instead. What looks like a secret never reaches the file; the person who runs it gives it.

#![forbid(unsafe_code)]

mod body;
mod carry;
mod curl;
mod draft;
mod har;
mod not_imported;
mod openapi;
mod place;
mod postman;
mod postman_script;
mod response;
mod sample;
mod urls;
mod words;
mod write;

use serde_json::Value;

use draft::Draft;
pub use not_imported::NotImported;

/// How much is taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions {
    /// Of a recording also pictures, styles, scripts, and what other hosts were asked for.
    pub all: bool,
}

/// A steps file and what is to be said about it.
#[derive(Debug)]
pub struct Import {
    /// The file's text.
    pub text: String,
    /// How many requests one iteration of it sends.
    pub requests: usize,
    /// The service that its paths belong to.
    pub target: Option<String>,
    /// What was not taken over as it stands, and where that was.
    pub notes: Vec<String>,
    /// Names that are given by `-e`, and what each of them is.
    pub secrets: Vec<(String, String)>,
}

/// Makes a steps file of a text; `origin` says where the text is from, for the file's first line.
///
/// # Errors
/// The text is nothing that is read here, is broken, or has no request in it.
pub fn import(text: &str, origin: &str, options: ImportOptions) -> Result<Import, NotImported> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut draft = read(text, options)?;
    draft.leave_out_nameless_files();
    if draft.requests() == 0 {
        let left = draft.notes.first().map(|note| format!("; left out: {note}"));
        return Err(NotImported::Empty(left.unwrap_or_default()));
    }
    Ok(Import {
        text: write::file(&draft, origin),
        requests: draft.requests(),
        target: draft.target,
        notes: draft.notes,
        secrets: draft.secrets.into_iter().collect(),
    })
}

/// What a text is says its content: browsers save recordings under any name.
fn read(text: &str, options: ImportOptions) -> Result<Draft, NotImported> {
    let begin = text.trim_start();
    if begin.starts_with('{') {
        return if har::is_har(begin) {
            har::read(text, options.all)
        } else {
            described(serde_json::from_str(text).map_err(NotImported::Json)?)
        };
    }
    let first = begin.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let first_word =
        first.and_then(|line| line.trim_start_matches(['$', ' ']).split_whitespace().next());
    if first_word.is_some_and(curl::is_curl) {
        return curl::read(text);
    }
    let is_yaml = |line: &str| line.starts_with("openapi:") || line.starts_with("swagger:");
    if text.lines().any(is_yaml) {
        let value = swell_steps::json_of("it.yaml", text.as_bytes()).map_err(|wrong| {
            let swell_steps::FilePlace { line, column } = wrong.at;
            let why = format!("line {line}, column {column}: {}", wrong.message);
            NotImported::Broken { what: "YAML that is read here", why }
        })?;
        return described(value);
    }
    let is_list = first.is_some_and(|line| {
        line.contains("://")
            && (line.starts_with("http") || first_word.is_some_and(urls::is_method))
    });
    if is_list { urls::read(text) } else { Err(NotImported::Unknown) }
}

/// A description of a service or a collection.
fn described(value: Value) -> Result<Draft, NotImported> {
    if value.get("openapi").is_some() {
        openapi::read(&value)
    } else if let Some(version) = value.get("swagger") {
        let what = format!("Swagger {}", version.as_str().unwrap_or("of this version"));
        Err(NotImported::Version { what, help: "convert it to OpenAPI 3, as swagger2openapi does" })
    } else if value.get("item").is_some() || value.pointer("/collection/item").is_some() {
        postman::read(value.get("collection").unwrap_or(&value))
    } else if value.get("requests").is_some() && value.get("order").is_some() {
        let what = "a Postman collection of version 1".to_owned();
        Err(NotImported::Version { what, help: "export it as version 2.1" })
    } else {
        Err(NotImported::Unknown)
    }
}

#[cfg(test)]
mod tests;
