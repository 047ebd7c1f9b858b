//! Scripts: files that an interpreter makes scenarios of, and where they come from.
//!
//! A script may need further files: what it imports, what it opens. Only its interpreter knows
//! which, and finds out as it goes. So the interpreter asks, and the host gives: what stands below
//! the script's folder, symbolic links resolved, or in a place that whoever runs it has allowed.
//! The set that comes of it is the test: what each user is given, what another node is sent, and
//! what the hash of a result is of.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use swell_core::plain::shell_word;

use crate::error::LoadError;
use crate::reading::read_file;

/// A file of a test, by the path by which its interpreter knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptFile {
    /// The name of the script, or what it or its interpreter asked for.
    pub path: String,
    /// All of it.
    pub content: Bytes,
}

/// Where the files of a script come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptSource {
    /// A file of this machine.
    File {
        /// The script.
        path: PathBuf,
        /// Folders and files beside the script's folder that it may read.
        allowed: Vec<PathBuf>,
    },
    /// Files that are in memory already, the script first, as another node sent them or as they
    /// were when they were loaded.
    Files {
        /// What the script is called where it comes from.
        name: String,
        /// All that it needs.
        files: Vec<ScriptFile>,
    },
}

impl ScriptSource {
    /// What the script is called in messages and results.
    pub fn name(&self) -> String {
        match self {
            Self::File { path, .. } => path.display().to_string(),
            Self::Files { name, .. } => name.clone(),
        }
    }

    /// The files that are known to belong to it before its interpreter asks for any.
    pub(crate) fn first(&self) -> Result<Vec<ScriptFile>, LoadError> {
        match self {
            Self::File { path, .. } => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                Ok(vec![ScriptFile { path: name, content: read_file(path)?.into() }])
            }
            Self::Files { files, .. } => Ok(files.clone()),
        }
    }

    /// The file that is asked for by this path; `cart.ts` where `cart.js` is not there.
    pub(crate) fn find(&self, path: &str) -> Result<ScriptFile, LoadError> {
        let refused = |reason: String, cure: String| LoadError::ScriptFile {
            path: path.to_owned(),
            reason,
            cure,
        };
        let Self::File { path: script, allowed } = self else {
            return Err(refused("it was not sent along".to_owned(), String::new()));
        };
        let io = |error: std::io::Error| refused(error.to_string(), String::new());
        let script = script.canonicalize().map_err(io)?;
        let folder = script.parent().unwrap_or(Path::new("/"));
        let found = match folder.join(path).canonicalize() {
            Err(error) if error.kind() == ErrorKind::NotFound => match typescript_of(path) {
                Some(source) if folder.join(&source).exists() => return self.find(&source),
                _ => return Err(io(error)),
            },
            found => found.map_err(io)?,
        };
        let is_allowed =
            |place: &PathBuf| place.canonicalize().is_ok_and(|place| found.starts_with(place));
        if !found.starts_with(folder) && !allowed.iter().any(is_allowed) {
            let place = found.parent().unwrap_or(Path::new("/"));
            return Err(refused(
                "it is not below the script's folder".to_owned(),
                format!(
                    "\nhelp: --allow-file {} lets it be read",
                    shell_word(&place.display().to_string())
                ),
            ));
        }
        let content = read_file(&found).map_err(|error| match error {
            LoadError::Read { source } => io(source),
            error => error,
        })?;
        Ok(ScriptFile { path: path.to_owned(), content: content.into() })
    }
}

/// The file that is meant, as TypeScript has it, where the JavaScript is asked for that would be
/// made of it.
fn typescript_of(path: &str) -> Option<String> {
    let stem = path.strip_suffix("js")?;
    (stem.ends_with('.') || stem.ends_with(".m")).then(|| format!("{stem}ts"))
}

/// Names the test: its files and the interpreter whose hash this is.
pub(crate) fn hash(interpreter: &blake3::Hash, files: &[ScriptFile]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(interpreter.as_bytes());
    for ScriptFile { path, content } in files {
        for part in [path.as_bytes(), &content[..]] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(error: &LoadError) -> String {
        error.to_string()
    }

    #[test]
    fn a_script_reads_below_its_folder_and_what_is_allowed_and_nothing_else() {
        let place = tempfile::tempdir().expect("a folder");
        let at = |path: &str| place.path().join(path);
        for folder in ["tests/lib", "shared", "secret"] {
            std::fs::create_dir_all(at(folder)).expect("it can be made");
        }
        for file in ["tests/shop.line", "tests/lib/cart.line", "shared/a.line", "secret/key"] {
            std::fs::write(at(file), file).expect("it can be written");
        }
        std::os::unix::fs::symlink(at("secret/key"), at("tests/key")).expect("a link");
        let source =
            ScriptSource::File { path: at("tests/shop.line"), allowed: vec![at("shared")] };
        let first = source.first().expect("it is there");
        assert_eq!((first.len(), first[0].path.as_str()), (1, "shop.line"));
        for (path, content) in [
            ("lib/cart.line", "tests/lib/cart.line"),
            ("./lib/../shop.line", "tests/shop.line"),
            ("../shared/a.line", "shared/a.line"),
            (at("shared/a.line").to_str().expect("it is UTF-8"), "shared/a.line"),
        ] {
            let found = source.find(path).expect(path);
            assert_eq!((found.path.as_str(), &found.content[..]), (path, content.as_bytes()));
        }
        std::fs::write(at("tests/lib/price.ts"), "a").expect("it can be written");
        for asked in ["lib/price.js", "lib/price.ts"] {
            assert_eq!(source.find(asked).expect(asked).path, "lib/price.ts");
        }
        for path in
            ["../secret/key", "key", "/etc/passwd", at("secret/key").to_str().expect("it is")]
        {
            let error = words(&source.find(path).expect_err(path));
            assert!(error.contains("--allow-file") && error.contains("not below"), "{error}");
        }
        std::fs::create_dir(at("o;t")).expect("it can be made");
        std::fs::write(at("o;t/x"), "x").expect("it can be written");
        let error = words(&source.find("../o;t/x").expect_err("it is not allowed"));
        assert!(error.contains("/o;t' lets it be read"), "{error}");
        let error = words(&source.find("lib/none.line").expect_err("it is not there"));
        assert!(error.contains("lib/none.line") && error.contains("No such file"), "{error}");
        assert!(words(&source.find("lib").expect_err("a folder")).contains("folder"));
    }

    #[test]
    fn what_was_sent_is_all_that_there_is() {
        let files = vec![ScriptFile { path: "shop.line".to_owned(), content: "get /".into() }];
        let source = ScriptSource::Files { name: "/home/ann/shop.line".to_owned(), files };
        assert_eq!(source.first().expect("it is here")[0].path, "shop.line");
        assert!(words(&source.find("/etc/passwd").expect_err("not sent")).contains("not sent"));
    }

    #[test]
    fn the_hash_is_of_the_interpreter_and_of_each_file_with_its_path() {
        let file = |path: &str, content: &'static str| ScriptFile {
            path: path.to_owned(),
            content: content.into(),
        };
        let interpreter = blake3::hash(b"one");
        let of = |files: &[ScriptFile]| hash(&interpreter, files);
        let whole = of(&[file("a", "bc")]);
        assert_eq!(whole, of(&[file("a", "bc")]));
        for other in [&[file("ab", "c")][..], &[file("a", "bd")], &[file("a", "bc"), file("d", "")]]
        {
            assert_ne!(whole, of(other));
        }
        assert_ne!(whole, hash(&blake3::hash(b"other"), &[file("a", "bc")]));
    }
}
