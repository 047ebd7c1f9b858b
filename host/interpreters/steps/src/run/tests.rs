use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::*;
use crate::model::FeedPick;
use crate::read::read;

/// A world that answers as it is told and notes what was done.
#[derive(Default)]
struct ToldWorld {
    answers: VecDeque<Result<StepAnswer, Stopped>>,
    done: Vec<String>,
    randoms: VecDeque<u64>,
    is_over: bool,
}

impl ToldWorld {
    fn answering(answers: &[(u16, &str)]) -> Self {
        let answers = answers.iter().map(|(status, body)| Ok(answer(*status, body)));
        Self { answers: answers.collect(), ..Self::default() }
    }
}

fn answer(status: u16, body: &str) -> StepAnswer {
    StepAnswer {
        status,
        headers: vec![
            ("ETag".to_owned(), "v7".to_owned()),
            ("Set-Cookie".to_owned(), "sid=s1; Path=/".to_owned()),
        ],
        body: body.as_bytes().to_vec(),
        took: Duration::from_millis(20),
    }
}

impl StepsWorld for ToldWorld {
    fn begin(&mut self, name: &str) -> bool {
        self.done.push(format!("begin {name}"));
        !self.is_over
    }

    fn finish(&mut self, failure: Option<&str>) {
        self.done.push(format!("end {}", failure.unwrap_or("ok")));
    }

    fn send(&mut self, request: &StepsRequest<'_>) -> Result<StepAnswer, Stopped> {
        let headers = request.headers.iter().map(|(name, value)| format!(" {name}: {value}"));
        let headers: String = headers.collect();
        let body = String::from_utf8_lossy(&request.body);
        self.done.push(format!("{} {}{headers} {body}", request.method, request.url));
        self.answers.pop_front().unwrap_or_else(|| Ok(answer(200, "")))
    }

    fn send_all(&mut self, requests: &[StepsRequest<'_>]) -> Vec<Result<StepAnswer, Stopped>> {
        requests.iter().map(|request| self.send(request)).collect()
    }

    fn compress(&mut self, body: &[u8], coding: &str) -> Vec<u8> {
        [coding.as_bytes(), b":", body].concat()
    }

    fn wait(&mut self, time: Duration) {
        self.done.push(format!("wait {time:?}"));
    }

    fn stop_user(&mut self, reason: &str) {
        self.done.push(format!("stop user: {reason}"));
    }

    fn warn(&mut self, line: &str) {
        self.done.push(format!("warn {line}"));
    }

    fn row(&mut self, feed: &str, pick: FeedPick) -> Result<Vec<(String, String)>, String> {
        self.done.push(format!("row of {feed}, {pick:?}"));
        Ok(vec![("mail".to_owned(), "a@b".to_owned())])
    }

    fn given(&mut self, name: &str) -> Option<String> {
        (name == "GIVEN" || name == "size").then(|| "9".to_owned())
    }

    fn user(&mut self) -> u64 {
        3
    }

    fn iteration(&mut self) -> u64 {
        14
    }

    fn random(&mut self) -> u64 {
        self.randoms.pop_front().unwrap_or(0)
    }

    fn unix_ms(&mut self) -> u64 {
        0
    }
}

/// What was done in one iteration of these steps, and how it ended.
fn iterate(text: &str, world: &mut ToldWorld) -> Result<(), Stopped> {
    let file = read("x.toml", text.as_bytes()).expect("it is a steps file");
    let files = BTreeMap::from([("p.txt".to_owned(), b"of a file".to_vec())]);
    let follower = StepsFollower::new(&file.scenarios[0], &files, Variables::new(), world);
    follower.expect("its variables can be reckoned").follow(StepsOf::Iteration, world)
}

#[track_caller]
fn expect_done(text: &str, answers: &[(u16, &str)], expected: &[&str]) {
    let mut world = ToldWorld::answering(answers);
    iterate(text, &mut world).expect("nothing fails");
    assert_eq!(world.done, expected);
}

#[test]
fn a_token_is_carried_on_from_one_answer_to_the_next_request() {
    expect_done(
        r#"
        [[step]]
        post = "/login"
        json = { user = "u{{user}}", n = "{{number(iteration)}}", q = "say \"hi\"" }
        [step.extract]
        token = { json = "$.token" }
        id = { regex = 'id=(\d+)' }
        tag = { header = "etag" }
        sid = { cookie = "sid" }
        [[step]]
        get = "/items"
        query = { q = "a b", id = "{{id}}" }
        auth = { bearer = "{{token}}" }
        headers = { if-match = "{{tag}}", x = "{{sid}}" }
        think = "2s"
        "#,
        &[(200, r#"{"token": "t0", "x": "id=12"}"#)],
        &[
            "begin POST /login",
            "POST /login content-type: application/json \
            {\"user\":\"u3\",\"n\":14,\"q\":\"say \\\"hi\\\"\"}",
            "end ok",
            "begin GET /items",
            "GET /items?q=a%20b&id=12 if-match: v7 x: s1 authorization: Bearer t0 ",
            "end ok",
            "wait 2s",
        ],
    );
}

#[test]
fn a_body_is_compressed_and_says_so() {
    expect_done(
        r#"
        step = [
            { post = "/j", json = { a = 1 }, compress = "gzip" },
            { post = "/b", body = "x", compress = "br", headers = { Content-Encoding = "own" } },
            { post = "/e", body = "", compress = "zstd" },
        ]
        "#,
        &[],
        &[
            "begin POST /j",
            "POST /j content-type: application/json content-encoding: gzip gzip:{\"a\":1}",
            "end ok",
            "begin POST /b",
            "POST /b Content-Encoding: own br:x",
            "end ok",
            "begin POST /e",
            "POST /e ",
            "end ok",
        ],
    );
}

#[test]
fn bodies_are_written_as_their_form_wants() {
    expect_done(
        r#"
        step = [
            { post = "/f", form = { a = "x y", b = "ü&" } },
            { post = "/n", json = { a = 0.1234567890123456789, b = +1.50, c = 1_000 } },
            { post = "/b", body = "{{env(\"GIVEN\")}}", auth = { basic = ["me", "pw"] } },
            { post = "/p", file = "p.txt", headers = { Content-Type = "text/plain" } },
            { post = "/m", multipart = [
                { name = "t", value = "v" },
                { name = "d", file = "p.txt", type = "text/plain" },
            ] },
        ]
        "#,
        &[],
        &[
            "begin POST /f",
            "POST /f content-type: application/x-www-form-urlencoded a=x%20y&b=%C3%BC%26",
            "end ok",
            "begin POST /n",
            "POST /n content-type: application/json \
            {\"a\":0.1234567890123456789,\"b\":1.5,\"c\":1000}",
            "end ok",
            "begin POST /b",
            "POST /b authorization: Basic bWU6cHc= 9",
            "end ok",
            "begin POST /p",
            "POST /p Content-Type: text/plain of a file",
            "end ok",
            "begin POST /m",
            "POST /m content-type: multipart/form-data; \
            boundary=swell-00000000000000000000000000000000 \
            --swell-00000000000000000000000000000000\r\n\
            Content-Disposition: form-data; name=\"t\"\r\n\r\nv\r\n\
            --swell-00000000000000000000000000000000\r\n\
            Content-Disposition: form-data; name=\"d\"; filename=\"p.txt\"\r\n\
            Content-Type: text/plain\r\n\r\nof a file\r\n\
            --swell-00000000000000000000000000000000--\r\n",
            "end ok",
        ],
    );
}

#[test]
fn steps_are_done_if_and_as_often_as_they_say() {
    expect_done(
        r#"
        vars = { size = 2, on = "false" }
        [data.users]
        pick = "unique"
        [[step]]
        get = "/{{users.mail}}"
        repeat = "{{size}}"
        if = "{{size}} == 9"
        name = "nine times"
        [[step]]
        get = "/never"
        if = "{{on}}"
        [[step]]
        name = "g"
        steps = [{ set = { size = "1" } }, { get = "/{{size}}", name = "in" }]
        "#,
        &[],
        &["row of users, Unique"]
            .into_iter()
            .chain((0..9).flat_map(|_| ["begin nine times", "GET /a@b ", "end ok"]))
            .chain(["begin g / in", "GET /1 ", "end ok"])
            .collect::<Vec<_>>(),
    );
}

#[test]
fn a_branch_is_as_likely_as_its_weight() {
    let text = r#"
        [[step]]
        choice = [
            { weight = 3, steps = [{ get = "/a" }] },
            { weight = 0, steps = [{ get = "/b" }] },
            { steps = [{ get = "/c" }] },
        ]
    "#;
    for (random, path) in [(0, "a"), (u64::MAX / 4 * 3 - 9, "a"), (u64::MAX / 4 * 3 + 9, "c")] {
        let mut world = ToldWorld { randoms: [random].into(), ..ToldWorld::default() };
        iterate(text, &mut world).expect("nothing fails");
        assert_eq!(world.done[0], format!("begin GET /{path}"), "{random}");
    }
}

#[test]
fn what_is_not_as_expected_fails_by_its_name_and_ends_the_iteration() {
    for (expect, answer, failure) in [
        ("expect = { status = 404 }", (200, ""), Some("status 200")),
        ("expect = { status = [404, \"2xx\"] }", (204, ""), None),
        ("", (500, ""), Some("status 500")),
        ("expect = { body = { contains = \"x\" } }", (200, "y"), Some("body has \"x\"")),
        ("expect = { body = { matches = \"^a+$\" } }", (200, "aa"), None),
        ("expect = { body = { matches = \"^a+$\" } }", (200, "ab"), Some("body matches")),
        ("expect = { body = { json = { \"$.a\" = 5 } } }", (200, r#"{"a": 5}"#), None),
        ("expect = { body = { json = { \"$.a\" = 5 } } }", (200, "{}"), Some("$.a is \"5\"")),
        ("expect = { headers = { etag = \"v\" } }", (200, ""), None),
        ("expect = { headers = { etag = \"w\" } }", (200, ""), Some("header etag has \"w\"")),
        ("expect = { time = \"20ms\" }", (200, ""), Some("time < 20ms")),
        ("expect = { time = \"21ms\" }", (200, ""), None),
        ("extract = { t = { json = \"$.t\" } }", (200, "no"), Some("no t in the body at $.t")),
        ("extract = { t = { json = \"$.t\", default = \"d\" } }", (200, "no"), None),
    ] {
        let text = format!("[[step]]\nget = \"/\"\n{expect}\n[[step]]\nget = \"/next\"");
        let mut world = ToldWorld::answering(&[answer]);
        let ended = iterate(&text, &mut world);
        let end = world.done.iter().find(|line| line.starts_with("end ")).expect("it ends");
        match failure {
            None => {
                assert_eq!((&**end, ended), ("end ok", Ok(())), "{expect}");
                assert!(world.done.contains(&"begin GET /next".to_owned()), "{expect}");
            }
            Some(words) => {
                // What the request says of itself is not said again.
                let said = if words.starts_with("status") { "end " } else { words };
                assert!(end.contains(said), "{expect}: {end}");
                let Err(Stopped::Failed(why)) = ended else { panic!("{expect}: {ended:?}") };
                assert!(why.starts_with("GET /: ") && why.contains(words), "{expect}: {why}");
                assert!(!world.done.contains(&"begin GET /next".to_owned()), "{expect}");
            }
        }
    }
    let text = r#"
        step = [
            { get = "/", extract = { t = { json = "$.t" } }, on-error = "continue" },
            { get = "/next" },
        ]
    "#;
    let mut world = ToldWorld::answering(&[(200, "<html>")]);
    iterate(text, &mut world).expect("it goes on");
    assert!(world.done.contains(&"begin GET /next".to_owned()));
    let warned = "warn GET /: no t in the body at $.t, which was: <html>".to_owned();
    assert!(world.done.contains(&warned), "{:?}", world.done);
}

#[test]
fn what_fails_outside_transactions_and_goes_on_is_said() {
    let text = r#"
        step = [{ get = "/{{p.zip}}", on-error = "continue" }, { get = "/next" }]
        [data.p]
        [[start]]
        get = "/start"
        on-error = "continue"
        [[start]]
        get = "/again"
    "#;
    let file = read("x.toml", text.as_bytes()).expect("it is a steps file");
    let files = BTreeMap::new();
    let mut world = ToldWorld::answering(&[(500, "")]);
    let follower = StepsFollower::new(&file.scenarios[0], &files, Variables::new(), &mut world);
    let mut follower = follower.expect("it has no variables");
    follower.follow(StepsOf::Start, &mut world).expect("it goes on");
    assert_eq!(world.done, ["GET /start ", "warn GET /start: status 500", "GET /again "]);
    world.done.clear();
    follower.follow(StepsOf::Iteration, &mut world).expect("it goes on");
    let warned = "warn GET /{zip}: p has no column zip; it has mail";
    assert_eq!(
        world.done,
        ["row of p, Sequential", warned, "begin GET /next", "GET /next ", "end ok"]
    );
    // What a transaction counts is not said beside.
    let text = "[[step]]\nget = \"/\"\non-error = \"continue\"";
    let mut world = ToldWorld::answering(&[(500, "")]);
    iterate(text, &mut world).expect("it goes on");
    assert_eq!(world.done, ["begin GET /", "GET / ", "end "]);
}

#[test]
fn a_step_that_ends_the_user_leaves_all_steps_around_it_at_once() {
    let text = r#"
        [[step]]
        on-error = "continue"
        repeat = 3
        think = "9s"
        steps = [{ get = "/pay", on-error = "stop-user" }, { get = "/never" }]
        [[step]]
        get = "/never"
    "#;
    let mut world = ToldWorld::answering(&[(402, "")]);
    let why = "GET /pay: status 402".to_owned();
    assert_eq!(iterate(text, &mut world), Err(Stopped::UserEnds(why)));
    let stops = "stop user: GET /pay: status 402";
    assert_eq!(world.done, ["begin GET /pay", "GET /pay ", "end ", stops]);
}

#[test]
fn a_user_that_begins_as_the_run_ends_has_not_failed() {
    for steps in ["[{ get = \"/\" }]", "[{ parallel = [{ get = \"/\" }, { get = \"/b\" }] }]"] {
        let text = format!("start = {steps}\nstep = [{{ get = \"/\" }}]");
        let file = read("x.toml", text.as_bytes()).expect("it is a steps file");
        let files = BTreeMap::new();
        let mut world = ToldWorld::default();
        world.answers.push_back(Err(Stopped::RunOver));
        let follower = StepsFollower::new(&file.scenarios[0], &files, Variables::new(), &mut world);
        let mut follower = follower.expect("it has no variables");
        assert_eq!(follower.follow(StepsOf::Start, &mut world), Err(Stopped::RunOver));
    }
}

#[test]
fn requests_at_the_same_time_are_one_transaction() {
    expect_done(
        "[[step]]\nname = \"assets\"\nparallel = [{ get = \"/a\" }, { get = \"/b\" }]",
        &[],
        &["begin assets", "GET /a ", "GET /b ", "end ok"],
    );
    let mut world = ToldWorld::answering(&[(200, ""), (503, "")]);
    let text = "[[step]]\nparallel = [{ get = \"/a\" }, { get = \"/b\" }]";
    assert_eq!(iterate(text, &mut world), Err(Stopped::Failed("parallel: status 503".to_owned())));
}

#[test]
fn a_run_that_is_over_ends_the_iteration_without_a_failure() {
    let mut world = ToldWorld { is_over: true, ..ToldWorld::default() };
    let text =
        "[[step]]\nget = \"/\"\nthink = \"9s\"\non-error = \"continue\"\n[[step]]\nget = \"/\"";
    assert_eq!(iterate(text, &mut world), Err(Stopped::RunOver));
    assert_eq!(world.done, ["begin GET /"]);
}

#[test]
fn an_iteration_begins_with_what_was_known_before_the_first_and_nothing_else_is_a_transaction() {
    let text = r#"
        [[setup]]
        get = "/setup"
        extract = { base = { json = "$.base" } }
        [[start]]
        get = "/{{base}}/login"
        extract = { token = { json = "$.token" } }
        [[step]]
        set = { base = "{{base}}+", n = "{{iteration}}" }
        get = "/{{base}}/{{token}}"
    "#;
    let file = read("x.toml", text.as_bytes()).expect("it is a steps file");
    let (scenario, files) = (&file.scenarios[0], BTreeMap::new());
    let mut world = ToldWorld::answering(&[(200, r#"{"base": "b"}"#), (200, r#"{"token": "t"}"#)]);
    let mut preparing =
        StepsFollower::new(scenario, &files, Variables::new(), &mut world).expect("it");
    preparing.follow(StepsOf::Setup, &mut world).expect("it is set up");
    let of_setup = preparing.variables().clone();
    let mut user = StepsFollower::new(scenario, &files, of_setup, &mut world).expect("it");
    user.follow(StepsOf::Start, &mut world).expect("it begins");
    for _ in 0..2 {
        user.follow(StepsOf::Iteration, &mut world).expect("it iterates");
    }
    let iteration = ["begin GET /{base}/{token}", "GET /b+/t ", "end ok"];
    let before = ["GET /setup ", "GET /b/login "];
    assert_eq!(world.done, [&before[..], &iteration, &iteration].concat());
}
