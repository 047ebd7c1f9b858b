//! Where results go: files are opened before the run, so that a bad path costs no run, and written after it.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use swell_core::plain::json;

use crate::terminal;

/// The outputs of one run.
pub(crate) struct Outputs(Vec<Output>);

enum Output {
    Stdout,
    File {
        path: PathBuf,
        file: File,
        /// It was made by this run, and holds nothing yet.
        is_empty: Cell<bool>,
    },
}

impl Outputs {
    /// Opens what `--out KIND=FILE` names.
    ///
    /// # Errors
    /// A kind that there is not, or a file that cannot be written. It is then as it was, unless its disk broke just now.
    pub(crate) fn open(wanted: &[(String, String)]) -> anyhow::Result<Self> {
        let mut outputs = Vec::new();
        for (kind, place) in wanted {
            if kind != "json" {
                bail!("--out {kind}={place}: there is no output {kind:?}\nhelp: json=FILE writes the results as JSON");
            }
            outputs.push(match place.as_str() {
                "" => bail!("--out {kind}=: a file is needed after '='"),
                "-" => Output::Stdout,
                path => {
                    let is_empty = Cell::new(!Path::new(path).exists());
                    let file = File::options()
                        .create(true)
                        .append(true)
                        .open(path)
                        .with_context(|| format!("--out {kind}={path}: cannot write there"))?;
                    Output::File { path: path.into(), file, is_empty }
                }
            });
        }
        Ok(Self(outputs))
    }

    /// Whether stdout holds results, so that nothing else may go there.
    pub(crate) fn takes_stdout(&self) -> bool {
        self.0.iter().any(|output| matches!(output, Output::Stdout))
    }

    /// Writes the report to each output.
    ///
    /// # Errors
    /// The first that could not be written; the others were tried all the same.
    pub(crate) fn write(&self, report: &impl serde::Serialize) -> anyhow::Result<()> {
        let mut text = json(&serde_json::to_string_pretty(report).context("cannot put the results into JSON")?);
        text.push('\n');
        let mut result = Ok(());
        for output in &self.0 {
            let written = match output {
                Output::Stdout => terminal::hand_over(text.as_bytes()).context("cannot write the results to stdout"),
                Output::File { path, file, is_empty } => {
                    is_empty.set(false);
                    replace(file, &text).with_context(|| format!("cannot write the results to {}", path.display()))
                }
            };
            result = result.and(written);
        }
        result
    }
}

impl Drop for Outputs {
    /// A run that came to nothing leaves no empty files behind.
    fn drop(&mut self) {
        for output in &self.0 {
            if let Output::File { path, is_empty, .. } = output
                && is_empty.get()
            {
                // It is empty: whether it stays does no harm.
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// The file's content becomes `text`.
fn replace(mut file: &File, text: &str) -> io::Result<()> {
    file.set_len(0).or_else(|error| if error.kind() == io::ErrorKind::InvalidInput { Ok(()) } else { Err(error) })?;
    file.write_all(text.as_bytes())?;
    file.flush()
}
