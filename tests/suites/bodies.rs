//! Bodies as they are sent: compressed by the host, and with the service's leave.

use std::path::Path;

use swell_tests::{Host, Target, TargetSettings, guest};
use tempfile::TempDir;

fn target() -> Target {
    Target::start(TargetSettings::default()).expect("loopback has a free port")
}

/// A run of a file that this interpreter understands.
fn scripted(target: &Target, name: &str, text: &str, interpreter: &str) -> Host {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let file = folder.keep().join(name);
    std::fs::write(&file, text).expect("the temporary folder can be written");
    Host::run_file(&file).arg("--interpreter").arg(guest(interpreter)).target(target.url())
}

#[test]
fn what_a_scenario_has_compressed_arrives_as_it_was() {
    let target = target();
    let run = Host::run_guest("compressed").target(target.url()).args("--vus 2 --iterations 4");
    let done = run.finish().expect_done();
    assert_eq!(done.count("/measured/transactions/ok"), 24, "{}", done.stdout);
    let plain = 4 * 5 * 270_000;
    let sent = target.seen().body_bytes;
    assert!(sent > 0 && sent < plain / 50, "{sent} of {plain} bytes");
}

#[test]
fn steps_and_scripts_say_how_a_body_is_compressed() {
    let target = target();
    let steps = r#"
        [[step]]
        post = "/echo"
        json = { a = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" }
        compress = "gzip"
        [step.expect.body]
        contains = '["content-encoding","gzip"]'
        json = { "$.inflated" = '{"a":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}' }
    "#;
    let run = scripted(&target, "shop.toml", steps, "steps").args("--vus 1 --iterations 2");
    let done = run.finish().expect_done();
    assert_eq!(done.count("/measured/transactions/ok"), 2, "{}", done.stdout);
    let script = "import http from 'k6/http';
        import { check } from 'k6';
        export default () => {
          const text = 'bb'.repeat(1000);
          const gzip = http.post('/echo', text, { compression: 'gzip' }).json();
          check(gzip, { 'it is the same': (it) => it.inflated === text });
          const both = http.post('/echo', text, { compression: 'gzip, br' }).json();
          const said = both.headers.find(([name]) => name === 'content-encoding');
          check(said, { 'both are said': (it) => it[1] === 'gzip, br' });
          try {
            http.post('/echo', text, { compression: 'lzma' });
          } catch (error) {
            check(error, { 'another is refused': (it) => it.message.includes('none of gzip') });
          }
        };";
    let run = scripted(&target, "shop.js", script, "javascript").args("--vus 1 --iterations 1");
    let done = run.finish().expect_done();
    for name in ["it is the same", "both are said", "another is refused"] {
        assert_eq!(done.count(&format!("/measured/checks/{name}/passed")), 1, "{name}");
    }
}

#[test]
fn a_coding_that_there_is_not_and_a_body_that_there_is_not_are_refused_with_their_places() {
    let target = target();
    for (step, words) in [
        ("post = \"/\"\nbody = \"x\"\ncompress = \"lzma\"", "compress is one of gzip, deflate"),
        ("get = \"/\"\ncompress = \"gzip\"", "there is no body to compress"),
    ] {
        let text = format!("[[step]]\n{step}\n");
        let refused = scripted(&target, "shop.toml", &text, "steps").finish().expect_code(104);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
        assert!(refused.stderr.contains("shop.toml:"), "{}", refused.stderr);
    }
    assert_eq!(target.seen().connections, 0);
}

#[test]
fn a_body_waits_for_the_service_and_arrives_whole() {
    let target = target();
    let data = TempDir::new().expect("a temporary folder can be made");
    let kept = data.path().join("swell/interpreters");
    std::fs::create_dir_all(&kept).expect("it can be made");
    std::fs::copy(guest("steps"), kept.join("steps.wasm")).expect("it can be copied");
    let run = Host::run_file(Path::new(&format!("{}/echo", target.url())));
    let run = run.env("XDG_DATA_HOME", data.path()).args("--vus 2 -n 10 --expect-timeout 30s");
    let run = run.args("--body 0123456789 --header").arg("expect: 100-continue");
    let done = run.finish().expect_done();
    assert_eq!(done.count("/measured/transactions/ok"), 10);
    let seen = target.seen();
    assert_eq!((seen.requests, seen.body_bytes, seen.connections), (10, 100, 2));
}
