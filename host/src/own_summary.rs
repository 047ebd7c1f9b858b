//! The end of a command in the words of the script that was run, as k6's `handleSummary` writes
//! it: asked for once all runs are over, printed in place of the host's summary.
//!
//! A script names files as it likes, and whoever runs it says where they may be (`--summary-dir`):
//! below that folder, whatever links lead out of it, and never over what the command reads or
//! writes itself.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use swell_core::plain::line;
use swell_engine::SummaryPart;
use swell_outputs::{Aside, is_same_file};
use thiserror::Error;

use crate::outside::{HookFailure, Waiting};
use crate::prepare::Loaded;
use crate::settings::flags::Settings;
use crate::settings::layers::Layers;
use crate::stops::Stops;
use crate::terminal;

/// How long a script may take for it: as long as for its `teardown`.
const PATIENCE: Duration = Duration::from_secs(60);

/// Files that it may write.
const MAX_FILES: usize = 1_000;

/// A script that ends its runs in its own words, and where its files may be.
pub(crate) struct OwnSummary {
    file: Arc<Loaded>,
    layers: Layers,
    folder: Option<SummaryFolder>,
}

/// What a script wrote for people.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnPages {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// Whether all is there that may be.
    pub(crate) is_whole: bool,
}

/// Why there is none.
#[derive(Debug, Error)]
enum NoSummary {
    #[error(transparent)]
    Failed(#[from] HookFailure),
    #[error("went on for {} s and was given up", PATIENCE.as_secs())]
    TooLong,
    #[error("was cut by a signal")]
    Cut,
    #[error("could not be called: {0:#}")]
    NotCalled(anyhow::Error),
}

impl OwnSummary {
    /// That of a command with these settings, if the one file that it runs has any; `kept` are the
    /// files that it reads or writes itself.
    ///
    /// # Errors
    /// A folder was given for nothing, or is none that can be written to.
    pub(crate) fn of(
        file: Option<&Arc<Loaded>>,
        layers: &Layers,
        settings: &Settings,
        kept: Vec<PathBuf>,
    ) -> anyhow::Result<Option<Self>> {
        let folder = settings.summary_dir.as_deref();
        let Some(file) = file.filter(|file| file.has_summary()) else {
            if let Some(folder) = folder {
                bail!(
                    "--summary-dir {}: nothing that is run here has a summary of its own (a \
                    script's `handleSummary`)\nhelp: leave it out",
                    folder.display()
                );
            }
            return Ok(None);
        };
        let folder = folder.map(|folder| SummaryFolder::open(folder, kept)).transpose()?;
        if folder.is_none() {
            tracing::info!(
                "its own summary is printed in place of the host's; a file that it names is \
                written with --summary-dir DIR alone"
            );
        }
        Ok(Some(Self { file: Arc::clone(file), layers: layers.clone(), folder }))
    }

    /// Has the script write about these results, which are JSON, and writes its files. Nothing
    /// where it did not: why is told.
    ///
    /// # Errors
    /// There was a folder for files, and not all are written.
    pub(crate) async fn write(
        &self,
        results: String,
        stops: &mut Stops,
    ) -> anyhow::Result<Option<OwnPages>> {
        let parts = match self.ask(results, stops).await {
            Ok(parts) => parts,
            Err(why) => {
                terminal::say(format_args!(
                    "warning: its own summary {why}: the host's stands in its place"
                ));
                ensure!(self.folder.is_none(), "the files of its own summary are not written");
                return Ok(None);
            }
        };
        let folder = self.folder.clone();
        let sorted = move |taken: &AtomicU64| sort(parts, folder.as_ref(), taken);
        let pages = stops.while_it_moves(sorted).await.context("its own summary")?;
        Ok(Some(pages))
    }

    async fn ask(&self, results: String, stops: &mut Stops) -> Result<Vec<SummaryPart>, NoSummary> {
        let outside = self.file.to_summarize(&self.layers).map_err(NoSummary::NotCalled)?;
        let program = Arc::clone(&outside.program);
        let called = outside.call(Waiting::until(std::future::pending()), |mut user| async move {
            user.summarize(&program, &results).await
        });
        tokio::select! {
            parts = called => Ok(parts?),
            _ = stops.next() => Err(NoSummary::Cut),
            () = tokio::time::sleep(PATIENCE) => Err(NoSummary::TooLong),
        }
    }
}

/// Tells pages from files, and writes these.
fn sort(parts: Vec<SummaryPart>, folder: Option<&SummaryFolder>, taken: &AtomicU64) -> OwnPages {
    let mut pages = OwnPages { is_whole: true, ..OwnPages::default() };
    let mut places: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut lacking: Vec<String> = Vec::new();
    let mut seen = [false; 2];
    for (name, content) in parts {
        let stream = ["stdout", "stderr"].iter().position(|stream| *stream == name);
        let written = match (stream, folder) {
            (Some(stream), _) if std::mem::replace(&mut seen[stream], true) => {
                Err("it is named twice".to_owned())
            }
            (Some(stream), _) => {
                *[&mut pages.stdout, &mut pages.stderr][stream] = content;
                Ok(())
            }
            (None, None) => {
                lacking.push(line(&name).to_string());
                continue;
            }
            (None, Some(_)) if places.len() >= MAX_FILES => {
                Err(format!("a summary has at most {MAX_FILES} files"))
            }
            (None, Some(folder)) => folder.place(&name).and_then(|place| {
                if let Some(other) = places.insert(place.clone(), name.clone()) {
                    return Err(format!("{:?} is the same file", line(&other).to_string()));
                }
                let write = || Aside::open(&place)?.write(&content, taken);
                write().map_err(|error| error.to_string())
            }),
        };
        if let Err(why) = written {
            pages.is_whole = false;
            let name = line(&name);
            terminal::say(format_args!("error: {name} of its own summary is not written: {why}"));
        }
    }
    if !lacking.is_empty() {
        terminal::say(format_args!(
            "warning: not written, as no folder was given for it: {}\nhelp: --summary-dir DIR",
            lacking.join(", ")
        ));
    }
    pages
}

/// The folder below which the files of a summary may be.
#[derive(Clone, Debug)]
struct SummaryFolder {
    /// Behind all links.
    folder: PathBuf,
    /// What the command reads or writes itself.
    kept: Vec<PathBuf>,
}

impl SummaryFolder {
    fn open(folder: &Path, kept: Vec<PathBuf>) -> anyhow::Result<Self> {
        let shown = || format!("--summary-dir {}", folder.display());
        let real = folder
            .canonicalize()
            .with_context(|| format!("{}: a folder is wanted that is there", shown()))?;
        ensure!(real.is_dir(), "{}: that is no folder", shown());
        Ok(Self { folder: real, kept })
    }

    /// Where the file is to be that a script calls so.
    fn place(&self, name: &str) -> Result<PathBuf, String> {
        let place = self.folder.join(below(name)?);
        let leads_out = || "a link leads out of --summary-dir there".to_owned();
        let folder = place.parent().unwrap_or(&self.folder);
        let real = folder.canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "its folder is not there".to_owned(),
            _ => error.to_string(),
        })?;
        if !real.starts_with(&self.folder) {
            return Err(leads_out());
        }
        // A link that leads to nothing yet would be followed, too.
        if fs::symlink_metadata(&place).is_ok() {
            let real = place.canonicalize().map_err(|error| error.to_string())?;
            if !real.starts_with(&self.folder) {
                return Err(leads_out());
            }
            if !real.is_file() {
                return Err("what is there is no file".to_owned());
            }
        }
        if self.kept.iter().any(|kept| is_same_file(kept, &place)) {
            return Err("this command reads or writes that file itself".to_owned());
        }
        Ok(real.join(place.file_name().unwrap_or_default()))
    }
}

/// The path below a folder that a name means; it must not lead anywhere else.
fn below(name: &str) -> Result<PathBuf, &'static str> {
    let mut path = PathBuf::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err("\"..\" leads out of --summary-dir"),
            Component::RootDir | Component::Prefix(_) => {
                return Err("a path below --summary-dir is wanted, and none from the root");
            }
        }
    }
    if path.as_os_str().is_empty() || name.ends_with('/') || name.contains('\0') {
        return Err("that is no name of a file");
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_a_file_below_the_folder_or_nothing() {
        for (name, meant) in [("a", "a"), ("./a", "a"), ("sub/./b.xml", "sub/b.xml"), (" ", " ")] {
            assert_eq!(below(name).as_deref(), Ok(Path::new(meant)), "{name}");
        }
        for name in ["", ".", "a/", "..", "../x", "a/../../x", "a/..", "/etc/passwd", "//x", "a\0b"]
        {
            assert!(below(name).is_err(), "{name:?}");
        }
    }

    /// What becomes of parts, with the folder's files afterwards.
    fn sorted(folder: &Path, kept: &[PathBuf], parts: &[(&str, &str)]) -> OwnPages {
        let folder = SummaryFolder::open(folder, kept.to_vec()).expect("it is there");
        let parts = parts.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        sort(parts.collect(), Some(&folder), &AtomicU64::new(0))
    }

    #[test]
    fn files_are_written_below_the_folder_and_nowhere_else() {
        let place = tempfile::tempdir().expect("a folder");
        let at = |path: &str| place.path().join(path);
        for folder in ["out/sub", "elsewhere"] {
            fs::create_dir_all(at(folder)).expect("it can be made");
        }
        for (link, to) in [("out/away", "elsewhere"), ("out/over", "elsewhere/kept")] {
            std::os::unix::fs::symlink(at(to), at(link)).expect("a link");
        }
        std::os::unix::fs::symlink(at("elsewhere/new"), at("out/dangling")).expect("a link");
        fs::write(at("elsewhere/kept"), "kept").expect("it can be written");
        fs::write(at("out/script.js"), "script").expect("it can be written");
        let pages =
            sorted(&at("out"), &[], &[("stdout", "o"), ("stderr", "e"), ("sub/a.txt", "a")]);
        let expected = OwnPages { stdout: b"o".to_vec(), stderr: b"e".to_vec(), is_whole: true };
        assert_eq!(pages, expected);
        assert_eq!(fs::read(at("out/sub/a.txt")).expect("it is there"), b"a");
        for name in ["../x", "away/x", "over", "dangling", "none/x", "sub", "script.js"] {
            let pages = sorted(&at("out"), &[at("out/script.js")], &[(name, "x"), ("good", "g")]);
            assert!(!pages.is_whole, "{name}");
            assert_eq!(fs::read(at("out/good")).expect("the others are written"), b"g");
            fs::remove_file(at("out/good")).expect("it is there");
        }
        assert_eq!(fs::read(at("elsewhere/kept")).expect("it is there"), b"kept");
        assert_eq!(fs::read(at("out/script.js")).expect("it is there"), b"script");
        let elsewhere = fs::read_dir(at("elsewhere")).expect("it is there").count();
        assert_eq!((elsewhere, at("x").exists()), (1, false));
    }

    #[test]
    fn a_place_that_is_named_twice_keeps_the_first() {
        let place = tempfile::tempdir().expect("a folder");
        let parts = [("a", "1"), ("./a", "2"), ("stdout", "1"), ("stdout", "2")];
        let pages = sorted(place.path(), &[], &parts);
        assert_eq!((pages.stdout.as_slice(), pages.is_whole), (&b"1"[..], false));
        assert_eq!(fs::read(place.path().join("a")).expect("it is there"), b"1");
    }

    #[test]
    fn without_a_folder_no_file_is_written_and_that_is_no_failure() {
        let parts = vec![("/tmp/x".to_owned(), Vec::new()), ("stdout".to_owned(), vec![7])];
        let pages = sort(parts, None, &AtomicU64::new(0));
        assert_eq!(pages, OwnPages { stdout: vec![7], stderr: Vec::new(), is_whole: true });
    }
}
