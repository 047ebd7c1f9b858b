//! Reads a file that somebody names: what is none, or has no end, is refused.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use crate::error::LoadError;

/// The most bytes of a scenario: a Python interpreter with its libraries has 40 MB.
pub const MAX_SCENARIO_SIZE: u64 = 256 << 20;

/// All of a file, if it is one and no larger than any scenario.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, LoadError> {
    let read_error = |source| LoadError::Read { source };
    let metadata = std::fs::metadata(path).map_err(read_error)?;
    if metadata.is_dir() {
        let cure = "it is a folder; a Rust scenario is compiled with `host build` first";
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

/// Whether a scenario may be so large.
pub(crate) fn check_size(bytes: u64) -> Result<(), LoadError> {
    if bytes > MAX_SCENARIO_SIZE {
        return Err(LoadError::TooLarge { bytes, limit: MAX_SCENARIO_SIZE });
    }
    Ok(())
}
