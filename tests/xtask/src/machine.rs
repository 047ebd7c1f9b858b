//! What a machine needs, and how it gets it: each thing is looked for first and, if it has to be
//! installed, announced with its reason.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::step::{output, run, say, succeeds};
use crate::toolchain::{DEBIAN_PACKAGES, Toolchain};
use crate::workspace::Workspace;

/// A compiler for scenarios.
///
/// # Errors
/// There is none, and none could be installed.
pub(crate) fn scenario_compiler(
    workspace: &Workspace,
    targets: &[&'static str],
) -> anyhow::Result<Toolchain> {
    let find = || Toolchain::find(workspace.root(), targets, &mut say);
    match find() {
        Ok(toolchain) => Ok(toolchain),
        Err(missing) => {
            say(&format!("{missing}"));
            install(&DEBIAN_PACKAGES, "a compiler that can build scenarios for WebAssembly")?;
            Ok(find()?)
        }
    }
}

/// The compiler of C that can build for WebAssembly, by its name on Debian.
pub(crate) const WASM_CLANG: &str = "clang-19";

/// The headers of the libc for WebAssembly.
pub(crate) const C_HEADERS: &str = "/usr/include/wasm32-wasi";

/// A compiler of C for WebAssembly, and the headers of its libc.
///
/// # Errors
/// They are not there and cannot be installed.
pub(crate) fn wasm_c_compiler() -> anyhow::Result<()> {
    if is_there(WASM_CLANG, &["--version"]) && Path::new(C_HEADERS).join("stdio.h").exists() {
        return Ok(());
    }
    install(
        &[WASM_CLANG, "lld-19", "wasi-libc"],
        "a compiler of C for WebAssembly, for the QuickJS that runs JavaScript",
    )
}

/// A program of a Debian package of the same name.
///
/// # Errors
/// It is not there and cannot be installed.
pub(crate) fn program(name: &str, probe: &[&str], reason: &str) -> anyhow::Result<()> {
    program_of(name, name, probe, reason)
}

/// A program of a Debian package.
///
/// # Errors
/// As [`program`].
pub(crate) fn program_of(
    package: &str,
    name: &str,
    probe: &[&str],
    reason: &str,
) -> anyhow::Result<()> {
    if is_there(name, probe) {
        return Ok(());
    }
    install(&[package], reason)?;
    ensure!(
        is_there(name, probe),
        "{name} was installed but is not in PATH\nhelp: add /usr/sbin to PATH"
    );
    Ok(())
}

/// The package of PyPI's with the schemas of Kubernetes, in this version: a newer one knows newer
/// releases and forgets old ones.
const SCHEMAS: &str = "kubernetes-validate==1.37.0";

/// A collector of OpenTelemetry that is one program, and the only one that a registry of packages
/// has. It is young: another version may print what it takes in other words.
const COLLECTOR: &str = "rotel==0.0.1a15";

/// A library of QUIC and HTTP/3 that shares no code with ours.
const HTTP3: &str = "aioquic==1.7.2";

/// The statsd of its inventors, in npm's words.
const STATSD: &str = "statsd@0.9.0";

/// A Python that has [`SCHEMAS`], in an environment of its own under the target folder.
///
/// # Errors
/// It is not there and cannot be installed.
pub(crate) fn kubernetes_schemas(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let reason = "the schemas of Kubernetes, which manifests are checked against";
    python_with(workspace, SCHEMAS, "import kubernetes_validate, yaml", reason)
}

/// A Python that has [`HTTP3`], in an environment of its own under the target folder.
///
/// # Errors
/// It is not there and cannot be installed.
pub(crate) fn python_http3(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let reason = "a foreign service of HTTP/3 for the end-to-end test";
    python_with(workspace, HTTP3, "import aioquic.asyncio", reason)
}

/// A collector that takes what runs send; nothing, and a word about it, on a machine for which
/// nobody has built it.
pub(crate) fn collector(workspace: &Workspace) -> Option<PathBuf> {
    let reason = "a collector of OpenTelemetry, which takes figures of runs in a test";
    let found = python_with(workspace, COLLECTOR, "import rotel", reason).and_then(|python| {
        let place = "import importlib.util as u; print(u.find_spec('rotel').origin)";
        let module = PathBuf::from(output(Command::new(python).args(["-c", place]))?.trim());
        let program = module.with_file_name("rotel-agent");
        ensure!(program.exists(), "there is no {}", program.display());
        Ok(program)
    });
    found.map_err(|error| say(&format!("skipped: a collector of OpenTelemetry: {error:#}"))).ok()
}

/// A statsd that takes what runs send: its program for Node.js.
///
/// # Errors
/// It is not there and cannot be installed.
pub(crate) fn statsd(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    program_of("nodejs", "node", &["--version"], "what runs a statsd in a test")?;
    program_of("npm", "npm", &["--version"], "what brings that statsd")?;
    let folder = workspace.built(&format!("tools/{}", STATSD.replace('@', "-")));
    let program = folder.join("node_modules/statsd/stats.js");
    if !program.exists() {
        say(&format!("installing a statsd, which takes figures in a test: {STATSD} from npm"));
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--omit=optional", "--prefix"]);
        run(npm.arg(&folder).arg(STATSD))?;
    }
    ensure!(program.exists(), "npm installed {STATSD}, but not as {}", program.display());
    Ok(program)
}

/// A Python that has a package of PyPI's, in an environment of its own under the target folder.
fn python_with(
    workspace: &Workspace,
    package: &str,
    probe: &str,
    reason: &str,
) -> anyhow::Result<PathBuf> {
    let folder = workspace.built(&format!("tools/{}", package.replace("==", "-")));
    let python = folder.join("bin/python");
    let has_it = || {
        let probed = Command::new(&python).args(["-c", probe]).output();
        probed.is_ok_and(|it| it.status.success())
    };
    if has_it() {
        return Ok(python);
    }
    if !succeeds("python3", &["-c", "import ensurepip, venv"]) {
        install(&["python3-venv"], &format!("Python with environments, for {reason}"))?;
    }
    say(&format!("installing {reason}: {package} from PyPI, into {}", folder.display()));
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    run(Command::new(&python).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        package,
    ]))?;
    ensure!(has_it(), "{package} was installed, and {} does not find it", python.display());
    Ok(python)
}

/// A program of crates.io, `name` or `name@version`, built once into the target folder.
///
/// # Errors
/// It is not there and cannot be built.
pub(crate) fn program_of_crates_io(
    workspace: &Workspace,
    package: &str,
    reason: &str,
) -> anyhow::Result<PathBuf> {
    let name = package.split('@').next().unwrap_or(package);
    let program = workspace.built("tools/bin").join(name);
    if !program.exists() {
        say(&format!(
            "installing {name}, {reason}, from crates.io; building it takes some minutes"
        ));
        let tools = workspace.built("tools");
        let mut install = Command::new("cargo");
        install.args(["install", "--locked", package, "--root"]).arg(tools);
        run(install.env("CARGO_TARGET_DIR", workspace.built("tools/build")))?;
    }
    program
        .metadata()
        .with_context(|| format!("cargo installed {name}, but not as {}", program.display()))?;
    Ok(program)
}

/// Whether a program can be run; what it answers to the probe does not matter (`wrk -v` fails).
fn is_there(name: &str, probe: &[&str]) -> bool {
    Command::new(name).args(probe).output().is_ok()
}

fn install(packages: &[&str], reason: &str) -> anyhow::Result<()> {
    let list = packages.join(" ");
    ensure!(
        succeeds("apt-get", &["--version"]),
        "this needs {reason}, and there is no apt-get to install it\nhelp: install what Debian \
        calls {list}"
    );
    let uid = output(Command::new("id").arg("-u")).context("can't tell who we are")?;
    let prefix: &[&str] = if uid.trim() == "0" {
        &[]
    } else if succeeds("sudo", &["-n", "true"]) {
        &["sudo", "-n"]
    } else {
        bail!(
            "this needs {reason}, and we may not install it\nhelp: run `apt-get update && apt-get \
            install {list}` as root"
        );
    };
    say(&format!("installing {reason}: {list}"));
    let apt = |args: &[&str]| {
        let words: Vec<&str> =
            [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet=2"], args]
                .concat();
        run(Command::new(words[0]).args(&words[1..]))
    };
    apt(&["update"])?;
    apt(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
}

/// A Python that has the library `websockets`.
///
/// # Errors
/// There is none and none can be installed.
pub(crate) fn python_websockets() -> anyhow::Result<()> {
    let has_library = |python| succeeds(python, &["-c", "import websockets"]);
    if has_library("python3") || has_library("/usr/bin/python3") {
        return Ok(());
    }
    install(&["python3-websockets"], "a WebSocket service for the end-to-end test")
}
