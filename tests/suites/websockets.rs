//! WebSockets against a real service, the library `websockets` of Python: what the host counts is
//! what the service has counted.

use serde_json::{Value, json};
use swell_tests::{Finished, Host, PythonWebSockets, Target, TargetSettings, guest};

/// A run of the guest that joins, says five things and leaves, at a path that decides what comes of
/// it.
fn chats(service: &PythonWebSockets, path: &str, load: &str) -> Finished {
    Host::run_guest("websocket")
        .target(service.url())
        .arg("-e")
        .arg(format!("PATH={path}"))
        .args("--allow-all-failed --no-preflight")
        .args(load)
        .finish()
}

fn count(run: &Finished, what: &str) -> u64 {
    run.count(&format!("/measured/websockets/{what}"))
}

fn of<'a>(run: &'a Finished, what: &str) -> &'a Value {
    run.json_at(&format!("/measured/websockets/{what}"))
}

#[test]
fn what_is_counted_is_what_the_service_has_counted() {
    let mut service = PythonWebSockets::start();
    let run = chats(&service, "/echo", "--vus 4 --iterations 40").expect_done();
    let seen = service.counts();
    assert_eq!((seen.opened, seen.received, seen.sent), (40, 200, 200));
    assert_eq!(seen.closed.get("1000"), Some(&40));
    assert_eq!(count(&run, "handshakes/ok"), 40);
    assert_eq!(of(&run, "handshakes/statuses"), &json!({ "101": 40 }));
    assert_eq!(of(&run, "ends"), &json!({ "scenario": 40 }));
    assert_eq!(of(&run, "errors"), &json!({}));
    assert_eq!((count(&run, "messages_sent"), count(&run, "messages_received")), (200, 200));
    assert_eq!((count(&run, "bytes_sent"), count(&run, "bytes_received")), (1_000, 1_000));
    for (times, samples) in [
        ("round_trip_ms", 200),
        ("session_ms", 40),
        ("handshakes/service_ms", 40),
        ("handshakes/phases_ms/connecting", 40),
        ("handshakes/phases_ms/waiting", 40),
    ] {
        assert_eq!(count(&run, &format!("{times}/count")), samples, "{times}");
    }
    for (name, times) in [("join", 40), ("say", 200), ("leave", 40)] {
        assert_eq!(run.count(&format!("/measured/by_name/{name}/ok")), times, "{name}");
    }
    // They are no requests.
    assert_eq!((run.count("/requests_written"), run.count("/measured/requests/ok")), (0, 0));
    assert!(
        run.stdout.contains("websockets") && run.stdout.contains("round trip"),
        "{}",
        run.stdout
    );
}

#[test]
fn resets_in_mid_message_are_counted_each_and_the_run_goes_on() {
    let mut service = PythonWebSockets::start();
    let run = chats(&service, "/reset", "--vus 4 --iterations 100");
    let seen = service.counts();
    assert!(seen.resets >= 15, "{seen:?}");
    assert_eq!(count(&run, "handshakes/ok"), seen.opened);
    assert_eq!(of(&run, "ends/reset"), &json!(seen.resets));
    assert_eq!(of(&run, "ends/scenario"), &json!(seen.opened - seen.resets));
    assert_eq!(of(&run, "errors"), &json!({ "reset": seen.resets }));
    assert_eq!(count(&run, "messages_sent"), seen.received);
    assert_eq!(count(&run, "messages_received"), seen.sent);
    assert_eq!(
        run.json_at("/measured/by_name/say/failures"),
        &json!({ "request: reset": seen.resets })
    );
    assert_eq!(run.count("/users/trapped"), 0);
}

#[test]
fn a_service_that_closes_and_one_that_is_silent_are_told_apart() {
    let mut service = PythonWebSockets::start();
    let closed = chats(&service, "/close/1011", "--vus 2 --iterations 10");
    assert_eq!(of(&closed, "ends"), &json!({ "service 1011": 10 }));
    assert_eq!(of(&closed, "errors"), &json!({ "closed": 10 }));
    assert_eq!(closed.json_at("/measured/by_name/say/failures"), &json!({ "request: closed": 10 }));
    let silent = chats(&service, "/silent", "--vus 2 --iterations 4");
    assert_eq!(of(&silent, "errors"), &json!({ "timeout_receiving": 4 }));
    assert_eq!(of(&silent, "ends"), &json!({ "scenario": 4 }), "it was dropped");
    assert_eq!(service.counts().opened, 14);
}

#[test]
fn outside_transactions_opening_and_asking_are_transactions_and_waits_end_with_the_run() {
    let mut service = PythonWebSockets::start();
    let run = Host::run_guest("websocket-alone")
        .target(service.url())
        .args("--vus 1 --duration 2s --no-preflight")
        .finish()
        .expect_done();
    let ok = |name: &str| run.count(&format!("/measured/by_name/{name}/ok"));
    assert_eq!(ok("connect ~1echo"), 1);
    assert_eq!(ok("exchange ~1echo"), 9);
    assert_eq!(of(&run, "errors"), &json!({}));
    // What the user kept goes with it.
    assert_eq!(of(&run, "ends"), &json!({ "scenario": 1 }));
    let seen = service.counts();
    assert_eq!((seen.opened, seen.received), (1, count(&run, "messages_sent")));
    assert_eq!(count(&run, "ping_ms/count"), 9, "all pongs came, the last while it waited");
}

#[test]
fn what_refuses_a_websocket_fails_by_its_class() {
    let target = Target::start(TargetSettings::default()).expect("loopback has a free port");
    let refused = Host::run_guest("websocket")
        .target(target.url())
        .args("-e PATH=/ok --vus 2 --iterations 10 --allow-all-failed --no-preflight")
        .finish();
    assert_eq!(of(&refused, "handshakes/statuses"), &json!({ "200": 10 }));
    assert_eq!(count(&refused, "handshakes/failed"), 10);
    assert_eq!(of(&refused, "ends"), &json!({}));
    assert_eq!(refused.json_at("/measured/by_name/join/failures"), &json!({ "status 200": 10 }));
    let denied = Host::run_guest("websocket")
        .target(target.url())
        .args("-e PATH=ws://denied.test/ --vus 2 --iterations 10 --allow-all-failed --no-preflight")
        .finish();
    assert_eq!(of(&denied, "handshakes/errors"), &json!({ "denied": 10 }));
}

#[test]
fn trying_shows_the_handshake_and_each_message_in_order() {
    let service = PythonWebSockets::start();
    let tried = Host::new("try").arg(guest("websocket")).target(service.url()).finish();
    let mut rest = &*tried.stdout;
    for words in [
        "▸ join",
        "101 Switching Protocols",
        "sec-websocket-key",
        "→ text of 5 bytes: hello",
        "← text of 5 bytes: hello",
        "→ close 1000",
        "leave ok",
    ] {
        let (_, after) =
            rest.split_once(words).unwrap_or_else(|| panic!("no {words:?}: {}", tried.stdout));
        rest = after;
    }
}

/// A script, run against the service.
fn script(service: &PythonWebSockets, text: &str, load: &str) -> Finished {
    let folder = tempfile::TempDir::new().expect("a temporary folder can be made");
    let path = folder.path().join("chat.js");
    std::fs::write(&path, text).expect("the temporary folder can be written");
    let host = Host::run_file(&path).arg("--interpreter").arg(guest("javascript"));
    host.target(service.url()).args("--no-preflight").args(load).finish()
}

#[test]
fn a_script_of_k6_ws_is_called_back_until_its_socket_is_closed() {
    let mut service = PythonWebSockets::start();
    let run = script(
        &service,
        "
import ws from 'k6/ws';
import { check } from 'k6';
import { Counter } from 'k6/metrics';

const told = new Counter('told');

export default function () {
  const response = ws.connect('/echo', { headers: { 'X-A': 'b' } }, (socket) => {
    let ticks = 0;
    socket.on('open', () => { told.add(1, { event: 'open' }); socket.send('one'); });
    socket.on('message', (text) => {
      told.add(1, { event: 'message ' + text });
      if (text === 'one') socket.sendBinary(new Uint8Array([1, 2]).buffer);
    });
    socket.on('binaryMessage', (data) => {
      told.add(1, { event: 'binary ' + data.byteLength });
      socket.ping();
    });
    socket.on('pong', () => told.add(1, { event: 'pong' }));
    socket.on('close', (code) => told.add(1, { event: 'close ' + code }));
    socket.on('error', (error) => { throw new Error(error.error()); });
    socket.setInterval(() => { ticks += 1; told.add(1, { event: 'tick ' + ticks }); }, 100);
    socket.setTimeout(() => socket.close(), 350);
  });
  check(response, { switched: (r) => r && r.status === 101 });
}",
        "--vus 2 --iterations 4",
    )
    .expect_done();
    let metrics = run.json_at("/measured/metrics").as_array().expect("a list");
    let mut told: Vec<(&str, f64)> = metrics
        .iter()
        .map(|of| {
            let event = of["tags"]["event"].as_str().expect("a tag");
            (event, of["values"]["sum"].as_f64().expect("a sum"))
        })
        .collect();
    told.sort_by_key(|(event, _)| *event);
    let events =
        ["binary 2", "close 1000", "message one", "open", "pong", "tick 1", "tick 2", "tick 3"];
    assert_eq!(told, events.map(|event| (event, 4.0)));
    assert_eq!(run.count("/measured/checks/switched/passed"), 4);
    assert_eq!(run.count("/measured/by_name/connect ~1echo/ok"), 4);
    assert_eq!(of(&run, "ends"), &json!({ "scenario": 4 }));
    let seen = service.counts();
    assert_eq!((seen.opened, seen.received, seen.closed["1000"]), (4, 8, 4));
}

#[test]
fn a_script_of_k6_websockets_has_several_beside_its_timers() {
    let mut service = PythonWebSockets::start();
    let run = script(
        &service,
        "
import { WebSocket } from 'k6/websockets';
import { check } from 'k6';

export default function () {
  const heard = [];
  for (const name of ['a', 'b']) {
    const socket = new WebSocket('/echo');
    socket.onopen = () => socket.send(name);
    socket.addEventListener('message', ({ data }) => {
      heard.push(data);
      setTimeout(() => socket.close(1000, 'done'), 50);
    });
    socket.onclose = ({ code }) => {
      heard.push(code);
      const all = { all: (words) => words.includes('a') && words.includes('b') };
      if (heard.length === 4) check(heard, all);
    };
  }
  const gone = new WebSocket('ws://127.0.0.1:1/');
  gone.onerror = ({ error }) => check(error, { refused: (words) => words.includes('refused') });
}",
        "--vus 2 --iterations 4 --allow-all-failed --allow-host 127.0.0.1",
    );
    assert_eq!(run.count("/measured/checks/all/passed"), 4, "{}", run.stdout);
    assert_eq!(run.count("/measured/checks/refused/passed"), 4, "{}", run.stdout);
    assert_eq!(of(&run, "handshakes/errors"), &json!({ "connect": 4 }));
    assert_eq!((count(&run, "handshakes/ok"), service.counts().opened), (8, 8));
    assert_eq!(of(&run, "ends"), &json!({ "scenario": 8 }));
}

#[test]
fn a_socket_that_nobody_closes_ends_with_the_run() {
    let service = PythonWebSockets::start();
    let run = script(
        &service,
        "
import ws from 'k6/ws';
export default function () {
  ws.connect('/silent', {}, (socket) => socket.on('open', () => socket.send('hello')));
}",
        "--vus 2 --duration 1s",
    )
    .expect_done();
    assert_eq!(count(&run, "handshakes/ok"), 2, "{}", run.stdout);
    assert_eq!(of(&run, "ends/scenario").as_u64(), Some(2), "{}", run.stdout);
    assert_eq!(run.count("/users/trapped"), 0, "{}", run.stdout);
}
