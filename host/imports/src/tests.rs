//! Each format, made here, through to what the reader of steps files makes of it.

use super::*;

/// Imports a text and has the reader of steps files take the result.
#[track_caller]
fn imported(text: &str) -> Import {
    let import = match import(text, "a test", ImportOptions::default()) {
        Ok(import) => import,
        Err(error) => panic!("{error}"),
    };
    if let Err(wrong) = swell_steps::read("made.toml", import.text.as_bytes()) {
        panic!("{}:{}: {}\n{}", wrong.at.line, wrong.at.column, wrong.message, import.text);
    }
    import
}

#[track_caller]
fn has(import: &Import, parts: &[&str]) {
    for part in parts {
        assert!(import.text.contains(part), "no {part:?} in\n{}", import.text);
    }
}

#[track_caller]
fn has_not(import: &Import, parts: &[&str]) {
    for part in parts {
        assert!(!import.text.contains(part), "{part:?} is in\n{}", import.text);
    }
}

#[track_caller]
fn refusal(text: &str) -> String {
    import(text, "a test", ImportOptions::default()).expect_err(text).to_string()
}

const LOGIN: &str = include_str!("../tests/login.har");

#[test]
fn a_command_of_a_browser_becomes_a_step_without_its_secrets() {
    let import = imported(
        "curl 'https://shop.test/api/cart?size=20' -X 'PUT' \\\n  -H 'accept: */*' \\\n  \
        -H 'authorization: Bearer s3cr3t' -b 'sid=c00kie' --data-raw $'{\"note\":\"it\\'s\"}' \\\n \
        -H 'content-type: application/json' --compressed -k -L -m 2.5",
    );
    has(
        &import,
        &[
            "target = \"https://shop.test\"",
            "put = \"/api/cart?size=20\"",
            "accept = \"*/*\"",
            "auth = { bearer = \"{{env(TOKEN)}}\" }",
            "Cookie = \"{{env(COOKIE)}}\"",
            "json = { note = \"it's\" }",
            "redirects = 50",
            "timeout = \"2500ms\"",
            "--insecure",
        ],
    );
    has_not(&import, &["s3cr3t", "c00kie"]);
    let names: Vec<_> = import.secrets.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["COOKIE", "TOKEN"]);
}

#[test]
fn bodies_of_curl_are_what_curl_would_send() {
    let form = imported("curl http://a.test/login -d user=ann -d password=hunter2 -u ann:x");
    has(
        &form,
        &["post = \"/login\"", "form = { user = \"ann\", password = \"{{env(PASSWORD)}}\" }"],
    );
    has_not(&form, &["hunter2", "Content-Type"]);
    let query = imported("curl -G a.test/find --data-urlencode 'q=a b&c' -d page=2");
    has(&query, &["get = \"/find?q=a+b%26c&page=2\"", "target = \"http://a.test\""]);
    let parts = imported("curl a.test -F 'title=one; two' -F 'photo=@p.jpg;type=image/jpeg'");
    has(&parts, &["{ name = \"photo\", file = \"p.jpg\", type = \"image/jpeg\" }", "one; two"]);
    has(&imported("curl -T big.bin a.test/up"), &["put = \"/up\"", "file = \"big.bin\""]);
    has(&imported("curl a.test -d @body.txt"), &["file = \"body.txt\"", "x-www-form-urlencoded"]);
    let null = imported(r#"curl a.test --json '{"a":null,"t":"{{x}}","b":"say \"hi\""}'"#);
    has(&null, &["body = ", "application/json"]);
    has(&imported("curl -XPURGE a.test/x"), &["method = \"PURGE\""]);
    has(&imported("curl -sSLI a.test/x"), &["head = \"/x\"", "redirects = 50"]);
}

#[test]
fn commands_for_windows_and_several_in_a_file_are_read() {
    let import = imported(
        "curl ^\"https://shop.test/a?b=1^&c=2^\" ^\r\n  -H ^\"x-a: ^\\^\"q^\\^\"^\" ^\r\n  \
        --data-raw ^\"p=1^%^20^\" &\r\ncurl ^\"https://other.test/z^\"",
    );
    has(&import, &["post = \"/a?b=1&c=2\"", "x-a = '\"q\"'", "get = \"https://other.test/z\""]);
    assert_eq!(import.requests, 2);
    assert_eq!(imported("curl a.test/1 --next a.test/2\n# no\n\ncurl a.test/3").requests, 3);
}

#[test]
fn a_command_that_cannot_be_read_says_what_and_how_it_can() {
    for (text, words) in [
        ("curl 'http://a.test", "the quote ' of line 1 has no end"),
        ("curl --frobnicate http://a.test", "--frobnicate is no option"),
        ("curl http://a.test -H", "-H takes a value"),
        ("curl -s", "has no URL"),
        ("curl ftp://a.test/", "is no URL of http"),
        ("curl a.test -m soon", "can't be \"soon\""),
        ("wget http://a.test", "none of what steps are made of"),
        ("", "none of what steps are made of"),
        ("http://a.test/\nhalf a line\n", "line 2"),
        ("{\"log\": {\"entries\": [", "begins as JSON and is not"),
        ("{\"log\": {}}", "it is no HAR: missing field `entries`"),
        ("{\"log\": {\"entries\": []}}", "no request in it"),
        ("{\"swagger\": \"2.0\"}", "Swagger 2.0 is not read"),
        ("openapi: 3.0.0\npaths: [", "line 3, column 1"),
        ("openapi: '4.0'\npaths: {}", "\"4.0\" is not read"),
    ] {
        let said = refusal(text);
        assert!(said.contains(words), "no {words:?} in {said}");
    }
}

#[test]
fn a_list_of_urls_keeps_methods_and_hides_keys() {
    let import = imported(
        "\u{feff}# mine\r\nhttp://a.test/x?b={{y}}\r\n\r\nPOST http://a.test/z\r\n\
        https://b.test/w?api_key=12345&q=a+b\r\n",
    );
    has(
        &import,
        &[
            "get = '/x?b={{\"{{\"}}y}}'",
            "post = \"/z\"",
            "get = \"https://b.test/w\"",
            "query = { api_key = \"{{env(API_KEY)}}\", q = \"a b\" }",
        ],
    );
    assert_eq!(import.requests, 3);
}

#[test]
fn a_recording_carries_on_what_the_service_gave_out() {
    let import = imported(LOGIN);
    has(
        &import,
        &[
            "name = \"Sign in\"",
            "[[step.steps]]",
            "extract = { csrf = { regex = '<input type=\"hidden\" name=\"csrf\" \
            value=\"([^\"]*)\"' } }",
            "csrf = \"{{csrf}}\"",
            "password = \"{{env(PASSWORD)}}\"",
            "extract = { token = { json = \"$.token\" } }",
            "auth = { bearer = \"{{token}}\" }",
            "extract = { id = { json = \"$.items[0].id\" } }",
            "get = \"/items/{{id}}\"",
            "json = { id = \"{{number(id)}}\", amount = 1 }",
            "think = \"1500ms\"",
            "expect = { status = [404] }",
        ],
    );
    has_not(
        &import,
        &[
            "hunter2",
            "tok-4711-abc",
            "c5rf-99",
            "8801",
            "Cookie",
            "\"https://cdn.test",
            "= \"/site.css",
        ],
    );
    assert_eq!(import.notes.len(), 2, "{:?}", import.notes);
    let all = super::import(LOGIN, "a test", ImportOptions { all: true }).expect("it is read");
    assert_eq!(all.requests, import.requests + 2);
}

#[test]
fn a_collection_keeps_folders_variables_and_the_token_of_its_script() {
    let import = imported(include_str!("../tests/shop.postman.json"));
    has(
        &import,
        &[
            "target = \"https://shop.test\"",
            "size = \"20\"",
            "name = \"Login\"",
            "extract = { token = { json = \"$.auth.token\" } }",
            "expect = { status = [200] }",
            "name = \"Items\"",
            "auth = { bearer = \"{{token}}\" }",
            "query = { size = \"{{size}}\", day = \"{{timestamp()}}\" }",
            "/v1/items/42",
            "password = \"{{env(PASSWORD)}}\"",
        ],
    );
    has_not(&import, &["hunter2"]);
    let told = import.notes.join("\n");
    assert!(told.contains("line 2 of the script after \"Login\": console.log"), "{told}");
}

#[test]
fn a_description_becomes_a_step_for_each_operation() {
    let import = imported(include_str!("../tests/shop.openapi.yaml"));
    has(
        &import,
        &[
            "target = \"https://shop.test\"",
            "get = \"/v1/items/42\"",
            "name = \"getItem\"",
            "auth = { bearer = \"{{env(LOGIN)}}\" }",
            "query = { limit = \"10\" }",
            "# [[step]]\n# delete = \"/v1/items/42\"",
            "json = { name = \"hammer\", amount = 3, parent = { name = \"hammer\", amount = 3",
            "form = { grant = \"code\", client_secret = \"{{env(CLIENT_SECRET)}}\" }",
        ],
    );
    assert!(import.notes.iter().any(|note| note.starts_with("DELETE /items/{id}")));
    assert_eq!(import.requests, 3);
}

#[test]
fn what_is_cut_off_or_damaged_is_an_error_or_a_readable_file() {
    let sources = [
        LOGIN,
        include_str!("../tests/shop.postman.json"),
        include_str!("../tests/shop.openapi.yaml"),
        "curl ^\"http://a.test/^%^20^\" -d $'\\u00e9\\x' -F a=@b -u a:b --json '{\"a\":[1,{}]}'",
    ];
    for source in sources {
        let ends = (0..source.len()).filter(|end| source.is_char_boundary(*end));
        for end in ends.step_by(1 + source.len() / 400) {
            let halves = [source[..end].to_owned(), source[end..].to_owned()];
            let damaged = [format!("{}{}", &source[..end], source[end..].replacen('"', "{{", 1))];
            for text in halves.iter().chain(&damaged) {
                if import(text, "a test", ImportOptions::default()).is_ok() {
                    imported(text);
                }
            }
        }
    }
}

#[test]
fn a_recording_of_fifty_megabytes_is_read() {
    let text = "x1 ".repeat(1 << 14);
    let entry = |n: usize| {
        format!(
            "{{\"startedDateTime\":\"2030-01-01T00:00:00.000+02:00\",\"time\":1,\"request\":\
            {{\"method\":\"GET\",\"url\":\"http://a.test/{n}\",\"headers\":[]}},\"response\":\
            {{\"status\":200,\"headers\":[],\"content\":{{\"mimeType\":\"application/json\",\
            \"text\":\"[\\\"{text}\\\"]\"}}}}}}"
        )
    };
    let entries: Vec<_> = (0..1100).map(entry).collect();
    let har = format!("{{\"log\":{{\"entries\":[{}]}}}}", entries.join(","));
    assert!(har.len() > 50 << 20);
    assert_eq!(
        import(&har, "a test", ImportOptions::default()).expect("it is read").requests,
        1100
    );
}
