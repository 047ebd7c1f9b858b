//! gRPC against real services: the library of gRPC for Python, and one that breaks calls off. What
//! the host counts is what the service has counted.

use serde_json::{Value, json};
use swell_tests::{Finished, Host, PythonGrpc, Target, TargetSettings, guest};

/// A run of the guest that calls a method five times in each iteration.
fn calls(url: &str, method: &str, load: &str) -> Finished {
    Host::run_guest("grpc")
        .target(url)
        .arg("-e")
        .arg(format!("METHOD=/swell.test.Echo/{method}"))
        .args("--allow-all-failed --no-preflight")
        .args(load)
        .finish()
}

fn count(run: &Finished, what: &str) -> u64 {
    run.count(&format!("/measured/grpc/{what}"))
}

fn of<'a>(run: &'a Finished, what: &str) -> &'a Value {
    run.json_at(&format!("/measured/grpc/{what}"))
}

/// What a run counts of one method.
fn by_method<'a>(run: &'a Finished, method: &str, what: &str) -> &'a Value {
    of(run, &format!("by_method/~1swell.test.Echo~1{method}/{what}"))
}

#[test]
fn calls_are_counted_as_the_service_counts_them() {
    let mut service = PythonGrpc::start();
    let run = calls(&service.url(), "Say", "--vus 4 --iterations 40").expect_done();
    let seen = service.counts();
    assert_eq!((seen.calls["Say"], seen.received, seen.sent), (200, 200, 200));
    assert_eq!((count(&run, "calls/ok"), count(&run, "calls/failed")), (200, 0));
    assert_eq!(of(&run, "calls/statuses"), &json!({ "OK": 200 }));
    assert_eq!((count(&run, "messages/sent"), count(&run, "messages/received")), (200, 200));
    assert_eq!(count(&run, "messages/bytes_sent"), 1_000);
    assert_eq!(count(&run, "messages/bytes_received"), 1_000);
    for (times, samples) in
        [("service_ms", 200), ("phases_ms/connecting", 4), ("phases_ms/waiting", 200)]
    {
        assert_eq!(count(&run, &format!("calls/{times}/count")), samples, "{times}");
    }
    assert_eq!(count(&run, "calls/connections"), 4, "one a user");
    assert_eq!(by_method(&run, "Say", "ok"), &json!(200));
    assert_eq!(by_method(&run, "Say", "messages/sent"), &json!(200));
    assert_eq!(run.count("/measured/by_name/say/ok"), 200);
    // They are no requests.
    assert_eq!((run.count("/requests_written"), run.count("/measured/requests/ok")), (0, 0));
    let told = ["grpc", "200 calls ok", "/swell.test.Echo/Say"];
    assert!(told.iter().all(|words| run.stdout.contains(words)), "{}", run.stdout);
    // What went along reached it.
    let metadata = &seen.metadata["Say"];
    let has =
        |name: &str, value: &str| metadata.iter().any(|(given, of)| given == name && of == value);
    assert!(has("x-bytes-bin", "0001ff") && has("x-text", "a b"), "{metadata:?}");
}

#[test]
fn statuses_fail_calls_by_their_names_and_the_run_goes_on() {
    let mut service = PythonGrpc::start();
    let run = calls(&service.url(), "Refuse", "--vus 4 --iterations 40");
    let seen = service.counts();
    assert_eq!((seen.calls["Refuse"], seen.refused), (200, 40));
    assert_eq!(of(&run, "calls/statuses"), &json!({ "OK": 160, "UNAVAILABLE": 40 }));
    assert_eq!((count(&run, "calls/ok"), count(&run, "calls/failed")), (160, 40));
    assert_eq!(run.json_at("/measured/by_name/say/failures"), &json!({ "grpc UNAVAILABLE": 40 }));
    assert_eq!(count(&run, "messages/received"), seen.sent);
    let unknown = calls(&service.url(), "Nothing", "--vus 1 --iterations 1");
    assert_eq!(of(&unknown, "calls/statuses"), &json!({ "UNIMPLEMENTED": 5 }));
}

#[test]
fn calls_that_are_broken_off_in_mid_message_are_counted_each() {
    let mut service = PythonGrpc::breaking();
    let run = calls(&service.url(), "Broken", "--vus 4 --iterations 100");
    let seen = service.counts();
    assert_eq!((seen.calls["Broken"], seen.cancelled), (500, 100));
    assert_eq!(of(&run, "calls/errors"), &json!({ "reset": 100 }));
    assert_eq!(of(&run, "calls/statuses"), &json!({ "OK": seen.sent }));
    assert_eq!(count(&run, "messages/sent"), seen.received);
    assert_eq!(count(&run, "messages/received"), seen.sent);
    assert_eq!(run.json_at("/measured/by_name/say/failures"), &json!({ "request: reset": 100 }));
    assert_eq!((count(&run, "calls/connections"), run.count("/users/trapped")), (4, 0));
    let untold = calls(&service.url(), "Untold", "--vus 2 --iterations 10");
    assert_eq!(of(&untold, "calls/statuses"), &json!({ "OK": 40, "UNKNOWN": 10 }));
    let unheard = calls(&service.url(), "Unheard", "--vus 2 --iterations 10");
    assert_eq!(of(&unheard, "calls/errors"), &json!({ "reset": 10 }));
}

#[test]
fn a_deadline_that_passes_is_a_status_after_its_time() {
    let mut service = PythonGrpc::start();
    let run = calls(&service.url(), "Slow", "-e DEADLINE=200 --vus 2 --iterations 2");
    assert_eq!(of(&run, "calls/statuses"), &json!({ "DEADLINE_EXCEEDED": 10 }));
    let shortest = of(&run, "calls/service_ms/min").as_f64().expect("a time");
    assert!((200.0..400.0).contains(&shortest), "{shortest} ms");
    swell_tests::wait_until(
        std::time::Duration::from_secs(10),
        "the service to hear of it",
        || (service.counts().cancelled == 10).then_some(()),
    );
}

#[test]
fn services_that_speak_no_grpc_or_are_not_there_are_told_apart() {
    let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
    // It speaks HTTP/2, and answers with 404.
    let other = calls(&target.url(), "Say", "--vus 1 --iterations 2");
    assert_eq!(of(&other, "calls/statuses"), &json!({ "UNIMPLEMENTED": 10 }), "{}", other.stdout);
    let service = PythonGrpc::start();
    let denied =
        calls(&service.url(), "Say", "-e SERVICE=http://denied.test:50051 --vus 1 --iterations 2");
    assert_eq!(of(&denied, "calls/errors"), &json!({ "denied": 10 }));
    let nobody = calls("http://127.0.0.1:1", "Say", "--vus 1 --iterations 2");
    assert_eq!(of(&nobody, "calls/errors"), &json!({ "connect": 10 }));
}

#[test]
fn streams_of_each_kind_are_counted_as_the_service_counts_them() {
    let mut service = PythonGrpc::start();
    let run = Host::run_guest("grpc-streams")
        .target(service.url())
        .args("--vus 4 --iterations 20 --no-preflight")
        .finish()
        .expect_done();
    let seen = service.counts();
    assert_eq!((seen.calls["Collect"], seen.calls["Many"], seen.calls["Chat"]), (20, 20, 40));
    assert_eq!((count(&run, "streams/ok"), count(&run, "streams/failed")), (80, 0));
    assert_eq!(of(&run, "streams/statuses"), &json!({ "CANCELLED": 20, "OK": 60 }));
    assert_eq!(count(&run, "messages/sent"), seen.received);
    assert_eq!(count(&run, "messages/received"), seen.sent);
    assert_eq!((seen.received, seen.sent), (20 * (10 + 1 + 3 + 1), 20 * (1 + 20 + 3 + 1)));
    for name in ["collect", "many", "chat", "leave"] {
        assert_eq!(run.count(&format!("/measured/by_name/{name}/ok")), 20, "{name}");
    }
    assert!(run.stdout.contains("80 streams ok"), "{}", run.stdout);
}

#[test]
fn outside_transactions_calls_are_transactions_and_waits_end_with_the_run() {
    let mut service = PythonGrpc::start();
    let run = Host::run_guest("grpc-alone")
        .target(service.url())
        .args("--vus 1 --duration 2s --no-preflight")
        .finish()
        .expect_done();
    let ok = |method: &str| run.count(&format!("/measured/by_name/~1swell.test.Echo~1{method}/ok"));
    assert_eq!((ok("Say"), ok("Many")), (10, 10));
    let seen = service.counts();
    assert_eq!((seen.calls["Say"], seen.calls["Many"], seen.calls["Chat"]), (10, 10, 1));
    // What the user kept goes with it.
    assert_eq!(of(&run, "streams/statuses"), &json!({ "CANCELLED": 1, "OK": 10 }));
    assert_eq!(count(&run, "messages/sent"), seen.received);
}

#[test]
fn trying_shows_a_call_with_its_metadata_and_its_status() {
    let service = PythonGrpc::start();
    let tried = Host::new("try").arg(guest("grpc")).target(service.url()).finish();
    let mut rest = &*tried.stdout;
    for words in [
        "▸ say",
        "/swell.test.Echo/Say 200",
        "te: trailers",
        "x-bytes-bin: 3 bytes",
        "x-head: first",
        "grpc-status: 0",
        "say ok",
    ] {
        let (_, after) =
            rest.split_once(words).unwrap_or_else(|| panic!("no {words:?}: {}", tried.stdout));
        rest = after;
    }
}

#[test]
fn messages_in_json_go_as_their_description_says() {
    let mut service = PythonGrpc::start();
    let run = Host::run_guest("grpc-json")
        .target(service.url())
        .args("--vus 2 --iterations 10 --no-preflight")
        .finish()
        .expect_done();
    let seen = service.counts();
    assert_eq!((seen.calls["Say"], seen.calls["Chat"]), (10, 10), "{}", run.stdout);
    assert_eq!((count(&run, "calls/ok"), count(&run, "streams/ok")), (10, 10));
    // text, two numbers in one field, and a time.
    assert_eq!(count(&run, "messages/bytes_sent"), 20 * (7 + 4 + 8));
    assert_eq!(run.count("/measured/iterations/ok"), 10, "{}", run.stdout);
}

/// What a script describes: one file imports the other.
const ECHO: &str = "syntax = \"proto3\";\npackage swell.test;\nimport \"note.proto\";\n\
    service Echo {\n  rpc Say(Note) returns (Note);\n  rpc Refuse(Note) returns (Note);\n  \
    rpc Chat(stream Note) returns (stream Note);\n}\n";
const NOTE: &str = "syntax = \"proto3\";\npackage swell.test;\nmessage Note {\n  \
    string text = 1;\n  int32 number = 2;\n}\n";

/// A script, run against the service, with its files of descriptions beside it.
fn script(service: &PythonGrpc, text: &str, load: &str) -> Finished {
    let folder = tempfile::TempDir::new().expect("a temporary folder can be made");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("the folder can be written");
    };
    std::fs::create_dir(folder.path().join("protos")).expect("the folder can be written");
    write("protos/echo.proto", ECHO);
    write("protos/note.proto", NOTE);
    write("say.js", text);
    let address = service.url().replace("http://", "");
    Host::run_file(&folder.path().join("say.js"))
        .arg("--interpreter")
        .arg(guest("javascript"))
        .arg("-e")
        .arg(format!("ADDRESS={address}"))
        .target(service.url())
        .args("--no-preflight")
        .args(load)
        .finish()
}

#[test]
fn a_script_of_k6_calls_methods_with_objects() {
    let mut service = PythonGrpc::start();
    let run = script(
        &service,
        "
import grpc from 'k6/net/grpc';
import { check } from 'k6';

const client = new grpc.Client();
client.load(['protos'], 'echo.proto');

export default function () {
  client.connect(__ENV.ADDRESS, { plaintext: true });
  const response = client.invoke('swell.test.Echo/Say', { text: 'hello', number: 7 },
    { metadata: { 'X-Text': 'a b' }, timeout: '2s' });
  check(response, {
    ok: (r) => r && r.status === grpc.StatusOK && r.error === null,
    echoed: (r) => r.message.text === 'hello' && r.message.number === 7,
    headers: (r) => r.headers['x-head'][0] === 'first' && r.trailers['x-tail'][0] === 'last',
  });
  for (let i = 0; i < 5; i += 1) {
    const refused = client.invoke('swell.test.Echo/Refuse', { text: 'x' });
    if (refused.status !== grpc.StatusOK) {
      check(refused, { unavailable: (r) => r.status === grpc.StatusUnavailable
        && r.message === null && r.error.message === 'not today: ü' });
    }
  }
  client.close();
}",
        "--vus 2 --iterations 10 --allow-all-failed",
    );
    let seen = service.counts();
    for check in ["ok", "echoed", "headers"] {
        let passed = run.count(&format!("/measured/checks/{check}/passed"));
        assert_eq!(passed, 10, "{check}: {}", run.stdout);
    }
    assert_eq!(run.count("/measured/checks/unavailable/passed"), 10, "{}", run.stdout);
    assert_eq!((seen.calls["Say"], seen.calls["Refuse"], seen.refused), (10, 50, 10));
    assert_eq!(of(&run, "calls/statuses"), &json!({ "OK": 50, "UNAVAILABLE": 10 }));
    let name = "~1swell.test.Echo~1Say";
    assert_eq!(run.count(&format!("/measured/by_name/{name}/ok")), 10, "{}", run.stdout);
    assert!(seen.metadata["Say"].contains(&("x-text".to_owned(), "a b".to_owned())));
}

#[test]
fn a_script_of_k6_is_called_back_by_a_stream_until_it_has_ended() {
    let mut service = PythonGrpc::start();
    let run = script(
        &service,
        "
import { Client, Stream } from 'k6/net/grpc';
import { check } from 'k6';

const client = new Client();
client.load(['protos'], 'echo.proto');

export default function () {
  client.connect(__ENV.ADDRESS, { plaintext: true });
  const stream = new Stream(client, 'swell.test.Echo/Chat');
  const heard = [];
  stream.on('data', (note) => {
    heard.push(note.number);
    if (heard.length === 3) stream.end();
    else stream.write({ number: heard.length });
  });
  stream.on('error', (error) => { throw new Error(error.message); });
  stream.on('end', () => check(heard, { all: (h) => h.join() === '0,1,2' }));
  stream.write({ text: 'first' });
}",
        "--vus 2 --iterations 10",
    );
    let seen = service.counts();
    assert_eq!(run.count("/measured/checks/all/passed"), 10, "{}", run.stdout);
    assert_eq!((seen.calls["Chat"], seen.received, seen.sent), (10, 30, 30));
    assert_eq!(of(&run, "streams/statuses"), &json!({ "OK": 10 }));
}
