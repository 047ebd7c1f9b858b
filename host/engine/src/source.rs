//! Where a scenario's bytes come from. The code that loads, offers or names a scenario does not
//! know whether it is a file.

use std::path::PathBuf;

use bytes::Bytes;

use crate::error::LoadError;
use crate::reading::{check_size, read_file};
use crate::script::ScriptSource;

/// Where a scenario's bytes come from, and how people call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScenarioSource {
    /// A file of this machine; its path is its name.
    File(PathBuf),
    /// Bytes that are in memory already, as another node sent them.
    Bytes {
        /// What the scenario is called where it comes from.
        name: String,
        /// All of it.
        bytes: Bytes,
    },
    /// A script.
    Script {
        /// The component that makes scenarios of it.
        interpreter: Box<ScenarioSource>,
        /// The script's files.
        script: ScriptSource,
    },
}

impl ScenarioSource {
    /// What the scenario is called in messages and results.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Bytes { name, .. } => name.clone(),
            Self::Script { script, .. } => script.name(),
        }
    }

    /// The bytes of the component, as they are now; of a script, those of its interpreter.
    ///
    /// # Errors
    /// The file cannot be read, is no file, or is larger than any scenario.
    pub fn read(&self) -> Result<Bytes, LoadError> {
        let bytes = match self {
            Self::File(path) => read_file(path)?.into(),
            Self::Bytes { bytes, .. } => bytes.clone(),
            Self::Script { interpreter, .. } => {
                return interpreter.read().map_err(|error| self.blame(error));
            }
        };
        check_size(bytes.len() as u64)?;
        Ok(bytes)
    }

    /// An error of its component, told as what it is where there is a script beside it.
    pub(crate) fn blame(&self, error: LoadError) -> LoadError {
        match self {
            Self::File(_) | Self::Bytes { .. } => error,
            Self::Script { interpreter, .. } => {
                LoadError::Interpreter { name: interpreter.name(), source: Box::new(error) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::MAX_SCENARIO_SIZE;

    #[test]
    fn a_file_and_bytes_from_elsewhere_give_the_same_scenario_under_their_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("browse.wasm");
        std::fs::write(&path, b"\0asm").expect("it can be written");
        let here = ScenarioSource::File(path.clone());
        let (name, bytes) = ("/home/ann/browse.wasm".to_owned(), here.read().expect("it is there"));
        let elsewhere = ScenarioSource::Bytes { name: name.clone(), bytes };
        assert_eq!(elsewhere.read().expect("it is here"), here.read().expect("it is there"));
        assert_eq!((here.name(), elsewhere.name()), (path.display().to_string(), name));
    }

    #[test]
    fn what_is_no_file_says_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = ScenarioSource::File(folder.path().into()).read().expect_err("it is a folder");
        let cause = std::error::Error::source(&error).expect("it has a cause").to_string();
        assert!(cause.contains("host build"), "{cause}");
    }

    #[test]
    fn nothing_larger_than_any_scenario_is_read() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_len(MAX_SCENARIO_SIZE + 1).expect("it has no blocks");
        let error = ScenarioSource::File(file.path().into()).read().expect_err("it is too large");
        assert!(matches!(error, LoadError::TooLarge { .. }), "{error}");
    }
}
