//! The contract between scenarios and this host, as the folder `wit/` has it.
//!
//! Everything here follows from the files that the build script finds there: nobody has to list a
//! new file, a new interface or a new version anywhere by hand.

/// The version of the contract that this host speaks.
pub const WIT_VERSION: &str = env!("SWELL_WIT_VERSION");

/// What a scenario exports.
pub(crate) const LIFECYCLE: &str = "lifecycle";

/// What an interpreter exports beside it.
pub(crate) const SCRIPT: &str = "script";

/// What those export beside it that end in words of their own.
pub(crate) const SUMMARY: &str = "summary";

/// What stands before the names of interfaces.
pub(crate) const PACKAGE: &str = "swell:scenario/";

/// The files of the contract by name, in the order of their names.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/contract.rs"));

/// A hash of all files of the contract. Hosts with the same hash understand the same scenarios.
pub fn contract_hash() -> [u8; 32] {
    hash(FILES)
}

/// The full name of an interface, as `swell:scenario/http@0.1.0`.
pub(crate) fn full_name(interface: &str) -> String {
    format!("{PACKAGE}{interface}@{WIT_VERSION}")
}

/// Whether scenarios may import this interface.
pub(crate) fn is_import(interface: &str) -> bool {
    statements("import").any(|name| name == interface)
}

/// Whether a scenario of this version is understood: before 1.0, versions with the same minor
/// number are compatible.
pub(crate) fn is_compatible(version: &str) -> bool {
    let minor = |version: &str| version.rsplit_once('.').map(|(minor, _)| minor.to_owned());
    minor(version) == minor(WIT_VERSION)
}

/// What the contract's world says after this keyword.
fn statements(keyword: &str) -> impl Iterator<Item = &'static str> {
    FILES
        .iter()
        .flat_map(|(_, text)| text.lines())
        .filter_map(move |line| line.trim().strip_prefix(keyword)?.strip_suffix(';'))
        .map(str::trim)
}

fn hash(files: &[(&str, &str)]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for (_, text) in files {
        hasher.update(text.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_part_of_the_contract() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
        let mut found = Vec::new();
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if name.ends_with(".wit") {
                found.push((name, std::fs::read_to_string(path).expect("a file of text")));
            }
        }
        found.sort();
        let known: Vec<_> =
            FILES.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
        assert_eq!(known, found);
    }

    #[test]
    fn a_further_file_and_any_change_in_one_make_it_another_contract() {
        let further = [FILES, &[("zebra.wit", "interface zebra {}")]].concat();
        let mut changed = FILES.to_vec();
        let text = format!("{} ", changed[0].1);
        changed[0].1 = &text;
        assert_ne!(hash(&further), contract_hash());
        assert_ne!(hash(&changed), contract_hash());
    }

    #[test]
    fn every_interface_of_the_contract_is_imported_or_exported() {
        let interfaces: Vec<_> = FILES
            .iter()
            .flat_map(|(_, text)| text.lines())
            .filter_map(|line| line.strip_prefix("interface ")?.strip_suffix(" {"))
            .collect();
        assert!(interfaces.contains(&"http") && interfaces.contains(&LIFECYCLE));
        for interface in interfaces {
            let exported = statements("export").any(|name| name == interface);
            assert!(is_import(interface) != exported, "{interface}");
        }
    }

    #[test]
    fn only_the_same_minor_version_fits() {
        assert!(is_compatible("0.1.0") && is_compatible("0.1.7"));
        assert!(!is_compatible("0.2.0") && !is_compatible("1.1.0") && !is_compatible("x"));
    }
}
