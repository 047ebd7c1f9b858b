//! What a URL of a proxy says, and what proxies answer.

use tokio::net::TcpListener;

use super::*;

fn proxy(text: &str) -> Proxy {
    text.parse().expect(text)
}

#[test]
fn a_url_names_a_proxy_its_port_and_who_asks() {
    for (text, shown, reads, looks_up) in [
        ("http://10.0.0.1:3128", "10.0.0.1:3128", true, true),
        ("proxy.test:3128", "proxy.test:3128", true, true),
        ("http://proxy.test/", "proxy.test:80", true, true),
        ("socks5://[::1]", "[::1]:1080", false, false),
        ("socks5h://proxy.test:9050", "proxy.test:9050", false, true),
    ] {
        let proxy = proxy(text);
        let told = (proxy.to_string(), proxy.reads_requests(), proxy.looks_up());
        assert_eq!(told, (shown.to_owned(), reads, looks_up), "{text}");
        assert!(proxy.authorization().is_none());
    }
    let with_login = proxy("http://ada:p%40ss@proxy.test:3128");
    let value = with_login.authorization().expect("a login");
    assert_eq!(value, format!("Basic {}", BASE64.encode(b"ada:p@ss")).as_str());
    assert!(value.is_sensitive() && !format!("{with_login:?}").contains("ada"));
}

#[test]
fn what_is_no_proxy_is_told_without_its_password() {
    for (wrong, told) in [
        ("https://ada:secret@proxy.test:3128", "not spoken to over TLS"),
        ("ftp://ada:secret@proxy.test", "ftp is no way"),
        ("http://ada:secret@proxy.test:3128/path", "nothing stands behind its port"),
        ("http://ada:secret@proxy.test:99999", "invalid port"),
        ("http://", "empty host"),
        ("", "empty host"),
    ] {
        let error = wrong.parse::<Proxy>().expect_err(wrong);
        assert!(error.contains(told) && !error.contains("secret"), "{wrong}: {error}");
    }
}

/// Asks a proxy that gives this answer for a tunnel, and reads what follows in it. Returns that,
/// and what the proxy was asked.
async fn tunnel_of(url: &str, answer: &'static [u8]) -> (Result<String, Error>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of loopback");
    let to = listener.local_addr().expect("it is bound");
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut asked = vec![0; 4096];
        let read = stream.read(&mut asked).await.expect("a request");
        stream.write_all(answer).await.expect("it is read");
        asked.truncate(read);
        String::from_utf8(asked).expect("text")
    });
    let stream = TcpStream::connect(to).await.expect("it listens");
    let host = Host::parse("shop.test").expect("a host");
    let tunnel = proxy(url).tunnel(stream, &host, 443).await;
    let through = match tunnel {
        Ok(mut stream) => {
            let mut rest = String::new();
            stream.read_to_string(&mut rest).await.expect("text to its end");
            Ok(rest)
        }
        Err(error) => Err(error),
    };
    (through, asked.await.expect("it does not panic"))
}

#[tokio::test]
async fn what_follows_the_answer_belongs_to_the_service() {
    let answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Opened\r\nvia: x\r\n\r\nhello";
    let (through, asked) = tunnel_of("http://ada:pw@proxy.test", answer).await;
    assert_eq!(through.expect("a tunnel"), "hello");
    let expected = "CONNECT shop.test:443 HTTP/1.1\r\nhost: shop.test:443\r\n\
                    proxy-authorization: Basic YWRhOnB3\r\n\r\n";
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_proxy_that_opens_no_tunnel_is_told_with_its_answer() {
    for (url, answer, told) in [
        ("http://p", &b"HTTP/1.1 407 Who\r\n\r\n"[..], "407, it wants to know who asks"),
        ("http://a:b@p", b"HTTP/1.1 407 Who\r\n\r\n", "does not accept the user or the password"),
        ("http://p", b"HTTP/1.1 502 Bad\r\n\r\n", "status 502 for a tunnel to shop.test:443"),
        ("http://p", b"HTTP/1.1 301 Gone\r\n\r\n", "status 301"),
        ("http://p", b"SSH-2.0-x\r\n\r\n", "what is not HTTP"),
        ("http://p", b"", "closed by the other side"),
        ("socks5h://p", b"\x05\xff", "No acceptable auth methods"),
        ("socks5h://p", b"\x05\x00\x05\x05\x00\x01\0\0\0\0\0\0", "Connection refused"),
        ("socks5h://p", b"HTTP/1.1 400 Bad\r\n\r\n", "Invalid response version"),
        ("socks5h://p", b"", "closed by the other side"),
    ] {
        let (through, _) = tunnel_of(url, answer).await;
        let error = through.expect_err(told);
        assert_eq!(error.class, ErrorClass::Connect);
        assert!(error.message.contains(told), "{told}: {error}");
    }
}
