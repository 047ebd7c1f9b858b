//! What compiles a scenario to WebAssembly on this machine, and the compiling itself.
//!
//! Two kinds of machine have to work without their user knowing which one it is: rustup can add a
//! target to its compiler, and Debian has packages of a compiler that can build the standard
//! library for a target from source. What is there already is taken before anything is downloaded.
//!
//! The library and the scenario's dependencies are built once a machine, in a folder that all
//! scenarios share, with settings that fit a scenario: small, because thousands of instances are
//! made of it, and with the names of its functions, because a trap shows them.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Targets whose standard library can do what the host grants: clocks, randomness, output to the
/// log. The better one first: the host turns what each of them produces into a component when it
/// loads it.
pub(crate) const WITH_WASI: &[&str] = &["wasm32-wasip2", WASIP1];
/// The target without: 64 KB less memory a user.
pub(crate) const LEAN: &[&str] = &["wasm32-unknown-unknown"];

const WASIP1: &str = "wasm32-wasip1";

/// A compiler for WebAssembly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The `cargo` of the user's `PATH`, whose compiler has the target's library.
    Path { target: &'static str },
    /// A distribution's compiler in `/usr/bin`, which builds the target's library from source.
    Distribution { target: &'static str, linker: PathBuf },
}

/// The Debian packages behind [`Toolchain::Distribution`].
pub(crate) const DEBIAN_PACKAGES: [&str; 5] =
    ["rustc-web", "cargo-web", "rust-web-src", "lld-19", "wasi-libc"];

const DISTRIBUTION_RUSTC: &str = "/usr/bin/rustc";
const DISTRIBUTION_CARGO: &str = "/usr/bin/cargo";
const DISTRIBUTION_LIBC: &str = "/usr/lib/wasm32-wasi";

/// Why a scenario was not compiled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolchainError {
    /// No compiler for WebAssembly, and rustup could not add one.
    #[error("nothing here compiles for {target}: {rustup}; {distribution}\nhelp: with rustup, \
    `rustup target add {target}`; on Debian, `apt-get install {}`", DEBIAN_PACKAGES.join(" "))]
    None {
        /// What was looked for.
        target: &'static str,
        /// What became of rustup.
        rustup: String,
        /// What the distribution lacks.
        distribution: String,
    },
    /// A program that was there could not be run.
    #[error("can't run {program}")]
    Run {
        /// Which.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The compiler said no; its own messages have been shown.
    #[error("the scenario does not compile")]
    Compile,
}

impl Toolchain {
    /// Finds a compiler for one of these targets and a package in this folder (which may choose its
    /// own by a `rust-toolchain.toml`); lets rustup add the first of them if need be, and says so
    /// through `tell` before.
    ///
    /// # Errors
    /// Says what was tried and what to install.
    pub(crate) fn find(
        folder: &Path,
        targets: &[&'static str],
        tell: &mut dyn FnMut(&str),
    ) -> Result<Self, ToolchainError> {
        let installed = |target: &&str| has_library(folder, target);
        if let Some(&target) = targets.iter().find(|target| installed(target)) {
            return Ok(Self::Path { target });
        }
        let lacking = match distribution(targets) {
            Ok(toolchain) => return Ok(toolchain),
            Err(lacking) => lacking,
        };
        let target = targets[0];
        let rustup = add_target(folder, target, tell);
        match rustup {
            Ok(()) if has_library(folder, target) => Ok(Self::Path { target }),
            Ok(()) => Err(ToolchainError::None {
                target,
                rustup: "rustup added it to another compiler than cargo's".into(),
                distribution: lacking,
            }),
            Err(rustup) => Err(ToolchainError::None { target, rustup, distribution: lacking }),
        }
    }

    /// What it compiles for.
    pub(crate) fn target(&self) -> &'static str {
        match self {
            Self::Path { target } | Self::Distribution { target, .. } => target,
        }
    }

    /// A `cargo` with this subcommand that compiles for the target, optimised for a scenario, in
    /// this target folder.
    pub(crate) fn cargo(&self, subcommand: &str, target_folder: &Path) -> Command {
        let mut cargo = match self {
            Self::Path { .. } => Command::new("cargo"),
            Self::Distribution { .. } => Command::new(DISTRIBUTION_CARGO),
        };
        // Settings meant for the machine's own programs would break those for WebAssembly.
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "CARGO_BUILD_RUSTFLAGS",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
        ] {
            cargo.env_remove(name);
        }
        cargo
            .arg(subcommand)
            .args(["--release", "--target", self.target(), "--target-dir"])
            .arg(target_folder);
        cargo.envs([
            ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s"),
            ("CARGO_PROFILE_RELEASE_LTO", "true"),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
            ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
            ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
            ("CARGO_PROFILE_RELEASE_STRIP", "debuginfo"),
        ]);
        if let Self::Distribution { target, linker } = self {
            // Building the library is an unstable feature, which this variable allows to a stable
            // compiler.
            cargo
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTC", DISTRIBUTION_RUSTC)
                .env_remove("RUSTUP_TOOLCHAIN");
            cargo.args(["-Z", "build-std=std,panic_abort"]);
            let setting =
                |name| format!("CARGO_TARGET_{}_{name}", target.to_uppercase().replace('-', "_"));
            cargo.env(setting("LINKER"), linker);
            if *target == WASIP1 {
                cargo.env(
                    setting("RUSTFLAGS"),
                    format!("-C link-self-contained=no -L native={DISTRIBUTION_LIBC}"),
                );
            }
        }
        cargo
    }

    /// Builds what `select` (arguments of `cargo build`, as `-p`) says and returns the `.wasm`
    /// files. The compiler's messages go to standard error.
    ///
    /// # Errors
    /// The compiler cannot be run, or says no.
    pub(crate) fn compile<S: AsRef<OsStr>>(
        &self,
        folder: &Path,
        target_folder: &Path,
        select: impl IntoIterator<Item = S>,
    ) -> Result<Vec<Artifact>, ToolchainError> {
        let mut cargo = self.cargo("build", target_folder);
        cargo
            .args(["--message-format", "json-render-diagnostics"])
            .args(select)
            .current_dir(folder);
        let output = cargo
            .stderr(Stdio::inherit())
            .output()
            .map_err(|source| cannot_run(cargo.get_program(), source))?;
        if !output.status.success() {
            return Err(ToolchainError::Compile);
        }
        Ok(artifacts(&String::from_utf8_lossy(&output.stdout)))
    }
}

/// A module that cargo has produced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Artifact {
    /// The name of the package, or of the example.
    pub(crate) name: String,
    /// The `.wasm` file.
    pub(crate) file: PathBuf,
}

/// The modules among cargo's messages, one JSON object a line. Dependencies produce none: they are
/// no `cdylib`s, or not for WebAssembly.
fn artifacts(messages: &str) -> Vec<Artifact> {
    let mut found: Vec<Artifact> = Vec::new();
    for message in
        messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
    {
        if message["reason"] != "compiler-artifact" {
            continue;
        }
        let name = match message["target"]["kind"][0].as_str() {
            Some("example") => message["target"]["name"].as_str(),
            _ => message["package_id"].as_str().map(package_name),
        };
        let name = name.unwrap_or_default();
        let files =
            message["filenames"].as_array().into_iter().flatten().filter_map(|file| file.as_str());
        found.extend(
            files
                .filter(|file| file.ends_with(".wasm"))
                .map(|file| Artifact { name: name.to_owned(), file: file.into() }),
        );
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The package in an id as `path+file:///folder/name#0.1.0` or `path+file:///folder#name@0.1.0`.
fn package_name(id: &str) -> &str {
    let (place, rest) = id.rsplit_once('#').unwrap_or((id, ""));
    rest.split_once('@')
        .map_or_else(|| place.rsplit('/').next().unwrap_or(place), |(name, _version)| name)
}

/// Whether the compiler of the `PATH` has the library for a target, be it from rustup or from the
/// distribution.
fn has_library(folder: &Path, target: &str) -> bool {
    let rustc = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(folder)
        .output();
    let Some(printed) = rustc.ok().filter(|output| output.status.success()) else { return false };
    let Ok(entries) = std::fs::read_dir(String::from_utf8_lossy(&printed.stdout).trim_end()) else {
        return false;
    };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

/// The distribution's compiler with all that it needs, or what is missing.
fn distribution(targets: &[&'static str]) -> Result<Toolchain, String> {
    // Its library links against the distribution's libc, which is WASI 0.1.
    let target = *targets
        .iter()
        .find(|target| **target == WASIP1 || LEAN.contains(target))
        .ok_or("no distribution's compiler does")?;
    for file in [DISTRIBUTION_RUSTC, DISTRIBUTION_CARGO] {
        // In a container with rustup alone, these may be rustup's own links.
        let real = std::fs::canonicalize(file).map_err(|_| format!("there is no {file}"))?;
        if real.file_name().is_some_and(|name| name == "rustup") {
            return Err(format!("{file} is rustup's"));
        }
    }
    let sysroot = Command::new(DISTRIBUTION_RUSTC)
        .args(["--print", "sysroot"])
        .output()
        .map_err(|error| format!("{DISTRIBUTION_RUSTC}: {error}"))?;
    let sources = Path::new(String::from_utf8_lossy(&sysroot.stdout).trim_end())
        .join("lib/rustlib/src/rust/library/std");
    if !sources.exists() {
        return Err(format!("{DISTRIBUTION_RUSTC} comes without its library's source"));
    }
    if target == WASIP1 && !Path::new(DISTRIBUTION_LIBC).join("libc.a").exists() {
        return Err(format!("there is no {DISTRIBUTION_LIBC}/libc.a"));
    }
    let linker = linker(&search_path()).ok_or("there is no wasm-ld")?;
    Ok(Toolchain::Distribution { target, linker })
}

fn search_path() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect()
}

/// `wasm-ld`, or the newest `wasm-ld-N`.
fn linker(folders: &[PathBuf]) -> Option<PathBuf> {
    let plain = folders.iter().map(|folder| folder.join("wasm-ld")).find(|file| file.exists());
    plain.or_else(|| {
        let entries =
            folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
        let numbered = entries.filter_map(|entry| {
            let version: u32 =
                entry.file_name().to_str()?.strip_prefix("wasm-ld-")?.parse().ok()?;
            Some((version, entry.path()))
        });
        numbered.max().map(|(_, file)| file)
    })
}

/// Lets rustup add a target to the compiler in use; otherwise says why not.
fn add_target(folder: &Path, target: &str, tell: &mut dyn FnMut(&str)) -> Result<(), String> {
    let found = Command::new("rustup")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !found.is_ok_and(|status| status.success()) {
        return Err("there is no rustup".into());
    }
    tell(&format!("downloading Rust's library for {target}: rustup target add {target}"));
    let rustup = Command::new("rustup")
        .args(["target", "add", target])
        .current_dir(folder)
        .stdout(Stdio::null())
        .status();
    match rustup {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("`rustup target add {target}` failed")),
    }
}

fn cannot_run(program: &OsStr, source: io::Error) -> ToolchainError {
    ToolchainError::Run { program: OsString::from(program).to_string_lossy().into_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_found_among_cargos_messages() {
        let artifact = |name: &str, kind: &str, more: &str, files: &str| {
            let target = format!(r#"{{"name":"{name}","kind":["{kind}"]}}"#);
            format!(
                r#"{{"reason":"compiler-artifact",{more}"target":{target},"filenames":[{files}]}}"#
            )
        };
        let messages = [
            artifact("swell", "lib", "", r#""/t/libswell.rlib""#),
            artifact("swell_macros", "proc-macro", "", r#""/t/libswell_macros.so""#),
            r#"{"reason":"compiler-message","message":{"rendered":"warning"}}"#.to_owned(),
            artifact("sleeper", "example", "", r#""/t/sleeper.wasm""#),
            artifact(
                "hello_http",
                "cdylib",
                r#""package_id":"path+file:///x/hello-http#0.1.0","#,
                r#""/t/hello_http.wasm","/t/hello_http.d""#,
            ),
            "not json".to_owned(),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        let messages = messages.join("\n");
        let found: Vec<_> = artifacts(&messages)
            .into_iter()
            .map(|artifact| (artifact.name, artifact.file))
            .collect();
        assert_eq!(
            found,
            [
                ("hello-http".into(), "/t/hello_http.wasm".into()),
                ("sleeper".into(), "/t/sleeper.wasm".into())
            ]
        );
    }

    #[test]
    fn a_package_is_named_by_its_id_in_both_of_cargos_forms() {
        assert_eq!(package_name("path+file:///x/hello-http#0.1.0"), "hello-http");
        assert_eq!(package_name("path+file:///x/folder#hello-http@0.1.0"), "hello-http");
    }

    #[test]
    fn the_newest_numbered_linker_is_taken_where_there_is_no_plain_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folders = [folder.path().join("missing"), folder.path().to_owned()];
        assert_eq!(linker(&folders), None);
        for name in ["wasm-ld-9", "wasm-ld-19", "wasm-ld-old"] {
            std::fs::write(folder.path().join(name), "").expect("the folder can be written");
        }
        assert_eq!(linker(&folders), Some(folder.path().join("wasm-ld-19")));
        std::fs::write(folder.path().join("wasm-ld"), "").expect("the folder can be written");
        assert_eq!(linker(&folders), Some(folder.path().join("wasm-ld")));
    }

    #[test]
    fn a_distributions_compiler_builds_the_library_with_its_own_linker() {
        let toolchain = Toolchain::Distribution { target: WASIP1, linker: "/l/wasm-ld-19".into() };
        let cargo = toolchain.cargo("build", Path::new("/t"));
        let variable = |name: &str| {
            cargo
                .get_envs()
                .find(|(key, _)| *key == name)
                .and_then(|(_, value)| value)
                .map(|value| value.to_string_lossy().into_owned())
        };
        assert_eq!(variable("CARGO_TARGET_WASM32_WASIP1_LINKER").as_deref(), Some("/l/wasm-ld-19"));
        assert!(
            variable("CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS")
                .is_some_and(|flags| flags.contains(DISTRIBUTION_LIBC))
        );
        assert!(cargo.get_args().any(|arg| arg == "build-std=std,panic_abort"));
    }

    #[test]
    fn the_error_says_what_to_install_on_either_kind_of_machine() {
        let error = ToolchainError::None {
            target: "wasm32-wasip2",
            rustup: "there is no rustup".into(),
            distribution: "there is no wasm-ld".into(),
        };
        let text = error.to_string();
        assert!(
            text.contains("rustup target add wasm32-wasip2")
                && text.contains("apt-get install rustc-web cargo-web"),
            "{text}"
        );
    }
}
