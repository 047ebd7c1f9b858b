//! Certificates that are good, and those that must not be taken.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use http::Method;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::PrivateKeyDer;
use swell_client::{ClientIdentity, Keep, Request, Sent, Session, TlsOptions, TlsVersion, Version};
use swell_core::exchange::{ErrorClass, Phase};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use crate::service::*;

/// A certificate authority with a folder for its files.
pub(crate) struct TestAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl TestAuthority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, folder.path().to_string_lossy());
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"))
            .expect("a certificate");
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).expect("a file");
        Self { issuer, folder }
    }

    fn certify(
        &self,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (rcgen::Certificate, KeyPair) {
        let mut params =
            CertificateParams::new(["localhost".into(), "127.0.0.1".into()]).expect("names");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.issuer).expect("a certificate"), key)
    }

    /// What a server with a certificate of this authority needs.
    pub(crate) fn server(
        &self,
        alpn: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> ServerConfig {
        server(self.certify(change), alpn, None)
    }

    /// Options that trust this authority and nobody else.
    pub(crate) fn trusted(&self) -> TlsOptions {
        TlsOptions {
            system_roots: false,
            ca_files: vec![self.folder.path().join("ca.pem")],
            ..TlsOptions::default()
        }
    }

    fn identity(&self) -> ClientIdentity {
        let (certificate, key) = self.certify(|_| {});
        let write = |name: &str, pem: String| -> PathBuf {
            let path = self.folder.path().join(name);
            std::fs::write(&path, pem).expect("a file");
            path
        };
        ClientIdentity {
            certificate: write("me.pem", certificate.pem()),
            key: write("me.key", key.serialize_pem()),
        }
    }
}

fn server(
    (certificate, key): (rcgen::Certificate, KeyPair),
    alpn: &[&str],
    clients: Option<&TestAuthority>,
) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(authority.issuer.der().clone()).expect("a root");
            builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .expect("a verifier"),
            )
        }
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let mut config =
        builder.with_single_cert(vec![certificate.der().clone()], key).expect("a pair");
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

/// Says `ok` over TLS.
pub(crate) async fn secure(config: ServerConfig) -> TestService {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    TestService::accepting(move |stream, counts| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                play(stream, counts, &|_| ok("secret")).await;
            }
        }
    })
    .await
}

pub(crate) fn secure_session(tls: &TlsOptions) -> Session {
    let mut options = options();
    options.tls = tls.load().expect("files");
    session_with(options).1
}

async fn ask(service: &TestService, host: &str, tls: &TlsOptions) -> Sent {
    secure_session(tls)
        .send(Request::new(Method::GET, format!("https://{host}:{}/", service.address.port())))
        .await
}

fn assert_refused(sent: &Sent, reason: &str) {
    assert_eq!(
        (sent.exchange.result, sent.exchange.written),
        (Err(ErrorClass::Tls), 0),
        "{:?}",
        sent.result
    );
    let message = &sent.result.as_ref().expect_err("refused").message;
    assert!(message.contains(reason), "{message}");
}

#[test]
fn a_good_certificate_is_taken_by_name_and_by_address() {
    run(async {
        let authority = TestAuthority::new();
        let service = secure(authority.server(&[], |_| {})).await;
        for host in ["localhost", "127.0.0.1"] {
            let sent = ask(&service, host, &authority.trusted()).await;
            assert_eq!((status(&sent), sent.exchange.written), (200, 1));
            assert!(!sent.exchange.phases.get(Phase::Tls).is_zero());
        }
    });
}

#[test]
fn a_certificate_that_is_expired_early_misnamed_or_unsigned_is_refused_with_its_reason() {
    run(async {
        let authority = TestAuthority::new();
        let trusted = authority.trusted();
        let expired =
            secure(authority.server(&[], |params| params.not_after = date_time_ymd(2001, 1, 1)))
                .await;
        assert_refused(&ask(&expired, "localhost", &trusted).await, "expired");
        let early =
            secure(authority.server(&[], |params| params.not_before = date_time_ymd(2999, 1, 1)))
                .await;
        assert_refused(&ask(&early, "localhost", &trusted).await, "not valid yet");
        let other =
            secure(authority.server(&[], |params| params.subject_alt_names.truncate(1))).await;
        assert_refused(&ask(&other, "127.0.0.1", &trusted).await, "not valid for 127.0.0.1");
        let stranger = secure(TestAuthority::new().server(&[], |_| {})).await;
        assert_refused(&ask(&stranger, "localhost", &trusted).await, "issuer is not trusted");
        let key = KeyPair::generate().expect("a key");
        let own = CertificateParams::new(["localhost".into()])
            .and_then(|params| params.self_signed(&key))
            .expect("a certificate");
        let self_signed = secure(server((own, key), &[], None)).await;
        assert_refused(&ask(&self_signed, "localhost", &trusted).await, "issuer is not trusted");
        let nobody = TlsOptions { system_roots: false, ..TlsOptions::default() };
        assert_refused(&ask(&self_signed, "localhost", &nobody).await, "no root certificate");
        let heads: u32 = [&expired, &early, &other, &stranger, &self_signed]
            .iter()
            .map(|service| service.heads())
            .sum();
        assert_eq!(heads, 0);
    });
}

/// A certificate that is its own authority, as `openssl req -x509` makes it.
fn own_authority(change: impl FnOnce(&mut CertificateParams)) -> (rcgen::Certificate, KeyPair) {
    let mut params = CertificateParams::new(["localhost".into()]).expect("names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut params);
    let key = KeyPair::generate().expect("a key");
    (params.self_signed(&key).expect("a certificate"), key)
}

/// Options that trust these certificates and nobody else, and the folder with their file.
fn trusting(certificates: &[&rcgen::Certificate]) -> (TlsOptions, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(
        &file,
        certificates.iter().map(|certificate| certificate.pem()).collect::<String>(),
    )
    .expect("a file");
    (TlsOptions { system_roots: false, ca_files: vec![file], ..TlsOptions::default() }, folder)
}

#[test]
fn a_certificate_that_is_its_own_authority_is_taken_where_given_and_for_its_names_and_days_only() {
    run(async {
        let (good, old) = (
            own_authority(|_| {}),
            own_authority(|params| params.not_after = date_time_ymd(2001, 1, 1)),
        );
        let (trusted, _folder) = trusting(&[&good.0, &old.0]);
        let another = own_authority(|_| {});
        let service = secure(server(good, &[], None)).await;
        assert_eq!(status(&ask(&service, "localhost", &trusted).await), 200);
        assert_refused(&ask(&service, "127.0.0.1", &trusted).await, "not valid for 127.0.0.1");
        assert_refused(
            &ask(&service, "localhost", &TestAuthority::new().trusted()).await,
            "give it with --ca-cert",
        );
        assert_refused(
            &ask(&secure(server(old, &[], None)).await, "localhost", &trusted).await,
            "expired",
        );
        assert_refused(
            &ask(&secure(server(another, &[], None)).await, "localhost", &trusted).await,
            "give it with --ca-cert",
        );
    });
}

#[test]
fn a_server_s_certificate_is_taken_where_itself_was_given_and_not_its_authority() {
    run(async {
        let leaf = TestAuthority::new().certify(|_| {});
        let (trusted, _folder) = trusting(&[&leaf.0]);
        let service = secure(server(leaf, &[], None)).await;
        assert_eq!(status(&ask(&service, "localhost", &trusted).await), 200);
        assert_refused(
            &ask(&service, "localhost", &TestAuthority::new().trusted()).await,
            "issuer is not trusted",
        );
    });
}

#[test]
fn a_certificate_without_a_host_s_name_says_that_it_lacks_one() {
    run(async {
        let nameless = own_authority(|params| params.subject_alt_names.clear());
        let (trusted, _folder) = trusting(&[&nameless.0]);
        let service = secure(server(nameless, &[], None)).await;
        assert_refused(&ask(&service, "localhost", &trusted).await, "subjectAltName=DNS:localhost");
    });
}

#[test]
fn a_key_that_belongs_to_another_certificate_is_named() {
    let authority = TestAuthority::new();
    let mine = authority.identity();
    let other = KeyPair::generate().expect("a key").serialize_pem();
    std::fs::write(&mine.key, other).expect("a file");
    let error = TlsOptions { identity: Some(mine), ..authority.trusted() }
        .load()
        .expect_err("not a pair")
        .to_string();
    assert!(
        error.contains("me.key: this key does not belong to the certificate in")
            && error.contains("me.pem"),
        "{error}"
    );
}

#[test]
fn any_certificate_is_taken_only_when_that_was_asked_for() {
    run(async {
        let service = secure(
            TestAuthority::new().server(&[], |params| params.not_after = date_time_ymd(2001, 1, 1)),
        )
        .await;
        let insecure = TlsOptions { insecure: true, ..TlsOptions::default() };
        assert_eq!(status(&ask(&service, "127.0.0.1", &insecure).await), 200);
    });
}

#[test]
fn a_client_certificate_is_shown_to_who_asks_and_its_lack_is_no_written_request() {
    run(async {
        let authority = TestAuthority::new();
        let service = secure(server(authority.certify(|_| {}), &[], Some(&authority))).await;
        assert_refused(
            &ask(&service, "localhost", &authority.trusted()).await,
            "CertificateRequired",
        );
        let known = TlsOptions { identity: Some(authority.identity()), ..authority.trusted() };
        assert_eq!(status(&ask(&service, "localhost", &known).await), 200);
        assert_eq!(service.heads(), 1);
    });
}

#[test]
fn who_speaks_no_tls_fails_the_handshake() {
    run(async {
        let plain = TestService::accepting(|mut stream, _| async move {
            use tokio::io::AsyncWriteExt;
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("open");
        })
        .await;
        let closing = TestService::accepting(|stream, _| async move { drop(stream) }).await;
        for service in [plain, closing] {
            assert_refused(
                &ask(&service, "127.0.0.1", &TlsOptions::default()).await,
                "TLS handshake with 127.0.0.1",
            );
        }
    });
}

#[test]
fn a_user_resumes_its_own_sessions_until_it_forgets_them() {
    run(async {
        let authority = TestAuthority::new();
        let acceptor = TlsAcceptor::from(Arc::new(authority.server(&[], |_| {})));
        let kinds = Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = Rc::clone(&kinds);
        let service = TestService::accepting(move |stream, counts| {
            let (acceptor, seen) = (acceptor.clone(), Rc::clone(&seen));
            async move {
                let stream = acceptor.accept(stream).await.expect("a handshake");
                seen.borrow_mut().push(stream.get_ref().1.handshake_kind().expect("finished"));
                play(stream, counts, &|_| answer("200 OK", &["connection: close"], b"")).await;
            }
        })
        .await;
        let request =
            || Request::new(Method::GET, format!("https://localhost:{}/", service.address.port()));
        let session = secure_session(&authority.trusted());
        session.send(request()).await;
        session.send(request()).await;
        session.forget();
        session.send(request()).await;
        secure_session(&authority.trusted()).send(request()).await;
        use rustls::HandshakeKind::{Full, Resumed};
        assert_eq!(*kinds.borrow(), [Full, Resumed, Full, Full]);
    });
}

#[test]
fn http1_is_spoken_when_the_server_does_not_offer_more() {
    run(async {
        let authority = TestAuthority::new();
        let service = secure(authority.server(&["http/1.1"], |_| {})).await;
        let session = secure_session(&authority.trusted());
        let request =
            Request::new(Method::GET, format!("https://localhost:{}/", service.address.port()));
        let sent = session.send_all(vec![request.clone(); 12]).await;
        assert!(sent.iter().all(|sent| status(sent) == 200));
        assert!(service.connections() <= 6);
        let only2 = session.send(Request { version: Version::Http2, ..request.clone() }).await;
        assert_eq!(
            (only2.exchange.result, only2.exchange.written),
            (Err(ErrorClass::Tls), 0),
            "no common protocol"
        );
        let ignoring = secure(authority.server(&[], |_| {})).await;
        let request = Request {
            version: Version::Http2,
            ..Request::new(Method::GET, format!("https://localhost:{}/", ignoring.address.port()))
        };
        assert_eq!(session.send(request).await.exchange.result, Err(ErrorClass::Protocol));
    });
}

#[test]
fn versions_that_are_left_out_are_not_offered() {
    run(async {
        let authority = TestAuthority::new();
        let acceptor = TlsAcceptor::from(Arc::new(authority.server(&[], |_| {})));
        let service = TestService::accepting(move |stream, counts| {
            let acceptor = acceptor.clone();
            async move {
                let stream = acceptor.accept(stream).await.expect("a handshake");
                let version = format!("{:?}", stream.get_ref().1.protocol_version());
                play(stream, counts, &|_| ok(&version)).await;
            }
        })
        .await;
        let port = service.address.port();
        for (oldest, newest, agreed) in [
            (TlsVersion::V1_2, TlsVersion::V1_3, "Some(TLSv1_3)"),
            (TlsVersion::V1_3, TlsVersion::V1_3, "Some(TLSv1_3)"),
            (TlsVersion::V1_2, TlsVersion::V1_2, "Some(TLSv1_2)"),
        ] {
            let session = secure_session(&TlsOptions { oldest, newest, ..authority.trusted() });
            let url = format!("https://localhost:{port}/");
            let request =
                Request { keep: Keep::Body { limit: 100 }, ..Request::new(Method::GET, url) };
            let sent = session.send(request).await;
            assert_eq!(sent.result.expect("an answer").body, agreed);
        }
    });
}
