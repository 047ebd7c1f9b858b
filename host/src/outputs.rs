//! Where results go: each place is looked at before the run, so that a bad path costs no run, and
//! written after it, whole or not at all.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use swell_core::plain::{json, page};

use crate::aside::Aside;
use crate::stderr;
use crate::stops::Stops;
use crate::terminal;

/// The outputs of one run.
#[derive(Clone, Debug)]
pub(crate) struct Outputs(Arc<Vec<Output>>);

#[derive(Debug)]
enum Output {
    Stdout,
    File(PathBuf, Aside),
}

/// Names of this process's own stdout.
const STDOUT: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// Bytes that are written to stdout at a time, so that a reader who takes some is seen to.
const PIECE: usize = 4 << 10;

impl Outputs {
    /// Looks at what `--out KIND=FILE` names. A pipe is opened, which lasts until somebody reads
    /// it.
    ///
    /// # Errors
    /// A kind that there is not, or a file that cannot be written. It is then as it was.
    pub(crate) fn open(wanted: &[(String, String)]) -> anyhow::Result<Self> {
        let mut outputs = Vec::new();
        for (kind, place) in wanted {
            if kind != "json" {
                bail!(
                    "--out {kind}={place}: there is no output {kind:?}\nhelp: json=FILE writes the \
                    results as JSON"
                );
            }
            outputs.push(match place.as_str() {
                "" => bail!("--out {kind}=: a file is needed after '='"),
                stdout if STDOUT.contains(&stdout) => Output::Stdout,
                path => {
                    let aside = Aside::open(Path::new(path))
                        .with_context(|| format!("--out {kind}={path}: cannot write there"))?;
                    Output::File(path.into(), aside)
                }
            });
        }
        Ok(Self(Arc::new(outputs)))
    }

    /// Whether stdout holds results, so that nothing else may go there.
    pub(crate) fn takes_stdout(&self) -> bool {
        self.0.iter().any(|output| matches!(output, Output::Stdout))
    }

    /// Writes the report to each output. A signal ends that, and so does whoever takes nothing of
    /// it for long.
    ///
    /// # Errors
    /// The first that could not be written; the others were tried all the same.
    pub(crate) async fn write(
        &self,
        report: &impl serde::Serialize,
        stops: &mut Stops,
    ) -> anyhow::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut text = json(
            &serde_json::to_string_pretty(report).context("cannot put the results into JSON")?,
        );
        text.push('\n');
        let this = self.clone();
        stops
            .while_it_moves(move |written| this.write_text(&text, written))
            .await
            .context("cannot write the results")
            .flatten()
    }

    fn write_text(&self, text: &str, written: &AtomicU64) -> anyhow::Result<()> {
        let mut result = Ok(());
        for output in &*self.0 {
            let written = match output {
                Output::Stdout => {
                    to_stdout(text, written).context("cannot write the results to stdout")
                }
                Output::File(path, aside) => {
                    aside.write(text.as_bytes(), written).with_context(|| {
                        let as_it_was = if path.is_file() { "; the file is as it was" } else { "" };
                        format!(
                            "cannot write the {} bytes of results to {}{as_it_was}",
                            text.len(),
                            path.display()
                        )
                    })
                }
            };
            result = result.and(written);
        }
        result
    }
}

/// Shows a page on stdout, after all that was said on stderr. A reader that is gone, as `head` may
/// be, needs no message; one that takes nothing is given up.
pub(crate) async fn show(summary: &impl Display, stops: &mut Stops) {
    let text = page(summary).to_string();
    stderr::flush();
    if let Err(error) = stops.while_it_moves(move |written| drop(to_stdout(&text, written))).await {
        terminal::say(format_args!("warning: the summary was {error:#}"));
    }
}

fn to_stdout(text: &str, written: &AtomicU64) -> io::Result<()> {
    for piece in text.as_bytes().chunks(PIECE) {
        terminal::hand_over(piece)?;
        written.fetch_add(piece.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}
