//! Answers that are read while they come: what is told of them is what the service sent, and what
//! goes wrong with one is counted once, in its class.

use std::time::Duration;

use swell_tests::{Finished, Host, StreamedReply, Streamer, private_memory, wait_until};

fn host(streamer: &Streamer, how: &str, path: &str, args: &str) -> Host {
    Host::run_guest("streams")
        .target(streamer.url())
        .arg("-e")
        .arg(format!("HOW={how}"))
        .arg("-e")
        .arg(format!("PATH={path}"))
        .args(args)
}

/// Runs it to its end, whatever its exit code: where all fails that is not 0.
fn run(streamer: &Streamer, how: &str, path: &str, args: &str) -> Finished {
    let finished = host(streamer, how, path, args).finish().expect_whole_counts();
    assert_eq!(finished.count("/users/trapped"), 0, "{}", finished.stdout);
    finished
}

/// Streams by how they ended: complete, left, failed, interrupted.
fn ends(finished: &Finished) -> [u64; 4] {
    let count = |key: &str| finished.count(&format!("/measured/streams/{key}"));
    let ends = ["complete", "left", "failed", "interrupted"].map(count);
    assert_eq!(count("opened"), ends.iter().sum::<u64>(), "each has an end");
    ends
}

/// Transactions and requests that were ok, and that failed.
fn outcomes(finished: &Finished) -> [u64; 4] {
    ["transactions/ok", "transactions/failed", "requests/ok", "requests/failed"]
        .map(|key| finished.count(&format!("/measured/{key}")))
}

fn mean(times: impl IntoIterator<Item = Duration>) -> f64 {
    let all: Vec<f64> = times.into_iter().map(|time| time.as_secs_f64() * 1e3).collect();
    all.iter().sum::<f64>() / all.len() as f64
}

#[test]
fn first_bytes_and_gaps_are_those_of_the_services_log() {
    for how in ["events", "chunks"] {
        let streamer = Streamer::start();
        let path = "/events?n=20&gap=20&first=50";
        let run = run(&streamer, how, path, "--vus 2 --iterations 20");
        assert_eq!((ends(&run), outcomes(&run)), ([20, 0, 0, 0], [20, 0, 20, 0]));
        let log = streamer.log();
        let figure = |key: &str| run.number(&format!("/measured/streams/{key}"));
        assert_eq!((log.len(), figure("pieces")), (20, 400.0));
        assert_eq!(figure("events"), if how == "events" { 400.0 } else { 0.0 });
        assert_eq!((figure("gap_ms/count"), figure("first_byte_ms/count")), (20.0 * 19.0, 20.0));
        let close = |told: f64, sent: f64| (told - sent).abs() <= (sent * 0.02).max(1.0);
        // What comes late to a machine that is busy comes sooner after it, so that gaps add up; a
        // first byte has nothing before it, and is held to the quickest.
        let (gap, first) = (figure("gap_ms/mean"), figure("first_byte_ms/min"));
        let sent = mean(log.iter().flat_map(StreamedReply::gaps));
        assert!(close(gap, sent), "gaps of {gap} ms, the service says {sent}");
        let sent = log.iter().filter_map(StreamedReply::first).min().expect("one was sent");
        let sent = sent.as_secs_f64() * 1e3;
        assert!(close(first, sent), "first bytes after {first} ms, the service says {sent}");
        assert!(run.stdout.contains("streams"), "{}", run.stdout);
        assert_eq!(streamer.connections(), 2, "connections are kept");
    }
}

#[test]
fn a_run_without_streams_says_nothing_of_them() {
    let streamer = Streamer::start();
    let finished = Host::run_guest("plain-get")
        .target(streamer.url())
        .args("--vus 1 --iterations 1")
        .finish()
        .expect_done();
    let json = finished.json.as_ref().expect("a report");
    assert!(json.pointer("/measured/streams").is_none(), "{json:#}");
    assert!(!finished.stdout.contains("streams"), "{}", finished.stdout);
}

#[test]
fn what_is_ended_early_or_left_open_is_no_failure_and_told_apart() {
    let streamer = Streamer::start();
    for how in ["early", "left"] {
        let run = run(&streamer, how, "/events?n=500", "--vus 1 --iterations 3");
        assert_eq!((ends(&run), outcomes(&run)), ([0, 3, 0, 0], [3, 0, 3, 0]), "{how}");
    }
    for how in ["after", "both"] {
        let run = run(&streamer, how, "/events?n=5", "--vus 1 --iterations 3");
        assert_eq!((ends(&run), outcomes(&run)), ([3, 0, 0, 0], [3, 0, 3, 0]), "{how}");
    }
}

#[test]
fn a_stream_outside_transactions_is_one_of_its_own_until_its_end() {
    let streamer = Streamer::start();
    let run = run(&streamer, "outside", "/events?n=5", "--vus 1 --iterations 2");
    assert_eq!(ends(&run), [4, 2, 0, 0]);
    let count = |name: &str| run.count(&format!("/measured/by_name/{name}/ok"));
    assert_eq!(["GET ~1events", "within", "afterwards"].map(count), [4, 2, 2]);
    // What began within another one is no outermost one.
    assert_eq!(run.count("/measured/transactions/ok"), 6);
}

#[test]
fn what_is_opened_in_start_is_read_over_iterations_and_ends_with_its_user() {
    let streamer = Streamer::start();
    let run = run(&streamer, "upon-start", "/events?n=500", "--vus 1 --iterations 4");
    assert_eq!((ends(&run), run.count("/measured/streams/events")), ([0, 1, 0, 0], 4));
    assert_eq!(outcomes(&run), [4, 0, 1, 0]);
}

#[test]
fn what_breaks_off_fails_its_transaction_once_and_in_its_class() {
    for (path, class) in [("/reset?n=3", "reset"), ("/cut", "reset")] {
        for how in ["chunks", "discard"] {
            let streamer = Streamer::start();
            let run = run(&streamer, how, path, "--vus 1 --iterations 3");
            assert_eq!((ends(&run), outcomes(&run)), ([0, 0, 3, 0], [0, 3, 0, 3]), "{path}");
            assert_eq!(run.count(&format!("/measured/requests/errors/{class}")), 3);
            assert_eq!((streamer.log().len(), run.count("/requests_written")), (3, 3));
        }
    }
    let streamer = Streamer::start();
    let run = run(&streamer, "events", "/status?code=503", "--vus 1 --iterations 3");
    assert_eq!((ends(&run), outcomes(&run)), ([3, 0, 0, 0], [0, 3, 0, 3]));
    assert_eq!(run.count("/measured/requests/statuses/503"), 3);
}

#[test]
fn a_wait_ends_with_its_timeout_or_with_the_grace_of_the_run() {
    let streamer = Streamer::start();
    let late = run(&streamer, "events", "/silent", "--vus 1 --iterations 1 --timeout 200ms");
    assert_eq!((ends(&late), outcomes(&late)), ([0, 0, 1, 0], [0, 1, 0, 1]));
    assert_eq!(late.count("/measured/requests/errors/timeout_receiving"), 1);
    let cut = run(&streamer, "events", "/silent", "--vus 2 --duration 300ms --grace 200ms");
    assert_eq!((ends(&cut), outcomes(&cut)), ([0, 0, 0, 2], [0; 4]));
    assert_eq!(cut.count("/measured/transactions/interrupted"), 2);
    assert_eq!(cut.count("/measured/requests/interrupted"), 2);
    assert!(cut.took < Duration::from_secs(20), "{:?}", cut.took);
}

#[test]
fn a_stream_of_a_gibibyte_takes_no_memory_to_speak_of() {
    let streamer = Streamer::start();
    let args = "--vus 1 --iterations 1 --timeout 60s";
    let mut running = host(&streamer, "discard", "/big?mib=1024", args).start();
    let mut most = 0.0_f64;
    wait_until(Duration::from_secs(120), "the end of the run", || {
        most = most.max(private_memory(running.pid()).unwrap_or(0.0));
        running.has_ended().then_some(())
    });
    let finished = running.wait().expect_done();
    assert_eq!(finished.count("/measured/requests/body_bytes"), 1 << 30);
    assert!(most < 400e3, "{most} KB");
}

#[test]
fn an_attempt_shows_head_events_and_gaps() {
    let streamer = Streamer::start();
    let tried = Host::new("try")
        .arg(swell_tests::guest("streams"))
        .target(streamer.url())
        .args("-e HOW=events -e PATH=/events?n=3&gap=20")
        .finish()
        .expect_code(0);
    for said in ["read while it comes", "event message: 0", "event message: 2", "+2", "data: 1"] {
        assert!(tried.stdout.contains(said), "{said} in {}", tried.stdout);
    }
}
