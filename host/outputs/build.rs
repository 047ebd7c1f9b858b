//! Puts the page into the library, where it was built: `cargo xtask page` does that.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    // The folder is in the repository, and empty until then.
    // Asked for now: this program may have been compiled in another clone that shares its target.
    let own = env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?;
    let folder = Path::new(&own).join("../web/dist");
    println!("cargo::rerun-if-changed={}", folder.display());
    let [report, live, worker] = ["page.html", "live.html", "worker.js"].map(|n| folder.join(n));
    let code = if [&report, &live, &worker].iter().all(|part| part.is_file()) {
        format!(
            "Some(BuiltPage {{ report: include_str!({report:?}), live: include_str!({live:?}), \
            worker: include_str!({worker:?}) }})"
        )
    } else {
        "None".to_owned()
    };
    let out = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    fs::write(Path::new(&out).join("page.rs"), code)
}
