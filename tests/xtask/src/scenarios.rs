//! Compiles the examples and the guests, each to a file of its own name.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::machine::{C_HEADERS, WASM_CLANG, scenario_compiler, wasm_c_compiler};
use crate::step::{run, say};
use crate::toolchain::{Artifact, LEAN, WITH_WASI};
use crate::workspace::Workspace;

/// What many toolchains still produce: a core module that uses WASI 0.1.
const WASIP1: &[&str] = &["wasm32-wasip1"];

/// Builds each example of the SDK as `out/NAME.wasm`.
///
/// # Errors
/// No compiler, code that does not compile, or files that can't be written.
pub(crate) fn examples(workspace: &Workspace, out: &Path) -> anyhow::Result<()> {
    let names = example_packages(workspace)?;
    let select: Vec<&str> = names.iter().flat_map(|name| ["--package", name]).collect();
    let built = compile(workspace, WITH_WASI, &select, out, "")?;
    ensure!(
        built.len() == names.len(),
        "{} of {} examples are scenarios: each folder of sdk-examples must be a package of its \
        name",
        built.len(),
        names.len()
    );
    Ok(())
}

/// The packages of the examples: each folder of `sdk-examples` is one of its name.
///
/// # Errors
/// There is none.
pub(crate) fn example_packages(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let folder = workspace.root().join("sdk-examples");
    let mut names = Vec::new();
    for entry in
        std::fs::read_dir(&folder).with_context(|| format!("can't read {}", folder.display()))?
    {
        let path = entry?.path();
        if path.join("Cargo.toml").exists() {
            names.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    ensure!(!names.is_empty(), "there is no example in {}", folder.display());
    names.sort();
    Ok(names)
}

/// Builds one example as `out/NAME.wasm`.
///
/// # Errors
/// As [`examples`].
pub(crate) fn example(workspace: &Workspace, name: &str, out: &Path) -> anyhow::Result<()> {
    compile(workspace, WITH_WASI, &["--package", name], out, "").map(drop)
}

/// Builds each guest of the test suites as `out/NAME.wasm`, without WASI, and those that show WASI
/// 0.1 also as `out/NAME-wasip1.wasm`. The examples come in whatever form users get on this
/// machine, so that between them all forms are run.
///
/// # Errors
/// As [`examples`].
pub(crate) fn guests(workspace: &Workspace, out: &Path) -> anyhow::Result<()> {
    let built = compile(workspace, LEAN, &["--package", "swell-guests", "--examples"], out, "")?;
    ensure!(!built.is_empty(), "swell-guests has no example that is a scenario");
    let of_wasi = [
        "--package",
        "swell-guests",
        "--example",
        "plain-get",
        "--example",
        "uses-std",
        "--example",
        "waits-with-std",
    ];
    compile(workspace, WASIP1, &of_wasi, out, "-wasip1")?;
    interpreters(workspace, out)
}

/// Builds each interpreter as `out/NAME.wasm`; with WASI, as scripts ask for the time of the day.
///
/// # Errors
/// As [`examples`].
pub(crate) fn interpreters(workspace: &Workspace, out: &Path) -> anyhow::Result<()> {
    compile(workspace, WITH_WASI, &["--package", "swell-steps", "--examples"], out, "")?;
    javascript(workspace, out)
}

/// The interpreter of JavaScript, whose QuickJS is C. It comes prepared, which a module can be and
/// a component cannot.
fn javascript(workspace: &Workspace, out: &Path) -> anyhow::Result<()> {
    wasm_c_compiler()?;
    // Headers and library are of one libc wherever the compiler of Rust comes from.
    let header = workspace.root().join("host/interpreters/javascript/include/settings.h");
    // Cargo compiles C again when its flags change, and knows nothing of this header.
    let mut text = DefaultHasher::new();
    std::fs::read(&header)
        .with_context(|| format!("can't read {}", header.display()))?
        .hash(&mut text);
    let flags = format!(
        "--target=wasm32-wasi -isystem {C_HEADERS} -include {} -DSETTINGS_HASH={} -O3",
        header.display(),
        text.finish()
    );
    let mut select: Vec<String> =
        ["--package", "swell-javascript", "--example", "javascript"].map(str::to_owned).into();
    let mut settings = vec![("env.RQUICKJS_SYS_NO_WASI_SDK".to_owned(), "\"1\"".to_owned())];
    // What stands between QuickJS and the contract runs with each request, so it is made for speed,
    // where a scenario is made small.
    for package in ["rquickjs-core", "swell-javascript"] {
        settings.push((format!("profile.release.package.{package}.opt-level"), "3".to_owned()));
    }
    for target in WASIP1.iter().map(|target| target.replace('-', "_")) {
        settings.push((format!("env.CC_{target}"), format!("{WASM_CLANG:?}")));
        settings.push((format!("env.AR_{target}"), "\"ar\"".to_owned()));
        settings.push((format!("env.CFLAGS_{target}"), format!("{flags:?}")));
    }
    for (name, value) in settings {
        select.extend(["--config".to_owned(), format!("{name}={value}")]);
    }
    let select: Vec<&str> = select.iter().map(String::as_str).collect();
    let unprepared = workspace.built("unprepared");
    let built = compile(workspace, WASIP1, &select, &unprepared, "")?;
    for Artifact { name, .. } in built {
        let file = format!("{name}.wasm");
        prepare(workspace, &unprepared.join(&file), &out.join(&file))?;
    }
    Ok(())
}

/// Lets an interpreter do what it does before it looks at a script, and keeps the memory that comes
/// of it.
fn prepare(workspace: &Workspace, from: &Path, to: &Path) -> anyhow::Result<()> {
    run(snapshot(workspace, "run").arg("--").args([from, to]))
}

/// Tests what prepares interpreters, which is no part of the workspace.
///
/// # Errors
/// It does not compile, or a test failed.
pub(crate) fn test_snapshot(workspace: &Workspace) -> anyhow::Result<()> {
    run(&mut snapshot(workspace, "test"))
}

fn snapshot(workspace: &Workspace, subcommand: &str) -> Command {
    let manifest = workspace.root().join("host/interpreters/snapshot/Cargo.toml");
    let mut cargo = Command::new("cargo");
    cargo
        .args([subcommand, "--quiet", "--release", "--locked", "--manifest-path"])
        .arg(manifest)
        .env("CARGO_TARGET_DIR", workspace.built("tools/snapshot"));
    cargo
}

/// Builds these guests as `out/NAME.wasm`.
///
/// # Errors
/// As [`examples`].
pub(crate) fn some_guests(
    workspace: &Workspace,
    targets: &[&'static str],
    names: &[&str],
    out: &Path,
) -> anyhow::Result<()> {
    let examples = names.iter().flat_map(|name| ["--example", name]);
    let select: Vec<&str> = ["--package", "swell-guests"].into_iter().chain(examples).collect();
    compile(workspace, targets, &select, out, "").map(drop)
}

/// Compiles and copies to `out/NAME{suffix}.wasm`.
fn compile(
    workspace: &Workspace,
    targets: &[&'static str],
    select: &[&str],
    out: &Path,
    suffix: &str,
) -> anyhow::Result<Vec<Artifact>> {
    let toolchain = scenario_compiler(workspace, targets)?;
    let built = toolchain.compile(workspace.root(), &workspace.built("scenarios"), select)?;
    std::fs::create_dir_all(out).with_context(|| format!("can't make {}", out.display()))?;
    for artifact in &built {
        let file = out.join(format!("{}{suffix}.wasm", artifact.name));
        std::fs::copy(&artifact.file, &file)
            .with_context(|| format!("can't write {}", file.display()))?;
    }
    say(&format!("{} scenarios for {} in {}", built.len(), toolchain.target(), out.display()));
    Ok(built)
}
