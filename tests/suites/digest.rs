//! Scripts that prove who asks without saying the password: HTTP's digest authentication, against a
//! service that knows what the proof has to be.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use swell_tests::{Finished, Host, guest};
use tempfile::TempDir;

/// The proofs of `ann` with the password `se:cret` in the realm `the shop`, of `/account?x=1`, with
/// the nonce `n0nce` and the one that the script takes for a random number of a half. By MD5, and
/// by SHA-256 for a session; reckoned by Python's hashlib.
const BY_MD5: &str = "24d14a09e7de8bfa3ac35a8fd01cc2c4";
const BY_SHA256: &str = "6dd74c58c5cf0efcfdd8ec776ab45a78101d1c2e454021be118a609da264f065";

/// A service that asks for a proof in this way, and takes this one.
fn service(challenge: &'static str, proof: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream, challenge, proof));
        }
    });
    address
}

/// Answers requests until there are no more.
fn serve(stream: TcpStream, challenge: &str, proof: &str) {
    let mut lines = BufReader::new(stream.try_clone().expect("a socket")).lines();
    let mut is_known = false;
    while let Some(Ok(line)) = lines.next() {
        is_known |= line.to_lowercase().starts_with("authorization: digest")
            && line.contains(&format!("response=\"{proof}\""))
            && line.contains("uri=\"/account?x=1\"");
        if !line.is_empty() {
            continue;
        }
        let answer = match is_known {
            true => "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nwelcome".to_owned(),
            false => format!(
                "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: {challenge}\r\ncontent-length: 0\
                 \r\n\r\n"
            ),
        };
        is_known = false;
        if (&stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn run(address: SocketAddr) -> Finished {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let script = folder.path().join("shop.js");
    let text = format!(
        "import http from 'k6/http';
        import {{ check }} from 'k6';
        Math.random = () => 0.5;
        export default () => {{
          const url = 'http://ann:se%3Acret@{address}/account?x=1';
          const answer = http.get(url, {{ auth: 'digest' }});
          check(answer, {{ 'is known': (it) => it.status === 200 && it.body === 'welcome' }});
        }};"
    );
    std::fs::write(&script, text).expect("the temporary folder can be written");
    let host = Host::run_file(&script).arg("--interpreter").arg(guest("javascript"));
    host.target(format!("http://{address}")).args("--vus 1 --iterations 3").finish()
}

#[test]
fn a_proof_is_given_for_the_challenge_and_both_requests_are_one_transaction() {
    for (challenge, proof) in [
        (r#"Digest realm="the shop", nonce="n0nce", qop="auth-int, auth", opaque="o\"p""#, BY_MD5),
        (
            r#"Basic x=y, Digest realm="the shop",nonce=n0nce,algorithm=SHA-256-sess,qop=auth"#,
            BY_SHA256,
        ),
        (
            r#"Digest algorithm=NO, nonce="a", Digest qop="auth", nonce="n0nce", realm="the shop""#,
            BY_MD5,
        ),
    ] {
        let done = run(service(challenge, proof)).expect_done();
        assert_eq!(done.count("/measured/checks/is known/passed"), 3, "{challenge}");
        assert_eq!(done.count("/measured/transactions/ok"), 3, "{challenge}");
        assert_eq!(done.count("/measured/requests/statuses/401"), 3, "{challenge}");
        assert_eq!(done.count("/measured/requests/statuses/200"), 3, "{challenge}");
    }
}

#[test]
fn a_challenge_that_nobody_could_answer_and_a_proof_that_is_not_taken_fail_the_transaction() {
    for (challenge, requests) in [
        (r#"Digest realm="the shop", nonce="n0nce", qop="auth-int""#, 3),
        (r#"Negotiate"#, 3),
        (r#"Digest realm="another", nonce="n0nce", qop="auth""#, 6),
    ] {
        let done = run(service(challenge, BY_MD5)).expect_code(99);
        assert_eq!(done.count("/measured/transactions/failed"), 3, "{challenge}");
        assert_eq!(done.count("/measured/requests/statuses/401"), requests, "{challenge}");
    }
}
