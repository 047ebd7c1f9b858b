use super::*;

fn answer(body: Option<&[u8]>, headers: bool) -> Response {
    Response::new(http::Response {
        status: 200,
        headers: headers.then(|| vec![("Content-Type".to_owned(), "text/plain".to_owned())]),
        body: body.map(Vec::from),
        body_size: 5,
        phases: http::Phases {
            blocked: 0,
            connecting: 0,
            tls: 0,
            sending: 1_000,
            waiting: 2_000_000,
            receiving: 0,
        },
        reused: true,
        redirects: 0,
        final_url: None,
    })
}

#[test]
fn a_body_that_was_not_kept_says_how_to_keep_it() {
    let error = answer(None, false).text().unwrap_err();
    assert_eq!(error.to_string(), "the body was not kept: call .keep_body() before .send()");
}

#[test]
fn headers_that_were_not_kept_say_how_to_keep_them() {
    let error = answer(None, false).header("content-type").unwrap_err();
    assert_eq!(error.to_string(), "the headers were not kept: call .keep_headers() before .send()");
}

#[test]
fn an_empty_body_is_kept_as_well_as_any_other() {
    assert_eq!(answer(Some(b""), true).text().unwrap(), "");
}

#[test]
fn a_header_is_found_in_any_case() {
    let response = answer(None, true);
    assert_eq!(response.header("content-type").unwrap(), "text/plain");
    assert_eq!(
        response.header("etag").unwrap_err().to_string(),
        "the answer has no header \"etag\""
    );
}

#[test]
fn headers_that_came_as_lines_are_found_and_listed() {
    let lines = "set-cookie: a=1\nset-cookie: b: 2\nempty: \n".to_owned();
    let mut response = answer(None, false);
    response.headers = Some(Headers::Lines(lines, OnceCell::new()));
    assert_eq!(response.header("Set-Cookie").unwrap(), "a=1");
    assert_eq!(response.header("empty").unwrap(), "");
    assert_eq!(
        response.header("etag").unwrap_err().to_string(),
        "the answer has no header \"etag\""
    );
    let listed: Vec<_> = response
        .headers()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(listed, [("set-cookie", "a=1"), ("set-cookie", "b: 2"), ("empty", "")]);
}

#[test]
fn a_body_is_read_as_bytes_text_or_json() {
    let response = answer(Some(b"[1,2]"), true);
    assert_eq!(response.bytes().unwrap(), b"[1,2]");
    assert_eq!(response.text().unwrap(), "[1,2]");
    assert_eq!(response.json::<Vec<u8>>().unwrap(), [1, 2]);
    assert!(matches!(response.json::<String>(), Err(Error::Json(_))));
}

#[test]
fn phases_are_durations() {
    assert_eq!(answer(None, false).phases().waiting, Duration::from_millis(2));
}
