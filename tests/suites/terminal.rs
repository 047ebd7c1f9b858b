//! What others say, on the terminal of whoever runs a test: no character of it does anything there,
//! wherever it turns up. And the view that has the whole terminal.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use rustix::process::Signal;
use swell_tests::{
    Finished, Host, OnTerminal, Target, TargetSettings, call, free_address, guest, wait_until,
};

fn target() -> Target {
    Target::start(TargetSettings::default()).expect("loopback has a free port")
}

/// Whether a character may move a cursor, end a line or turn the reading direction around.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}' | '\u{200e}' | '\u{200f}')
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Nothing acts, and no line is forged; what was meant to deceive is still seen.
#[track_caller]
fn expect_plain(text: &str) {
    assert_eq!(text.chars().filter(|c| *c != '\n' && acts(*c)).collect::<String>(), "", "{text:?}");
    assert!(!text.lines().any(|line| line.trim_start().starts_with("FORGED")), "{text}");
}

#[track_caller]
fn expect_plain_output(finished: &Finished) {
    expect_plain(&finished.stdout);
    expect_plain(&finished.stderr);
}

fn deceiving(scenario: &str, target: &Target) -> Host {
    Host::run_guest("deceives")
        .arg("--scenario")
        .arg(scenario)
        .target(target.url())
        .env("NO_COLOR", "1")
}

#[test]
fn names_failures_checks_metrics_tags_traps_and_reasons_of_a_scenario_are_plain() {
    let target = target();
    let run = deceiving("shown", &target).args("--iterations 4").finish().expect_code(110);
    expect_plain_output(&run);
    for (place, words) in [
        ("a name", "\\u{1b}[2J\\u{1b}[1A\\n"),
        ("a failure", "says: a\\u{1b}[2J"),
        ("a check", "failed a\\u{1b}[2J"),
        ("a metric with its tag", "z{a\\u{1b}[2J"),
        ("the reason of the end", "failed by the scenario: a\\u{1b}[2J"),
    ] {
        assert!(
            run.stdout.contains(words) || run.stderr.contains(words),
            "{place}: no {words} in\n{}\n{}",
            run.stdout,
            run.stderr
        );
    }
    assert!(
        run.stderr.contains("`teardown` of scenario \"shown\" failed: a\\u{1b}[2J"),
        "{}",
        run.stderr
    );
    // The results as data are what they are.
    assert!(
        run.json_at("/measured/checks")
            .as_object()
            .is_some_and(|checks| checks.keys().any(|name| name.contains("\x1b[2J")))
    );
}

#[test]
fn the_cause_that_stands_first_is_plain() {
    let run = Host::run_guest("deceives")
        .args("--scenario shown -e goes-on=yes --iterations 2")
        .target("http://127.0.0.1:1");
    let run = run.env("NO_COLOR", "1").finish();
    expect_plain_output(&run);
    assert!(
        run.stdout
            .lines()
            .any(|line| line.contains("TRANSACTIONS FAILED") && line.contains("\\u{1b}[2J")),
        "{}",
        run.stdout
    );
}

#[test]
fn what_a_file_says_of_itself_is_plain_where_it_is_looked_at_and_where_it_is_refused() {
    let checked = Host::new("check").arg(guest("deceives")).finish().expect_code(0);
    expect_plain_output(&checked);
    assert!(
        checked.stdout.contains("wants      a\\u{1b}[2J")
            && checked.stdout.contains("default    --env x=a\\u{1b}[2J"),
        "{}",
        checked.stdout
    );
    let target = target();
    for (scenario, words) in [
        ("asks \u{202e}", "--data 'x=a\\u{1b}[2J"),
        ("wrong host", "the manifest of scenario \"wrong host\""),
        ("wrong value", "the defaults of scenario \"wrong value\""),
        ("wrong key", "is no setting"),
    ] {
        let refused =
            deceiving(scenario, &target).args("--vus 1 --iterations 1").finish().expect_code(104);
        expect_plain_output(&refused);
        assert!(refused.stderr.contains(words), "{scenario}: {}", refused.stderr);
    }
    let unprepared =
        deceiving("unprepared", &target).args("--vus 1 --iterations 1").finish().expect_code(107);
    expect_plain_output(&unprepared);
    assert!(
        unprepared.stderr.contains("`setup` of scenario \"unprepared\" failed: a\\u{1b}[2J"),
        "{}",
        unprepared.stderr
    );
    assert_eq!(target.seen().requests, 0);
}

#[test]
fn metrics_and_results_on_stdout_are_plain_and_the_latter_still_say_what_was_said() {
    let (target, metrics) = (target(), free_address());
    let running =
        deceiving("shown", &target).args(&format!("-e goes-on=yes --prometheus {metrics}")).start();
    let scraped = wait_until(Duration::from_secs(20), "a scrape with the names", || {
        std::net::TcpStream::connect(metrics).ok()?;
        Some(call(metrics, "GET", "/metrics", &[], "").body).filter(|text| text.contains("FORGED"))
    });
    expect_plain(&scraped);
    running.interrupt();
    expect_plain_output(&running.wait());

    let run = Host::new("run")
        .arg(guest("deceives"))
        .args("--scenario shown --iterations 4 --out json=-")
        .target(target.url());
    let run = run.finish().expect_code(110);
    expect_plain_output(&run);
    let results: serde_json::Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    let checks = results["measured"]["checks"].as_object().expect("there is one");
    assert!(
        checks
            .keys()
            .all(|name| name.contains("\x1b[2J\x1b[1A\nFORGED: line\r\t\u{9b}31m\u{7f}\u{202e}")),
        "{checks:?}"
    );
}

/// Answers each connection with these bytes and closes it.
fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it listens");
    // It ends with the process: what it is asked by then it answers.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(bytes);
        }
    });
    format!("http://{address}")
}

#[test]
fn what_a_service_sends_is_plain() {
    for bytes in [
        &b"HTTP/1.1 500 \x1b[2Jred\x9b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: \x1b[2J\r\n\r\n",
        b"\x1b[2J\x1b[1AFORGED\n\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://\xe2\x80\xae\x1b[2J/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/%1b\x1b[2J\r\nContent-Length: \
        0\r\n\r\n",
    ] {
        let host = Host::run_guest("fetch")
            .target(answering(bytes))
            .args(
                "--vus 1 --iterations 2 \
        -e PATH=/",
            )
            .env("NO_COLOR", "1");
        expect_plain_output(&host.finish());
    }
}

/// A run that goes on until it is told to end, on the whole of a terminal.
fn shown(target: &Target, args: &str) -> Host {
    let run = Host::run_guest("plain-get").target(target.url()).args("--tps 50 --tui");
    run.args(args).env("NO_COLOR", "1")
}

#[test]
fn keys_pause_resume_and_stop_a_run_and_change_its_goal() {
    let target = target();
    let mut view = OnTerminal::start(shown(&target, "--duration 60s"), 120, 40);
    view.wait_for("of 50 transactions/s");
    assert!(!view.is_as_before(), "keys are read as they are pressed");
    view.press("p");
    view.wait_for("paused, at the terminal");
    view.press("r");
    view.wait_for("resumed, at the terminal");
    view.press("+");
    view.wait_for("goal 55.0/s, at the terminal");
    view.wait_for("of 55 transactions/s");
    view.press("sn");
    view.press("s");
    view.wait_for("stop plain_get? y stops it, any other key does not");
    view.press("y");
    let (run, printed) = view.finish();
    run.expect_code_or_invalid(105);
    assert!(
        printed.contains("response time") && printed.contains("stopped by a signal"),
        "{printed}"
    );
    assert!(
        printed.contains("Ctrl-C ends it"),
        "lines of the log are printed afterwards: {printed}"
    );
}

#[test]
fn the_view_follows_the_size_of_the_terminal_and_one_that_is_too_small_says_so() {
    let target = target();
    let mut view = OnTerminal::start(shown(&target, "--duration 60s"), 20, 40);
    view.wait_for("too small: the view");
    view.resize(200, 50);
    view.wait_for("marks and log");
    let widest = |view: &OnTerminal| {
        view.screen().lines().map(|line| line.chars().count()).max().unwrap_or(0)
    };
    assert!(widest(&view) > 150, "{}", view.screen());
    view.resize(60, 20);
    view.wait_until("a narrow screen", || {
        widest(&view) <= 60 && view.screen().lines().count() <= 20
    });
    view.wait_for("p pause");
    view.press("q");
    view.wait_until("the live line", || {
        !view.is_full_screen() && view.printed().contains("under way")
    });
    assert!(view.is_as_before());
    view.press("\x03");
    view.finish().0.expect_code_or_invalid(105);
}

#[test]
fn a_view_gives_the_terminal_back_when_it_is_stopped_and_takes_it_again_afterwards() {
    let target = target();
    let mut view = OnTerminal::start(shown(&target, "--duration 60s"), 100, 30);
    view.wait_for("of 50 transactions/s");
    let stat = format!("/proc/{}/stat", view.running.pid());
    let is_stopped = || {
        let stat = std::fs::read_to_string(&stat).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
    };
    // By the key, and by the signal.
    for by_key in [true, false] {
        if by_key {
            view.press("\x1a");
        } else {
            view.running.signal(Signal::TSTP);
        }
        view.wait_until("a process that is stopped", is_stopped);
        assert!(view.is_as_before() && !view.is_full_screen());
        view.running.signal(Signal::CONT);
        view.wait_for("of 50 transactions/s");
        assert!(!view.is_as_before());
    }
    view.running.terminate();
    view.finish().0.expect_code_or_invalid(105);
}

#[test]
fn without_a_terminal_that_can_show_it_a_view_says_so_and_the_run_goes_on() {
    let target = target();
    let run = shown(&target, "--duration 1s").finish().expect_done();
    let note = "note: --tui: stderr is no terminal, so there is the live line";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    let dumb = shown(&target, "--duration 1s").by("env", &["TERM=dumb"]);
    let (run, printed) = OnTerminal::start(dumb, 80, 24).finish();
    run.expect_done();
    assert!(printed.contains("TERM=dumb says that the terminal can only print"), "{printed}");
    assert!(printed.contains("response time"), "{printed}");
    let across = shown(&target, "--duration 1s --out jsonl=-");
    let (run, printed) = OnTerminal::start(across, 80, 24).finish();
    run.expect_done();
    assert!(printed.contains("stdout's lines need the terminal"), "{printed}");
}

#[test]
fn names_that_want_to_do_harm_do_none_on_the_whole_terminal() {
    let target = target();
    let host = deceiving("shown", &target).args("-e goes-on=yes --tui");
    let mut view = OnTerminal::start(host, 120, 40);
    view.wait_for("a\\u{1b}[2J");
    expect_plain(&view.screen());
    view.press("\x03");
    let (_, printed) = view.finish();
    expect_plain(&printed);
}

#[test]
fn a_record_is_played_stepped_through_and_closed() {
    let (target, folder) = (target(), tempfile::tempdir().expect("there is room"));
    let record = folder.path().join("record");
    let run = Host::run_guest("plain-get").target(target.url()).args("--tps 50 --duration 3s");
    run.arg("--record").arg(&record).finish().expect_done();
    let host = Host::new("view").arg(&record).args("--speed 1");
    let mut view = OnTerminal::start(host, 120, 40);
    view.wait_for("replay, 1x");
    view.press(" ");
    view.wait_for("replay, stands still");
    view.press("\x1b[F");
    view.wait_for("(exit code ");
    view.wait_for("0:03 of 0:03");
    view.press("\x1b[D\x1b[D");
    view.wait_until("an earlier second", || {
        let screen = view.screen();
        screen.contains("stands still") && !screen.contains("(exit code ")
    });
    view.press("q");
    let (viewed, printed) = view.finish();
    viewed.expect_code(0);
    assert_eq!(printed.trim(), "");
    let piped = Host::new("view").arg(&record).finish().expect_code(104);
    assert!(
        piped.stderr.contains("stderr is no terminal\nhelp: `host report "),
        "{}",
        piped.stderr
    );
    let none = Host::new("view").arg(&record).args("--from 5s --to 5s").finish().expect_code(104);
    assert!(none.stderr.contains("nothing lies between"), "{}", none.stderr);
}

#[test]
fn a_run_of_a_cluster_is_shown_by_its_seconds_and_obeys_keys_wherever_they_are_pressed() {
    let target = target();
    let lead = Host::new("node").args(&format!("--listen {}", free_address())).start();
    let invitation = lead.invitation();
    let there = |host: Host| host.args(&invitation).arg("--tui").env("NO_COLOR", "1");
    let run = Host::run_guest("plain-get").target(target.url()).args("--tps 50 --duration 120s");
    let mut begun = OnTerminal::start(there(run), 120, 40);
    begun.wait_for("of 50 transactions/s");
    let mut attached = OnTerminal::start(there(Host::new("attach")), 120, 40);
    attached.wait_for("of 50 transactions/s");
    // What happened before it was attached is there too.
    attached.press("+");
    attached.wait_for("goal 55.0/s, over the control API");
    for view in [&begun, &attached] {
        view.wait_for("of 55 transactions/s");
    }
    begun.press("p");
    attached.wait_for("paused, over the control API");
    begun.press("r");
    attached.wait_for("resumed, over the control API");
    attached.press("\x03");
    attached.wait_until("the question", || {
        !attached.is_full_screen() && attached.printed().contains("or go on watching?")
    });
    assert!(attached.is_as_before());
    attached.press("d\n");
    let (left, printed) = attached.finish();
    left.expect_code(0);
    assert!(printed.contains("the run goes on; `host attach plain_get`"), "{printed}");
    begun.press("s");
    begun.wait_for("stop plain_get? y stops it, any other key does not");
    begun.press("y");
    let (run, printed) = begun.finish();
    run.expect_code_or_invalid(105);
    assert!(
        printed.contains("response time") && printed.contains("stopped by a signal"),
        "{printed}"
    );
    lead.interrupt();
    lead.wait().expect_code(0);
}

#[test]
fn a_terminal_that_takes_nothing_holds_up_neither_the_load_nor_the_end() {
    let target = target();
    let size = nix::pty::Winsize { ws_row: 60, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
    // Nobody reads what is written to it, and the kernel keeps a few kilobytes.
    let pty = nix::pty::openpty(Some(&size), None).expect("there are pseudo-terminals");
    let end = || pty.slave.try_clone().expect("it can be shared");
    let run = shown(&target, "--duration 4s").by("setsid", &["--ctty"]);
    let run = run.stdin(end()).stderr(end()).env("TERM", "xterm").finish().expect_done();
    assert!(run.stdout.contains("response time"), "{}", run.stdout);
    assert_eq!(run.count("/measured/transactions/started"), 200);
    assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
}

#[test]
fn the_runs_of_a_plan_are_shown_one_after_the_other_by_tab_and_summed_up_together() {
    let (target, folder) = (target(), tempfile::tempdir().expect("there is room"));
    let plan = folder.path().join("plan.toml");
    let guest = guest("plain-get");
    let runs = ["one", "two"].map(|name| {
        format!("[run.{name}]\nfile = {:?}\ntps = 20\nduration = '60s'\n", guest.display())
    });
    std::fs::write(&plan, runs.concat()).expect("there is room");
    let host = Host::new("run").arg(&plan).target(target.url()).arg("--tui").env("NO_COLOR", "1");
    let mut view = OnTerminal::start(host, 120, 40);
    view.wait_for("run 1 of 2, Tab shows the next");
    view.press("\t");
    view.wait_for("run 2 of 2, Tab shows the next");
    view.press("s");
    view.wait_for("stop two? y stops it, any other key does not");
    view.press("y\t");
    view.wait_for("run 1 of 2");
    view.press("\x03");
    let (run, printed) = view.finish();
    run.expect_code_or_invalid(105);
    assert!(printed.contains("one: stopped by a signal"), "{printed}");
}
