//! Scripts that end their runs in their own words: what they are given, what becomes of what they
//! return, and where their files go.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use swell_tests::{Finished, Host, Target, TargetSettings, guest};
use tempfile::TempDir;

/// A service, and a folder for scripts and their files.
struct Desk {
    target: Target,
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        fs::create_dir(folder.path().join("out")).expect("a folder can be made");
        let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
        Self { target, folder }
    }

    /// The path of a file that a script writes.
    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    /// A script of two iterations that ends with this `handleSummary`.
    fn run(&self, summary: &str, args: &str) -> Finished {
        let text = format!(
            "import http from 'k6/http';\nimport {{ check }} from 'k6';\n\
             import {{ Trend, Counter }} from 'k6/metrics';\nimport {{ textSummary, jUnit }} from \
             'https://jslib.k6.io/k6-summary/0.1.0/index.js';\n\
             const sizes = new Trend('sizes');\nconst coins = new Counter('coins');\n\
             export const options = {{ vus: 1, iterations: 2, thresholds: {{ checks: ['rate==1'], \
             'http_req_duration': ['p(95)<5000'] }}, \
             summaryTrendStats: ['avg', 'p(75)', 'count'] }};\n\
             export default function () {{\n  check(http.get('/ok'), {{ 'it is there': (r) => \
             r.status === 200 }});\n  sizes.add(__ITER + 1, {{ size: `${{__ITER}}` }});\n  \
             coins.add(2);\n}}\n{summary}\n"
        );
        let script = self.folder.path().join("shop.js");
        fs::write(&script, text).expect("the temporary folder can be written");
        let host = Host::run_file(&script).arg("--interpreter").arg(guest("javascript"));
        let host = host.in_folder(self.folder.path()).target(self.target.url());
        host.args(args).finish()
    }
}

const OUT: &str = "--summary-dir out";

#[test]
fn a_script_is_given_what_k6_would_give_it() {
    let desk = Desk::new();
    let summary = "export const handleSummary = (data) => ({ 'data.json': JSON.stringify(data), \
        stdout: textSummary(data, { indent: ' ' }), stderr: 'told', 'junit.xml': jUnit(data), \
        'bytes': new Uint8Array([0, 255]) });";
    let finished = desk.run(summary, OUT).expect_code(0);
    let data: Value =
        serde_json::from_slice(&fs::read(desk.out("data.json")).expect("it is written"))
            .expect("it is JSON");
    let values = |metric: &str| &data["metrics"][metric]["values"];
    assert_eq!(values("http_reqs")["count"], 2, "{data:#}");
    assert_eq!((&values("checks")["passes"], &values("checks")["rate"]), (&2.into(), &1.into()));
    assert_eq!(values("http_req_failed")["passes"], 0);
    assert_eq!(values("coins")["count"], 4.0);
    // Over all tags, and between two samples in a straight line.
    let sizes = values("sizes");
    assert_eq!((&sizes["avg"], &sizes["count"]), (&1.5.into(), &2.into()), "{sizes}");
    assert!((sizes["p(75)"].as_f64().expect("a number") - 1.75).abs() < 0.01, "{sizes}");
    assert!(values("iteration_duration")["avg"].as_f64().expect("a number") > 0.0);
    assert_eq!(data["metrics"]["checks"]["thresholds"]["rate==1"]["ok"], true);
    assert_eq!(data["metrics"]["http_req_duration"]["thresholds"]["p(95)<5000"]["ok"], true);
    assert_eq!(data["root_group"]["checks"][0]["name"], "it is there");
    assert!(data["state"]["testRunDurationMs"].as_f64().expect("a number") > 0.0);
    assert_eq!(fs::read(desk.out("bytes")).expect("it is written"), [0, 255]);
    let junit = fs::read_to_string(desk.out("junit.xml")).expect("it is written");
    assert!(junit.contains("tests=\"2\" failures=\"0\""), "{junit}");
    for words in ["✓ it is there", "✓ checks", "100.00% ✓ 2", "sizes", "p(75)=1.75"] {
        assert!(finished.stdout.contains(words), "no {words:?} in: {}", finished.stdout);
    }
    assert!(!finished.stdout.contains("closed model"), "{}", finished.stdout);
    assert!(finished.stderr.contains("told"), "{}", finished.stderr);
}

#[test]
fn one_that_returns_nothing_prints_nothing_and_a_quiet_run_prints_none() {
    let desk = Desk::new();
    for (summary, args) in [
        ("export function handleSummary() {}", ""),
        ("export async function handleSummary() { return { stderr: '' }; }", ""),
        ("export const handleSummary = () => ({ stdout: 'words' });", "--quiet"),
    ] {
        let finished = desk.run(summary, args).expect_code(0);
        assert_eq!(finished.stdout, "", "{summary}");
    }
}

#[test]
fn one_that_goes_wrong_leaves_the_hosts_summary_and_why() {
    let desk = Desk::new();
    for (summary, words) in [
        ("export function handleSummary() { throw new Error('no'); }", "failed: no (shop.js:13"),
        ("export function handleSummary() { return 5; }", "returned 5: an object of places"),
        ("export function handleSummary() { return { a: 5 }; }", "returned 5 for \"a\""),
        ("export function handleSummary(d) { return d.none.x; }", "TypeError"),
        ("export function handleSummary() { for (;;); }", "computed for 2000 ms"),
        ("export const handleSummary = () => new Promise(() => {});", "nothing settles"),
        ("export const handleSummary = () => ({ stdout: 'x'.repeat(100e6) });", "its own summary"),
    ] {
        // Nobody has asked for its files, and the figures are there.
        let finished = desk.run(summary, "").expect_code(0);
        assert!(finished.stderr.contains(words), "{summary}: {}", finished.stderr);
        assert!(finished.stdout.contains("closed model, 1 user"), "{summary}: {}", finished.stdout);
        assert_eq!(finished.count("/measured/iterations/ok"), 2);
    }
    let thrown = "export function handleSummary() { throw new Error('no'); }";
    let lacking = desk.run(thrown, OUT).expect_code(114);
    assert!(lacking.stderr.contains("are not written"), "{}", lacking.stderr);
}

#[test]
fn files_are_written_where_that_was_allowed_and_nowhere_else() {
    let desk = Desk::new();
    let named = |names: &str| format!("export const handleSummary = () => ({{ {names} }});");
    // Without a folder none is written, which is no failure; the flag is told before and after.
    let finished = desk.run(&named("'x.json': '{}', stdout: 'words\\n'"), "").expect_code(0);
    assert_eq!(finished.stdout, "words\n");
    assert_eq!(finished.stderr.matches("--summary-dir DIR").count(), 2, "{}", finished.stderr);
    assert!(!desk.folder.path().join("x.json").exists());
    for name in ["../x", "/tmp/swell-own-summary", "a/../../x", "none/x", "", "out/"] {
        let names = format!("{name:?}: 'x', good: 'g', stdout: 'words'");
        let finished = desk.run(&named(&names), OUT).expect_code(114);
        assert!(finished.stderr.contains("is not written: "), "{name}: {}", finished.stderr);
        assert_eq!(finished.stdout, "words");
        assert_eq!(fs::read(desk.out("good")).expect("the others are written"), b"g");
    }
    assert!(!desk.folder.path().join("x").exists());
    assert!(!PathBuf::from("/tmp/swell-own-summary").exists());
    // What the command reads itself stays.
    let finished = desk.run(&named("'shop.js': 'x'"), "--summary-dir .").expect_code(114);
    assert!(finished.stderr.contains("reads or writes that file"), "{}", finished.stderr);
}

#[test]
fn a_folder_that_is_of_no_use_is_refused_before_anything_is_sent() {
    let desk = Desk::new();
    let own = "export const handleSummary = () => ({});";
    for (summary, args, words) in [
        ("", OUT, "nothing that is run here has a summary of its own"),
        (own, "--summary-dir none", "a folder is wanted that is there"),
        (own, "--summary-dir shop.js", "that is no folder"),
        ("export const handleSummary = 5;", "", "handleSummary is exported, and is no function"),
    ] {
        let refused = desk.run(summary, args).expect_code(104);
        assert!(refused.stderr.contains(words), "{args}: {}", refused.stderr);
    }
    assert_eq!(desk.target.seen().requests, 0);
}

#[test]
fn several_scenarios_end_in_one_summary() {
    let desk = Desk::new();
    let summary = "export const handleSummary = (data) => ({ 'all.json': JSON.stringify(data) });\n\
        options.iterations = options.vus = undefined;\noptions.scenarios = { \
        a: { executor: 'shared-iterations', iterations: 3 }, \
        b: { executor: 'shared-iterations', iterations: 4 } };";
    desk.run(summary, OUT).expect_code(0);
    let text = fs::read_to_string(desk.out("all.json")).expect("it is written");
    let data: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(data["metrics"]["iterations"]["values"]["count"], 7, "{data:#}");
    assert_eq!(data["metrics"]["sizes"]["values"]["count"], 7, "{data:#}");
}
