use std::time::UNIX_EPOCH;

use super::*;

/// A jar whose clock stands at the year 2001.
struct At(Jar);

const NOW: Duration = Duration::from_secs(1_000_000_000);

impl At {
    fn after(url: &str, cookies: &[&str]) -> Self {
        let mut jar = Self(Jar::default());
        jar.set(url, cookies);
        jar
    }

    fn set(&mut self, url: &str, cookies: &[&str]) {
        self.set_bytes(url, &cookies.iter().map(|cookie| cookie.as_bytes()).collect::<Vec<_>>());
    }

    fn set_bytes(&mut self, url: &str, cookies: &[&[u8]]) {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(SET_COOKIE, HeaderValue::from_bytes(cookie).expect("a value"));
        }
        self.0.store(&Url::parse(url).expect("a URL"), &headers, || UNIX_EPOCH + NOW);
    }

    fn sent_at(&self, url: &str, now: Duration) -> Vec<u8> {
        self.0
            .header(&Url::parse(url).expect("a URL"), || UNIX_EPOCH + now)
            .map_or(Vec::new(), |value| value.as_bytes().to_vec())
    }

    fn sent(&self, url: &str) -> String {
        String::from_utf8(self.sent_at(url, NOW)).expect("ASCII")
    }
}

#[test]
fn longer_paths_come_first_and_then_older_cookies() {
    let mut jar = At::after(
        "http://a.test/app/x",
        &["s=root; Path=/", "s=deep; Path=/app", "a=1; Path=/", "b=2; Path=/", "here=3"],
    );
    assert_eq!(jar.sent("http://a.test/app/x"), "s=deep; here=3; s=root; a=1; b=2");
    jar.set("http://a.test/", &["a=new; Path=/", "c=4", "s=again; Path=/"]);
    assert_eq!(
        jar.sent("http://a.test/app/x"),
        "s=deep; here=3; s=again; a=new; b=2; c=4",
        "one that is set anew keeps its age"
    );
}

#[test]
fn a_cookie_ends_at_its_date_and_max_age_goes_before_it() {
    let future = "Expires=Sun, 09 Sep 2001 01:47:40 GMT";
    let past = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    let jar = At::after(
        "http://a.test/",
        &[
            &format!("until={future}; {future}").replace("Expires=", ""),
            &format!("a=1; {future}"),
            &format!("b=2; {past}"),
            &format!("c=3; Max-Age=30; {past}"),
            &format!("d=4; {future}; Max-Age=0"),
            "e=5; Max-Age=-1",
            "f=6; max-age=99999999999999999999999",
            "g=7; Max-Age=soon; Expires=never",
            "h=8; Max-Age=0; Max-Age=60",
            "i=9; Max-Age=+60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        ],
    );
    let at = |seconds| {
        String::from_utf8(jar.sent_at("http://a.test/", NOW + Duration::from_secs(seconds)))
            .expect("ASCII")
    };
    assert_eq!(at(0), "until=Sun, 09 Sep 2001 01:47:40 GMT; a=1; c=3; f=6; g=7; h=8");
    assert_eq!(at(30), "until=Sun, 09 Sep 2001 01:47:40 GMT; a=1; f=6; g=7; h=8");
    assert_eq!(at(60), "until=Sun, 09 Sep 2001 01:47:40 GMT; f=6; g=7");
}

#[test]
fn one_that_is_over_takes_away_the_one_that_it_names() {
    let mut jar = At::after("http://a.test/x/y", &["a=1; Path=/", "b=2; Path=/", "c=3"]);
    jar.set(
        "http://a.test/",
        &["a=; Path=/; Max-Age=0", "b=; Expires=Thu, 1 Jan 1970 00:00:00 UTC", "c=; Max-Age=0"],
    );
    assert_eq!(jar.sent("http://a.test/x/y"), "c=3", "another path is another cookie");
}

#[test]
fn a_cookie_goes_to_its_host_or_to_all_of_its_domain() {
    let jar = At::after(
        "http://www.shop.test/",
        &[
            "host=1",
            "all=2; Domain=shop.test",
            "dot=3; Domain=.Shop.TEST",
            "empty=4; Domain=",
            "own=5; Domain=www.shop.test",
            "other=6; Domain=evil.test",
            "longer=7; Domain=a.www.shop.test",
            "suffix=8; Domain=op.test",
            "top=9; Domain=test",
        ],
    );
    assert_eq!(jar.sent("http://www.shop.test/"), "host=1; all=2; dot=3; empty=4; own=5");
    assert_eq!(jar.sent("http://shop.test/"), "all=2; dot=3");
    assert_eq!(jar.sent("http://a.www.shop.test/"), "all=2; dot=3; own=5");
    assert_eq!(jar.sent("http://myshop.test/"), "");
    let jar =
        At::after("http://127.0.0.1:8080/", &["a=1", "b=2; Domain=127.0.0.1", "c=3; Domain=0.0.1"]);
    assert_eq!(
        jar.sent("http://127.0.0.1:9090/"),
        "a=1; b=2",
        "ports do not tell cookies apart, and an address has no domain above it"
    );
    assert_eq!(
        At::after("http://localhost/", &["a=1; Domain=localhost"]).sent("http://localhost/"),
        "a=1"
    );
}

#[test]
fn a_cookie_goes_to_its_path_and_what_lies_below() {
    let jar = At::after(
        "http://a.test/x/y",
        &[
            "dir=1",
            "a=2; Path=/x/",
            "b=3; Path=/x/y",
            "c=4; Path=relative",
            "d=5; Path",
            "e=6; Path=/z",
        ],
    );
    for (url, sent) in [
        ("http://a.test/x/y", "b=3; a=2; dir=1; c=4; d=5"),
        ("http://a.test/x/y/z?q", "b=3; a=2; dir=1; c=4; d=5"),
        ("http://a.test/x/yy", "a=2; dir=1; c=4; d=5"),
        ("http://a.test/x", "dir=1; c=4; d=5"),
        ("http://a.test/", ""),
        ("http://a.test/z", "e=6"),
    ] {
        assert_eq!(jar.sent(url), sent, "{url}");
    }
}

#[test]
fn a_secure_cookie_waits_for_tls() {
    let jar = At::after(
        "https://a.test/",
        &["a=1; Secure; HttpOnly; SameSite=Strict", "b=2; secure=no", "c=3"],
    );
    assert_eq!(
        (&*jar.sent("http://a.test/"), &*jar.sent("https://a.test/")),
        ("c=3", "a=1; b=2; c=3")
    );
}

#[test]
fn names_and_values_go_back_as_they_came() {
    let mut jar = At(Jar::default());
    jar.set_bytes(
        "http://a.test/",
        &[
            b"latin=caf\xe9",
            "utf8=caf\u{e9}".as_bytes(),
            b"quoted=\"a b\"",
            b" spaced  =  in the middle , and so on  ; Path=/",
            b"equals=a=b==",
            b"empty=",
            b"odd{}[]=<>@?\\",
            b"=no name",
            b"no equals sign",
            b"",
        ],
    );
    let expected: &[u8] =
        b"latin=caf\xe9; utf8=caf\xc3\xa9; quoted=\"a b\"; spaced=in the middle , and so on; \
        equals=a=b==; empty=; odd{}[]=<>@?\\";
    assert_eq!(jar.sent_at("http://a.test/", NOW), expected);
}

#[test]
fn a_service_that_sets_ever_new_cookies_fills_no_memory() {
    let mut jar = At(Jar::default());
    for i in 0..MAX_COOKIES + 10 {
        jar.set("http://a.test/", &[&format!("c{i}=")]);
    }
    let sent = jar.sent("http://a.test/");
    assert_eq!((sent.split("; ").count(), sent.split("; ").next()), (MAX_COOKIES, Some("c10=")));
}
