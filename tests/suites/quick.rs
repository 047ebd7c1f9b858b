//! `host run URL`: a request again and again, without a scenario of one's own.

use std::path::Path;

use swell_tests::{Finished, Host, Target, TargetSettings, guest};
use tempfile::TempDir;

/// A service, and a folder of data with the interpreter of steps.
struct Stand {
    target: Target,
    data: TempDir,
}

impl Stand {
    fn new() -> Self {
        let data = TempDir::new().expect("a temporary folder can be made");
        let kept = data.path().join("swell/interpreters");
        std::fs::create_dir_all(&kept).expect("it can be made");
        std::fs::copy(guest("steps"), kept.join("steps.wasm")).expect("it can be copied");
        let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
        Self { target, data }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.target.url())
    }

    fn with_data(&self, host: Host) -> Host {
        host.env("XDG_DATA_HOME", self.data.path())
    }

    fn run(&self, path: &str, args: &str) -> Finished {
        self.with_data(Host::run_file(Path::new(&self.url(path)))).args(args).finish()
    }

    /// Refuses what was typed with all of these words; nothing is sent.
    #[track_caller]
    fn expect_refusal(&self, typed: &str, args: &str, words: &[&str]) {
        let refused = self.with_data(Host::new("run").arg(typed)).args(args).finish();
        let refused = refused.expect_code(104).stderr;
        for word in words {
            assert!(refused.contains(word), "no {word:?} in: {refused}");
        }
        assert_eq!(self.target.seen().connections, 0);
    }
}

#[test]
fn a_url_is_asked_for_exactly_as_often_as_was_said() {
    let stand = Stand::new();
    let finished = stand.run("/items?page=1#top", "-n 300 --vus 3");
    let finished = finished.expect_done().expect_whole_counts();
    let seen = stand.target.seen();
    assert_eq!((seen.path("/items"), seen.requests), (300, 300));
    assert_eq!(finished.count("/measured/by_name/GET ~1items/ok"), 300);
    assert_eq!(finished.count("/users/most_at_once"), 3);
    // The values of its query may be secret.
    let kept = stand.url("/items?page=not-kept#top");
    assert_eq!(finished.json_at("/run/file"), kept.as_str());
    assert!(finished.stdout.contains("GET /items against http://"), "{}", finished.stdout);
    // Ten users, where nobody says how many.
    assert_eq!(stand.run("/", "-n 100").expect_done().count("/users/most_at_once"), 10);
}

#[test]
fn it_takes_all_that_a_scenario_takes() {
    let stand = Stand::new();
    let finished = stand.run("/", "--tps 50 -d 1s --threshold error_rate<1%").expect_done();
    assert_eq!(finished.count("/measured/transactions/started"), 50, "{}", finished.stdout);
    let tried = stand.with_data(Host::new("try").arg(stand.url("/items"))).args("-H x-a:b");
    let tried = tried.finish().expect_code(0).stdout;
    assert!(tried.contains("GET /items") && tried.contains("x-a"), "{tried}");
}

#[test]
fn method_body_and_what_counts_as_success_are_typed() {
    let stand = Stand::new();
    let order = stand.data.path().join("order.json");
    std::fs::write(&order, r#"{"items": [1]}"#).expect("it can be written");
    let shown = |args: &[&str]| {
        let mut tried = stand.with_data(Host::new("try").arg(stand.url("/echo"))).arg("--full");
        for arg in args {
            tried = tried.arg(arg);
        }
        tried.finish().expect_code(0).stdout
    };
    let file = format!("@{}", order.display());
    let posted = shown(&["--body", &file]);
    assert!(posted.contains("POST /echo") && posted.contains(r#"\"items\": [1]"#), "{posted}");
    let put = shown(&["-X", "PUT", "--body", "five"]);
    assert!(put.contains("PUT /echo") && put.contains("five"), "{put}");
    assert!(shown(&["-X", "PURGE"]).contains("PURGE /echo"));

    let missing = "--vus 1 -n 5";
    let failed = stand.run("/no-such-page", missing).expect_code_or_invalid(99);
    assert_eq!(failed.count("/measured/transactions/failed"), 5);
    let expected = stand.run("/no-such-page", &format!("{missing} --expect 404")).expect_done();
    assert_eq!(expected.count("/measured/transactions/ok"), 5);
    let strict = stand.run("/redirect/1", &format!("{missing} --expect 2xx"));
    assert_eq!(strict.count("/measured/transactions/failed"), 5);
}

#[test]
fn what_makes_no_sense_with_a_url_or_without_one_is_refused() {
    let stand = Stand::new();
    let url = stand.url("/");
    stand.expect_refusal(&url, "-n 1 --target http://a.test", &["--target", "leave --target out"]);
    stand.expect_refusal(&url, "-n 1 --expect fine", &["--expect", "2xx or 200-204"]);
    stand.expect_refusal(
        &url,
        "-n 1 --body @/nowhere/x",
        &["--body", "/nowhere/x", "No such file"],
    );
    let order = stand.data.path().join("order.json");
    std::fs::write(&order, "{}").expect("it can be written");
    let both = format!("-n 1 --body @{0} --out json={0}", order.display());
    stand.expect_refusal(&url, &both, &["this command reads that file"]);
    let interpreter = format!("-n 1 --interpreter {}", guest("steps").display());
    stand.expect_refusal(&url, &interpreter, &["--interpreter", "has one already"]);
    let secret = url.replace("http://", "http://ada:secret@");
    stand.expect_refusal(&secret, "-n 1", &["authorization"]);
    let file = guest("plain-get").display().to_string();
    stand.expect_refusal(&file, "--vus 1 -n 1 --method POST", &["--method", "host run URL"]);
    let without = Host::new("run").arg(&url).env("XDG_DATA_HOME", "/nowhere").args("-n 1");
    let without = without.finish().expect_code(104).stderr;
    assert!(without.contains("cargo xtask install") && without.contains("--target"), "{without}");
}

#[test]
fn forms_files_and_who_asks_are_sent_and_kept_nowhere() {
    let stand = Stand::new();
    let photo = stand.data.path().join("p.jpg");
    std::fs::write(&photo, "pixels").expect("it can be written");
    let shown = |args: &[&str]| {
        let host = stand.with_data(Host::new("try").arg(stand.url("/echo"))).arg("--full");
        args.iter().fold(host, |host, arg| host.arg(arg)).finish().expect_code(0).stdout
    };
    let all = |shown: &str, words: &[&str]| {
        for word in words {
            assert!(shown.contains(word), "no {word:?} in: {shown}");
        }
    };
    let json = shown(&["--json", "{\"items\": 1}", "-X", "PATCH", "--basic", "ada:s3cret"]);
    all(&json, &["PATCH /echo", "content-type: application/json", "accept: application/json"]);
    all(&json, &["authorization: Basic YWRhOnMzY3JldA==", r#"\"items\": 1"#]);
    let own = shown(&["--json", "{}", "-H", "content-type: application/vnd.api+json"]);
    assert!(own.contains("application/vnd.api+json"), "{own}");
    assert!(!own.contains("> content-type: application/json"), "{own}");
    let form = shown(&["--form", "user=ada l.", "--form", "note=a&b", "--bearer", "t0ken"]);
    all(&form, &["POST /echo", "user=ada+l.&note=a%26b", "authorization: Bearer t0ken"]);
    let part = format!("photo=@{};type=image/jpeg", photo.display());
    let parts = shown(&["--part", "title=Harbour", "--part", &part]);
    all(&parts, &["multipart/form-data; boundary=", "Harbour", "p.jpg", "image/jpeg", "pixels"]);

    // Neither the results nor the record and its command have any of it.
    let record = stand.data.path().join("run.swell");
    let kept = format!("-n 5 --basic ada:s3cret --form pin=s3cret --record {}", record.display());
    let finished = stand.run("/echo", &kept).expect_done();
    let shown = Host::new("report").arg(&record).args("--out json=-").finish().expect_code(0);
    let record = std::fs::read(&record).expect("it was kept");
    let text = format!("{}{}{}", finished.stdout, finished.stderr, shown.stdout);
    let hidden =
        |bytes: &[u8]| !bytes.windows(6).any(|word| word == b"s3cret" || word == b"YWRhOn");
    assert!(hidden(text.as_bytes()) && hidden(&record));
}

#[test]
fn urls_of_a_file_are_asked_for_in_turn() {
    let stand = Stand::new();
    let file = stand.data.path().join("urls.txt");
    let whole = stand.url("/items?page=2");
    let lines = format!("/items?page=1\n# of tomorrow\n\n/\n{whole}\n");
    std::fs::write(&file, lines).expect("it can be written");
    let urls = format!("--urls {}", file.display());
    let finished = stand.run("/", &format!("-n 30 -c 3 {urls}")).expect_done();
    let seen = stand.target.seen();
    assert_eq!((seen.path("/items"), seen.path("/"), seen.requests), (20, 10, 30));
    assert_eq!(finished.count("/measured/by_name/GET ~1items/ok"), 20);
    assert_eq!(finished.count("/measured/by_name/GET ~1/ok"), 10);
    let tried = stand.with_data(Host::new("try").arg(stand.url("/"))).args(&urls);
    let tried = tried.args("--iteration 5").finish().expect_code(0).stdout;
    assert!(tried.contains("/items?page=2"), "{tried}");

    // Another host is asked for, and nothing is sent without it.
    let stand = Stand::new();
    std::fs::write(&file, "/\nhttp://other.test:81/\n").expect("it can be written");
    let url = stand.url("/");
    let args = format!("-n 2 --urls {}", file.display());
    stand.expect_refusal(&url, &args, &["--allow-host", "other.test:81"]);
    std::fs::write(&file, "items\n").expect("it can be written");
    stand.expect_refusal(&url, &args, &["urls.txt", "line 1", "as /items"]);
    let both = stand.url("/items");
    stand.expect_refusal(&both, &args, &["--urls", "has a path, too"]);
}

#[test]
fn redirects_are_followed_as_often_as_was_said() {
    let stand = Stand::new();
    let followed = stand.run("/redirect/2", "--vus 1 -n 5 --redirects 2 --expect 200");
    assert_eq!(followed.expect_done().count("/measured/transactions/ok"), 5);
    assert_eq!(stand.target.seen().requests, 15);
    let stopped = stand.run("/redirect/2", "--vus 1 -n 5 --redirects 1 --expect 200");
    assert_eq!(stopped.count("/measured/transactions/failed"), 5);
}

#[test]
fn requests_say_who_asks_and_whom_to_ask() {
    let stand = Stand::new();
    let agent = |args: &[&str]| {
        let host = stand.with_data(Host::new("try").arg(stand.url("/")));
        let tried = args.iter().fold(host, |host, arg| host.arg(arg)).finish();
        let shown = tried.expect_code(0).stdout;
        let line = shown.lines().find_map(|line| line.split_once("user-agent: "));
        line.expect("each request has one").1.to_owned()
    };
    let ours = agent(&[]);
    assert!(ours.starts_with("swell/"), "{ours}");
    let contact = agent(&["--contact", "ada@shop.test"]);
    assert_eq!(contact, format!("{ours} (+mailto:ada@shop.test)"));
    assert_eq!(agent(&["--user-agent", "shop tests"]), "shop tests");
    assert_eq!(agent(&["--user-agent", "x", "-H", "user-agent: mine"]), "mine");
    // Whoever reads the results sees that the service's people did not.
    for (args, told) in [
        ("-n 5 --user-agent shop-tests", Some("shop-tests")),
        ("-n 5 --user-agent x -H User-Agent:mine", Some("mine")),
        ("-n 5 --contact ada@shop.test", None),
    ] {
        let finished = stand.run("/", args).expect_done();
        let words = told.map(|agent| format!("user agent {agent},"));
        let run = finished.json_at("/run");
        assert_eq!(run.get("user_agent").and_then(|agent| agent.as_str()), told);
        let summary = finished.stdout.replace('\n', " ");
        assert_eq!(summary.contains("in place of the host's own"), told.is_some(), "{summary}");
        assert!(words.is_none_or(|words| summary.contains(&words)), "{summary}");
    }
    let stand = Stand::new();
    stand.expect_refusal(&stand.url("/"), "-n 1 --contact ada", &["--contact", "ada@example.com"]);
}

#[test]
fn a_preset_is_printed_as_the_flags_that_it_means_and_gives_its_load() {
    let stand = Stand::new();
    let finished = stand.run("/", "--preset load=50 -d 20s -n 60").expect_code_or_invalid(0);
    let meant = "--preset load=50 is --stage 2s:50 --stage 16s:50 --stage 2s:0";
    assert!(finished.stderr.contains(meant), "{}", finished.stderr);
    assert_eq!(finished.count("/measured/transactions/started"), 60, "{}", finished.stdout);
    assert!(finished.stdout.contains("open model"), "{}", finished.stdout);
    let smoke = stand.run("/", "--preset smoke -d 1s").expect_code_or_invalid(0);
    assert_eq!(smoke.count("/users/most_at_once"), 1);
    let stand = Stand::new();
    let url = stand.url("/");
    stand.expect_refusal(
        &url,
        "--preset load --tps 5",
        &["--preset load=50 and --tps", "load=200"],
    );
    stand.expect_refusal(&url, "--preset breakpoint", &["host find"]);
    stand.expect_refusal(&url, "--preset load -d 5s", &["--duration longer"]);
}
