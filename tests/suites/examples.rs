//! Each example does what its README says, by the very command that stands there, against the shop.
//! Only the service's address and the length differ. In Rust and in JavaScript it is the same.

use std::path::PathBuf;

use swell_tests::{
    Finished, Host, PythonGrpc, PythonWebSockets, Streamer, Target, TargetSettings, guest,
};

fn folder(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../sdk-examples", name].iter().collect()
}

/// What an example is written in, by the ending of the file that is run.
const EDITIONS: [&str; 2] = ["wasm", "js"];

/// The flags of the command in an example's README, after its target.
fn flags_of_its_readme(name: &str, edition: &str) -> String {
    let readme =
        std::fs::read_to_string(folder(name).join("README.md")).expect("each example has a README");
    let command = format!("host run {name}.{edition} --target http://localhost:8080");
    let flags = readme
        .lines()
        .find_map(|line| line.strip_prefix(&command))
        .unwrap_or_else(|| panic!("no `{command}` in {readme}"));
    flags.to_owned()
}

/// A run of an example, in its folder.
fn host(name: &str, edition: &str) -> Host {
    let host = match edition {
        "js" => Host::run_file(&folder(name).join(format!("{name}.js")))
            .arg("--interpreter")
            .arg(guest("javascript")),
        _ => Host::run_example(name),
    };
    host.in_folder(&folder(name))
}

/// Runs the command of the README in the example's folder, for two seconds where it says thirty: an
/// example that conducts its own runs, under these names.
fn conduct_as_its_readme_says(
    name: &str,
    edition: &str,
    target: &Target,
    runs: &[&str],
) -> Finished {
    let control = target.control_url();
    let flags = flags_of_its_readme(name, edition)
        .replace("seconds=30", "seconds=2")
        .replace("http://localhost:8081", &control)
        .replace("localhost:8081", control.trim_start_matches("http://"));
    let run = host(name, edition).target(target.url()).args(&flags).finish().expect_done();
    let mut names: Vec<&str> =
        run.json_at("/runs").as_object().expect("it is a map").keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, runs);
    run
}

/// Runs the command of the README in the example's folder, for `length` in place of its duration.
fn run_as_its_readme_says(name: &str, edition: &str, target: &Target, length: &str) -> Finished {
    let flags = flags_of_its_readme(name, edition);
    let mut flags: Vec<_> = flags.split_whitespace().collect();
    match flags.iter().position(|flag| *flag == "--duration") {
        Some(duration) => flags[duration + 1] = length,
        None => flags.extend(["--duration", length]),
    }
    let run = host(name, edition).target(target.url()).args(&flags.join(" ")).finish();
    let run = run.expect_agreement(&target.seen());
    assert!(run.count("/measured/transactions/ok") > 0, "{}", run.stdout);
    for part in ["transactions", "iterations", "requests"] {
        assert_eq!(run.count(&format!("/measured/{part}/failed")), 0, "{part}: {}", run.stdout);
    }
    assert_eq!(run.count("/users/trapped"), 0, "{}", run.stdout);
    run
}

fn target() -> Target {
    Target::start(TargetSettings::default()).expect("loopback has a free port")
}

/// In the order of the alphabet: which of several users ends a transaction first, nobody knows.
fn names(run: &Finished) -> Vec<&str> {
    let by_name = run.json_at("/measured/by_name").as_object().expect("it is a map");
    let mut names: Vec<&str> = by_name.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[test]
fn hello_http_finds_its_title() {
    for edition in EDITIONS {
        let target = target();
        let run = run_as_its_readme_says("hello-http", edition, &target, "1s");
        assert_eq!(run.count("/measured/checks/has a title/failed"), 0);
        assert_eq!(run.count("/measured/checks/has a title/passed"), target.seen().path("/"));
    }
}

#[test]
fn checkout_visits_the_shop_by_its_own_defaults() {
    for edition in EDITIONS {
        let target = target();
        let run = run_as_its_readme_says("checkout", edition, &target, "3s");
        assert_eq!(run.json_at("/run/model"), "closed model, 20 users");
        let seen = target.seen();
        let page_with_assets =
            ["/", "/style.css", "/app.js", "/logo.png"].map(|path| seen.path(path));
        assert_eq!(page_with_assets, [run.count("/measured/by_name/front page/started"); 4]);
        assert_eq!(run.count("/measured/checks/has a title/passed"), seen.path("/"));
        assert_eq!(run.count("/measured/by_name/items/ok"), seen.path("/items"));
    }
}

#[test]
fn data_feed_places_each_order_of_its_file_once_and_ends() {
    for edition in EDITIONS {
        let target = target();
        let run = run_as_its_readme_says("data-feed", edition, &target, "60s");
        let orders = std::fs::read_to_string(folder("data-feed").join("orders.jsonl"))
            .expect("the example has its orders")
            .lines()
            .count() as u64;
        assert_eq!(run.count("/measured/by_name/place order/ok"), orders);
        assert_eq!((target.seen().path("/orders"), target.seen().status(201)), (orders, orders));
        assert_eq!(run.count("/measured/iterations/ok"), orders);
    }
}

#[test]
fn login_session_keeps_its_token_and_its_cookie() {
    for edition in EDITIONS {
        let target = target();
        let run = run_as_its_readme_says("login-session", edition, &target, "1s");
        let mut expected = vec!["account by cookie", "account by token", "sign in"];
        if edition == "js" {
            // Of scripts no code runs before a user's first iteration.
            expected.insert(2, "log in");
        }
        assert_eq!(names(&run), expected);
        let seen = target.seen();
        let accounts = run.count("/measured/by_name/account by cookie/ok")
            + run.count("/measured/by_name/account by token/ok");
        assert_eq!((seen.path("/account"), seen.status(401)), (accounts, 0));
        // One of each user's beginning, and one of each iteration that came so far.
        let first = match edition {
            "js" => run.count("/measured/by_name/log in/ok"),
            _ => run.count("/users/created"),
        };
        assert_eq!(seen.path("/login"), first + run.count("/measured/by_name/sign in/ok"));
    }
}

#[test]
fn own_metrics_stand_in_the_report() {
    for edition in EDITIONS {
        let target = target();
        let run = run_as_its_readme_says("own-metrics", edition, &target, "1s");
        let metrics = run.json_at("/measured/metrics").as_array().expect("it is a list");
        // k6 has no names with spaces.
        let named = |name: &str| match edition {
            "js" => name.replace(',', "").replace(' ', "_"),
            _ => name.to_owned(),
        };
        let series = |name: &str| {
            let name = named(name);
            metrics.iter().filter(|series| series["metric"] == name).collect::<Vec<_>>()
        };
        let iterations = run.count("/measured/iterations/ok") as f64;
        let items = 8.0;
        let gauge = series("items in the shop")[0];
        assert_eq!(
            (gauge["kind"].as_str(), gauge["values"]["last"].as_f64()),
            (Some("gauge"), Some(items))
        );
        assert_eq!(series("items seen")[0]["values"]["sum"].as_f64(), Some(items * iterations));
        assert_eq!(series("connection reused")[0]["kind"], "rate");
        assert_eq!(series("first byte, ms")[0]["kind"], "trend");
        let prices: Vec<_> = series("price")
            .iter()
            .map(|price| {
                (
                    price["tags"]["item"].as_str(),
                    price["values"]["min"].as_f64(),
                    price["values"]["max"].as_f64(),
                )
            })
            .collect();
        assert_eq!(prices.len() as f64, items, "one series for each item: {prices:?}");
        assert!(prices.contains(&(Some("anvil"), Some(49.5), Some(49.5))), "{prices:?}");
        assert!(run.stdout.contains(&named("items in the shop")), "{}", run.stdout);
    }
}

#[test]
fn background_load_measures_one_scenario_alone_and_beside_another() {
    for edition in EDITIONS {
        let run = conduct_as_its_readme_says(
            "background-load",
            edition,
            &target(),
            &["alone", "background", "beside"],
        );
        assert_eq!(
            ["alone", "beside"]
                .map(|name| run.count(&format!("/runs/{name}/measured/transactions/ok"))),
            [100, 100]
        );
        assert!(
            run.count("/runs/background/measured/transactions/ok") >= 1_000,
            "it lasts as long as the other, 2 s at 500/s"
        );
    }
}

#[test]
fn parallel_tests_run_side_by_side_and_one_is_raised_in_their_midst() {
    for edition in EDITIONS {
        let run = conduct_as_its_readme_says(
            "parallel-tests",
            edition,
            &target(),
            &["browse", "list_items"],
        );
        let browsed = run.count("/runs/browse/measured/transactions/ok");
        assert!((500..=700).contains(&browsed), "2 s at 100/s and 2 s at 200/s: {browsed}");
        let began = |name: &str| run.number(&format!("/runs/{name}/run/began_at"));
        assert!((began("browse") - began("list_items")).abs() < 2.0);
        assert_eq!(run.json_at("/runs/list_items/control/objectives/0/rule"), "p90=250ms");
    }
}

#[test]
fn failover_sees_what_a_part_serves_and_that_the_whole_recovers() {
    for edition in EDITIONS {
        let run = conduct_as_its_readme_says(
            "failover",
            edition,
            &target(),
            &["a part off", "whole", "whole again"],
        );
        let failed = ["whole", "a part off", "whole again"]
            .map(|name| run.count(&format!("/runs/{name}/measured/transactions/failed")));
        assert!(failed[0] == 0 && failed[2] == 0 && failed[1] > 200, "{failed:?}");
    }
}

#[test]
fn websocket_chat_hears_each_message_that_it_says() {
    let service = PythonWebSockets::of_file(&folder("websocket-chat").join("server.py"), &["0"]);
    for edition in EDITIONS {
        let flags = flags_of_its_readme("websocket-chat", edition).replace("10s", "2s");
        let run = host("websocket-chat", edition)
            .target(service.url())
            .args(&flags)
            .finish()
            .expect_done();
        assert_eq!(names(&run), ["join", "leave", "say"]);
        assert_eq!(run.count("/measured/transactions/failed"), 0, "{}", run.stdout);
        let heard = run.count("/measured/checks/heard what was said/passed");
        let of = |what: &str| run.count(&format!("/measured/websockets/{what}"));
        assert!(heard > 0 && heard == of("round_trip_ms/count"), "{}", run.stdout);
        assert_eq!((of("messages_sent"), of("messages_received")), (heard, heard));
        assert_eq!(of("handshakes/ok"), of("ends/scenario"), "{}", run.stdout);
    }
}

#[test]
fn grpc_greeter_is_greeted_as_often_as_it_asks() {
    let service = PythonGrpc::of_file(&folder("grpc-greeter").join("server.py"), &["0"]);
    let flags = flags_of_its_readme("grpc-greeter", "wasm").replace("10s", "2s");
    let run = host("grpc-greeter", "wasm").target(service.url()).args(&flags).finish();
    let run = run.expect_done();
    assert_eq!(names(&run), ["chat", "exchange", "nobody", "say_hello"]);
    assert_eq!(run.count("/measured/transactions/failed"), 0, "{}", run.stdout);
    let passed = |check: &str| run.count(&format!("/measured/checks/{check}/passed"));
    let (greeted, answered) = (passed("is greeted by name"), passed("is answered"));
    let of = |what: &str| run.count(&format!("/measured/grpc/{what}"));
    assert!(greeted > 0 && answered >= 3 * of("streams/ok"), "{}", run.stdout);
    assert_eq!(of("calls/statuses/OK"), greeted);
    assert_eq!(of("calls/statuses/INVALID_ARGUMENT"), passed("says why"));
    assert_eq!((of("calls/failed"), of("streams/failed")), (0, 0), "{}", run.stdout);
}

#[test]
fn grpc_greeter_is_greeted_by_a_script_of_k6_too() {
    let service = PythonGrpc::of_file(&folder("grpc-greeter").join("server.py"), &["0"]);
    let flags = flags_of_its_readme("grpc-greeter", "js").replace("10s", "2s");
    let address = format!("ADDRESS={}", service.url().replace("http://", ""));
    let host = host("grpc-greeter", "js").target(service.url()).arg("-e").arg(address);
    let run = host.args(&flags).finish().expect_done();
    let passed = |check: &str| run.count(&format!("/measured/checks/{check}/passed"));
    let of = |what: &str| run.count(&format!("/measured/grpc/{what}"));
    assert!(passed("is answered") >= 3 * of("streams/ok"), "{}", run.stdout);
    assert_eq!(of("calls/statuses/OK"), passed("is greeted by name"));
    assert_eq!(of("calls/statuses/INVALID_ARGUMENT"), passed("says why"));
    assert_eq!(of("streams/failed"), 0, "{}", run.stdout);
}

#[test]
fn language_model_times_tokens_as_the_service_sent_them() {
    for edition in EDITIONS {
        let service = Streamer::start();
        let flags = flags_of_its_readme("language-model", edition).replace("30s", "2s");
        let run = host("language-model", edition).target(service.url()).args(&flags).finish();
        let run = run.expect_done().expect_whole_counts();
        let answers: Vec<_> = service
            .log()
            .into_iter()
            .filter(|reply| reply.is_whole && reply.sent.len() > 1)
            .collect();
        let metric = |name: &str, value: &str| {
            let metrics = run.json_at("/measured/metrics").as_array().expect("it is a list");
            let series = metrics.iter().find(|series| series["metric"] == name).expect(name);
            let values = series["values"].as_object().expect("it is a map");
            values.get(value).and_then(serde_json::Value::as_f64).expect(value)
        };
        let iterations = run.count("/measured/iterations/ok");
        assert!(iterations > 0 && answers.len() as u64 >= iterations, "{}", run.stdout);
        assert_eq!(metric("tokens", "sum"), 10.0 * iterations as f64);
        let mean = |times: Vec<f64>| times.iter().sum::<f64>() / times.len() as f64;
        let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
        let first = answers.iter().filter_map(|reply| reply.first()).min().map(ms).expect("one");
        let gap = mean(answers.iter().flat_map(|reply| reply.gaps()).map(ms).collect());
        // What comes late to a machine that is busy comes sooner after it, so that gaps add up; a
        // first token has nothing before it, and is held to the quickest.
        for (name, which, sent) in
            [("time_to_first_token_ms", "min", first), ("gap_ms", "mean", gap)]
        {
            let told = metric(name, which);
            let close = (told - sent).abs() <= (sent * 0.02).max(1.0);
            assert!(close, "{name} is {told}, the service says {sent}");
        }
        assert_eq!(run.count("/measured/streams/complete"), iterations);
        assert!(metric("tokens_per_second", "mean") > 5.0);
        assert!(run.stdout.contains("time_to_first_token_ms"), "{}", run.stdout);
    }
}
