//! WebSockets with a service that keeps to the rules.

use std::time::Duration;

use swell_client::{
    Session, WebSocket, WebSocketClosing, WebSocketError, WebSocketIncoming, WebSocketMessage,
    header,
};
use swell_core::exchange::{ErrorClass, Phase};
use swell_core::record::WebSocketEnd;
use tokio::io::AsyncReadExt;

use crate::service::*;
use crate::websocket_peer::*;

fn text(text: &str) -> WebSocketMessage {
    WebSocketMessage::Text(text.to_owned())
}

fn message(message: WebSocketMessage) -> Result<WebSocketIncoming, WebSocketError> {
    Ok(WebSocketIncoming::Message(message))
}

fn end(socket: &WebSocket) -> Option<WebSocketEnd> {
    socket.ended().map(|(end, _)| end)
}

#[test]
fn what_is_said_comes_back_and_is_counted() {
    run(async {
        let service = websockets(WebSocketPeer::echo).await;
        let session = session();
        let opened = session.open_websocket(asking(&service)).await;
        assert_eq!((opened.exchange.result, opened.exchange.written), (Ok(101), 1));
        assert_eq!(opened.exchange.connections, 1);
        assert!(!opened.exchange.phases.get(Phase::Waiting).is_zero());
        let socket = opened.result.expect("opened");
        socket.send(text("hello")).await.expect("sent");
        assert_eq!(socket.receive(None).await, message(text("hello")));
        let bytes = WebSocketMessage::Binary(vec![7; 100_000].into());
        let (answer, time) = socket.exchange(bytes.clone(), None).await.expect("an answer");
        assert!(answer == bytes && !time.is_zero());
        socket.ping().await.expect("sent");
        assert!(matches!(socket.receive(None).await, Ok(WebSocketIncoming::Pong(_))));
        socket.close(1000, "bye".into()).await.expect("closed");
        assert_eq!(end(&socket), Some(WebSocketEnd::Scenario));
        let traffic = socket.take_traffic();
        assert_eq!((traffic.messages_sent, traffic.messages_received), (2, 2));
        assert_eq!((traffic.bytes_sent, traffic.bytes_received), (100_005, 100_005));
        assert_eq!(traffic.pings.len(), 1);
        service.all_closed().await;
    });
}

#[test]
fn the_handshake_has_what_a_request_of_the_user_has() {
    run(async {
        let service = TestService::accepting(|stream, _| async move {
            let mut peer = WebSocketPeer::asked(stream).await;
            for (name, value) in [
                ("cookie", "a=1"),
                ("authorization", "Bearer t"),
                ("x-run", "yes"),
                ("sec-websocket-protocol", "v2, v1"),
                ("sec-websocket-version", "13"),
                ("upgrade", "websocket"),
                ("connection", "Upgrade"),
            ] {
                assert_eq!(peer.header(name), Some(value), "{}", peer.head);
            }
            assert!(peer.head.starts_with("GET /chat?room=1 HTTP/1.1\r\n"), "{}", peer.head);
            assert!(peer.header("user-agent").expect("one").starts_with("swell/"));
            assert_eq!(peer.header("sec-websocket-extensions"), None);
            // What comes with the answer is not lost.
            let further = "sec-websocket-protocol: v1\r\nset-cookie: b=2\r\nx-room: 1\r\n";
            let mut answer = peer.switching(further).into_bytes();
            answer.extend(frame(TEXT, b"early"));
            peer.send(&answer).await;
            peer.echo().await;
        })
        .await;
        let first = TestService::scripted(|_| answer("200 OK", &["set-cookie: a=1"], b"")).await;
        let mut options = options();
        options.headers = vec![header("x-run", "yes").expect("a header")];
        let (client, session) = session_with(options);
        session.send(get(&first, "/")).await;
        let mut asked = asking(&service);
        asked.headers = vec![header("authorization", "Bearer t").expect("a header")];
        asked.subprotocols = vec!["v2".into(), "v1".into()];
        asked.keep_headers = true;
        let socket = session.open_websocket(asked).await.result.expect("opened");
        assert_eq!(socket.subprotocol(), Some("v1"));
        assert_eq!(socket.headers()["x-room"], "1");
        assert_eq!(socket.receive(None).await, message(text("early")));
        assert_eq!(client.written(), 1, "a handshake is no request");
    });
}

#[test]
fn pings_are_answered_while_the_scenario_does_something_else() {
    run(async {
        let service = websockets(|mut peer| async move {
            peer.send(&frame(PING, b"are you there")).await;
            assert_eq!(peer.frame().await, Some((PONG, b"are you there".to_vec())));
            peer.send(&frame(TEXT, b"you are")).await;
            peer.send(&frame(CLOSE, &[&1001_u16.to_be_bytes()[..], b"done"].concat())).await;
            assert_eq!(peer.frame().await.map(|(first, _)| first), Some(CLOSE));
        })
        .await;
        let session = session();
        let socket = open(&session, &service).await;
        // Nobody asks for anything until the service has had its way.
        service.all_closed().await;
        assert_eq!(socket.receive(None).await, message(text("you are")));
        let closing = WebSocketClosing { code: 1001, reason: "done".into() };
        assert_eq!(socket.receive(None).await, Ok(WebSocketIncoming::Closed(closing.clone())));
        assert_eq!(socket.receive(None).await, Err(WebSocketError::Closed(closing.clone())));
        assert_eq!(socket.send(text("late")).await, Err(WebSocketError::Closed(closing)));
        assert_eq!(end(&socket), Some(WebSocketEnd::Service(1001)));
        assert_eq!(socket.take_traffic().messages_sent, 0);
    });
}

#[test]
fn an_answer_is_what_comes_after_the_question() {
    run(async {
        let service = websockets(|mut peer| async move {
            peer.send(&frame(TEXT, b"news")).await;
            while let Some((first, payload)) = peer.frame().await {
                peer.send(&frame(first, &payload)).await;
            }
        })
        .await;
        let session = session();
        let socket = open(&session, &service).await;
        assert_eq!(WebSocket::ready(&[&socket]).await, 0);
        let (answer, _) = socket.exchange(text("question"), None).await.expect("an answer");
        assert_eq!(answer, text("question"));
        assert_eq!(socket.receive(None).await, message(text("news")));
    });
}

#[test]
fn what_nobody_receives_is_taken_in_up_to_a_bound() {
    run(async {
        // One at a time, so that what was taken in is what was read.
        let (told, mut sent) = tokio::sync::mpsc::unbounded_channel();
        let service = websockets(move |mut peer| {
            let told = told.clone();
            async move {
                for _ in 0..2_000 {
                    peer.send(&frame(BINARY, &[0; 32 << 10])).await;
                    _ = told.send(());
                }
                peer.echo().await;
            }
        })
        .await;
        let session = session();
        let socket = open(&session, &service).await;
        let mut count = 0;
        while let Ok(Some(())) = tokio::time::timeout(Duration::from_millis(300), sent.recv()).await
        {
            count += 1;
        }
        assert!(count < 1_000, "{count} messages of 32 KiB were taken by somebody");
        let taken_in = socket.take_traffic().messages_received;
        assert!((32..=40).contains(&taken_in), "{taken_in} were taken in");
        // An answer is waited for behind what nobody receives, and all of it comes.
        for _ in 0..2_000 {
            let received = socket.receive(None).await;
            assert!(matches!(received, Ok(WebSocketIncoming::Message(_))), "{received:?}");
        }
        assert_eq!(socket.take_traffic().messages_received + taken_in, 2_000);
        socket.close(1000, String::new()).await.expect("closed");
    });
}

#[test]
fn a_connection_that_is_dropped_says_that_it_goes() {
    run(async {
        let service = websockets(|mut peer| async move {
            assert_eq!(peer.frame().await, Some((CLOSE, 1001_u16.to_be_bytes().to_vec())));
            assert_eq!(peer.stream.read(&mut [0; 8]).await.unwrap_or(0), 0);
        })
        .await;
        let session = session();
        drop(open(&session, &service).await);
        service.all_closed().await;
    });
}

#[test]
fn waiting_for_one_of_several_names_it() {
    run(async {
        let quiet = websockets(WebSocketPeer::echo).await;
        let loud = websockets(|mut peer| async move {
            peer.send(&frame(TEXT, b"hello")).await;
            peer.echo().await;
        })
        .await;
        let session = session();
        let (first, second) = (open(&session, &quiet).await, open(&session, &loud).await);
        assert_eq!(WebSocket::ready(&[&first, &second]).await, 1);
        assert_eq!(second.receive(None).await, message(text("hello")));
        let both = [&first, &second];
        let none = tokio::time::timeout(Duration::from_millis(20), WebSocket::ready(&both)).await;
        assert!(none.is_err(), "{none:?}");
        // The wait that was given up has left both as good as before.
        first.send(text("again")).await.expect("sent");
        assert_eq!(WebSocket::ready(&[&first, &second]).await, 0);
    });
}

#[test]
fn what_cannot_be_asked_for_is_not_sent() {
    run(async {
        let service = websockets(WebSocketPeer::echo).await;
        let session = session();
        for (url, class) in [
            ("http://127.0.0.1/", ErrorClass::Invalid),
            ("/chat", ErrorClass::Invalid),
            ("ws://denied.test/", ErrorClass::Denied),
            ("wss://127.0.0.1:0/", ErrorClass::Invalid),
        ] {
            let mut asked = asking(&service);
            asked.url = url.into();
            let opened = session.open_websocket(asked).await;
            assert_eq!((opened.exchange.result, opened.exchange.written), (Err(class), 0), "{url}");
        }
        let socket = open(&session, &service).await;
        for (code, reason) in
            [(0, ""), (1005, ""), (1006, ""), (2000, ""), (1000, &*"x".repeat(124))]
        {
            let refused = socket.close(code, reason.into()).await.expect_err("invalid");
            assert_eq!(refused.class(), Some(ErrorClass::Invalid), "{code}");
        }
        for _ in 0..16 {
            socket.ping().await.expect("sent");
        }
        assert_eq!(socket.ping().await.expect_err("too many").class(), Some(ErrorClass::Invalid));
        assert_eq!(service.connections(), 1);
        assert_eq!(end(&socket), None, "it is as good as before");
    });
}

#[test]
fn a_session_that_is_looked_on_tells_its_handshake() {
    run(async {
        let service = websockets(WebSocketPeer::echo).await;
        let (client, _) = session_with(options());
        let opened = Session::seen(&client).open_websocket(asking(&service)).await;
        let [hop] = &opened.hops[..] else { panic!("{:?}", opened.hops) };
        assert_eq!(hop.url, format!("ws://{}/chat?room=1", service.address));
        assert!(hop.headers.iter().any(|(name, _)| name == "sec-websocket-key"));
        let answer = hop.answer.as_ref().expect("an answer");
        assert_eq!((answer.status, answer.reason), (101, "Switching Protocols"));
    });
}
