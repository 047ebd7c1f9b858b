//! From a file's bytes to a component's bytes.
//!
//! Toolchains give three kinds of file: a component; a core module that carries its world in a
//! `component-type` section (from `wasm32-unknown-unknown`); and such a module that also imports
//! WASI 0.1 (from `wasm32-wasip1`). The last two become components here, so that their users need
//! no other tool.

use std::collections::BTreeSet;

use wasmparser::{Encoding, Parser, Payload};

use crate::error::LoadError;

/// The kind of file that a scenario is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A component as it is.
    Component,
    /// A core module that names its world.
    CoreModule,
    /// A core module that names its world and uses WASI 0.1.
    Wasip1Module,
}

impl FileKind {
    /// For people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::CoreModule => "core module with component type (wasm32-unknown-unknown)",
            Self::Wasip1Module => "core module using WASI 0.1 (wasm32-wasip1)",
        }
    }
}

const WASI_01: &str = "wasi_snapshot_preview1";

/// The component in these bytes, encoded from a core module where needed.
pub(crate) fn componentize(bytes: Vec<u8>) -> Result<(FileKind, Vec<u8>), LoadError> {
    if !bytes.starts_with(b"\0asm") {
        return Err(LoadError::NotWasm { found: looks_like(&bytes) });
    }
    let outline = outline(&bytes)?;
    if outline.is_component {
        return Ok((FileKind::Component, bytes));
    }
    if !outline.has_component_type {
        let exports = if outline.exports.is_empty() {
            String::new()
        } else {
            format!(" (it exports {})", outline.exports.join(", "))
        };
        return Err(LoadError::NotAComponent { exports });
    }
    let encode = |reason: String| LoadError::Encode { reason };
    let mut encoder = wit_component::ComponentEncoder::default();
    encoder.validate(true).module(&bytes).map_err(|error| encode(format!("{error:#}")))?;
    let mut kind = FileKind::CoreModule;
    if outline.import_modules.contains(WASI_01) {
        kind = FileKind::Wasip1Module;
        let adapter =
            wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;
        encoder.adapter(WASI_01, adapter).map_err(|error| encode(format!("{error:#}")))?;
    }
    let component = encoder.encode().map_err(|error| encode(format!("{error:#}")))?;
    Ok((kind, component))
}

/// The instances that a component imports and exports by name, as "swell:scenario/http@0.1.0".
#[derive(Debug, Default)]
pub(crate) struct Surface {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

/// Reads a component's outermost imports and exports.
pub(crate) fn surface(component: &[u8]) -> Result<Surface, LoadError> {
    let mut surface = Surface::default();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(damaged)? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    surface.imports.push(import.map_err(damaged)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    surface.exports.push(export.map_err(damaged)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(surface)
}

/// What a file's sections say about its kind.
#[derive(Default)]
struct Outline {
    is_component: bool,
    has_component_type: bool,
    import_modules: BTreeSet<String>,
    exports: Vec<String>,
}

/// Looks at enough of the file to know its kind; it visits every section header, so a truncated
/// file shows here.
fn outline(bytes: &[u8]) -> Result<Outline, LoadError> {
    let mut outline = Outline::default();
    let mut first = true;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(damaged)? {
            Payload::Version { encoding, .. } if first => {
                outline.is_component = encoding == Encoding::Component;
                first = false;
            }
            Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                outline.has_component_type = true
            }
            Payload::ImportSection(section) if !outline.is_component => {
                for import in section.into_imports() {
                    outline.import_modules.insert(import.map_err(damaged)?.module.to_owned());
                }
            }
            Payload::ExportSection(section) if !outline.is_component => {
                for export in section.into_iter().take(8) {
                    outline.exports.push(export.map_err(damaged)?.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(outline)
}

fn damaged(error: wasmparser::BinaryReaderError) -> LoadError {
    LoadError::Damaged { reason: error.to_string() }
}

/// A guess at what a file is that is not WebAssembly.
fn looks_like(bytes: &[u8]) -> String {
    let found = match bytes {
        [] => "the file is empty",
        [0x7f, b'E', b'L', b'F', ..] => "this is an ELF program for this machine",
        [0x1f, 0x8b, ..] => "this is a gzip archive",
        [b'P', b'K', 3, 4, ..] => "this is a zip archive",
        [b'(', ..] if bytes.starts_with(b"(module") || bytes.starts_with(b"(component") => {
            "this is WebAssembly as text; a binary is needed"
        }
        _ if std::str::from_utf8(&bytes[..bytes.len().min(512)]).is_ok() => "this is a text file",
        _ => return format!("it begins with the bytes {:02x?}", &bytes[..bytes.len().min(4)]),
    };
    found.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_wasm_is_told_by_its_look() {
        for (bytes, word) in [
            (&b""[..], "empty"),
            (b"#!/bin/sh", "text"),
            (b"\x7fELF\x02", "ELF"),
            (b"\xff\xfe\x00\x01", "ff, fe"),
            (b"(module)", "as text"),
        ] {
            let error = componentize(bytes.to_vec()).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_truncated_module_is_damaged() {
        let error = componentize(b"\0asm\x01\0\0\0\x01\xff\x01".to_vec()).unwrap_err();
        assert!(matches!(error, LoadError::Damaged { .. }), "{error}");
    }

    #[test]
    fn a_plain_module_names_its_exports() {
        // (module (func (export "f")))
        let module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x05\x01\x01f\0\0\
            \x0a\x04\x01\x02\0\x0b";
        let error = componentize(module.to_vec()).unwrap_err().to_string();
        assert!(error.contains("exports f"), "{error}");
    }
}
