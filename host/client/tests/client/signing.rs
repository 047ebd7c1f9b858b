//! Requests that are signed for AWS: which of them, and what others see of it.

use swell_client::{AwsCredentials, AwsSigner, Options, Request, header};

use crate::service::*;

#[test]
fn a_request_is_signed_unless_it_says_who_asks_and_not_beyond_its_origin() {
    run(async {
        let other = TestService::scripted(|_| ok("other")).await;
        let to = other.url("/there");
        let service = TestService::scripted(move |seen| match seen.path() {
            "/away" => answer("302 Found", &[&format!("location: {to}")], b""),
            "/near" => answer("302 Found", &["location: /signed"], b""),
            _ => ok("hello"),
        })
        .await;
        let credentials = AwsCredentials {
            key_id: "AKID".into(),
            secret: "s3cret".into(),
            session_token: Some("t0ken".into()),
        };
        let scope = "aws:amz:eu-west-1:s3".parse().expect("a scope");
        let aws = Some(AwsSigner::new(scope, credentials).expect("credentials"));
        let (_, session) = session_with(Options { aws, ..options() });
        let request = |path: &str| Request { redirects: 1, ..get(&service, path) };
        for path in ["/near", "/away"] {
            assert_eq!(status(&session.send(request(path)).await), 200);
        }
        let mut own = request("/own");
        own.headers.push(header("authorization", "Bearer own").expect("a header"));
        assert_eq!(status(&session.send(own).await), 200);
        let begins = |seen: &SeenRequest| {
            let who = seen.header("authorization").unwrap_or("nobody");
            (seen.path().to_owned(), who.split_whitespace().next().unwrap_or_default().to_owned())
        };
        let seen: Vec<_> = service.seen().iter().map(begins).collect();
        let signed = |path: &str| (path.to_owned(), "AWS4-HMAC-SHA256".to_owned());
        let own = ("/own".to_owned(), "Bearer".to_owned());
        assert_eq!(seen, [signed("/near"), signed("/signed"), signed("/away"), own]);
        let signed = &service.seen()[1];
        let names = "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, ";
        assert!(signed.header("authorization").is_some_and(|who| who.contains(names)));
        assert_eq!(signed.header("x-amz-security-token"), Some("t0ken"));
        assert!(!signed.head.contains("s3cret"));
        let away = &other.seen()[0];
        assert!(!away.head.contains("AKID") && !away.head.contains("t0ken"), "{}", away.head);
    });
}
