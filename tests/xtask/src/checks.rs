//! `cargo xtask test`: every check that CI has, in order of speed.
//!
//! The programs are built with the release profile, and tests as a developer builds them; all
//! crates together wherever possible: built alone, a crate may see other features of its
//! dependencies, and wasmtime would be compiled once more.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::binaries::but_scenarios;
use crate::machine::{
    collector, kubernetes_schemas, program, program_of, python_http3, python_websockets,
    scenario_compiler, statsd,
};
use crate::step::{output, run, say, succeeds, title};
use crate::toolchain::{LEAN, WITH_WASI};
use crate::workspace::Workspace;
use crate::{binaries, dependencies, dist, house, instructions, page, scenarios, slowest};

/// The pure crates, and all that each may depend on, directly and indirectly. A clock or a socket
/// would come in by this way.
const PURE: [(&str, &[&str]); 3] = [
    ("swell-core", &["libm", "serde", "serde_core", "swell-core", "thiserror"]),
    (
        "swell-protocol",
        &["bytes", "libm", "serde", "serde_core", "swell-core", "swell-protocol", "thiserror"],
    ),
    // JSON and its schema, records as bytes, dates and widths of texts, and the laws of comparisons
    // need some more.
    (
        "swell-report",
        &[
            "adler2",
            "approx",
            "cfg-if",
            "cobs",
            "crc32fast",
            "data-encoding",
            "deranged",
            "dyn-clone",
            "equivalent",
            "flate2",
            "foldhash",
            "hashbrown",
            "indexmap",
            "itoa",
            "libm",
            "memchr",
            "miniz_oxide",
            "num-conv",
            "num-traits",
            "postcard",
            "powerfmt",
            "ref-cast",
            "schemars",
            "serde",
            "serde_core",
            "serde_json",
            "simd-adler32",
            "statrs",
            "swell-core",
            "swell-report",
            "thiserror",
            "time",
            "time-core",
            "unicode-width",
            "zmij",
        ],
    ),
];

/// These checks are tested with them.
const XTASK: [&str; 2] = ["--package", "xtask"];

/// What is built and tested for this machine. Whoever needs a program builds all of it: with less,
/// crates see other features, and wasmtime is compiled again.
const NATIVE: [&str; 5] = ["--locked", "--workspace", "--lib", "--bins", "--tests"];

/// What tests use that is not ours, and that has no fixed place.
struct TestTools {
    /// A Python with the schemas of Kubernetes.
    python: PathBuf,
    /// A Python with a library of HTTP/3.
    http3: PathBuf,
    statsd: PathBuf,
    /// A collector of OpenTelemetry.
    collector: Option<PathBuf>,
}

/// Runs all checks; stops at the first that fails.
///
/// # Errors
/// Names the check, or what this machine lacks.
pub(crate) fn test(workspace: &Workspace) -> anyhow::Result<()> {
    title("what this machine needs");
    scenario_compiler(workspace, WITH_WASI)?;
    program("nginx", &["-v"], "a service for the end-to-end test")?;
    program("prometheus", &["--version"], "what scrapes the host's metrics in a test")?;
    program_of("influxdb", "influxd", &["version"], "what takes figures of runs in a test")?;
    let tools = TestTools {
        python: kubernetes_schemas(workspace)?,
        http3: python_http3(workspace)?,
        statsd: statsd(workspace)?,
        collector: collector(workspace),
    };
    program_of("redis-server", "redis-server", &["--version"], "a server for an example")?;
    program_of("postgresql", "psql", &["--version"], "a database for an example")?;
    program_of("mosquitto", "/usr/sbin/mosquitto", &["-h"], "a broker for an example")?;
    program_of("iproute2", "ip", &["-Version"], "what makes the networks that are cut in tests")?;
    program("faketime", &["--version"], "what sets the wall clocks of hosts in a test")?;
    python_websockets()?;

    format(workspace)?;
    house::check(workspace)?;

    title("lints");
    run(&mut workspace.cargo([
        "clippy",
        "--release",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ]))?;

    title("purity of the rules");
    for (package, allowed) in PURE {
        depends_on_little(workspace, package, allowed)?;
        let mut check =
            scenario_compiler(workspace, LEAN)?.cargo("check", &workspace.built("scenarios"));
        run(check.args(["--package", package]).current_dir(workspace.root()))?;
    }

    dependencies::check(workspace)?;

    title("documentation");
    run(workspace
        .cargo(["doc", "--release", "--locked", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "--deny warnings"))?;

    // Before the build, so that the host carries it.
    page::check(workspace)?;

    title("guests and examples");
    let (guests, examples) = (workspace.built("guests"), workspace.built("examples"));
    scenarios::guests(workspace, &guests)?;
    scenarios::examples(workspace, &examples)?;

    title("build");
    binaries::build(workspace)?;

    instructions::check(workspace)?;

    dist::check(workspace)?;

    title("tests");
    scenarios::test_snapshot(workspace)?;
    run_tests(workspace, &guests, &examples, &tools)?;
    say("\nall checks passed");
    Ok(())
}

/// What of the checks takes at most three minutes once it was built: nothing that compiles wasmtime
/// or starts a program.
///
/// # Errors
/// As [`test()`].
pub(crate) fn quick(workspace: &Workspace) -> anyhow::Result<()> {
    format(workspace)?;
    house::check(workspace)?;
    let packages: Vec<&str> =
        PURE.iter().flat_map(|(package, _)| ["--package", package]).chain(XTASK).collect();

    title("lints of the pure crates");
    let mut clippy = workspace.cargo(["clippy", "--locked", "--all-targets"]);
    run(clippy.args(&packages).args(["--", "--deny", "warnings"]))?;

    title("tests of the pure crates");
    let nextest = has_nextest();
    let mut test = if nextest {
        workspace.cargo(["nextest", "run", "--locked"])
    } else {
        workspace.cargo(["test", "--locked", "--lib", "--bins", "--tests", "--no-fail-fast"])
    };
    test.args(&packages);
    time_tests(workspace, nextest, &mut test)?;
    say("\nall quick checks passed");
    Ok(())
}

fn format(workspace: &Workspace) -> anyhow::Result<()> {
    title("format");
    run(&mut workspace.cargo(["fmt", "--all", "--check"]))
}

fn has_nextest() -> bool {
    succeeds("cargo", &["nextest", "--version"])
}

/// Tests but those in documentation by nextest where it is there, which runs all at once; its
/// summary, or cargo's, ends the output.
fn run_tests(
    workspace: &Workspace,
    guests: &Path,
    examples: &Path,
    tools: &TestTools,
) -> anyhow::Result<()> {
    let but_scenarios = but_scenarios(workspace)?;
    run(workspace.cargo(["test", "--locked", "--workspace", "--doc"]).args(&but_scenarios))?;
    let nextest = has_nextest();
    let mut test = if nextest {
        // `.config/nextest.toml` says which tests want a core of their own.
        let at_once = 2 * std::thread::available_parallelism()?.get();
        let mut test = workspace.cargo(["nextest", "run"]);
        test.arg(format!("--test-threads={at_once}"));
        test
    } else {
        workspace.cargo(["test", "--no-fail-fast"])
    };
    test.args(NATIVE)
        .args(&but_scenarios)
        .env("SWELL_GUESTS", guests)
        .env("SWELL_EXAMPLES", examples)
        .env("SWELL_KUBERNETES_PYTHON", &tools.python)
        .env("SWELL_AIOQUIC_PYTHON", &tools.http3)
        .env("SWELL_STATSD", &tools.statsd)
        .env("SWELL_HOST_BIN", workspace.built("release/host"));
    if let Some(collector) = &tools.collector {
        test.env("SWELL_ROTEL", collector);
    }
    time_tests(workspace, nextest, &mut test)
}

/// Runs tests, and says which took longest.
fn time_tests(workspace: &Workspace, nextest: bool, test: &mut Command) -> anyhow::Result<()> {
    let (tests, done) = if nextest {
        // Whatever folder cargo builds in, nextest keeps its own beside the code.
        let report = workspace.root().join("target/nextest/default/junit.xml");
        let done = run(test);
        let written = fs::read_to_string(&report)
            .with_context(|| format!("nextest wrote no times to {}", report.display()));
        match written {
            Ok(written) => (slowest::of_junit(&written), done),
            Err(error) => return done.and(Err(error)),
        }
    } else {
        let (tests, passed) = slowest::run_libtest(test)?;
        (tests, passed.then_some(()).context("tests failed, see above"))
    };
    slowest::say_slowest(tests);
    done
}

fn depends_on_little(workspace: &Workspace, package: &str, allowed: &[&str]) -> anyhow::Result<()> {
    let tree = [
        "tree",
        "--locked",
        "--package",
        package,
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let listed = output(&mut workspace.cargo(tree))?;
    let strangers = strangers(&listed, allowed);
    ensure!(
        strangers.is_empty(),
        "{package} is pure and may not depend on {}",
        Vec::from_iter(strangers).join(", ")
    );
    say(&format!("{package} depends on nothing but {}", allowed.join(", ")));
    Ok(())
}

/// Packages in a list of cargo's, "name version" a line, that are not allowed.
fn strangers<'a>(listed: &'a str, allowed: &[&str]) -> BTreeSet<&'a str> {
    let names =
        listed.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty());
    names.filter(|name| !allowed.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_that_a_pure_crate_may_not_have_is_named_once() {
        let allowed = ["swell-core", "serde", "thiserror"];
        let listed = "swell-core v0.1.0 (/somewhere)\nserde v1.0.0\ntokio v1.0.0\nthiserror \
        v2.0.0\ntokio v1.0.0 (*)\n\n";
        assert_eq!(Vec::from_iter(strangers(listed, &allowed)), ["tokio"]);
        assert!(strangers("swell-core v0.1.0\nserde v1.0.0 (*)", &allowed).is_empty());
    }
}
