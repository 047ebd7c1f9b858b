//! The record of a run that is over, for a member of the cluster that had it done or watched it:
//! the bytes of the file in which this node keeps it. They are no text, so this is no call of the
//! control API, although it is asked for as one.

use std::path::Path;
use std::time::{Duration, Instant};

use hyper::Method;
use percent_encoding::percent_decode_str;
use swell_outputs::{Kept, KeptEnd};

use crate::cluster::message::MemberCall;
use crate::cluster::requests::ApiReply;
use crate::finished::Done;
use crate::runs::Runs;

/// How long the writer of a record may be behind its run.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether it is done.
const LOOK: Duration = Duration::from_millis(10);

/// The name of the run whose record is asked for; nothing where something else is.
pub(super) fn run_of_record(call: &MemberCall) -> Option<String> {
    run_of_path(&call.method, &call.path)
}

/// The name of the run of whose record this is the path.
pub(super) fn run_of_path(method: &str, path: &str) -> Option<String> {
    let name = path.strip_prefix("/v1/runs/")?.strip_suffix("/record")?;
    let is_asked = method == Method::GET.as_str() && !name.contains('/');
    is_asked.then(|| percent_decode_str(name).decode_utf8_lossy().into_owned())
}

/// The record of a run, once it is over.
pub(super) async fn kept_record(runs: &Runs, name: &str) -> ApiReply {
    let Some(run) = runs.named(name) else {
        return ApiReply::error(404, &format!("there is no run {name:?}"));
    };
    let path = match &*run.done().await {
        Done::Finished(run) => runs.record_of(&run.report.run.id),
        Done::Failed(_, reason) => return ApiReply::error(409, reason),
    };
    let Some(path) = path else {
        let words = format!("the host that led run {name:?} keeps no record of it");
        return ApiReply::error(404, &words);
    };
    match tokio::task::spawn_blocking(move || read_whole(&path)).await {
        Ok(Ok(body)) => ApiReply { status: 200, is_json: false, body },
        Ok(Err(error)) => ApiReply::error(404, &format!("its record cannot be read: {error}")),
        Err(_) => ApiReply::error(500, "reading its record broke down"),
    }
}

/// All of a record, once its end is written. One that broke off has none, and is given as it is.
fn read_whole(path: &Path) -> std::io::Result<Vec<u8>> {
    let began = Instant::now();
    let is_whole = || Kept::read(path).is_ok_and(|kept| matches!(kept.end, KeptEnd::Report(_)));
    while !is_whole() && began.elapsed() < PATIENCE {
        std::thread::sleep(LOOK);
    }
    std::fs::read(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_asked_for_by_the_name_of_its_run() {
        let asked = |method: &str, path: &str| {
            let (method, path) = (method.to_owned(), path.to_owned());
            run_of_record(&MemberCall { method, path, body: Vec::new(), is_of_page: false })
        };
        assert_eq!(asked("GET", "/v1/runs/a%20b/record").as_deref(), Some("a b"));
        assert_eq!(asked("GET", "/v1/runs/a%2Frecord/record").as_deref(), Some("a/record"));
        for (method, path) in [
            ("POST", "/v1/runs/a/record"),
            ("GET", "/v1/runs/a/b/record"),
            ("GET", "/v1/runs/record"),
            ("GET", "/v1/runs/a/report"),
            ("GET", "/v1/runs/a/record?after="),
        ] {
            assert_eq!(asked(method, path), None, "{method} {path}");
        }
    }
}
