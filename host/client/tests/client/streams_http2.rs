//! Answers over HTTP/2 that are read while they come, compressed ones over both versions, and what
//! is made of them when their service gives up.

use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use async_compression::tokio::write::{GzipEncoder, ZstdEncoder};
use bytes::Bytes;
use h2::{Reason, SendStream, server};
use http::Response;
use swell_client::{OpenAnswer, Request, Session, Version};
use swell_core::exchange::ErrorClass;
use swell_core::record::StreamEnd;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::service::*;

/// Sends an event, and then what its path says.
async fn serve(stream: TcpStream, counts: Rc<ServiceCounts>) {
    let Ok(mut connection) = server::handshake(stream).await else { return };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        counts.heads.set(counts.heads.get() + 1);
        let mut body = respond.send_response(Response::new(()), false).expect("an open stream");
        let event = |text: &'static str| Bytes::from_static(text.as_bytes());
        body.send_data(event("data: first\n\n"), false).expect("an open stream");
        match request.uri().path() {
            "/reset" => {
                tokio::task::spawn_local(reset_later(body));
            }
            // What has begun may end, and nothing new may begin.
            "/goodbye" => {
                connection.graceful_shutdown();
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    body.send_data(event("data: last\n\n"), true).expect("an open stream");
                });
            }
            "/abrupt" => {
                body.send_data(event("data: cut"), false).expect("an open stream");
                let arrived = tokio::time::sleep(Duration::from_millis(30));
                let _nothing =
                    tokio::time::timeout_at(arrived.deadline(), connection.accept()).await;
                connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
            }
            "/hang" => {
                let counts = Rc::clone(&counts);
                tokio::task::spawn_local(async move {
                    let reset = poll_fn(|cx| body.poll_reset(cx)).await;
                    assert_eq!(reset.ok(), Some(Reason::CANCEL));
                    counts.most_open.set(77);
                });
            }
            _ => body.send_data(event("data: last\n\n"), true).expect("an open stream"),
        }
    }
}

/// When what was sent has arrived.
async fn reset_later(mut body: SendStream<Bytes>) {
    tokio::time::sleep(Duration::from_millis(30)).await;
    body.send_reset(Reason::INTERNAL_ERROR);
}

async fn open(session: &Session, service: &TestService, path: &str) -> Box<OpenAnswer> {
    let request = Request { version: Version::Http2, ..get(service, path) };
    match session.open(request).await {
        Ok(answer) => answer,
        Err(sent) => panic!("{:?}", sent.result),
    }
}

/// The data of all events, and why there are no more.
async fn events(answer: &mut OpenAnswer) -> (Vec<String>, Option<ErrorClass>) {
    let mut all = Vec::new();
    loop {
        match answer.read_event(None).await.result {
            Ok(Some(event)) => all.push(event.data),
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error.class)),
        }
    }
}

#[test]
fn streams_share_a_connection_and_each_ends_as_its_service_ends_it() {
    run(async {
        let service = TestService::accepting(serve).await;
        let session = session();
        let mut whole = open(&session, &service, "/whole").await;
        let mut reset = open(&session, &service, "/reset").await;
        assert_eq!(events(&mut reset).await, (vec!["first".into()], Some(ErrorClass::Reset)));
        assert_eq!(events(&mut whole).await, (vec!["first".into(), "last".into()], None));
        let ends = [whole.finish(), reset.finish()].map(|(end, sent)| (end, sent.exchange.result));
        assert_eq!(
            ends,
            [(StreamEnd::Complete, Ok(200)), (StreamEnd::Failed, Err(ErrorClass::Reset)),]
        );
        assert_eq!((service.connections(), service.heads()), (1, 2));
    });
}

#[test]
fn a_goodbye_lets_what_has_begun_end_and_an_abrupt_one_does_not() {
    run(async {
        let service = TestService::accepting(serve).await;
        let mut goodbye = open(&session(), &service, "/goodbye").await;
        assert_eq!(events(&mut goodbye).await, (vec!["first".into(), "last".into()], None));
        let mut abrupt = open(&session(), &service, "/abrupt").await;
        let (read, error) = events(&mut abrupt).await;
        assert_eq!((read.len() <= 1, error), (true, Some(ErrorClass::Reset)), "{read:?}");
        assert_eq!(abrupt.finish().0, StreamEnd::Failed);
    });
}

#[test]
fn one_that_is_left_is_reset_and_the_others_go_on() {
    run(async {
        let service = TestService::accepting(serve).await;
        let session = session();
        let mut left = open(&session, &service, "/hang").await;
        assert!(left.read_event(None).await.result.is_ok_and(|event| event.is_some()));
        let (end, sent) = left.finish();
        assert_eq!((end, sent.exchange.result), (StreamEnd::Left, Ok(200)));
        let mut other = open(&session, &service, "/whole").await;
        assert_eq!(events(&mut other).await.0.len(), 2);
        assert_eq!(service.connections(), 1);
        while service.counts.most_open.get() != 77 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_compressed_stream_is_read_as_far_as_its_service_has_flushed_it() {
    run(async {
        for coding in ["gzip", "zstd"] {
            let service = TestService::scripted(move |_| compressed(coding)).await;
            let request = Request { decompress: true, ..get(&service, "/") };
            let session = session();
            let mut answer = session.open(request).await.expect("a head");
            // The service sends the rest when somebody has waited for long enough.
            let first = answer.read_event(Some(Duration::from_secs(5))).await;
            assert_eq!(
                first.result.expect("an event").expect("an event").data,
                "first",
                "{coding}"
            );
            assert_eq!(events(&mut answer).await, (vec!["last".into()], None), "{coding}");
            let (end, sent) = answer.finish();
            let size: usize = pieces(coding).iter().map(Vec::len).sum();
            assert_eq!((end, sent.exchange.body_bytes), (StreamEnd::Complete, size as u64));
            assert!(session.send(get(&service, "/")).await.result.is_ok_and(|next| next.reused));
        }
    });
}

/// Two events, compressed together, the first one flushed.
fn pieces(coding: &str) -> [Vec<u8>; 2] {
    macro_rules! with {
        ($encoder:ident) => {{
            let mut encoder = $encoder::new(Vec::new());
            encoder.write_all(b"data: first\n\n").await.expect("memory can be written");
            encoder.flush().await.expect("memory can be written");
            let flushed = encoder.get_ref().len();
            encoder.write_all(b"data: last\n\n").await.expect("memory can be written");
            encoder.shutdown().await.expect("memory can be written");
            let mut first = encoder.into_inner();
            let second = first.split_off(flushed);
            [first, second]
        }};
    }
    let encode = async { if coding == "gzip" { with!(GzipEncoder) } else { with!(ZstdEncoder) } };
    // Nothing in it waits.
    at_once(encode)
}

fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("memory is always ready"),
    }
}

fn compressed(coding: &str) -> Vec<ServiceAct> {
    let [first, second] = pieces(coding);
    let chunk = |data: &[u8]| {
        ServiceAct::Send([format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat())
    };
    vec![
        send(&format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ntransfer-encoding: chunked\r\n\r\n"
        )),
        chunk(&first),
        ServiceAct::Pause(Duration::from_millis(30)),
        chunk(&second),
        send("0\r\n\r\n"),
    ]
}
