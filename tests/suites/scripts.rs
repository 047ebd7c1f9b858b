//! Scripts and their interpreters: what is written is data for a component, and everything that a
//! scenario can do and may not do holds for it. The interpreter is a guest, `line-interpreter`.

use std::path::{Path, PathBuf};

use swell_tests::{Finished, Host, Target, TargetSettings, free_address, guest};
use tempfile::TempDir;

/// A folder for tests, and a service.
struct Desk {
    folder: TempDir,
    target: Target,
}

impl Desk {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        Self {
            folder,
            target: Target::start(TargetSettings::default()).expect("loopback has a free port"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("it can be made");
        std::fs::write(&path, content).expect("the temporary folder can be written");
        path
    }

    /// Runs a script by the interpreter of lines.
    fn run(&self, script: &Path, args: &str) -> Finished {
        with_interpreter(Host::run_file(script)).target(self.target.url()).args(args).finish()
    }

    /// Refuses a script with all of these words; nothing is sent.
    #[track_caller]
    fn expect_refusal(&self, script: &Path, args: &str, words: &[&str]) -> String {
        let refused = self.run(script, &format!("--vus 1 --iterations 1 {args}")).expect_code(104);
        for word in words {
            assert!(refused.stderr.contains(word), "no {word:?} in: {}", refused.stderr);
        }
        assert_eq!(self.target.seen().connections, 0);
        refused.stderr
    }
}

fn with_interpreter(host: Host) -> Host {
    host.arg("--interpreter").arg(guest("line-interpreter"))
}

#[test]
fn a_script_is_run_with_the_files_that_it_needs() {
    let desk = Desk::new();
    desk.write("lib/items.line", "get /items\n");
    let script = desk.write("shop.line", "# front\nget /\ninclude lib/items.line\n");
    let finished = desk.run(&script, "--vus 2 --iterations 10").expect_done().expect_whole_counts();
    let target = desk.target.seen();
    assert_eq!((target.path("/"), target.path("/items"), target.requests), (10, 10, 20));
    assert_eq!(finished.count("/measured/by_name/GET ~1items/ok"), 10);
    assert_eq!(finished.json_at("/run/file").as_str(), script.to_str());
    assert_eq!(finished.json_at("/run/scenario"), "shop");

    // The same interpreter with other files is another scenario.
    let hash = |finished: &Finished| finished.json_at("/run/file_hash").clone();
    desk.write("lib/items.line", "get /other\n");
    let other = desk.run(&script, "--vus 1 --iterations 1").expect_done();
    assert_ne!(hash(&finished), hash(&other));
    desk.write("lib/items.line", "get /items\n");
    assert_eq!(hash(&finished), hash(&desk.run(&script, "--vus 1 --iterations 1").expect_done()));
}

#[test]
fn a_script_may_need_one_file_in_two_places() {
    let desk = Desk::new();
    desk.write("items.line", "get /items\n");
    let script = desk.write("shop.line", "include items.line\nget /\ninclude items.line\n");
    desk.run(&script, "--vus 1 --iterations 2").expect_done();
    assert_eq!((desk.target.seen().path("/"), desk.target.seen().path("/items")), (2, 4));
}

#[test]
fn an_interpreter_is_found_by_the_extension_of_the_script() {
    let desk = Desk::new();
    let script = desk.write("shop.line", "get /\n");
    let kept = desk.path("data/swell/interpreters/line.wasm");
    std::fs::create_dir_all(kept.parent().expect("it has a folder")).expect("it can be made");
    let run = || {
        let run = Host::run_file(&script).target(desk.target.url()).args("--vus 1 --iterations 3");
        run.env("XDG_DATA_HOME", desk.path("data")).finish()
    };
    let without = run().expect_code(104).stderr;
    assert!(without.contains("a text file") && without.contains("--interpreter"), "{without}");
    std::fs::copy(guest("line-interpreter"), kept).expect("it can be copied");
    run().expect_done();
    assert_eq!(desk.target.seen().requests, 3);
}

#[test]
fn every_command_that_takes_a_scenario_takes_a_script() {
    let desk = Desk::new();
    desk.write("lib/items.line", "get /items\n");
    let script = desk.write("shop.line", "get /\ninclude lib/items.line\n");
    let checked = with_interpreter(Host::new("check").arg(&script)).finish().expect_code(0).stdout;
    for words in ["line-interpreter.wasm", "shop.line, 29 bytes", "lib/items.line, 11 bytes"] {
        assert!(checked.contains(words), "no {words:?} in {checked}");
    }
    assert!(checked.contains("scenario shop") && checked.contains("2 steps"), "{checked}");

    let attempt = with_interpreter(Host::new("try").arg(&script)).target(desk.target.url());
    let attempt = attempt.finish().expect_code(0).stdout;
    assert!(attempt.contains("GET /items"), "{attempt}");
    assert_eq!(desk.target.seen().requests, 2);

    let plan = format!(
        "interpreter = {:?}\n[run.one]\nfile = 'shop.line'\nvus = 1\niterations = 4\n",
        guest("line-interpreter")
    );
    let plan = desk.write("plan.toml", &plan);
    Host::run_file(&plan).target(desk.target.url()).finish().expect_done();
    assert_eq!(desk.target.seen().requests, 2 + 8);
}

#[test]
fn a_fault_in_a_script_is_shown_where_it_is_before_anything_is_sent() {
    let desk = Desk::new();
    let script = desk.write("shop.line", "get /\n  gett /items\n");
    let words = desk.expect_refusal(&script, "", &["line 2, column 3: no such word: gett"]);
    assert!(words.contains("\n2 |   gett /items\n  |   ^\n"), "{words}");
    assert!(words.starts_with(&format!("error: {}: ", script.display())), "{words}");
    desk.write("lib.line", "get\n");
    let script = desk.write("shop.line", "include lib.line\n");
    desk.expect_refusal(&script, "", &["lib.line, line 1, column 1: its end is missing"]);
}

#[test]
fn a_script_reads_nothing_outside_its_folder_unless_it_is_allowed() {
    let desk = Desk::new();
    desk.write("shared/items.line", "get /items\n");
    let script = desk.write("tests/shop.line", "include ../shared/items.line\n");
    let shared = desk.path("shared");
    let allow = format!("--allow-file {}", shared.display());
    desk.expect_refusal(&script, "", &["\"../shared/items.line\"", "not below", &allow]);
    std::os::unix::fs::symlink(&shared, desk.path("tests/linked")).expect("a link");
    let linked = desk.write("tests/linked.line", "include linked/items.line\n");
    desk.expect_refusal(&linked, "", &["not below", &allow]);
    for script in [script, linked] {
        desk.run(&script, &format!("--vus 1 --iterations 1 {allow}")).expect_done();
    }
    assert_eq!(desk.target.seen().path("/items"), 2);
    let missing = desk.write("tests/missing.line", "include none.line\n");
    let refused = desk.run(&missing, "--vus 1 --iterations 1").expect_code(104).stderr;
    assert!(refused.contains("\"none.line\": No such file"), "{refused}");
}

#[test]
fn a_script_says_how_much_load_there_is_and_only_asks_for_reach() {
    let desk = Desk::new();
    let script = desk.write("shop.line", "get /\ndefault vus 2\ndefault iterations 6\n");
    assert_eq!(desk.run(&script, "").expect_done().count("/measured/iterations/ok"), 6);
    let asks = desk.write("asks.line", "get /\ndefault allow-host api.example.test\n");
    let refused = desk.run(&asks, "--vus 1 --iterations 1").expect_code(104).stderr;
    assert!(refused.contains("add --allow-host api.example.test"), "{refused}");
    // Nor does a file of settings that happens to be in the folder choose what runs.
    let interpreter = guest("line-interpreter");
    desk.write("swell.toml", &format!("interpreter = {interpreter:?}\n"));
    let run = Host::new("run").arg(&script).target(desk.target.url()).in_folder(desk.folder.path());
    let refused = run.finish().expect_code(104).stderr;
    assert!(refused.contains("add --interpreter"), "{refused}");
}

#[test]
fn no_output_writes_over_a_file_of_a_script() {
    let desk = Desk::new();
    let lib = desk.write("lib.line", "get /items\n");
    let script = desk.write("shop.line", "include ./lib.line\n");
    for file in [&lib, &script] {
        let before = std::fs::read(file).expect("it is there");
        let out = format!("--out json={}", file.display());
        desk.expect_refusal(&script, &out, &["this command reads that file"]);
        assert_eq!(std::fs::read(file).expect("it is there"), before);
    }
}

#[test]
fn a_script_that_never_ends_to_load_is_cut() {
    let desk = Desk::new();
    let script = desk.write("shop.line", "work for-ever\n");
    let words = ["cannot load it", "40 ms", "20 times --guest-cpu"];
    desk.expect_refusal(&script, "--guest-cpu 2ms", &words);
}

#[test]
fn what_is_no_interpreter_and_what_needs_none_is_told() {
    let desk = Desk::new();
    let script = desk.write("shop.line", "get /\n");
    let refused = |host: Host| {
        let host = host.target(desk.target.url()).args("--vus 1 --iterations 1");
        host.finish().expect_code(104).stderr
    };
    let words = refused(Host::new("run").arg(guest("line-interpreter")));
    assert!(words.contains("needs a script") && words.contains("--interpreter"), "{words}");
    let scenario = Host::new("run").arg(&script).arg("--interpreter").arg(guest("plain-get"));
    let words = refused(scenario);
    assert!(words.contains("swell:scenario/script@0.1.1"), "{words}");
    let words = refused(with_interpreter(Host::new("run").arg(guest("plain-get"))));
    assert!(words.contains("is a component, and needs none"), "{words}");
    let missing = Host::new("run").arg(&script).args("--interpreter /nowhere/line.wasm");
    let words = refused(missing);
    assert!(words.contains("/nowhere/line.wasm: cannot read it: No such file"), "{words}");
    let text = Host::new("run").arg(&script).arg("--interpreter").arg(&script);
    let words = refused(text);
    assert!(words.contains("its interpreter") && words.contains("a text file"), "{words}");
}

#[test]
fn deep_recursion_is_an_error_of_the_script_and_no_dead_user() {
    let desk = Desk::new();
    let script = desk.write("deep.line", "get /\nrecurse 12000\nget /items\nrecurse 12001\n");
    let finished = desk.run(&script, "--vus 2 --iterations 6").expect_done();
    assert_eq!(
        (finished.count("/measured/iterations/failed"), finished.count("/users/trapped")),
        (6, 0)
    );
    let reasons = finished.json_at("/users/iteration_failures");
    assert_eq!(reasons["too many calls"], 6, "{reasons:#}");
    assert_eq!(desk.target.seen().path("/items"), 6);
}

#[test]
fn a_user_that_reads_beyond_its_memory_ends_and_no_other() {
    let desk = Desk::new();
    let script = desk.write("beyond.line", "get /\nbeyond\n");
    // 20,000 users have not the address space in which the processor finds what is beyond.
    for users in ["--vus 2", "--tps 100 --max-vus 20000"] {
        let before = desk.target.seen().path("/");
        let finished = desk.run(&script, &format!("{users} --iterations 6"));
        assert_eq!(finished.count("/users/trapped"), 6, "{users}: {}", finished.stderr);
        let traps = finished.json_at("/users/traps").to_string();
        assert!(traps.contains("out of bounds memory access"), "{users}: {traps}");
        assert_eq!(desk.target.seen().path("/") - before, 6, "{users}");
    }
}

#[test]
fn a_script_runs_where_address_space_is_limited() {
    let desk = Desk::new();
    let script = desk.write("shop.line", "get /\n");
    let limited = &["-c", "ulimit -v $0 && exec \"$@\"", "16000000"];
    let run = with_interpreter(Host::run_file(&script)).target(desk.target.url());
    run.args("--vus 3 --iterations 6").by("sh", limited).finish().expect_done();
    assert_eq!(desk.target.seen().path("/"), 6);
}

#[test]
fn users_that_take_long_to_make_are_there_when_the_run_begins() {
    let desk = Desk::new();
    // The run is over after its first iteration, and no user is created after that.
    let created = |script: &str| {
        let script = desk.write("shop.line", script);
        desk.run(&script, "--tps 200 --iterations 1").expect_done().count("/users/created")
    };
    assert_eq!(created("work 8\nget /\n"), 20, "those of the first tenth of a second");
    assert!(created("get /\n") < 20);
}

#[test]
fn hosts_that_share_a_script_make_each_user_once() {
    let desk = Desk::new();
    let script = desk.write("shop.line", "work 4\nget /\n");
    let listen = format!("--vus 20 -n 60 --listen {} --hosts 2", free_address());
    let lead = with_interpreter(Host::run_file(&script)).target(desk.target.url()).args(&listen);
    let lead = lead.start();
    let node = Host::new("node").args(&lead.invitation()).start();
    let finished = lead.wait().expect_code_or_invalid(0);
    node.wait().expect_code(0);
    assert_eq!(
        (finished.count("/measured/iterations/ok"), finished.count("/users/most_at_once")),
        (60, 20)
    );
}
