//! Answers that are read while they come, and services that break off in the middle of one.

use std::time::Duration;

use bytes::Bytes;
use swell_client::{Keep, OpenAnswer, Request, Sent, Session, StreamEvent};
use swell_core::arrivals::Gap;
use swell_core::exchange::{ErrorClass, Phase};
use swell_core::record::{StreamEnd, StreamNews};

use crate::service::*;

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const LAST_CHUNK: &str = "0\r\n\r\n";
const ASKED: Duration = Duration::from_millis(20);

fn chunk(data: &str) -> ServiceAct {
    send(&format!("{:x}\r\n{data}\r\n", data.len()))
}

fn pause() -> ServiceAct {
    ServiceAct::Pause(ASKED)
}

async fn open(session: &Session, request: Request) -> Box<OpenAnswer> {
    match session.open(request).await {
        Ok(answer) => answer,
        Err(sent) => panic!("{:?}", sent.result),
    }
}

/// All pieces, with what is counted of each.
async fn pieces(answer: &mut OpenAnswer) -> (Vec<(Bytes, StreamNews)>, Option<ErrorClass>) {
    let mut all = Vec::new();
    loop {
        let read = answer.read_piece(None).await;
        match read.result {
            Ok(Some(piece)) => all.push((piece, read.news)),
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error.class)),
        }
    }
}

fn text(pieces: &[(Bytes, StreamNews)]) -> String {
    pieces.iter().map(|(piece, _)| String::from_utf8_lossy(piece)).collect()
}

/// A service that sends this after each head, and what becomes of one answer of it.
async fn read_of(acts: fn() -> Vec<ServiceAct>) -> (String, Option<ErrorClass>, StreamEnd, Sent) {
    let service = TestService::scripted(move |_| acts()).await;
    let mut answer = open(&session(), get(&service, "/")).await;
    let (all, error) = pieces(&mut answer).await;
    let (end, sent) = answer.finish();
    assert_eq!(sent.exchange.result.err(), error, "what is recorded is what was told");
    (text(&all), error, end, sent)
}

#[test]
fn pieces_come_as_they_are_sent_and_are_timed() {
    run_on_virtual_time(async {
        let service = TestService::scripted(|_| {
            let mut acts = vec![pause(), send(CHUNKED), pause()];
            for piece in ["one", "two", "three"] {
                acts.extend([chunk(piece), pause()]);
            }
            acts.push(send(LAST_CHUNK));
            acts
        })
        .await;
        let mut answer = open(&session(), get(&service, "/")).await;
        assert_eq!(answer.head().status, 200);
        let (all, error) = pieces(&mut answer).await;
        assert_eq!((text(&all), error), ("onetwothree".to_owned(), None));
        let gaps: Vec<_> = all.iter().map(|(_, news)| news.gap.expect("it was read")).collect();
        let known = |gap: &Gap| matches!(gap, Gap::Known(time) if time.abs_diff(ASKED) < MS);
        assert!(
            gaps.len() == 3 && gaps[0] == Gap::First && gaps[1..].iter().all(known),
            "{gaps:?}"
        );
        let first = all[0].1.first_byte.expect("somebody waited for it");
        assert!(first.abs_diff(2 * ASKED) < MS, "{first:?}");
        assert!(all[1..].iter().all(|(_, news)| news.first_byte.is_none() && news.pieces == 1));
        let (end, sent) = answer.finish();
        assert_eq!((end, sent.exchange.body_bytes), (StreamEnd::Complete, 11));
        let receiving = sent.exchange.phases.get(Phase::Receiving);
        assert!(receiving.abs_diff(4 * ASKED) < MS, "{receiving:?}");
    });
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn events_are_read_however_they_are_cut_and_those_of_one_piece_come_at_once() {
    run_on_virtual_time(async {
        let service = TestService::scripted(|_| {
            let sent =
                ["data: a\n\nda", "ta: b\nid: 7\n\ndata: c\n\n: nothing\n\n", "data: cut off"];
            let acts = sent.into_iter().flat_map(|part| [pause(), chunk(part)]);
            [send(CHUNKED)].into_iter().chain(acts).chain([send(LAST_CHUNK)]).collect()
        })
        .await;
        let mut answer = open(&session(), get(&service, "/")).await;
        let mut all = Vec::new();
        while let (Ok(Some(event)), news) = {
            let read = answer.read_event(None).await;
            (read.result, read.news)
        } {
            assert!(news.is_event);
            all.push((event.data, event.id, news.gap.expect("it was read")));
        }
        let [a, b, c] = &all[..] else { panic!("{all:?}") };
        assert_eq!((&*a.0, &*b.0, &*c.0, &*b.1, &*c.1), ("a", "b", "c", "7", "7"));
        assert!(matches!(b.2, Gap::Known(time) if time.abs_diff(ASKED) < MS), "{b:?}");
        assert_eq!((a.2, c.2), (Gap::First, Gap::Known(Duration::ZERO)));
        assert_eq!(answer.finish().0, StreamEnd::Complete);
    });
}

#[test]
fn a_pause_of_who_reads_is_no_gap() {
    run_on_virtual_time(async {
        let service = TestService::scripted(|_| {
            vec![send(CHUNKED), chunk("a"), pause(), chunk("b"), pause(), send(LAST_CHUNK)]
        })
        .await;
        let mut answer = open(&session(), get(&service, "/")).await;
        assert_eq!(answer.read_piece(None).await.news.gap, Some(Gap::First));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(answer.read_piece(None).await.news.gap, Some(Gap::Unseen));
    });
}

#[test]
fn a_body_with_a_length_gives_its_connection_back_with_its_last_byte() {
    run(async {
        let service = TestService::scripted(|_| ok("whole")).await;
        let session = session();
        let mut answer = open(&session, get(&service, "/")).await;
        let read = answer.read_piece(None).await.result.expect("a piece").expect("a piece");
        assert_eq!(&*read, b"whole");
        assert!(session.send(get(&service, "/")).await.result.expect("an answer").reused);
        assert_eq!(answer.finish().0, StreamEnd::Complete);
        // An answer without a body is over with its head.
        let service = TestService::scripted(|_| answer_without_body()).await;
        assert!(open(&session, get(&service, "/")).await.is_over());
    });
}

fn answer_without_body() -> Vec<ServiceAct> {
    vec![send("HTTP/1.1 204 No Content\r\n\r\n")]
}

#[test]
fn what_is_left_before_its_end_is_no_failure_and_closes_its_connection() {
    run(async {
        let service = TestService::scripted(|_| {
            vec![send(CHUNKED), chunk("data: 1\n\ndata: 2\n\n"), ServiceAct::Hang]
        })
        .await;
        let mut answer = open(&session(), get(&service, "/")).await;
        let event = answer.read_event(None).await.result.expect("an event").expect("an event");
        assert_eq!(event.data, "1");
        // Events and pieces cannot be read from one answer, and to try changes nothing.
        let refused = answer.read_piece(None).await.result.expect_err("it is read in events");
        assert_eq!(refused.class, ErrorClass::Invalid);
        assert!(!answer.is_over());
        // What is left of them can be thrown away.
        assert_eq!(answer.leave_events(), "data: 2\n\n".len() as u64);
        let (end, sent) = answer.finish();
        assert_eq!((end, sent.exchange.result), (StreamEnd::Left, Ok(200)));
        service.all_closed().await;
        // So it is with one that nobody reads from.
        drop(open(&session(), get(&service, "/")).await);
        service.all_closed().await;
    });
}

#[test]
fn who_reads_on_after_the_end_is_told_the_end() {
    run(async {
        let service = TestService::scripted(|_| {
            let path = [send(CHUNKED), chunk("a"), send(LAST_CHUNK)];
            path.into_iter().collect()
        })
        .await;
        let mut answer = open(&session(), get(&service, "/")).await;
        assert_eq!(pieces(&mut answer).await.0.len(), 1);
        for _ in 0..3 {
            assert!(matches!(answer.read_piece(None).await.result, Ok(None)));
        }
    });
}

#[test]
fn what_breaks_off_is_counted_in_its_class_with_what_had_come() {
    run(async {
        let (read, error, end, sent) =
            read_of(|| vec![send(CHUNKED), chunk("abc"), pause(), ServiceAct::Reset]).await;
        assert_eq!((&*read, error, end), ("abc", Some(ErrorClass::Reset), StreamEnd::Failed));
        assert_eq!((sent.exchange.body_bytes, sent.exchange.written), (3, 1));
        // Closed in good order, but before the length or the last chunk.
        for acts in [
            || vec![send(CHUNKED), chunk("abc"), ServiceAct::Close],
            || vec![send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"), ServiceAct::Close],
        ] {
            let (read, error, end, _) = read_of(acts).await;
            assert_eq!((&*read, error, end), ("abc", Some(ErrorClass::Reset), StreamEnd::Failed));
        }
        // Without either the end of the connection is the end.
        let (read, error, end, _) =
            read_of(|| vec![send("HTTP/1.1 200 OK\r\n\r\nabc"), ServiceAct::Close]).await;
        assert_eq!((&*read, error, end), ("abc", None, StreamEnd::Complete));
        let garbage = || vec![send(CHUNKED), chunk("abc"), pause(), send("xyz\r\nabc\r\n")];
        let (read, error, end, _) = read_of(garbage).await;
        assert_eq!((&*read, error, end), ("abc", Some(ErrorClass::Protocol), StreamEnd::Failed));
    });
}

#[test]
fn trailers_are_passed_over_and_bounded() {
    run(async {
        let trailers = || vec![send(CHUNKED), chunk("abc"), pause(), send("0\r\nx-sum: 3\r\n\r\n")];
        let (read, error, end, _) = read_of(trailers).await;
        assert_eq!((&*read, error, end), ("abc", None, StreamEnd::Complete));
        let (_, error, _, _) = read_of(|| {
            let endless = "x-much: ".to_owned() + &"y".repeat(100 << 10) + "\r\n";
            vec![send(CHUNKED), chunk("abc"), pause(), send("0\r\n"), send(&endless)]
        })
        .await;
        assert_eq!(error, Some(ErrorClass::TooLarge));
    });
}

#[test]
fn nothing_waits_for_ever() {
    run_on_virtual_time(async {
        // The head alone; and a byte a second that never makes an event.
        let service = TestService::scripted(|seen| {
            let mut acts = vec![send(CHUNKED)];
            if seen.path() == "/slow" {
                let second = Duration::from_secs(1);
                acts.extend((0..300).flat_map(|_| [chunk("x"), ServiceAct::Pause(second)]));
            }
            acts.push(ServiceAct::Hang);
            acts
        })
        .await;
        let timeout = ErrorClass::Timeout(Phase::Receiving);
        for (path, own, takes) in
            [("/", None, 60), ("/", Some(5), 5), ("/slow", None, 60), ("/slow", Some(7), 7)]
        {
            let mut answer = open(&session(), get(&service, path)).await;
            let start = tokio::time::Instant::now();
            let read = answer.read_event(own.map(Duration::from_secs)).await;
            let waited = start.elapsed().as_secs_f64().round() as u64;
            let class = read.result.map(|_: Option<StreamEvent>| ()).expect_err("no event").class;
            assert_eq!((class, waited), (timeout, takes), "{path} {own:?}");
            // It stays so.
            let again = answer.read_event(None).await.result.expect_err("it is over").class;
            assert_eq!((again, answer.is_over()), (timeout, true));
            let (end, sent) = answer.finish();
            assert_eq!((end, sent.exchange.result), (StreamEnd::Failed, Err(timeout)));
        }
        // What the request says is for the whole of it, however much comes.
        let whole = Request { timeout: Some(Duration::from_secs(9)), ..get(&service, "/slow") };
        let mut answer = open(&session(), whole).await;
        let (all, error) = pieces(&mut answer).await;
        assert_eq!((all.len(), error), (9, Some(timeout)));
    });
}

#[test]
fn a_head_that_does_not_come_is_a_request_without_an_answer() {
    run_on_virtual_time(async {
        let service = TestService::scripted(|_| vec![ServiceAct::Hang]).await;
        let refused = session().open(get(&service, "/")).await;
        let sent = refused.err().expect("no head");
        assert_eq!(sent.exchange.result, Err(ErrorClass::Timeout(Phase::Waiting)));
        assert_eq!(sent.exchange.written, 1);
    });
}

#[test]
fn an_event_without_end_is_refused_at_its_limit_and_a_larger_one_may_be_asked_for() {
    run(async {
        let service = TestService::scripted(|_| {
            let line = "data: ".to_owned() + &"x".repeat(60 << 10) + "\n";
            let lines = (0..30).map(|_| chunk(&line));
            let end = [chunk("\n"), send(LAST_CHUNK)];
            [send(CHUNKED)].into_iter().chain(lines).chain(end).collect()
        })
        .await;
        let mut answer = open(&session(), get(&service, "/")).await;
        let error = answer.read_event(None).await.result.expect_err("1.8 MB");
        assert_eq!(error.class, ErrorClass::TooLarge);
        assert_eq!(answer.finish().1.exchange.result, Err(ErrorClass::TooLarge));
        let larger = Request { keep: Keep::Body { limit: 4 << 20 }, ..get(&service, "/") };
        let mut answer = open(&session(), larger).await;
        let event = answer.read_event(None).await.result.expect("an event").expect("an event");
        assert_eq!(event.data.len(), 30 * (60 << 10) + 29);
    });
}

#[test]
fn redirects_are_followed_to_the_stream() {
    run(async {
        let service = TestService::scripted(|seen| match seen.path() {
            "/" => answer("307 Temporary Redirect", &["location: /there"], b"elsewhere"),
            _ => vec![send(CHUNKED), chunk("data: here\n\n"), send(LAST_CHUNK)],
        })
        .await;
        let mut answer = open(&session(), Request { redirects: 3, ..get(&service, "/") }).await;
        assert_eq!(answer.head().redirects, 1);
        assert!(answer.head().final_url.as_deref().is_some_and(|url| url.ends_with("/there")));
        let event = answer.read_event(None).await.result.expect("an event").expect("an event");
        assert_eq!(event.data, "here");
        // Without being asked to be followed, it is an answer as any other.
        let unfollowed = open(&session(), get(&service, "/")).await;
        assert_eq!(unfollowed.head().status, 307);
    });
}

#[test]
fn nothing_is_read_but_what_is_asked_for() {
    run(async {
        // More than all buffers between the two hold.
        let service = TestService::scripted(|_| {
            let piece = "x".repeat(1 << 20);
            let pieces = (0..64).map(|_| chunk(&piece));
            [send(CHUNKED)].into_iter().chain(pieces).chain([send(LAST_CHUNK)]).collect()
        })
        .await;
        let mut answer = open(&session(), get(&service, "/")).await;
        let mut size = 0;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        loop {
            let Some(piece) = answer.read_piece(None).await.result.expect("a piece") else { break };
            assert!(piece.len() <= 64 << 10, "{}", piece.len());
            size += piece.len();
        }
        assert_eq!(size, 64 << 20);
        assert_eq!(answer.finish().1.exchange.body_bytes, 64 << 20);
    });
}
