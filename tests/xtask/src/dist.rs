//! `cargo xtask dist`: one archive with all that somebody needs who has no compiler: the host with
//! the page, the interpreters, and the licences of all that is inside.

mod licences;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::service::TargetService;
use crate::step::{run, say, title};
use crate::workspace::Workspace;
use crate::{binaries, page, scenarios};

/// A script that the host of an archive is tried with.
const SCRIPT: &str = r#"import http from "k6/http";
import { check } from "k6";

export default function () {
  const answer = http.get(`${__ENV.SERVICE}/items`);
  check(answer, { "is 200": ({ status }) => status === 200 });
}
"#;

/// Builds what belongs into the archive, and makes it.
///
/// # Errors
/// Something cannot be built, or the archive cannot be written.
pub(crate) fn make(workspace: &Workspace) -> anyhow::Result<()> {
    page::build(workspace)?;
    title("the host");
    binaries::build(workspace)?;
    pack(workspace).map(drop)
}

/// Makes the archive of what was built, and tries it as somebody would who has just that: unpacked
/// into an empty folder, without a compiler, a path or a home with anything in it.
///
/// # Errors
/// It cannot be made, or what it brings does not run.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let archive = pack(workspace)?;
    let place = workspace.built("dist/tried");
    empty(&place)?;
    run(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&place))?;
    let unpacked = place.join(name());
    let home = place.join("home");
    fs::create_dir(&home).with_context(|| format!("can't make {}", home.display()))?;
    let steps = "sdk-examples/checkout/checkout.toml";
    fs::copy(workspace.root().join(steps), home.join("checkout.toml"))
        .with_context(|| format!("can't copy {steps}"))?;
    let service = TargetService::start(workspace)?;
    let url = format!("{}/items", service.url);
    let host = |args: &[&str]| {
        let mut host = Command::new(unpacked.join("bin/host"));
        host.args(args).env_clear().env("HOME", &home).current_dir(&home);
        run(&mut host)
    };
    // A machine that is busy with a build is no reason to refuse an archive.
    host(&["run", &url, "-n", "1000", "--accept", "invalid"])?;
    let target = ["--target", &service.url];
    let flags = ["--vus", "5", "--duration", "3s", "--accept", "invalid", "--out", "html=x.html"];
    host(&[&["run", "checkout.toml"], &target[..], &flags].concat())?;
    ensure!(home.join("x.html").is_file(), "the host of the archive wrote no report");
    fs::write(home.join("look.js"), SCRIPT).context("can't write look.js")?;
    let variable = format!("SERVICE={}", service.url);
    let flags = ["-e", &variable, "--vus", "2", "--iterations", "50", "--accept", "invalid"];
    host(&[&["run", "look.js"], &target[..], &flags].concat())
}

/// The name of the archive, and of the one folder in it.
fn name() -> String {
    format!("swell-{}-{}-linux", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH)
}

fn pack(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    title("the archive");
    let all = workspace.built("dist");
    let folder = all.join(name());
    empty(&folder)?;
    let put = |from: &Path, to: &str| -> anyhow::Result<PathBuf> {
        let to = folder.join(to);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("can't make {}", parent.display()))?;
        }
        fs::copy(from, &to).with_context(|| format!("can't copy {}", from.display()))?;
        Ok(to)
    };
    let host = put(&workspace.built("release/host"), "bin/host")?;
    // Lines and names for debuggers are most of it.
    run(Command::new("strip").arg(&host))?;
    scenarios::interpreters(workspace, &folder.join("share/swell/interpreters"))?;
    for file in ["host/LICENSE-MIT", "host/LICENSE-APACHE", "host/CHANGELOG.md", "README.md"] {
        put(&workspace.root().join(file), file.trim_start_matches("host/"))?;
    }
    let others = folder.join("THIRD-PARTY.txt");
    fs::write(&others, licences::of_others(workspace)?)
        .with_context(|| format!("can't write {}", others.display()))?;
    let archive = all.join(format!("{}.tar.gz", name()));
    run(Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(&all).arg(name()))?;
    let megabytes = fs::metadata(&archive)?.len() as f64 / 1e6;
    say(&format!("{}, {megabytes:.1} MB", archive.display()));
    Ok(archive)
}

fn empty(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("can't empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))
}
