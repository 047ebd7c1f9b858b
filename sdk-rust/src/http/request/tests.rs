use super::*;

#[test]
fn a_plain_get_allocates_nothing() {
    let request = get("/");
    assert!(matches!(request.url, Cow::Borrowed("/")));
    assert!(matches!(request.body, Cow::Borrowed([])));
    assert_eq!((request.headers.capacity(), request.expect.capacity()), (0, 0));
}

#[test]
fn a_query_is_encoded_and_joins_what_the_url_has() {
    assert_eq!(get("/s").query("q", "tea & cake").query("page", 2).url, "/s?q=tea+%26+cake&page=2");
    assert_eq!(get("/s?a=1").query("b", 2).url, "/s?a=1&b=2");
    assert_eq!(get("/s?").query("b", 2).url, "/s?b=2");
    assert_eq!(get("/s#top").query("b", 2).url, "/s?b=2#top");
}

#[test]
fn a_form_is_encoded_and_named() {
    let request = post("/login").form(&[("user", "ada"), ("password", "a=b&c")]);
    assert_eq!(&*request.body, b"user=ada&password=a%3Db%26c");
    assert_eq!(
        request.headers,
        [("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())]
    );
}

#[test]
fn json_is_encoded_and_named() {
    let request = post("/cart").json(&serde_json::json!({"id": 7}));
    assert_eq!(&*request.body, br#"{"id":7}"#);
    assert_eq!(request.headers, [("content-type".to_owned(), "application/json".to_owned())]);
}

#[test]
#[should_panic(expected = "the value for .json() cannot be JSON: key must be a string")]
fn a_value_that_cannot_be_json_is_a_mistake_in_the_scenario() {
    let pairs = std::collections::BTreeMap::from([((1, 2), 3)]);
    let _ = post("/").json(&pairs);
}

#[test]
fn credentials_become_the_authorization_header() {
    // The example of RFC 7617, section 2.
    assert_eq!(
        get("/").basic_auth("Aladdin", "open sesame").headers[0].1,
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    );
    assert_eq!(get("/").bearer("abc").headers[0].1, "Bearer abc");
}

#[test]
fn expected_statuses_add_up() {
    let request = get("/").expect(200..=299).expect(404);
    let ranges: Vec<_> = request.expect.iter().map(|range| (range.first, range.last)).collect();
    assert_eq!(ranges, [(200, 299), (404, 404)]);
}

#[test]
fn a_kept_body_keeps_its_headers() {
    let request = get("/").keep_body_up_to(10);
    assert!(matches!(request.keep, Keep::Body(10)) && request.keep_headers);
}

#[test]
fn a_timeout_of_nothing_is_not_the_absence_of_one() {
    assert_eq!(get("/").timeout(Duration::ZERO).timeout_nanoseconds, 1);
}

#[test]
fn a_known_method_is_not_sent_as_another() {
    assert!(matches!(request("GET", "/").method, Method::Get));
    assert!(matches!(request("PROPFIND", "/").method, Method::Other("PROPFIND")));
}

#[test]
fn two_requests_are_the_same_if_nothing_but_their_bodies_differs() {
    let identity = |request: Request<'_>| {
        let mut text = Vec::new();
        request.identify(&mut text);
        text
    };
    let one = || post("/items").header("a", "b").expect(200);
    assert_eq!(identity(one()), identity(one().body(&b"other"[..])));
    let others = [
        put("/items").header("a", "b").expect(200),
        post("/item").header("sa", "b").expect(200),
        one().header("a", "b"),
        one().expect(201..=202),
        one().keep_headers(),
        one().keep_body(),
        one().keep_body_up_to(7),
        one().redirects(1),
        one().decompress(),
        one().version(Version::Http1),
        one().timeout(Duration::from_secs(1)),
    ];
    let mut identities: Vec<_> = others.into_iter().chain([one()]).map(identity).collect();
    identities.sort();
    identities.dedup();
    assert_eq!(identities.len(), 12);
}
