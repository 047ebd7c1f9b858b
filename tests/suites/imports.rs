//! `host new --from`: what was recorded once, done by many.

use std::fs;
use std::path::{Path, PathBuf};

use swell_tests::{Finished, Host, Target, TargetSettings, guest};
use tempfile::TempDir;

/// What somebody does in the shop while it is recorded.
const VISIT: &str = r#"
[[step]]
post = "/login"
json = { user = "ann", password = "hunter2" }
extract = { token = { json = "$.token" } }

[[step]]
get = "/account"
auth = { bearer = "{{token}}" }
expect = { body = { json = { "$.user" = "ann" } } }

[[step]]
get = "/style.css"
"#;

/// A service, and a folder to work in.
struct Stand {
    target: Target,
    folder: TempDir,
}

impl Stand {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let kept = folder.path().join("swell/interpreters");
        fs::create_dir_all(&kept).expect("it can be made");
        fs::copy(guest("steps"), kept.join("steps.wasm")).expect("it can be copied");
        let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
        Self { target, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn host(&self, command: &str) -> Host {
        Host::new(command).env("XDG_DATA_HOME", self.folder.path())
    }

    fn new_from(&self, source: &str, out: &Path) -> Finished {
        self.host("new").arg("--from").arg(source).arg("--out").arg(out).finish()
    }

    /// Records [`VISIT`] as a browser would.
    fn recorded(&self) -> PathBuf {
        let (visit, har) = (self.path("visit.toml"), self.path("visit.har"));
        fs::write(&visit, VISIT).expect("it can be written");
        let tried = self.host("try").arg(&visit).arg("--target").arg(self.target.url());
        tried.arg("--har-secrets").arg("--har").arg(&har).finish().expect_code(0);
        har
    }
}

#[test]
fn a_recording_of_a_login_is_run_with_a_token_of_its_own() {
    let stand = Stand::new();
    let (har, made) = (stand.recorded(), stand.path("made.toml"));
    let said = stand.new_from(&har.to_string_lossy(), &made).expect_code(0).stdout;
    for word in ["2 requests an iteration", "PASSWORD", "pictures, styles, scripts", "host try"] {
        assert!(said.contains(word), "no {word:?} in {said}");
    }
    let text = fs::read_to_string(&made).expect("it was made");
    assert!(text.contains("{{token}}") && !text.contains("hunter2"), "{text}");
    assert!(!text.contains("token-of-ann"), "{text}");
    let run = Host::run_file(&made).env("XDG_DATA_HOME", stand.folder.path());
    let run = run.target(stand.target.url());
    let before = stand.target.seen();
    let finished = run.args("-e PASSWORD=x -n 20 --vus 2").finish().expect_done();
    assert_eq!(finished.count("/measured/by_name/GET ~1account/ok"), 20, "{}", finished.stdout);
    let seen = stand.target.seen();
    assert_eq!(seen.path("/account") - before.path("/account"), 20);
    assert_eq!(seen.path("/style.css") - before.path("/style.css"), 0);
}

#[test]
fn a_command_that_was_typed_becomes_a_file_that_runs_and_is_never_overwritten() {
    let stand = Stand::new();
    let made = stand.path("one.toml");
    let command = format!("curl -s '{}/items?size=3' -H 'accept: */*'", stand.target.url());
    stand.new_from(&command, &made).expect_code(0);
    let run = stand.host("run").arg(&made).arg("--target").arg(stand.target.url());
    run.args("-n 5 --vus 1").finish().expect_done();
    assert_eq!(stand.target.seen().path("/items"), 5);
    let text = fs::read_to_string(&made).expect("it was made");
    let refused = stand.new_from("curl http://127.0.0.1:1/other", &made);
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("exists already"), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(&made).expect("it is still there"), text);
}

#[test]
fn a_first_file_of_steps_needs_no_compiler() {
    let stand = Stand::new();
    let made = stand.path("first.toml");
    stand.host("new").arg("--lang").arg("steps").arg(&made).finish().expect_code(0);
    let tried = stand.host("try").arg(&made).arg("--target").arg(stand.target.url());
    let tried = tried.finish().expect_code(0).stdout;
    assert!(tried.contains("size=20"), "{tried}");
}

#[test]
fn what_nothing_can_be_made_of_is_refused_with_a_cure() {
    let stand = Stand::new();
    let made = stand.path("made.toml");
    for (source, words) in [
        ("/no/such.har", "there is no file /no/such.har"),
        ("http://a.test/openapi.json", "is a URL"),
        ("curl --frobnicate http://a.test", "--frobnicate"),
    ] {
        let refused = stand.new_from(source, &made);
        assert_ne!(refused.code, Some(0));
        let said = refused.stderr;
        assert!(said.contains(words) && said.contains("help: "), "no {words:?} in {said}");
        assert!(!made.exists());
    }
}
