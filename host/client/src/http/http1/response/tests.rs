use super::*;

const LIMIT: usize = 1000;
const KEEPING: ResponseOptions = ResponseOptions { to_head: false, headers: true, body: true };
const TO_HEAD: ResponseOptions = ResponseOptions { to_head: true, ..KEEPING };

/// What came of an answer: status, body, whether its connection ends with it.
type Received = Result<(u16, Vec<u8>, bool), ErrorClass>;

/// Receives `pieces` and then the end of the connection, as far as the answer asks for it.
fn receive<'a>(wanted: ResponseOptions, pieces: impl IntoIterator<Item = &'a [u8]>) -> Received {
    let mut answer = ResponseReader::new(LIMIT);
    answer.expect(wanted);
    let mut pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
    let mut next = || pieces.next().unwrap_or_default();
    let outcome = (|| {
        let head = loop {
            let piece = next();
            let head = answer.head(piece)?;
            assert!(answer.partial.len() <= LIMIT + piece.len(), "a head is stored without bound");
            if let Some(head) = head {
                break head;
            }
        };
        while !answer.is_end() {
            answer.body(next())?;
        }
        Ok(head.status.as_u16())
    })();
    let body = answer.data();
    assert_eq!(answer.received, body.len() as u64);
    let status = outcome.map_err(|error: Error| error.class)?;
    Ok((status, body.to_vec(), answer.is_last() || !next().is_empty()))
}

fn whole(text: &str) -> Received {
    receive(KEEPING, [text.as_bytes()])
}

fn answered(status: u16, body: &str, last: bool) -> Received {
    Ok((status, body.into(), last))
}

const ANSWERS: [(ResponseOptions, &str, u16, &str, bool); 12] = [
    (KEEPING, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 200, "hello", false),
    (KEEPING, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", false),
    (KEEPING, "HTTP/1.1 404 Not Found\ncontent-length: 2\n\nno", 404, "no", false),
    (
        KEEPING,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: \
        Chunked\r\n\r\n3\r\nabc\r\n0A;x=\"y\"\r\n0123456789\r\n0\r\n\r\n",
        200,
        "abc0123456789",
        false,
    ),
    (
        KEEPING,
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1 \t\r\na\r\n00\r\nsum: 1\r\nx: \
        y\r\n\r\n",
        200,
        "a",
        false,
    ),
    (
        KEEPING,
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 \
        OK\r\ncontent-length: 1\r\n\r\nx",
        200,
        "x",
        false,
    ),
    (KEEPING, "HTTP/1.1 200 OK\r\nserver: x\r\n\r\nto the end", 200, "to the end", true),
    (KEEPING, "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", 204, "", false),
    (KEEPING, "HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n", 304, "", false),
    (KEEPING, "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n\x01\x02", 101, "", true),
    (TO_HEAD, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", 200, "", false),
    (KEEPING, "\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx", 200, "x", true),
];

#[test]
fn an_answer_is_the_same_wherever_it_is_cut() {
    for (wanted, text, status, body, last) in ANSWERS {
        let (text, expected) = (text.as_bytes(), answered(status, body, last));
        assert_eq!(
            receive(wanted, text.chunks(1)),
            expected,
            "byte by byte: {}",
            text.escape_ascii()
        );
        for cut in 0..text.len() {
            assert_eq!(
                receive(wanted, [&text[..cut], &text[cut..]]),
                expected,
                "cut at {cut}: {}",
                text.escape_ascii()
            );
        }
    }
}

#[test]
fn an_answer_that_ends_early_is_a_reset_wherever_it_ends() {
    for (wanted, text, _, body, _) in
        ANSWERS.into_iter().filter(|(_, _, status, _, last)| *status != 101 && !*last)
    {
        for cut in 0..text.len() {
            assert_eq!(
                receive(wanted, [&text.as_bytes()[..cut]]),
                Err(ErrorClass::Reset),
                "cut at {cut}: {text:?} with {body:?}"
            );
        }
    }
}

#[test]
fn words_after_an_answer_leave_its_connection_to_nobody() {
    for (wanted, text, status, body, _) in
        ANSWERS.into_iter().filter(|(_, text, ..)| !text.ends_with("end"))
    {
        let (text, junk) = (text.as_bytes(), &b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..]);
        assert_eq!(receive(wanted, [&[text, junk].concat()[..]]), answered(status, body, true));
        assert_eq!(receive(wanted, [text, junk]), answered(status, body, true));
    }
}

#[test]
fn a_connection_is_kept_as_both_its_version_and_its_header_say() {
    for (version, connection, last) in [
        ("1.1", "", false),
        ("1.1", "Connection: keep-alive\r\n", false),
        ("1.1", "connection: x, Close\r\n", true),
        ("1.1", "connection: close\r\nconnection: keep-alive\r\n", true),
        ("1.1", "connection: closed\r\n", false),
        ("1.0", "", true),
        ("1.0", "connection: Keep-Alive\r\n", false),
        ("1.0", "connection: keep-alive, close\r\n", true),
    ] {
        let text = format!("HTTP/{version} 200 OK\r\n{connection}content-length: 0\r\n\r\n");
        assert_eq!(whole(&text), answered(200, "", last), "{text:?}");
    }
}

#[test]
fn a_head_that_two_readers_could_understand_differently_is_refused() {
    let refused = [
        "content-length: 1\r\ncontent-length: 2",
        "content-length: 1, 1",
        "content-length: +1",
        "content-length: 1 1",
        "content-length: 18446744073709551616",
        "content-length:",
        "content-length: 1\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 1",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: xchunked",
        "content-length : 1",
        " folded: 1",
        "content-length: 1\r\n 1",
        "transfer-encoding: chunked\r\n , identity",
        "x: \0",
        "x: a\rb",
    ];
    for fields in refused {
        assert_eq!(
            whole(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nx")),
            Err(ErrorClass::Protocol),
            "{fields:?}"
        );
    }
    assert_eq!(
        whole("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        Err(ErrorClass::Protocol)
    );
    assert_eq!(whole("HTTP/1.1 099 OK\r\ncontent-length: 0\r\n\r\n"), Err(ErrorClass::Protocol));
    assert_eq!(
        whole("HTTP/1.1 200 OK\r\ncontent-length: 1\r\nContent-Length: 1\r\n\r\nx"),
        answered(200, "x", false),
        "said twice"
    );
}

#[test]
fn chunks_are_framed_exactly_or_refused() {
    for body in [
        "\r\n",
        " 1\r\na\r\n",
        "g\r\n",
        "-1\r\n",
        "0x1\r\n",
        "1\na\n0\n\n",
        "1\r\nab\r\n",
        "1\r\na\n0\r\n\r\n",
        "1\r\n\r\n0\r\n\r\n",
        "1;x\ny\r\na\r\n0\r\n\r\n",
        "1\rxa\r\n0\r\n\r\n",
        "0\r\n\n",
        "0\r\nx: y\n\r\n",
        "0\r\n\rx",
        "0\r\nx\rx",
        "10000000000000000\r\n",
        "00000000000000001\r\na\r\n",
        ";\r\n",
        "1 2\r\n",
    ] {
        let text = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}");
        let outcome = whole(&text);
        // What stands between a size and its line's end is anybody's, so that the last of these is
        // an extension and its chunk missing.
        let expected = if body == "1 2\r\n" { ErrorClass::Reset } else { ErrorClass::Protocol };
        assert_eq!(outcome, Err(expected), "{body:?}");
        assert!(receive(KEEPING, text.as_bytes().chunks(1)).is_err(), "{body:?}");
    }
}

#[test]
fn the_largest_size_of_a_chunk_is_no_overflow() {
    let text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nabc";
    assert_eq!(whole(text), Err(ErrorClass::Reset));
}

#[test]
fn heads_extensions_and_trailers_have_one_limit_each() {
    let head = |size: usize| {
        let (start, end) = ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: ", "\r\n\r\n");
        format!("{start}{}{end}", "y".repeat(size - start.len() - end.len()))
    };
    let around = |extension: usize, trailer: usize| {
        let (extension, trailer) = ("e".repeat(extension - 1), "t".repeat(trailer));
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: \
            chunked\r\n\r\n1;{extension}\r\na\r\n0\r\n{trailer}\r\n\r\n"
        )
    };
    for (text, fits) in [
        (head(LIMIT), true),
        (head(LIMIT + 1), false),
        (head(50 * LIMIT), false),
        (around(400, 600), true),
        (around(401, 600), false),
        (around(1, 10 * LIMIT), false),
        (format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(LIMIT)), false),
        ("\r\n".repeat(LIMIT), false),
    ] {
        for piece in [1, 7, 64, text.len()] {
            let outcome = receive(KEEPING, text.as_bytes().chunks(piece));
            assert_eq!(
                outcome.as_ref().err(),
                (!fits).then_some(&ErrorClass::TooLarge),
                "{} bytes by {piece}",
                text.len()
            );
        }
    }
}

#[test]
fn what_is_not_wanted_is_not_stored() {
    let text =
        b"HTTP/1.1 200 OK\r\nserver: x\r\nset-cookie: a=b\r\nlocation: /\r\ncontent-encoding: \
        gzip\r\ncontent-length: 5\r\n\r\nhello";
    let mut answer = ResponseReader::new(LIMIT);
    answer.expect(ResponseOptions::default());
    let head = answer.head(text).expect("well-formed").expect("whole");
    let mut names: Vec<_> = head.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-encoding", "location", "set-cookie"]);
    assert_eq!((answer.received, answer.data.capacity(), answer.is_last()), (5, 0, false));
    answer.expect(KEEPING);
    assert_eq!(answer.head(text).expect("well-formed").expect("whole").headers.len(), 5);
    assert_eq!((answer.received, &answer.data()[..]), (5, &b"hello"[..]));
}

#[test]
fn a_million_bytes_of_noise_are_understood_alike_whole_and_in_pieces() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = move |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % limit
    };
    let tokens: [&[u8]; 16] = [
        b"\r\n",
        b"\r",
        b"\n",
        b"0\r\n\r\n",
        b":",
        b" ",
        b";",
        b"\0",
        b"\xff",
        b"HTTP/1.1 200 OK\r\n",
        b"0",
        b"f",
        b"chunked",
        b"content-length: 3\r\n",
        b"connection: close\r\n",
        b",",
    ];
    let (mut bytes, mut answers, mut errors) = (0, 0, 0);
    while bytes < 1_000_000 {
        let (wanted, text, ..) = ANSWERS[below(ANSWERS.len())];
        let mut text = text.as_bytes().to_vec();
        for _ in 0..below(4) {
            let at = below(text.len());
            match below(3) {
                0 => text[at] = below(256) as u8,
                1 => drop(text.splice(at..at, tokens[below(tokens.len())].iter().copied())),
                _ => text.truncate(at.max(1)),
            }
        }
        let once = receive(wanted, [&text[..]]);
        let size = 1 + below(text.len());
        for pieces in [1, size] {
            let outcome = receive(wanted, text.chunks(pieces));
            assert_eq!(
                once.as_ref().ok(),
                outcome.as_ref().ok(),
                "by {pieces}: {}",
                text.escape_ascii()
            );
        }
        bytes += text.len();
        *if once.is_ok() { &mut answers } else { &mut errors } += 1;
    }
    assert!(answers > 1000 && errors > 1000, "{answers} answers, {errors} errors");
}
