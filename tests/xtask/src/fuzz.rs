//! `cargo xtask fuzz`: builds libFuzzer around what bytes of others reach, and runs it on one
//! target after the other.
//!
//! The targets are in `coordinator/src/fuzzing.rs`, and CI tries each on its seeds and what is near
//! to them. Here inputs are bred by which branches they reach. A stable compiler does that, too:
//! the flags are LLVM's, and those that cargo-fuzz gives, without the sanitizers. Overflow and
//! broken promises panic; safe code has little else to hide.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::machine::program;
use crate::step::{output, run, say, title};
use crate::workspace::Workspace;

/// Has each branch, and what is compared at it, be counted.
const COUNTED: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// The longest input: what a longer one does, a shorter one does as well.
const MAX_INPUT: u32 = 4_096;
/// Seconds after which an input hangs.
const HANGS: u32 = 10;

/// What to fuzz, and for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct FuzzArgs {
    /// Seconds for each target
    #[arg(long, default_value_t = 600)]
    pub(crate) seconds: u32,

    /// Folders of tests/fuzz/corpus; without any, all of them
    pub(crate) targets: Vec<String>,
}

/// Fuzzes the targets, one after the other. What has been reached before is gone on from.
///
/// # Errors
/// There is no such target, the fuzzer cannot be built, or it has found something; the input is
/// named then.
pub(crate) fn run_targets(workspace: &Workspace, args: &FuzzArgs) -> anyhow::Result<()> {
    let package = workspace.root().join("tests/fuzz");
    let all = targets(&package.join("corpus"))?;
    if let Some(unknown) = args.targets.iter().find(|name| !all.contains(name)) {
        anyhow::bail!("there is no target {unknown:?}\nhelp: there are {}", all.join(", "));
    }

    title("the fuzzer");
    program(
        "g++",
        &["--version"],
        "a C++ compiler: libFuzzer is written in C++ and comes as source",
    )?;
    // With a machine named, the flags are not for what runs while it is built.
    let machine = output(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let (machine, built) = (machine.trim(), workspace.built("tools/fuzz"));
    let mut build =
        workspace.cargo(["build", "--release", "--locked", "--target", machine, "--manifest-path"]);
    run(build
        .arg(package.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", &built)
        .env("RUSTFLAGS", COUNTED.join(" ")))?;
    let fuzzer = built.join(machine).join("release/swell-fuzz");

    for name in if args.targets.is_empty() { &all } else { &args.targets } {
        title(name);
        let (bred, found) =
            (workspace.built("fuzz/corpus").join(name), workspace.built("fuzz/found"));
        for folder in [&bred, &found] {
            fs::create_dir_all(folder)
                .with_context(|| format!("can't make {}", folder.display()))?;
        }
        let mut fuzz = Command::new(&fuzzer);
        fuzz.env("SWELL_FUZZ", name)
            .args([
                format!("-max_total_time={}", args.seconds),
                format!("-max_len={MAX_INPUT}"),
                format!("-timeout={HANGS}"),
            ])
            .args([
                "-print_final_stats=1".to_owned(),
                format!("-artifact_prefix={}/{name}-", found.display()),
            ])
            .args([&bred, &package.join("corpus").join(name)]);
        run(&mut fuzz).with_context(|| {
            format!(
                "{name} fails; an input in {} shows it\nhelp: copy it to \
                tests/fuzz/corpus/{name}/found-WHAT and mend what `cargo test -p swell-cluster \
                 fuzzing` tells then",
                found.display()
            )
        })?;
    }
    say("\nnothing was found");
    Ok(())
}

fn targets(corpus: &Path) -> anyhow::Result<Vec<String>> {
    let folders =
        fs::read_dir(corpus).with_context(|| format!("can't read {}", corpus.display()))?;
    let mut names = folders
        .map(|folder| Ok(folder?.file_name().to_string_lossy().into_owned()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    names.sort();
    ensure!(!names.is_empty(), "there is no target in {}", corpus.display());
    Ok(names)
}
