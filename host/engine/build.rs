//! Finds the files of the contract, so that none is forgotten: the hash by which hosts tell whether
//! they speak the same one, its version, and its interfaces are made of what this finds.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

const PACKAGE: &str = "package swell:scenario@";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../wit");
    // Of a folder, cargo looks at all that is in it.
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        // Editors and version control leave others beside them.
        if path.extension().is_some_and(|extension| extension == "wit") {
            paths.push(path.canonicalize()?);
        }
    }
    paths.sort();
    let mut version = None;
    let mut files = String::from("&[\n");
    for path in &paths {
        let name = path.file_name().unwrap_or_default();
        writeln!(files, "    ({name:?}, include_str!({path:?})),")?;
        let text = fs::read_to_string(path)?;
        let declared = text.lines().find_map(|line| line.strip_prefix(PACKAGE)?.strip_suffix(';'));
        version = version.or(declared.map(str::to_owned));
    }
    files.push(']');
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("contract.rs"), files)?;
    let version = version.ok_or("no file of the contract declares its package and version")?;
    println!("cargo::rustc-env=SWELL_WIT_VERSION={version}");
    Ok(())
}
