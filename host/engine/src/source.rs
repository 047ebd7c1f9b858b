//! Where a scenario's bytes come from. The code that loads, offers or names a scenario does not
//! know whether it is a file.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::LoadError;

/// The most bytes of a scenario: a Python interpreter with its libraries has 40 MB.
pub const MAX_SCENARIO_SIZE: u64 = 256 << 20;

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
}

impl ScenarioSource {
    /// What the scenario is called in messages and results.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Bytes { name, .. } => name.clone(),
        }
    }

    /// The bytes, as they are now.
    ///
    /// # Errors
    /// The file cannot be read, is no file, or is larger than any scenario.
    pub fn read(&self) -> Result<Bytes, LoadError> {
        let bytes = match self {
            Self::File(path) => read_file(path)?.into(),
            Self::Bytes { bytes, .. } => bytes.clone(),
        };
        check_size(bytes.len() as u64)?;
        Ok(bytes)
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, LoadError> {
    let read_error = |source| LoadError::Read { source };
    let metadata = std::fs::metadata(path).map_err(read_error)?;
    if metadata.is_dir() {
        let cure = "it is a folder; compile it with `host build` first";
        return Err(read_error(io::Error::other(cure)));
    }
    // A read from a pipe to which nobody writes would wait for ever.
    if metadata.file_type().is_fifo() {
        let cure = "it is a pipe; write the scenario to a file first";
        return Err(read_error(io::Error::other(cure)));
    }
    check_size(metadata.len())?;
    // The limit also holds where the file has no length of its own, as a device.
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_SCENARIO_SIZE + 1).read_to_end(&mut bytes))
        .map_err(read_error)?;
    Ok(bytes)
}

fn check_size(bytes: u64) -> Result<(), LoadError> {
    if bytes > MAX_SCENARIO_SIZE {
        return Err(LoadError::TooLarge { bytes, limit: MAX_SCENARIO_SIZE });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
