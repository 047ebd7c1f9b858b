//! AWS's own examples: the test suite of Signature Version 4, and those of the documentation of S3.

use std::time::Duration;

use super::*;

/// 2015-08-30, 12:36:00.
const OF_SUITE: u64 = 1_440_938_160;
/// 2013-05-24, 00:00:00.
const OF_S3: u64 = 1_369_353_600;

const EMPTY: &[u8] = b"";

fn signer(scope: &str, key_id: &str, secret: &str, session_token: Option<&str>) -> AwsSigner {
    let credentials = AwsCredentials {
        key_id: key_id.to_owned(),
        secret: secret.to_owned(),
        session_token: session_token.map(str::to_owned),
    };
    AwsSigner::new(scope.parse().expect("a scope"), credentials).expect("credentials")
}

fn of_suite(session_token: Option<&str>) -> AwsSigner {
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    signer("aws:amz:us-east-1:service", "AKIDEXAMPLE", secret, session_token)
}

fn of_s3() -> AwsSigner {
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    signer("aws:amz:us-east-1:s3", "AKIAIOSFODNN7EXAMPLE", secret, None)
}

/// The headers of a signed request by their names.
fn signed(
    signer: &AwsSigner,
    seconds: u64,
    host: &str,
    method: &str,
    (path, query): (&str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
) -> Vec<(String, String)> {
    let host = [("host", host.as_bytes())];
    let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    let headers = host.into_iter().chain(headers).collect();
    let parts = SignedParts { method, path, query, headers, body };
    let now = UNIX_EPOCH + Duration::from_secs(seconds);
    let text = |value: HeaderValue| value.to_str().expect("ASCII").to_owned();
    let added = signer.sign(&parts, now).into_iter();
    added.map(|(name, value)| (name.to_string(), text(value))).collect()
}

fn authorization(headers: &[(String, String)]) -> &str {
    let found = headers.iter().find(|(name, _)| name == "authorization");
    &found.expect("it is signed").1
}

#[test]
fn the_test_suite_of_aws_is_signed_as_it_says() {
    type Case = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);
    let cases: [(Case, &[u8], &str); 12] = [
        (
            ("GET", "/", "", &[]),
            EMPTY,
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            ("POST", "/", "", &[]),
            EMPTY,
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            ("GET", "/", "Param2=value2&Param1=value1", &[]),
            EMPTY,
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            ("GET", "/", "Param1=value1", &[]),
            EMPTY,
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (
            ("GET", "/", "\u{1234}=bar", &[]),
            EMPTY,
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        (
            ("GET", "/\u{1234}", "", &[]),
            EMPTY,
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        ),
        (
            ("GET", "/example space/", "", &[]),
            EMPTY,
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
        (
            ("GET", "//example//", "", &[]),
            EMPTY,
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        (
            ("GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "", &[]),
            EMPTY,
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            ("GET", "/", "", &[("my-header2", " \"a   b   c\""), ("my-header1", " value1")]),
            EMPTY,
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            ("POST", "/", "", &[("my-header1", "value1")]),
            EMPTY,
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            ("POST", "/", "", &[("content-type", "application/x-www-form-urlencoded")]),
            b"Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ];
    for ((method, path, query, headers), body, signature) in cases {
        let host = "example.amazonaws.com";
        let signer = of_suite(None);
        let added = signed(&signer, OF_SUITE, host, method, (path, query), headers, body);
        let authorization = authorization(&added);
        assert!(authorization.ends_with(signature), "{path}?{query}: {authorization}");
        assert_eq!(added[0], ("x-amz-date".to_owned(), "20150830T123600Z".to_owned()));
    }
}

#[test]
fn a_token_of_a_session_is_sent_and_signed() {
    let token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAe\
                 MicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phU\
                 ZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38x\
                 Vqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2I\
                 CCR/oLxBA==";
    let signer = of_suite(Some(token));
    let host = "example.amazonaws.com";
    let added = signed(&signer, OF_SUITE, host, "POST", ("/", ""), &[], EMPTY);
    assert_eq!(
        authorization(&added),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders=host;x-amz-date;x-amz-security-token, \
         Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
    );
    assert!(added.contains(&("x-amz-security-token".to_owned(), token.to_owned())));
}

#[test]
fn the_examples_of_s3_are_signed_as_they_say_with_the_hash_of_the_body() {
    let host = "examplebucket.s3.amazonaws.com";
    let sign = |method, url, headers: &[(&str, &str)], body| {
        signed(&of_s3(), OF_S3, host, method, url, headers, body)
    };
    for (added, signature) in [
        (
            sign("GET", ("/test.txt", ""), &[("range", "bytes=0-9")], EMPTY),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            sign("GET", ("/", "lifecycle"), &[], EMPTY),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            sign("GET", ("/", "max-keys=2&prefix=J"), &[], EMPTY),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
        (
            sign(
                "PUT",
                ("/test$file.text", ""),
                &[
                    ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                    ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ],
                b"Welcome to Amazon S3.",
            ),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
    ] {
        assert!(authorization(&added).ends_with(signature), "{added:?}");
        assert!(added.iter().any(|(name, _)| name == "x-amz-content-sha256"));
    }
    let unsigned = [("x-amz-content-sha256", "UNSIGNED-PAYLOAD")];
    let added = sign("PUT", ("/a", ""), &unsigned, b"1");
    assert_eq!(added.len(), 2, "the hash that was given is not given again");
    let other = sign("PUT", ("/a", ""), &unsigned, b"2");
    assert_eq!(authorization(&added), authorization(&other), "the body is not signed");
}

#[test]
fn dates_are_those_of_the_calendar() {
    for (seconds, text) in [
        (0, "19700101T000000Z"),
        (951_782_399, "20000228T235959Z"),
        (951_782_400, "20000229T000000Z"),
        (OF_S3, "20130524T000000Z"),
        (1_709_164_800, "20240229T000000Z"),
        (1_735_689_599, "20241231T235959Z"),
        (4_107_542_400, "21000301T000000Z"),
    ] {
        assert_eq!(date(UNIX_EPOCH + Duration::from_secs(seconds)), text);
    }
    assert_eq!(date(UNIX_EPOCH - Duration::from_secs(1)), "19700101T000000Z");
}

#[test]
fn what_is_no_scope_or_no_key_is_refused_without_a_word_of_it() {
    for wrong in
        ["", "s3", "aws:amz", "aws:amz::s3", "aws:amz:a:b:c", "goog:x:a:b", "aws:amz:a b:c"]
    {
        let told = wrong.parse::<AwsScope>().expect_err(wrong);
        assert!(told.starts_with("it is aws:amz:REGION:SERVICE"), "{told}");
    }
    let made = |key_id: &str, secret: &str, token: Option<&str>| {
        let credentials = AwsCredentials {
            key_id: key_id.to_owned(),
            secret: secret.to_owned(),
            session_token: token.map(str::to_owned),
        };
        AwsSigner::new("aws:amz:a:b".parse().expect("a scope"), credentials)
    };
    for (key_id, secret, token) in [
        ("", "s", None),
        ("a/b", "s", None),
        ("a", "", None),
        ("a", "s\n", None),
        ("a", "s", Some("")),
    ] {
        made(key_id, secret, token).map(drop).expect_err("it cannot be used");
    }
    let shown = format!("{:?}", made("AKID", "s3cret", Some("t0ken")).expect("it can be used"));
    assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
}
