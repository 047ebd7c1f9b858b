//! `cargo xtask demo`: from a bare clone to a running load test.

use std::io::ErrorKind;
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::machine::scenario_compiler;
use crate::service::TargetService;
use crate::step::{say, title};
use crate::toolchain::WITH_WASI;
use crate::workspace::Workspace;
use crate::{binaries, page, scenarios};

/// Builds the host and an example, starts a service, shows 5,000 transactions a second for ten
/// seconds, and leaves a report of them.
///
/// # Errors
/// Something cannot be built or started. How the run ended is the exit code: the host's own.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    title("what this machine needs");
    scenario_compiler(workspace, WITH_WASI)?;

    title("the scenario: sdk-examples/hello-http");
    let examples = workspace.built("examples");
    scenarios::example(workspace, "hello-http", &examples)?;

    let has_page = page::build_if_possible(workspace)?;

    title("the host (the first build compiles wasmtime and takes some minutes)");
    binaries::build(workspace)?;

    title("the run");
    let service = TargetService::start(workspace)?;
    let mut host = Command::new(workspace.built("release/host"));
    host.arg("run").arg(examples.join("hello-http.wasm")).args([
        "--target",
        &service.url,
        "--tps",
        "5000",
        "--duration",
        "10s",
    ]);
    let report = workspace.built("demo.html");
    let mut out = String::new();
    // That of another demo would be shown for this one's.
    std::fs::remove_file(&report).or_else(|error| match error.kind() {
        ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    if has_page {
        out = format!("html={}", report.display());
        host.args(["--out", &out]);
        out.insert_str(0, " --out ");
    }
    say(&format!(
        "$ host run hello-http.wasm --target {} --tps 5000 --duration 10s{out}\n",
        service.url
    ));
    let status = host.status().context("can't run the host")?;
    if report.is_file() {
        say(&format!("\nopen the report in a browser: {}", report.display()));
    }
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}
