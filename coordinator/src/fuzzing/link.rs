//! What is read of a connection: its bytes as messages, the first words, questions and how answers
//! begin.

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::admission::message::Grant;
use crate::blob::BlobOffer;
use crate::link::question::{PeerQuestion, Renewal};
use crate::wire::frame::{decode, encode, take};
use crate::wire::hello::Hello;

/// Little enough for a fuzzer to go beyond.
const LIMIT: usize = 200;

/// The first byte says what the others are: the bytes of a stream in chunks of a length, the first
/// words, a question, or how the answer with a file begins.
pub(super) fn target(bytes: &[u8]) -> bool {
    let Some((kind, bytes)) = bytes.split_first() else { return false };
    match kind % 4 {
        0 => are_messages(bytes),
        1 => {
            let own = hello();
            let Ok((node, judged)) = own.judge(bytes) else { return false };
            match judged {
                Ok(theirs) => {
                    assert_eq!(
                        (theirs.protocol, theirs.contract, &theirs.engine),
                        (own.protocol, own.contract, &own.engine)
                    );
                    let again = theirs.encode(node).expect("what was read can be written");
                    assert_eq!(own.judge(&again[4..]), Ok((node, Ok(theirs))));
                }
                Err(disagreement) => {
                    let text = disagreement.to_string();
                    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
                }
            }
            true
        }
        2 => is_written_as_read::<PeerQuestion>(bytes),
        _ => is_written_as_read::<BlobOffer>(bytes),
    }
}

/// However a stream is cut up, the same messages come of it, and none that is too long. The first
/// byte is the length of the chunks.
fn are_messages(bytes: &[u8]) -> bool {
    let Some((&chunk, bytes)) = bytes.split_first() else { return false };
    let read = |chunk: usize| {
        let (mut buffer, mut messages) = (BytesMut::new(), Vec::<Bytes>::new());
        for chunk in bytes.chunks(chunk) {
            buffer.extend_from_slice(chunk);
            loop {
                match take(&mut buffer, LIMIT) {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break,
                    Err(length) => return (messages, Err(length)),
                }
            }
            assert!(buffer.len() < 4 + LIMIT, "a message that is whole is taken");
        }
        (messages, Ok(buffer))
    };
    let (messages, end) = read(usize::from(chunk).max(1));
    assert!(messages.iter().all(|message| message.len() <= LIMIT));
    assert_eq!(read(bytes.len().max(1)), (messages.clone(), end));
    !messages.is_empty()
}

fn is_written_as_read<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> bool {
    let Ok(read) = decode::<T>(bytes) else { return false };
    let written = encode(&read).expect("what was read can be written");
    let again = decode::<T>(&written[4..]).expect("and read again");
    assert_eq!(encode(&again).expect("as before"), written);
    true
}

/// A certificate that the bytes bring.
pub(super) fn renewal(bytes: &[u8]) -> Option<Grant> {
    match decode(bytes).ok()? {
        Renewal::Granted(grant) => Some(grant),
        Renewal::Refused(_) => None,
    }
}

fn hello() -> Hello {
    Hello { protocol: 1, release: "0.1.0".into(), contract: [7; 32], engine: "wasmtime 48".into() }
}

/// The message with a certificate.
#[cfg(test)]
pub(super) fn granted(grant: Grant) -> Vec<u8> {
    encode(&Renewal::Granted(grant)).unwrap()[4..].to_vec()
}

/// Messages as they are, each with what it is before it.
#[cfg(test)]
pub(super) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    use swell_protocol::message::NodeId;

    use crate::blob::BlobHash;

    let of = |kind: u8, bytes: &[u8]| [&[kind], bytes].concat();
    let message = |bytes: Bytes| bytes[4..].to_vec();
    let stream =
        [encode("first").unwrap(), encode(&7u8).unwrap(), encode(&[0u8; 100][..]).unwrap()]
            .concat();
    let later = Hello { protocol: 2, release: "0.2.0\n".into(), ..hello() };
    let other = Hello { engine: "wasmtime 47\u{1b}".into(), ..hello() };
    vec![
        ("stream", of(0, &[&[5], &stream[..]].concat())),
        ("hello", of(1, &message(hello().encode(NodeId(5)).unwrap()))),
        ("later-hello", of(1, &message(later.encode(NodeId(5)).unwrap()))),
        ("other-engine", of(1, &message(other.encode(NodeId(5)).unwrap()))),
        ("ask-blob", of(2, &message(encode(&PeerQuestion::Blob(BlobHash::of(b"file"))).unwrap()))),
        (
            "ask-renewal",
            of(2, &message(encode(&PeerQuestion::Renewal(b"request".to_vec())).unwrap())),
        ),
        ("found", of(3, &message(encode(&BlobOffer::Yes { size: 1_000_000 }).unwrap()))),
        ("not-found", of(3, &message(encode(&BlobOffer::No).unwrap()))),
    ]
}
