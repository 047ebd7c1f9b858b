//! Instructions that recording a transaction takes, counted by callgrind: a clock on a busy machine
//! would not show that they rose by a tenth.
//!
//! The count in the repository is that of one compiler. The code that is measured has no clock, no
//! random number and no thread; libc, which chooses how it copies by the processor, is told to do
//! as on the oldest one. What is left is libc's own version: one part in 25 of the count is its
//! code.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::machine::program;
use crate::step::{output, say, title};
use crate::workspace::Workspace;

/// Where the count stands to which others are compared.
const KEPT: &str = "tests/benches/recording.txt";

/// How many percent more may be counted: a change that has nothing to do with recording may move
/// some instructions.
const MAX_RISE: u64 = 3;

/// What glibc is not to copy and compare by, since some x86-64 processors lack it.
const PLAIN_LIBC: &str = "glibc.cpu.hwcaps=-AVX_Fast_Unaligned_Load,-AVX2,-AVX512F,-AVX512VL,\
                          -BMI2,-ERMS,-FSRM,-RTM";

/// A count and the compiler that made what was counted.
#[derive(Debug, PartialEq)]
struct CompilerCount {
    instructions: u64,
    rustc: String,
}

impl CompilerCount {
    fn read(text: &str) -> anyhow::Result<Self> {
        let (instructions, rustc) = text
            .trim()
            .split_once(" instructions, ")
            .context("this is not `NUMBER instructions, rustc VERSION`")?;
        let instructions =
            instructions.parse().with_context(|| format!("{instructions:?} is no number"))?;
        Ok(Self { instructions, rustc: rustc.to_owned() })
    }

    fn written(&self) -> String {
        format!("{} instructions, {}", self.instructions, self.rustc)
    }
}

/// Compares the count with the one in the repository.
///
/// # Errors
/// It rose too much, or nothing could be counted.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    title("instructions of recording");
    let path = workspace.root().join(KEPT);
    let kept = fs::read_to_string(&path)
        .map_err(anyhow::Error::from)
        .and_then(|text| CompilerCount::read(&text))
        .with_context(|| format!("can't read {}", path.display()))?;
    let rustc = output(Command::new("rustc").arg("--version"))?.trim().to_owned();
    say(&judge(&kept, &CompilerCount { instructions: of_a_transaction(workspace)?, rustc })?);
    Ok(())
}

/// What there is to say of a new count.
fn judge(kept: &CompilerCount, new: &CompilerCount) -> anyhow::Result<String> {
    let told = format!(
        "recording a transaction with its request, check and metric: {}; {KEPT} has {}",
        new.written(),
        kept.written()
    );
    if new.rustc != kept.rustc {
        return Ok(format!("{told}, which says nothing of another compiler's code"));
    }
    let (least, most) =
        (kept.instructions * (100 - MAX_RISE), kept.instructions * (100 + MAX_RISE));
    let change = format!("{KEPT} is to have `{}`", new.written());
    match new.instructions * 100 {
        count if count > most => bail!(
            "{told}: a rise of more than {MAX_RISE} %\nhelp: find what was added; if it is worth \
             that, {change}"
        ),
        count if count < least => Ok(format!("{told}: it has become less, so {change}")),
        _ => Ok(told),
    }
}

/// The instructions that one more transaction takes.
///
/// # Errors
/// There is no callgrind, or it could not count.
pub(crate) fn of_a_transaction(workspace: &Workspace) -> anyhow::Result<u64> {
    program("valgrind", &["--version"], "what counts instructions")?;
    let (few, many) = (1_000, 11_000);
    Ok((of_a_run(workspace, many)? - of_a_run(workspace, few)?) / (many - few))
}

/// The instructions of a process that records this many transactions.
fn of_a_run(workspace: &Workspace, transactions: u64) -> anyhow::Result<u64> {
    let runner = "valgrind --tool=callgrind --callgrind-out-file=/dev/null";
    let host = output(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let variable = format!("CARGO_TARGET_{}_RUNNER", host.trim().to_uppercase().replace('-', "_"));
    let mut bench =
        workspace.cargo(["bench", "--locked", "--workspace", "--bench", "recording", "--"]);
    let ran = bench
        .arg(transactions.to_string())
        .env(variable, runner)
        .env("GLIBC_TUNABLES", PLAIN_LIBC)
        .stdout(Stdio::null())
        .output()
        .context("can't run cargo")?;
    let said = String::from_utf8_lossy(&ran.stderr);
    let collected =
        said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected.with_context(|| format!("callgrind counted nothing:\n{said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(instructions: u64, rustc: &str) -> CompilerCount {
        CompilerCount { instructions, rustc: rustc.to_owned() }
    }

    #[test]
    fn a_rise_of_more_than_three_percent_fails_and_says_what_to_write() {
        let kept = count(1_000, "rustc 1.95.0");
        assert!(judge(&kept, &count(1_030, "rustc 1.95.0")).is_ok());
        let error = judge(&kept, &count(1_031, "rustc 1.95.0")).expect_err("it is more");
        assert!(error.to_string().contains("`1031 instructions, rustc 1.95.0`"), "{error}");
    }

    #[test]
    fn another_compiler_is_told_and_does_not_fail() {
        let told = judge(&count(1_000, "rustc 1.95.0"), &count(2_000, "rustc 1.96.0"));
        assert!(told.is_ok_and(|told| told.contains("another compiler")));
    }

    #[test]
    fn a_fall_asks_for_the_lower_count_so_that_it_stays() {
        let told = judge(&count(1_000, "rustc 1.95.0"), &count(900, "rustc 1.95.0"));
        assert!(told.is_ok_and(|told| told.contains("`900 instructions, rustc 1.95.0`")));
    }

    #[test]
    fn the_count_in_the_repository_can_be_read() {
        let kept = include_str!("../../benches/recording.txt");
        let read = CompilerCount::read(kept).expect("it has the form");
        assert_eq!(read.written(), kept.trim());
        assert!(CompilerCount::read("many instructions, rustc 1.95.0").is_err());
        assert!(CompilerCount::read("2823").is_err());
    }
}
