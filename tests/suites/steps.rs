//! Files of steps: scenarios without a compiler.

use std::fs;
use std::path::{Path, PathBuf};

use swell_tests::{Finished, Host, Target, TargetSettings, guest};
use tempfile::TempDir;

/// A service, and a folder with files of steps.
struct Stand {
    target: Target,
    folder: TempDir,
}

/// A user who logs in as itself, and what it then does. Half of its answers are looked into.
const SHOP: &str = r#"
[settings]
vus = 2
iterations = 40

[vars]
size = 7

[data.people]
pick = "user"

[[setup]]
post = "/login"
json = { user = "admin", password = "{{env(PASSWORD)}}" }
extract = { admin = { json = "$.token" } }

[[start]]
post = "/login"
json = { user = "{{people.name}}", password = "x" }
extract = { token = { json = "$.token" } }

[[step]]
get = "/account"
auth = { bearer = "{{token}}" }
expect = { status = 200, body = { json = { "$.user" = "{{people.name}}" } } }

[[step]]
name = "look"
steps = [
    { get = "/items", expect = {
        headers = { content-type = "json" },
        body = { contains = "anvil", matches = '"id":\s*1' },
    }, extract = { id = { json = "$[-1].id" } } },
    { get = "/items/{{id}}", query = { size = "{{size}}" } },
]

[[step]]
choice = [
    { weight = 3, steps = [{ post = "/cart", json = { id = "{{number(id)}}" } }] },
    { weight = 1, steps = [{ post = "/orders", expect = { status = 201 } }] },
]

[[step]]
name = "page"
parallel = [{ get = "/style.css" }, { get = "/app.js" }, { get = "/logo.png" }]

[[step]]
get = "/account"
name = "as admin"
auth = { bearer = "{{admin}}" }
expect = { body = { json = { "$.user" = "admin" } } }

[[stop]]
get = "/bytes/1"

[[teardown]]
get = "/bytes/2"
"#;

impl Stand {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let kept = folder.path().join("swell/interpreters");
        fs::create_dir_all(&kept).expect("it can be made");
        fs::copy(guest("steps"), kept.join("steps.wasm")).expect("it can be copied");
        fs::write(folder.path().join("people.csv"), "name\nann\nbob\n").expect("it can be");
        let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
        Self { target, folder }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("it can be written");
        path
    }

    fn host(&self, host: Host) -> Host {
        host.env("XDG_DATA_HOME", self.folder.path()).in_folder(self.folder.path())
    }

    fn run(&self, file: &Path, args: &str) -> Finished {
        self.host(Host::run_file(file)).target(self.target.url()).args(args).finish()
    }

    /// Ends with 104 before anything is sent, and says all of these words.
    #[track_caller]
    fn expect_refusal(&self, name: &str, text: &str, words: &[&str]) {
        let file = self.file(name, text);
        let refused = self.run(&file, "--vus 1 --iterations 1").expect_code(104).stderr;
        for word in words {
            assert!(refused.contains(word), "no {word:?} in: {refused}");
        }
        assert_eq!(self.target.seen().requests, 0);
    }
}

#[test]
fn users_log_in_as_themselves_and_carry_on_what_answers_gave() {
    let stand = Stand::new();
    let file = stand.file("shop.toml", SHOP);
    let finished = stand.run(&file, "--data people=people.csv -e PASSWORD=p");
    let finished = finished.expect_done().expect_whole_counts();
    let ok = |name: &str| finished.count(&format!("/measured/by_name/{name}/ok"));
    for name in ["GET ~1account", "look ~1 GET ~1items", "page", "as admin"] {
        assert_eq!(ok(name), 40, "{name}");
    }
    assert_eq!(ok("look ~1 GET ~1items~1{id}"), 40);
    let (carts, orders) = (ok("POST ~1cart"), ok("POST ~1orders"));
    assert_eq!(carts + orders, 40);
    assert!((20..=38).contains(&carts), "{carts} of 40 with weight 3 of 4");
    let seen = stand.target.seen();
    assert_eq!((seen.path("/items/8"), seen.path("/logo.png")), (40, 40));
    // Before the run, by each of two users, as they end, and after the run.
    assert_eq!((seen.path("/login"), seen.path("/bytes/1"), seen.path("/bytes/2")), (3, 2, 1));
    assert_eq!(finished.json_at("/run/scenario"), "shop");
}

#[test]
fn an_iteration_is_repeated_as_the_run_had_it() {
    let stand = Stand::new();
    let file = stand.file(
        "dice.yaml",
        "step:\n- get: /echo?n={{random(1, 1000000)}}\n  extract: {n: {regex: 'n=(\\d+)'}}\n",
    );
    let tried = || {
        let host = stand.host(Host::new("try").arg(&file)).target(stand.target.url());
        let tried = host.args("--seed 7 --iteration 3 --user 0").finish().expect_code(0);
        let text = format!("{}{}", tried.stdout, tried.stderr);
        let at = text.find("/echo?n=").expect("it shows the request");
        text[at..at + 16].to_owned()
    };
    assert_eq!(tried(), tried());
}

#[test]
fn failures_are_counted_by_what_was_expected() {
    let stand = Stand::new();
    let file = stand.file(
        "failing.json",
        r#"{"step": [
            {"get": "/ok"},
            {"get": "/items", "name": "text", "on-error": "continue",
                "expect": {"body": {"contains": "zebra"}}},
            {"get": "/status/503", "name": "status", "on-error": "continue"},
            {"get": "/items", "name": "taken", "extract": {"x": {"json": "$.nothing"}}},
            {"get": "/ok", "name": "never"}
        ]}"#,
    );
    let finished = stand.run(&file, "--vus 1 --iterations 5").expect_done();
    let of =
        |name: &str| finished.json_at(&format!("/measured/by_name/{name}/failures")).to_string();
    assert!(of("text").contains("not as expected: body has \\\"zebra\\\""), "{}", of("text"));
    assert!(of("status").contains("503"), "{}", of("status"));
    assert!(of("taken").contains("no x in the body at $.nothing"), "{}", of("taken"));
    assert!(finished.json_at("/measured/by_name").get("never").is_none());
    let said = &finished.stderr;
    assert!(said.contains("which was: [{\"id\":1"), "{said}");
}

#[test]
fn what_is_wrong_is_said_with_its_place_before_anything_is_sent() {
    let stand = Stand::new();
    for (name, text, words) in [
        (
            "typo.yaml",
            "step:\n- get: /\n  expekt: {}\n",
            &["typo.yaml: line 3, column 3", "did you mean expect?", "3 |   expekt: {}", "^"][..],
        ),
        ("unset.toml", "[[step]]\nget = \"/{{id}}\"", &["line 2, column 7", "no variable \"id\""]),
        ("both.toml", "[run.a]\n[[step]]\nget = \"/\"", &["make two files of it"]),
        ("empty.yml", "", &["the file is empty"]),
        ("far.yaml", "step: [{get: 'http://far.test/'}]", &["--allow-host far.test"]),
        ("gone.yaml", "step: [{post: /, file: gone.bin}]", &["gone.bin"]),
    ] {
        stand.expect_refusal(name, text, words);
    }
}

#[test]
fn what_the_command_line_has_to_give_is_asked_for_and_nothing_is_sent() {
    let stand = Stand::new();
    for (text, code, words) in [
        ("step: [{get: '/{{env(ID)}}/{{env(KEY)}}'}]", 104, "its steps need -e ID=... -e KEY=..."),
        ("data: {p: {}}\nstep: [{get: '/{{p.x}}'}]", 104, "give it with --data p=FILE"),
    ] {
        let file = stand.file("wanting.yaml", text);
        let ended = stand.run(&file, "--vus 1 --iterations 1").expect_code(code);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains(words), "no {words:?} in: {said}");
    }
    assert_eq!(stand.target.seen().requests, 0);
}

#[test]
fn a_step_that_fails_may_end_its_user() {
    let stand = Stand::new();
    let file = stand.file(
        "paying.toml",
        "[settings]\nvus = 3\n[[step]]\nget = \"/\"\n[[step]]\nget = \"/status/402\"\n\
         on-error = \"stop-user\"\n[[step]]\nget = \"/never\"\n[[stop]]\nget = \"/bye\"\n",
    );
    let finished = stand.run(&file, "").expect_code(0);
    assert_eq!(finished.count("/users/stop_reasons/GET ~1status~1402: status 402"), 3);
    assert_eq!(finished.count("/measured/iterations/failed"), 3);
    let seen = ["/", "/status/402", "/never", "/bye"].map(|path| stand.target.seen().path(path));
    assert_eq!(seen, [3, 3, 0, 3]);
    // A login that fails is told as such, and nobody tries it again.
    let text = "settings: {vus: 4}\nstart: [{post: /status/401, on-error: stop-user}]\n\
                step: [{get: /}]\n";
    let ended = stand.run(&stand.file("login.yaml", text), "-d 60s").expect_code(107);
    assert_eq!(ended.count("/users/start_failures/POST ~1status~1401: status 401"), 4);
    assert_eq!(ended.count("/users/created"), 4);
}

#[test]
fn cookies_are_cleared_kept_or_passed_over_as_the_run_says() {
    let stand = Stand::new();
    let file = stand.file(
        "account.toml",
        "[settings]\ncookies = \"keep\"\n[[start]]\npost = \"/login\"\n\
         json = { user = \"ada\", password = \"secret\" }\n[[step]]\nget = \"/account\"\n\
         on-error = \"continue\"\n[[step]]\nget = \"/set-cookie?seen=1\"\n[[step]]\n\
         get = \"/cookies\"\nexpect = { body = { json = { \"$.seen\" = \"1\" } } }\n",
    );
    let ok = |args: &str| {
        let finished = stand.run(&file, &format!("--vus 1 --iterations 3 {args}")).expect_code(0);
        ["account", "cookies"]
            .map(|name| finished.count(&format!("/measured/by_name/GET ~1{name}/ok")))
    };
    assert_eq!(ok(""), [3, 3], "the login is in `start`");
    assert_eq!(ok("--cookies clear"), [0, 3], "they last for an iteration");
    assert_eq!(ok("--cookies off"), [0, 0]);
}

#[test]
fn ten_users_do_it_where_nothing_says_how_many() {
    let stand = Stand::new();
    let file = stand.file("page.toml", "[[step]]\nget = \"/\"");
    let finished = stand.run(&file, "-n 100").expect_done();
    assert_eq!(finished.count("/users/most_at_once"), 10);
    assert_eq!(stand.target.seen().requests, 100);
    let paced = stand.run(&file, "--tps 50 -d 1s").expect_done();
    assert!(paced.stdout.contains("open model"), "{}", paced.stdout);
}

#[test]
fn rows_of_a_table_are_asked_for_by_the_flag_that_gives_them() {
    let stand = Stand::new();
    let text = "data: {people: {file: people.csv, pick: unique}}\nstep:\n\
        - {post: /login, json: {user: '{{people.name}}', password: x}, expect: {status: 200}}\n";
    let file = stand.file("shop.yaml", text);
    // From wherever it is run: the table stands beside the file.
    let asked = stand.host(Host::run_file(&file)).in_folder(Path::new("/"));
    let asked = asked.target(stand.target.url()).args("--vus 1").finish().expect_code(104).stderr;
    let flag = format!("--data people={}", stand.folder.path().join("people.csv").display());
    assert!(asked.contains(&flag), "{asked}");
    let finished = stand.run(&file, &format!("--vus 1 {flag}")).expect_done();
    assert_eq!(finished.count("/measured/by_name/POST ~1login/ok"), 2);
    for (name, words) in [
        ("people.csv", "--data NAME=FILE"),
        ("visit.har", "host new --from FILE"),
        ("locustfile.py", "JavaScript"),
    ] {
        let refused = stand.run(&stand.folder.path().join(name), "-n 1").expect_code(104).stderr;
        assert!(refused.contains(words), "{name}: {refused}");
    }
}

#[test]
fn a_file_is_explained_before_it_is_run() {
    let stand = Stand::new();
    let file = stand.file("shop.toml", SHOP);
    let checked = stand.host(Host::new("check").arg(&file)).finish().expect_code(0).stdout;
    for words in [
        "scenario shop",
        "default    --vus 2",
        "needs -e PASSWORD=...",
        "needs --data people=FILE, a row for each user",
        "POST /login; takes token from the body at $.token",
        "weight 3:",
    ] {
        assert!(checked.contains(words), "no {words:?} in: {checked}");
    }
    let schema = Host::new("schema").arg("scenario").finish().expect_code(0).stdout;
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("it is JSON");
    assert_eq!(schema["properties"]["step"]["items"]["$ref"], "#/$defs/a%20step");
}

#[test]
fn two_nodes_do_the_steps_of_one_file() {
    let stand = Stand::new();
    let file = stand.file("shop.toml", SHOP);
    fs::write(stand.folder.path().join("body.txt"), "of a file").expect("it can be written");
    let with_file = r#"
        [[step]]
        post = "/echo"
        file = "body.txt"
        expect = { body = { contains = "of a file" } }
    "#;
    fs::write(&file, format!("{SHOP}{with_file}")).expect("it can be written");
    let lead = stand
        .host(Host::run_file(&file))
        .target(stand.target.url())
        .args("--data people=people.csv -e PASSWORD=p --listen 127.0.0.1:0 --hosts 2")
        .start();
    let node = Host::new("node").args(&lead.invitation()).start();
    let finished = lead.wait().expect_code_or_invalid(0);
    node.wait().expect_code(0);
    assert_eq!(finished.count("/measured/by_name/POST ~1echo/ok"), 40);
    assert_eq!(stand.target.seen().path("/echo"), 40);
}

/// The files of steps that stand beside the lessons, with what each needs.
#[test]
fn the_lessons_that_are_steps_run() {
    let stand = Stand::new();
    let lessons = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk-examples");
    for (lesson, args) in [
        ("hello-http", ""),
        ("login-session", ""),
        ("checkout", "--duration 2s"),
        ("data-feed", "--data users=users.csv --data orders=orders.jsonl"),
    ] {
        let folder = lessons.join(lesson);
        let host = Host::run_file(&folder.join(format!("{lesson}.toml")));
        let host = stand.host(host).in_folder(&folder).target(stand.target.url());
        let args = format!("--vus 2 --iterations 6 {args}");
        let run = host.args(args.replace("--iterations 6 --duration", "--duration").trim());
        let finished = run.finish().expect_done().expect_whole_counts();
        assert!(finished.count("/measured/transactions/ok") > 0, "{lesson}");
        assert_eq!(finished.count("/measured/transactions/failed"), 0, "{lesson}");
    }
}

#[test]
fn the_guide_s_example_does_what_it_says() {
    let stand = Stand::new();
    let guide = include_str!("../../host/docs/steps.md");
    let example = guide.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let file = stand.file("shop.toml", example.expect("the guide has an example"));
    let finished = stand.run(&file, "--duration 2s").expect_done().expect_whole_counts();
    for name in ["list items", "buy ~1 POST ~1cart", "buy ~1 POST ~1orders"] {
        assert!(finished.count(&format!("/measured/by_name/{name}/ok")) > 0, "{name}");
    }
    assert_eq!(finished.count("/measured/transactions/failed"), 0);
}
