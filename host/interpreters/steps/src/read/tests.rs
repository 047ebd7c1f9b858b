use swell_core::plan::LOAD_SHAPE;

use super::*;
use crate::model::{FeedPick, OnError, StepAction, USERS};

const SHOP: &str = r#"
target = "http://shop.test"
[settings]
tps = 50
threshold = ["response.p95 < 300ms", "error_rate < 1%"]

[vars]
size = 20

[data.accounts]
pick = "user"

[[start]]
post = "/login"
json = { user = "{{accounts.email}}", age = "{{number(size)}}", tags = ["a", true, 1.5] }
extract = { token = { json = "$.token" } }

[[step]]
get = "/items?size={{size}}"
name = "list items"
auth = { bearer = "{{token}}" }
expect = { status = [200, "3xx"], headers = { Content-Type = "json" }, time = "500ms" }
extract = { id = { regex = 'id=(\d+)', default = "1" } }
think = "1s..3s"

[[step]]
name = "checkout"
steps = [
    { put = "https://pay.test/cart/{{id}}", form = { id = "{{id}}" }, on-error = "continue" },
    { if = "{{id}} != 7", set = { x = "{{uuid()}}" }, think = "1s" },
]

[[step]]
choice = [{ weight = 3, steps = [{ get = "/" }] }, { steps = [{ delete = "/{{x}}" }] }]
"#;

fn shop() -> StepsScenario {
    let mut file = read("plans/shop.toml", SHOP.as_bytes()).expect("it is a steps file");
    file.scenarios.remove(0)
}

#[track_caller]
fn refused(name: &str, text: &str) -> (String, (u32, u32)) {
    let wrong = read(name, text.as_bytes()).expect_err("it is refused");
    (wrong.message, (wrong.at.line, wrong.at.column))
}

#[test]
fn a_file_becomes_a_scenario_of_its_name() {
    let shop = shop();
    assert_eq!((&*shop.name, &*shop.description), ("shop", "3 steps"));
    let settings: Vec<(&str, &str)> =
        shop.settings.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(
        settings,
        [
            ("tps", "50"),
            ("threshold", "response.p95 < 300ms"),
            ("threshold", "error_rate < 1%"),
            ("target", "http://shop.test"),
        ]
    );
    assert_eq!(shop.hosts, ["pay.test"]);
    assert_eq!(shop.feeds, [("accounts".to_owned(), FeedPick::User)]);
    let StepAction::Request(list) = &shop.steps[0].what else { panic!("{:?}", shop.steps[0]) };
    assert_eq!((&*list.name, &*list.method), ("list items", "GET"));
    assert_eq!(list.expect.status, [(200, 200), (300, 399)]);
    let words: Vec<&str> = list.expect.others.iter().map(|one| &*one.words).collect();
    assert_eq!(words, ["header Content-Type has \"json\"", "time < 500ms"]);
    let StepAction::Group(group) = &shop.steps[1].what else { panic!("{:?}", shop.steps[1]) };
    let StepAction::Request(put) = &group[0].what else { panic!("{:?}", group[0]) };
    assert_eq!(put.name, "checkout / PUT /cart/{id}");
    assert_eq!(group[0].on_error, OnError::Continue);
}

#[test]
fn a_scenario_is_told_in_words() {
    let lines: Vec<String> = shop()
        .explained()
        .into_iter()
        .map(|(depth, words)| format!("{}{words}", "  ".repeat(depth)))
        .collect();
    assert_eq!(
        lines,
        [
            "needs --data accounts=FILE, a row for each user",
            "size = \"20\", or as -e size=... says",
            "as a user begins:",
            "  POST /login; takes token from the body at $.token",
            "again and again:",
            "  GET /items?size={size} as \"list items\"; expects status 200, status 300-399, \
            header Content-Type has \"json\", time < 500ms; takes id from the body by \
            \"id=(\\\\d+)\"; waits 1s to 3s",
            "  together",
            "    PUT https://pay.test/cart/{id} as \"checkout / PUT /cart/{id}\"; \
            goes on if it fails",
            "    sets x; waits 1s; if {id} is not 7",
            "  one of",
            "    weight 3:",
            "      GET /",
            "    weight 1:",
            "      DELETE /{x}",
        ]
    );
}

#[test]
fn yaml_and_json_say_the_same() {
    let yaml = "
vars: {size: 20, country: no}
step:
  - get: /items?size={{size}}&in={{country}}
    expect: {status: 2xx, body: {json: {'$.items[0].id': 5}}}
";
    let json = r#"{"vars": {"size": 20, "country": "no"}, "step": [{
        "get": "/items?size={{size}}&in={{country}}",
        "expect": {"status": "2xx", "body": {"json": {"$.items[0].id": 5}}}
    }]}"#;
    let of = |name, text: &str| format!("{:?}", read(name, text.as_bytes()).expect("it is one"));
    assert_eq!(of("x.yaml", yaml), of("x.json", json));
    let with_marks = format!("\u{feff}{}", yaml.replace('\n', "\r\n"));
    assert_eq!(of("x.yml", &with_marks), of("x.yaml", yaml));
}

#[test]
fn several_scenarios_share_what_stands_beside_them() {
    let text = r#"
[settings]
tps = 5
duration = "1m"
[vars]
a = 1
[scenario.browse]
settings = { tps = 7 }
[[scenario.browse.step]]
get = "/{{a}}"
[scenario.buy]
vars = { a = 2 }
step = [{ post = "/buy", body = "{{a}} {{env(CARD)}}" }]
"#;
    let file = read("shop.toml", text.as_bytes()).expect("it is a steps file");
    let [browse, buy] = &*file.scenarios else { panic!("{file:?}") };
    assert_eq!((&*browse.name, &*buy.name), ("browse", "buy"));
    let setting = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(browse.settings, [setting("duration", "1m"), setting("tps", "7")]);
    assert_eq!(buy.settings, [setting("tps", "5"), setting("duration", "1m")]);
    assert_eq!((buy.vars.len(), buy.vars[0].1.fixed()), (1, Some("2")));
    assert_eq!(buy.needs, ["CARD"]);
}

#[test]
fn ten_users_do_it_where_nothing_says_what_the_load_is() {
    let defaults = |settings: &str| {
        let text = format!("[[step]]\nget = \"/\"\n[settings]\n{settings}");
        read("x.toml", text.as_bytes()).expect("it is a steps file").scenarios[0].defaults()
    };
    let ten = ("vus".to_owned(), USERS.to_string());
    assert_eq!(defaults(""), std::slice::from_ref(&ten));
    assert!(defaults("duration = \"1m\"\ntimeout = \"5s\"").contains(&ten));
    for load in LOAD_SHAPE.iter().chain(&["max-vus"]) {
        assert_eq!(defaults(&format!("{load} = 5")).len(), 1, "{load}");
    }
}

#[test]
fn the_file_of_a_feed_is_asked_for_as_its_flag() {
    let text = "data: {users: {file: users.csv, pick: user}}\nstep: [{get: '/{{users.name}}'}]\n\
        settings: {data: [users=old.csv, orders=o.csv], vus: 2}";
    let file = read("x.yaml", text.as_bytes()).expect("it is a steps file");
    let data = file.scenarios[0].settings.iter().filter(|(key, _)| key == "data");
    let data: Vec<&str> = data.map(|(_, value)| &**value).collect();
    assert_eq!(data, ["orders=o.csv", "users=users.csv"]);
}

#[test]
fn what_other_programs_have_written_is_told_with_what_makes_steps_of_it() {
    for (name, text) in [
        ("api.yaml", "openapi: 3.0.0\npaths: {}"),
        ("shop.json", r#"{"info": {"name": "shop"}, "item": []}"#),
        ("visit.json", r#"{"log": {"entries": []}}"#),
    ] {
        let wrong = read(name, text.as_bytes()).expect_err("it is none");
        assert!(wrong.message.contains("host new --from"), "{name}: {}", wrong.message);
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place_and_what_was_meant() {
    for (text, words, place) in [
        ("[[step]]\ngte = \"/\"", "did you mean get?", (2, 1)),
        ("[[step]]\nget = \"items\"", "a path begins with /", (2, 7)),
        ("[[step]]\nget = \"/{{tokn}}\"\nset = { token = 1 }", "did you mean token?", (2, 7)),
        ("[[step]]\nget = \"/{{nobody}}\"", "{{env(nobody)}}", (2, 7)),
        ("[[step]]\nget = \"/{{users.mail}}\"", "[data.users]", (2, 7)),
        ("[[step]]\nget = \"/\"\nexpect = { status = \"2x\" }", "200, 2xx or 200-204", (3, 21)),
        ("[[step]]\nget = \"/\"\npost = \"/\"", "get and post cannot both be", (3, 8)),
        ("[[step]]\nget = \"/\"\nbody = \"x\"\njson = 1", "body and json cannot both", (4, 8)),
        (
            "[[step]]\npost = \"/\"\nbody = \"x\"\ncompress = \"lz\"",
            "one of gzip, deflate",
            (4, 12),
        ),
        ("[[step]]\nget = \"/\"\ncompress = \"br\"", "no body to compress", (3, 12)),
        ("[[step]]\nget = \"/\"\nthink = \"3s..1s\"", "the shorter time comes first", (3, 9)),
        ("[[step]]\nget = \"/\"\nthink = 3", "\"3s\" for seconds", (3, 9)),
        ("[[step]]\nget = \"/\"\nrepeat = \"x\"", "no whole number", (1, 1)),
        ("[[step]]\nthink = \"1s\"\nexpect = { status = 200 }", "no meaning without", (3, 1)),
        ("[[step]]\nname = \"x\"", "no meaning without a request", (2, 1)),
        ("[[step]]\nif = \"1\"", "this step does nothing", (1, 1)),
        ("[[step]]\nget = \"/\"\nname = \"{{user}}\"", "is a fixed text", (3, 8)),
        (
            "[[step]]\nget = \"/\"\nextract = { user = { json = \"$\" } }",
            "no name of a variable",
            (3, 13),
        ),
        ("[[step]]\nget = \"/\"\nextract = { x = { json = \"a\" } }", "begins with $", (3, 26)),
        ("[[step]]\nget = \"/\"\nextract = { x = { regex = \"(\" } }", "\"(\": ", (3, 27)),
        ("[[step]]\nget = \"/\"\nextract = { x = {} }", "says where it is found", (3, 13)),
        ("[[step]]\nget = \"http://me:s@h/\"", "auth = { basic", (2, 7)),
        ("[[step]]\nparallel = [{ get = \"/\", think = \"1s\" }]", "requests alone", (2, 12)),
        ("[data.x]\npick = \"any\"\n[[step]]\nget = \"/\"", "sequential, random", (2, 8)),
        ("[[steps]]\nget = \"/\"", "did you mean step?", (1, 3)),
        ("[[step]]\nget = \"/a#b\"", "what follows # stays in a browser", (2, 7)),
        ("[run.x]\n[[step]]\nget = \"/\"", "make two files of it", (1, 2)),
        ("[vars]\nx = 1", "x has no step", (1, 1)),
        ("[scenario.a]\n[[step]]\nget = \"/\"", "move it into one of them", (2, 3)),
        ("[[step]]\nget = ", "", (2, 7)),
        ("[[step]]\nget = \"/\"\nget = \"/\"", "duplicate key", (3, 1)),
    ] {
        let (message, at) = refused("x.toml", text);
        assert!(message.contains(words), "{text}: {message}");
        assert_eq!(at, place, "{text}: {message}");
    }
    for (text, words, place) in [
        ("", "the file is empty", (1, 1)),
        ("step:\n- get: /\n  get: /", "get is there twice", (3, 3)),
        ("step:\n- get: /\n  on-error: no", "\"no\" is none of", (3, 13)),
        (
            "stop:\n- steps:\n  - get: /\n    on-error: stop-user\nstep:\n- get: /",
            "stop-user in stop: no user goes on from there",
            (4, 15),
        ),
        ("step:\n- get: /\n  <<: {}", "<<", (3, 3)),
        ("step: !!x\n- get: /", "tags are not known", (1, 7)),
        ("step: [{get: /}]\n---\nstep: []", "one document", (3, 1)),
        ("step: {get: /}", "a list of steps is wanted here, and this is a table", (1, 7)),
        ("a: &a [*a]", "stands for itself", (1, 8)),
        ("step: [{get: /", "did not find expected", (2, 1)),
        ("step:\n- post: /\n  json: {id: 98765432109876543210}", "too large", (3, 14)),
        ("step:\n- post: /\n  json: {id: -9223372036854775809}", "too large", (3, 14)),
        ("step:\n- post: /\n  json: {id: 1e400}", "too large", (3, 14)),
    ] {
        let (message, at) = refused("x.yaml", text);
        assert!(message.contains(words), "{text}: {message}");
        assert_eq!(at, place, "{text}: {message}");
    }
    let wrong = read("x.toml", b"[[step]]\nget = \"/\xff\"").expect_err("it is no text");
    assert!(wrong.message.contains("UTF-8") && wrong.at.line == 2, "{wrong:?}");
}

#[test]
fn files_that_explode_or_stand_too_deep_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", "));
    }
    assert!(refused("x.yaml", &bomb).0.contains("more than 100000 values"));
    let deep = format!("step: {}{}", "[".repeat(10_000), "]".repeat(10_000));
    refused("x.yaml", &deep);
    refused("x.toml", &deep.replace(':', " ="));
    let steps = format!("step: {}{}", "[{steps: ".repeat(30), "}]".repeat(30));
    assert!(refused("x.yaml", &steps).0.contains("levels deep"));
}

#[test]
fn steps_are_told_from_plans() {
    assert!(is_steps("x.toml", b"[[step]]\nget = \"/\""));
    assert!(is_steps("x.toml", b"[scenario.a]"));
    assert!(is_steps("x.json", br#"{"step": []}"#));
    assert!(!is_steps("x.toml", b"[run.a]\nscenario = \"a\""));
    assert!(is_steps("x.toml", b"[[steps]]\nget = \"/\""));
    assert!(is_steps("x.toml", b"[[step]]\nget = \n"));
    assert!(!is_steps("x.toml", b"tps = 5"));
    assert!(!is_steps("x.toml", b"not at all"));
}

#[test]
fn statuses_are_one_a_class_or_a_range() {
    assert_eq!(parse_statuses("200"), Ok((200, 200)));
    assert_eq!(parse_statuses("2xx"), Ok((200, 299)));
    assert_eq!(parse_statuses("200-204"), Ok((200, 204)));
    let wrong = ["", "xx", "x2x", "20", "2000", "0xx", "204-200", "200-", "ok", "655xx", "660xx"];
    for wrong in wrong {
        assert!(parse_statuses(wrong).is_err(), "{wrong}");
    }
}
