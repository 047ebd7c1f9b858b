//! `host new --from` and `host new --lang steps`: a file of steps, made of what somebody has or to
//! begin with.

use std::fs::File;
use std::io::{ErrorKind, Read, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use swell_core::plain::{line, shell_word};
use swell_imports::{Import, ImportOptions, import};

use crate::terminal;

/// The largest source: far above what a browser records in an hour.
const MOST_BYTES: u64 = 512 << 20;

/// So many notes are shown; the file has them all.
const MOST_NOTES: usize = 20;

/// What a new file of steps begins with.
const FIRST: &str = r#"# What a user does, one step after another; all keys: host/docs/steps.md

[vars]
size = 20                           # {{size}} below; -e size=50 stands in its place

[[step]]
get = "/?size={{size}}"
expect = { status = "2xx" }         # without it anything from 200 to 399 is a success
# extract = { token = { json = "$.token" } }     # {{token}} from here on
think = "1s..3s"                    # as a person who reads

# [[step]]
# post = "/orders"
# auth = { bearer = "{{token}}" }
# json = { item = 1, note = "{{uuid()}}" }
"#;

/// Makes a file of steps of a command, a recording, a description or a list.
///
/// # Errors
/// The source can't be read or is none of these, or the file is there already or can't be written.
pub(crate) fn from(source: &str, all: bool, file: Option<PathBuf>) -> anyhow::Result<()> {
    let (text, origin, named) = read(source)?;
    let file = file.unwrap_or(named);
    let made = import(&text, &origin, ImportOptions { all }).with_context(|| origin.clone())?;
    write(&file, &made.text)?;
    terminal::show(told(&file, &made))?;
    Ok(())
}

/// Makes a file of steps with one step and comments.
///
/// # Errors
/// It is there already or can't be written.
pub(crate) fn first(file: &Path) -> anyhow::Result<()> {
    write(file, FIRST)?;
    let name = shell_word(&file.to_string_lossy());
    terminal::show(format_args!(
        "made {name}; next:\n\n    host try {name} --target http://localhost:8080\n    \
        host run {name} --target http://localhost:8080 --tps 100 --duration 10s\n"
    ))?;
    Ok(())
}

/// The file that a name means: with the ending of steps, if it has none of its own.
pub(crate) fn file_of(name: &str) -> PathBuf {
    let path = PathBuf::from(name);
    let is_toml = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("toml"));
    if is_toml { path } else { PathBuf::from(format!("{name}.toml")) }
}

/// The text of a source, what it is called in messages, and the file that is made of it.
fn read(source: &str) -> anyhow::Result<(String, String, PathBuf)> {
    let is_command = |text: &str| text.split_whitespace().next().is_some_and(|word| word == "curl");
    if source == "-" {
        let text = all_of(std::io::stdin(), "standard input")?;
        return Ok((text, "standard input".to_owned(), PathBuf::from("steps.toml")));
    }
    let path = Path::new(source);
    if is_command(source) && !path.exists() {
        return Ok((source.to_owned(), "a command of curl".to_owned(), "steps.toml".into()));
    }
    ensure!(
        !source.starts_with("http://") && !source.starts_with("https://"),
        "--from reads a file or a command, and this is a URL\nhelp: `host run {}` needs no file; a \
        description is downloaded first, as by `curl -O`",
        shell_word(source)
    );
    let open = || format!("can't read {}", line(source));
    let opened = File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!(
            "there is no file {}\nhelp: give a file, - for standard input, or a whole command: \
            --from 'curl ...'",
            line(source)
        ),
        _ => anyhow::Error::new(error).context(open()),
    })?;
    let text = all_of(opened, source)?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| "steps".to_owned());
    let origin = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((
        text,
        origin,
        PathBuf::from(format!("{}.toml", name.trim_end_matches(".postman_collection"))),
    ))
}

fn all_of(source: impl Read, name: &str) -> anyhow::Result<String> {
    let name = line(name);
    let mut bytes = Vec::new();
    source
        .take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("can't read {name}"))?;
    ensure!(
        bytes.len() as u64 <= MOST_BYTES,
        "{name} is larger than 512 MiB\nhelp: record a shorter visit"
    );
    String::from_utf8(bytes).map_err(|_| {
        anyhow::anyhow!("{name} is not UTF-8\nhelp: save it as UTF-8, or give another file")
    })
}

/// Writes a file that is not there yet.
///
/// # Errors
/// It is there already or can't be written.
pub(crate) fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let name = line(&file.to_string_lossy()).to_string();
    let mut opened = match File::create_new(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{name} exists already\nhelp: choose another name, or remove it first")
        }
        Err(error) => return Err(error).with_context(|| format!("can't write {name}")),
    };
    opened.write_all(text.as_bytes()).with_context(|| format!("can't write {name}"))
}

fn told(file: &Path, made: &Import) -> String {
    let name = shell_word(&file.to_string_lossy()).to_string();
    let plural = if made.requests == 1 { "" } else { "s" };
    let mut text = format!("made {name}: {} request{plural} an iteration\n", made.requests);
    if !made.notes.is_empty() {
        text.push_str("\nnot taken over:\n");
    }
    for note in made.notes.iter().take(MOST_NOTES) {
        text.push_str(&format!("  {}\n", line(note)));
    }
    if let Some(more) = made.notes.len().checked_sub(MOST_NOTES).filter(|more| *more > 0) {
        text.push_str(&format!("  and {more} more, which the file says\n"));
    }
    if !made.secrets.is_empty() {
        text.push_str("\nsecrets, which are yours to give:\n");
    }
    let mut flags = String::new();
    if let Some(target) = &made.target {
        flags.push_str(&format!(" --target {}", shell_word(target)));
    }
    for (secret, what) in &made.secrets {
        text.push_str(&format!("  {secret}: {}\n", line(what)));
        flags.push_str(&format!(" -e {secret}=..."));
    }
    text.push_str(&format!(
        "\nnext:\n\n    host check {name}\n    host try {name}{flags}\n    \
        host run {name}{flags} --vus 10 --duration 30s\n"
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_is_one_that_is_read() {
        swell_steps::read("first.toml", FIRST.as_bytes()).expect("it is a file of steps");
        let whole = FIRST.replace("\n# [[", "\n[[").replace("\n# ", "\n");
        swell_steps::read("first.toml", whole.as_bytes()).expect("its comments are steps, too");
    }

    #[test]
    fn a_name_becomes_a_file_of_steps() {
        assert_eq!(file_of("shop"), PathBuf::from("shop.toml"));
        assert_eq!(file_of("a/shop.toml"), PathBuf::from("a/shop.toml"));
        assert_eq!(file_of("v1.2"), PathBuf::from("v1.2.toml"));
    }
}
