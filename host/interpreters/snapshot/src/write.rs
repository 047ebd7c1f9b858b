//! Writes a module that begins with a given memory.

use anyhow::{Context, bail, ensure};
use wasm_encoder::{
    ConstExpr, DataSection, ExportKind, ExportSection, MemorySection, MemoryType, Module,
    RawSection,
};
use wasmparser::{DataKind, ExternalKind, Operator, Parser, Payload};

use crate::PREPARE;

const PAGE: usize = 64 << 10;

/// Zeros between two segments that cost less as part of one: what a segment has besides its bytes.
const JOINED: usize = 16;

/// The module with this memory in place of its own, and without the functions that prepare.
pub(crate) fn with_memory(module: &[u8], memory: &[u8]) -> anyhow::Result<Vec<u8>> {
    let data_begins = fits(module)?;
    let mut written = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        let Some((id, range)) = payload.as_section() else { continue };
        match payload {
            Payload::MemorySection(memories) => {
                let pages = u64::try_from(memory.len() / PAGE)?;
                let mut section = MemorySection::new();
                for declared in memories {
                    let maximum = declared?.maximum;
                    section.memory(MemoryType {
                        minimum: pages,
                        maximum,
                        memory64: false,
                        shared: false,
                        page_size_log2: None,
                    });
                }
                written.section(&section);
            }
            Payload::ExportSection(exports) => {
                let mut section = ExportSection::new();
                for export in exports {
                    let export = export?;
                    if !export.name.starts_with(PREPARE) {
                        section.export(export.name, kind(export.kind)?, export.index);
                    }
                }
                written.section(&section);
            }
            Payload::DataSection(_) => {
                written.section(&data(memory, data_begins)?);
            }
            // It says how many segments there are, to code that uses them, and there is none.
            Payload::DataCountSection { .. } => {}
            _ => {
                let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
                written.section(&RawSection { id, data: &module[range] });
            }
        }
    }
    Ok(written.finish())
}

/// Where the module's data begins, if memory is all that `prepare` can have changed. Below it is
/// the stack, of which nothing is in use between two calls.
fn fits(module: &[u8]) -> anyhow::Result<usize> {
    let (mut memories, mut mutable, mut begins) = (0, 0, None);
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::StartSection { .. } => bail!("it has a start function, which would run again"),
            Payload::MemorySection(section) => memories += section.count(),
            Payload::GlobalSection(globals) => {
                for global in globals {
                    mutable += u32::from(global?.ty.mutable);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let name = export?.name;
                    ensure!(name != "_initialize", "it exports {name}, which would run again");
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    let DataKind::Active { offset_expr, .. } = segment?.kind else {
                        bail!("it has data that its code copies where it likes");
                    };
                    let Operator::I32Const { value } = offset_expr.get_operators_reader().read()?
                    else {
                        bail!("it has data whose place is reckoned");
                    };
                    let place = usize::try_from(value)?;
                    begins = Some(begins.map_or(place, |begins: usize| begins.min(place)));
                }
            }
            _ => {}
        }
    }
    ensure!(memories == 1, "it has {memories} memories");
    // It is where the stack ends, and after each call what it was before.
    ensure!(mutable == 1, "it has {mutable} globals that change");
    begins.context("it has no data")
}

fn kind(kind: ExternalKind) -> anyhow::Result<ExportKind> {
    Ok(match kind {
        ExternalKind::Func => ExportKind::Func,
        ExternalKind::Table => ExportKind::Table,
        ExternalKind::Memory => ExportKind::Memory,
        ExternalKind::Global => ExportKind::Global,
        other => bail!("it exports a {other:?}"),
    })
}

/// All of a memory from `begins` on that is not zero.
fn data(memory: &[u8], begins: usize) -> anyhow::Result<DataSection> {
    let mut section = DataSection::new();
    let mut place = begins;
    while let Some(skipped) = memory[place..].iter().position(|byte| *byte != 0) {
        let first = place + skipped;
        let mut end = first + 1;
        while let Some(next) = memory[end..].iter().take(JOINED).position(|byte| *byte != 0) {
            end += next + 1;
        }
        let offset = ConstExpr::i32_const(i32::try_from(first)?);
        section.active(0, &offset, memory[first..end].iter().copied());
        place = end;
    }
    Ok(section)
}
