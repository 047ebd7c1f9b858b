//! `host new --lang js` and `--lang ts`: one file to begin with, in the current folder, that runs
//! as it is.

use std::path::PathBuf;

use anyhow::ensure;
use swell_core::plain::{line, shell_word};

use crate::{new_steps, terminal};

/// Writes a script, and the files of data that it needs, each a name and a text; `flags` name them.
///
/// # Errors
/// One of them is there already, and then none is written; or one can't be written.
pub(crate) fn first(
    name: &str,
    ending: &str,
    text: &str,
    data: &[(&str, &str)],
    flags: &str,
) -> anyhow::Result<()> {
    let file = file_of(name, ending);
    let mut files = vec![(file.clone(), text)];
    files.extend(data.iter().map(|(name, text)| (file.with_file_name(name), *text)));
    for (file, _) in &files {
        ensure!(
            !file.exists(),
            "{} exists already\nhelp: choose another name or folder, or remove it first",
            line(&file.to_string_lossy())
        );
    }
    for (file, text) in &files {
        new_steps::write(file, text)?;
    }
    let name = shell_word(&file.to_string_lossy());
    let types = if ending == "ts" { TYPES } else { "" };
    terminal::show(format_args!(
        "made {name}; next:\n\n    host try {name} --target http://localhost:8080{flags}\n    \
        host run {name} --target http://localhost:8080 --tps 100 --duration 10s{flags}\n{types}"
    ))?;
    Ok(())
}

/// What an editor needs, and no run.
const TYPES: &str = "
for your editor, which checks types where a run does not:

    npm install --save-dev @types/k6
    host schema types > swell.d.ts
";

/// The file that a name means: with the ending of its language, if it has none of its own.
fn file_of(name: &str, ending: &str) -> PathBuf {
    let path = PathBuf::from(name);
    let has_ending = path.extension().is_some_and(|own| {
        [ending, &format!("m{ending}")].iter().any(|known| own.eq_ignore_ascii_case(known))
    });
    if has_ending { path } else { PathBuf::from(format!("{name}.{ending}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_file_of_its_language() {
        for (name, ending, file) in [
            ("shop", "js", "shop.js"),
            ("shop.js", "js", "shop.js"),
            ("a/shop.mts", "ts", "a/shop.mts"),
            ("v1.2", "ts", "v1.2.ts"),
            ("shop.js", "ts", "shop.js.ts"),
        ] {
            assert_eq!(file_of(name, ending), PathBuf::from(file));
        }
    }
}
