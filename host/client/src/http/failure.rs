//! What is known about a request that failed, and the rule that decides whether it is sent again.

use crate::error::Error;

/// A request without the head of an answer, as far as its connection can say.
pub(crate) struct SendFailure {
    pub(crate) error: Error,
    /// Whether its head was handed to the network.
    pub(crate) written: bool,
    /// Whether the request may be sent again.
    pub(crate) retry: Retry,
}

/// What the connection of a failed request says about sending it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Not at all: the request was answered, or the connection is not the cause.
    Never,
    /// The connection closed without a byte in answer: what may arrive twice may be sent again, if
    /// the connection had been idle.
    IfRepeatable,
    /// The server has said that it did nothing with it: whatever it is may be sent again (RFC 9113,
    /// 8.7).
    Always,
}

/// The most times that a request is sent that the server says it did nothing with. A server that
/// closes each connection after a few requests says so of the rest, once a connection; one that
/// says it for ever is no service.
const MAX_ATTEMPTS: u32 = 16;

/// The attempts at one request so far, and the rule by which there is another.
///
/// A connection that closed while it was idle is no answer. When nothing went out on it, another
/// one is simply taken; when the head did, what may be sent twice is sent once more, on a new
/// connection. What a server says it did nothing with may be anything.
#[derive(Default)]
pub(crate) struct Attempts {
    made: u32,
    /// Whether the request was sent again although nobody knows what became of it before.
    repeated: bool,
}

impl Attempts {
    /// Takes in that an attempt failed, and returns whether another attempt follows. `reused` says
    /// that its connection had been open before, `repeatable` that the request may arrive twice.
    pub(crate) fn allow_another(
        &mut self,
        failure: &SendFailure,
        reused: bool,
        repeatable: bool,
    ) -> bool {
        let &SendFailure { written, retry, .. } = failure;
        self.made += u32::from(written || !reused);
        let again = match retry {
            _ if reused && !written => true,
            Retry::Never => false,
            Retry::IfRepeatable => reused && !self.repeated && repeatable,
            Retry::Always => self.made < MAX_ATTEMPTS,
        };
        self.repeated |= again && written && retry == Retry::IfRepeatable;
        again
    }

    /// Whether the connection of an attempt that failed is to be left, which others may share. A
    /// stream that was refused says nothing about the next one on it, unless that is refused too.
    pub(crate) fn blames_connection(&self, failure: &SendFailure) -> bool {
        failure.retry == Retry::IfRepeatable || self.made > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REUSED: bool = true;
    const NEW: bool = false;
    const REPEATABLE: bool = true;
    const ONCE_ONLY: bool = false;

    fn failed(written: bool, retry: Retry) -> SendFailure {
        SendFailure { error: Error::protocol("any"), written, retry }
    }

    #[test]
    fn what_never_went_out_on_an_idle_connection_is_sent_on_another_whatever_it_is() {
        let mut attempts = Attempts::default();
        for _ in 0..100 {
            assert!(attempts.allow_another(&failed(false, Retry::Never), REUSED, ONCE_ONLY));
        }
        assert_eq!(attempts.made, 0);
        assert!(!attempts.allow_another(&failed(false, Retry::Never), NEW, REPEATABLE));
    }

    #[test]
    fn what_may_arrive_twice_is_repeated_once_and_only_after_an_idle_connection() {
        let unanswered = failed(true, Retry::IfRepeatable);
        let mut attempts = Attempts::default();
        assert!(attempts.allow_another(&unanswered, REUSED, REPEATABLE));
        assert!(!attempts.allow_another(&unanswered, REUSED, REPEATABLE));
        assert!(!Attempts::default().allow_another(&unanswered, REUSED, ONCE_ONLY));
        assert!(!Attempts::default().allow_another(&unanswered, NEW, REPEATABLE));
    }

    #[test]
    fn what_the_server_did_nothing_with_is_sent_again_but_not_for_ever() {
        let unprocessed = failed(true, Retry::Always);
        let mut attempts = Attempts::default();
        let again =
            (0..100).take_while(|_| attempts.allow_another(&unprocessed, NEW, ONCE_ONLY)).count();
        assert_eq!((again as u32, attempts.made), (MAX_ATTEMPTS - 1, MAX_ATTEMPTS));
    }
}
