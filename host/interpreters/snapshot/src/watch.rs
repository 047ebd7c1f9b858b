//! Makes of a module one that notes what it does with its memory.
//!
//! It has a second memory, with a byte of marks for each [`GRAIN`] of the first. Before each access
//! to the first one of six functions is called that sets the marks, and leaves what was given to
//! the access as it was.

use anyhow::{Context, ensure};
use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, ExportKind, ExportSection, Function, FunctionSection, InstructionSink,
    MemArg, MemorySection, MemoryType, Module, TypeSection, ValType,
};
use wasmparser::{Operator, Parser, Payload, TypeRef};

/// The name of the memory of marks.
pub(crate) const MARKS: &str = "marks";

/// Bytes of memory that have one byte of marks.
pub(crate) const GRAIN: usize = 8;

/// The mark of what was read.
pub(crate) const READ: u8 = 1;

/// The mark of what was written.
pub(crate) const WRITTEN: u8 = 2;

/// Pages of the memory of marks: enough for 64 MiB of the other.
const PAGES: u64 = (64 << 20) / GRAIN as u64 / (64 << 10);

/// The functions that are added, in this order.
#[derive(Clone, Copy)]
enum Added {
    /// Sets a mark: of an address, a length, a mark.
    Mark,
    /// Before a load: of an address, what is added to it, a size; gives the address.
    Read,
    /// Before a store of a value of each type: of an address, the value, what is added to the
    /// address, a size; gives the first two.
    WriteI32,
    WriteI64,
    WriteF32,
    WriteF64,
    /// Before `memory.fill`, and before `memory.copy`: of all that it is given, which it gives.
    Fill,
    Copy,
}

const ADDED: [Added; 8] = [
    Added::Mark,
    Added::Read,
    Added::WriteI32,
    Added::WriteI64,
    Added::WriteF32,
    Added::WriteF64,
    Added::Fill,
    Added::Copy,
];

/// The module that notes what it does.
pub(crate) fn watched(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut watch = MemoryWatch::of(module)?;
    let mut written = Module::new();
    watch.parse_core_module(&mut written, Parser::new(0), module).context("it cannot be read")?;
    Ok(written.finish())
}

/// What a module has before anything is added.
struct MemoryWatch {
    types: u32,
    functions: u32,
}

impl MemoryWatch {
    fn of(module: &[u8]) -> anyhow::Result<Self> {
        let mut watch = Self { types: 0, functions: 0 };
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        watch.types += u32::try_from(group?.types().len())?;
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let kind = import?.ty;
                        ensure!(!matches!(kind, TypeRef::Memory(_)), "it imports its memory");
                        watch.functions += u32::from(matches!(kind, TypeRef::Func(_)));
                    }
                }
                Payload::FunctionSection(section) => watch.functions += section.count(),
                _ => {}
            }
        }
        Ok(watch)
    }

    fn index(&self, added: Added) -> u32 {
        self.functions + added as u32
    }
}

impl Reencode for MemoryWatch {
    type Error = std::convert::Infallible;

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_type_section(self, types, section)?;
        for added in ADDED {
            let (given, result) = signature(added);
            types.ty().function(given, result);
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_function_section(self, functions, section)?;
        for added in ADDED {
            functions.function(self.types + added as u32);
        }
        Ok(())
    }

    fn parse_memory_section(
        &mut self,
        memories: &mut MemorySection,
        section: wasmparser::MemorySectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_memory_section(self, memories, section)?;
        memories.memory(MemoryType {
            minimum: PAGES,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_export_section(self, exports, section)?;
        exports.export(MARKS, ExportKind::Memory, 1);
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        utils::parse_code_section(self, code, section)?;
        for added in ADDED {
            code.function(&body(added, self.index(Added::Mark)));
        }
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        function: wasmparser::FunctionBody<'_>,
    ) -> Result<(), reencode::Error> {
        let mut written = self.new_function_with_parsed_locals(&function)?;
        for operator in function.get_operators_reader()? {
            let operator = operator?;
            if let Some((added, offset, size)) = access(&operator) {
                let mut sink = written.instructions();
                if let Some(size) = size {
                    sink.i32_const(offset as i32).i32_const(size);
                }
                sink.call(self.index(added));
            }
            written.instruction(&self.instruction(operator)?);
        }
        code.function(&written);
        Ok(())
    }
}

/// What an instruction does with memory: what is to be called before it, what it adds to its
/// address, and how many bytes it touches if that does not depend on what it is given.
fn access(operator: &Operator<'_>) -> Option<(Added, u64, Option<i32>)> {
    use Operator::*;
    let (added, memarg, size) = match operator {
        I32Load8S { memarg } | I32Load8U { memarg } => (Added::Read, memarg, 1),
        I64Load8S { memarg } | I64Load8U { memarg } => (Added::Read, memarg, 1),
        I32Load16S { memarg } | I32Load16U { memarg } => (Added::Read, memarg, 2),
        I64Load16S { memarg } | I64Load16U { memarg } => (Added::Read, memarg, 2),
        I32Load { memarg } | F32Load { memarg } => (Added::Read, memarg, 4),
        I64Load32S { memarg } | I64Load32U { memarg } => (Added::Read, memarg, 4),
        I64Load { memarg } | F64Load { memarg } => (Added::Read, memarg, 8),
        I32Store8 { memarg } => (Added::WriteI32, memarg, 1),
        I32Store16 { memarg } => (Added::WriteI32, memarg, 2),
        I32Store { memarg } => (Added::WriteI32, memarg, 4),
        I64Store8 { memarg } => (Added::WriteI64, memarg, 1),
        I64Store16 { memarg } => (Added::WriteI64, memarg, 2),
        I64Store32 { memarg } => (Added::WriteI64, memarg, 4),
        I64Store { memarg } => (Added::WriteI64, memarg, 8),
        F32Store { memarg } => (Added::WriteF32, memarg, 4),
        F64Store { memarg } => (Added::WriteF64, memarg, 8),
        MemoryFill { .. } => return Some((Added::Fill, 0, None)),
        MemoryCopy { .. } => return Some((Added::Copy, 0, None)),
        _ => return None,
    };
    Some((added, memarg.offset, Some(size)))
}

fn signature(added: Added) -> (Vec<ValType>, Vec<ValType>) {
    use ValType::{F32, F64, I32, I64};
    let write = |value| (vec![I32, value, I32, I32], vec![I32, value]);
    match added {
        Added::Mark => (vec![I32; 3], Vec::new()),
        Added::Read => (vec![I32; 3], vec![I32]),
        Added::WriteI32 => write(I32),
        Added::WriteI64 => write(I64),
        Added::WriteF32 => write(F32),
        Added::WriteF64 => write(F64),
        Added::Fill | Added::Copy => (vec![I32; 3], vec![I32; 3]),
    }
}

fn body(added: Added, mark: u32) -> Function {
    let (read, written) = (i32::from(READ), i32::from(WRITTEN));
    if matches!(added, Added::Mark) {
        return marking();
    }
    let mut function = Function::new([]);
    let mut sink = function.instructions();
    match added {
        Added::Mark => {}
        Added::Read => {
            sink.local_get(0).local_get(1).i32_add().local_get(2).i32_const(read).call(mark);
            sink.local_get(0);
        }
        Added::WriteI32 | Added::WriteI64 | Added::WriteF32 | Added::WriteF64 => {
            sink.local_get(0).local_get(2).i32_add().local_get(3).i32_const(written).call(mark);
            sink.local_get(0).local_get(1);
        }
        Added::Fill | Added::Copy => {
            sink.local_get(0).local_get(2).i32_const(written).call(mark);
            if matches!(added, Added::Copy) {
                sink.local_get(1).local_get(2).i32_const(read).call(mark);
            }
            sink.local_get(0).local_get(1).local_get(2);
        }
    }
    sink.end();
    function
}

/// Sets a mark on each grain from an address on.
fn marking() -> Function {
    let marks = MemArg { offset: 0, align: 0, memory_index: 1 };
    let shift = GRAIN.ilog2() as i32;
    // 3: the grain, 4: the last.
    let mut function = Function::new([(2, ValType::I32)]);
    let mut sink = function.instructions();
    sink.local_get(1).i32_eqz().if_(BlockType::Empty).return_().end();
    sink.local_get(0).i32_const(shift).i32_shr_u().local_set(3);
    sink.local_get(0).local_get(1).i32_add().i32_const(1).i32_sub();
    sink.i32_const(shift).i32_shr_u().local_set(4);
    sink.loop_(BlockType::Empty);
    sink.local_get(3);
    set_mark(&mut sink, marks);
    sink.local_get(3).local_get(4).i32_lt_u().if_(BlockType::Empty);
    sink.local_get(3).i32_const(1).i32_add().local_set(3).br(1);
    sink.end().end().end();
    function
}

/// The grain's address is on the stack.
fn set_mark(sink: &mut InstructionSink<'_>, marks: MemArg) {
    sink.local_get(3).i32_load8_u(marks).local_get(2).i32_or().i32_store8(marks);
}
