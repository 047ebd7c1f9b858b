//! What a run has told after an entry of its record, for a member of the cluster that follows it:
//! `GET /v1/runs/NAME/record?after=ENTRY`. As with a record that is whole, the answer is no text.

use swell_outputs::{EntryId, LiveRecords, RecordPart};

use super::kept_record::run_of_path;
use crate::cluster::message::MemberCall;
use crate::cluster::requests::ApiReply;
use crate::runs::Runs;

/// The name of the run that is followed, and the entry that came last; nothing where something else
/// is asked for.
pub(super) fn followed_run(call: &MemberCall) -> Option<(String, Option<EntryId>)> {
    let (path, query) = call.path.split_once('?')?;
    let after = query.strip_prefix("after=")?;
    Some((run_of_path(&call.method, path)?, after.parse().ok()))
}

/// What the run of this name has told after an entry, or all of it; nothing before it begins.
pub(super) fn live_record(
    runs: &Runs,
    records: &LiveRecords,
    name: &str,
    seen: Option<&EntryId>,
) -> ApiReply {
    let Some(run) = runs.named(name) else {
        return ApiReply::error(404, &format!("there is no run {name:?}"));
    };
    let is_over = run.is_over();
    let part = records.after(name, seen).unwrap_or_else(|| RecordPart::empty(is_over));
    ApiReply { status: 200, is_json: false, body: part.to_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_followed_from_an_entry_on_or_from_its_beginning() {
        let asked = |path: &str| {
            let (method, path) = ("GET".to_owned(), path.to_owned());
            followed_run(&MemberCall { method, path, body: Vec::new(), is_of_page: false })
        };
        let entry = |number| EntryId { run: "1a-f00".to_owned(), number };
        let path = "/v1/runs/a%20b/record?after=1a-f00.57";
        assert_eq!(asked(path), Some(("a b".to_owned(), Some(entry(57)))));
        assert_eq!(asked("/v1/runs/a/record?after="), Some(("a".to_owned(), None)));
        for path in ["/v1/runs/a/record", "/v1/runs/a/record?x=1", "/v1/runs/a/report?after=f00.1"]
        {
            assert_eq!(asked(path), None, "{path}");
        }
    }
}
