//! Something that is wanted of a cluster: from the question to the end of its answer.

use std::collections::BTreeMap;

use swell_core::plan::Search;
use tokio::sync::oneshot;

use super::message::{FromCoordinator, MemberCall};
use crate::prepare::ReceivedScenario;

/// How many bytes of an answer go into one message. A lease that waits behind it waits no longer
/// than that takes.
const PIECE: usize = 64 << 10;
/// The longest answer: the record of a run takes 64 MiB beside its report, and the report of one
/// with a thousand names and ten thousand series is shorter.
const MAX_ANSWER: usize = 96 << 20;

/// Something that is wanted, and where the answer goes.
pub(crate) struct ClusterRequest {
    pub(crate) what: Requested,
    pub(crate) reply: oneshot::Sender<ApiReply>,
}

/// What is wanted.
pub(crate) enum Requested {
    Call(MemberCall),
    /// A run, its files fetched; how many hosts are to share it; whether it is a search.
    Run(ReceivedScenario, Option<usize>, Option<Search>),
}

/// An answer: a status as in HTTP, and its content, JSON or a page for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiReply {
    pub(crate) status: u16,
    pub(crate) is_json: bool,
    pub(crate) body: Vec<u8>,
}

impl ApiReply {
    /// What is wrong, in words.
    pub(crate) fn error(status: u16, words: &str) -> Self {
        Self {
            status,
            is_json: true,
            body: serde_json::json!({ "error": words }).to_string().into_bytes(),
        }
    }

    /// The answer in pieces for the wire.
    pub(super) fn pieces(&self, number: u64) -> impl Iterator<Item = FromCoordinator> {
        let last = self.body.len().saturating_sub(1) / PIECE;
        (0..=last).map(move |index| {
            let piece = self.body[index * PIECE..].iter().take(PIECE).copied().collect();
            FromCoordinator::Answer {
                number,
                status: self.status,
                is_json: self.is_json,
                piece,
                is_last: index == last,
            }
        })
    }
}

/// Questions whose answers are on their way.
#[derive(Default)]
pub(super) struct OpenRequests {
    opened: u64,
    open: BTreeMap<u64, (oneshot::Sender<ApiReply>, Vec<u8>)>,
}

impl OpenRequests {
    /// Takes in another question; returns its number.
    pub(super) fn open(&mut self, reply: oneshot::Sender<ApiReply>) -> u64 {
        self.opened += 1;
        self.open.insert(self.opened, (reply, Vec::new()));
        self.opened
    }

    /// Takes in a piece of an answer. The one who wanted it may have gone; an answer without an end
    /// is given up.
    pub(super) fn handle_piece(
        &mut self,
        number: u64,
        (status, is_json): (u16, bool),
        piece: &[u8],
        is_last: bool,
    ) {
        let Some((_, body)) = self.open.get_mut(&number) else { return };
        body.extend_from_slice(piece);
        if is_last || body.len() > MAX_ANSWER {
            let Some((reply, body)) = self.open.remove(&number) else { return };
            let whole = if is_last {
                ApiReply { status, is_json, body }
            } else {
                ApiReply::error(502, "the answer is too long")
            };
            let _ = reply.send(whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through_the_wire(answer: &ApiReply) -> ApiReply {
        let mut pending = OpenRequests::default();
        let (reply, mut replied) = oneshot::channel();
        let number = pending.open(reply);
        for message in answer.pieces(number) {
            let FromCoordinator::Answer { number, status, is_json, piece, is_last } = message
            else {
                panic!("an answer comes in answers")
            };
            assert!(piece.len() <= PIECE);
            pending.handle_piece(number, (status, is_json), &piece, is_last);
        }
        replied.try_recv().expect("it is whole")
    }

    #[test]
    fn an_answer_arrives_whole_whatever_its_length() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
            let answer = ApiReply {
                status: 200,
                is_json: false,
                body: (0..length).map(|byte| byte as u8).collect(),
            };
            assert_eq!(through_the_wire(&answer), answer);
        }
    }

    #[test]
    fn an_answer_without_end_is_given_up() {
        let mut pending = OpenRequests::default();
        let (reply, mut replied) = oneshot::channel();
        let number = pending.open(reply);
        for _ in 0..=MAX_ANSWER / (1 << 20) {
            pending.handle_piece(number, (200, true), &[0; 1 << 20], false);
        }
        assert_eq!(replied.try_recv().map(|answer| answer.status), Ok(502));
    }
}
