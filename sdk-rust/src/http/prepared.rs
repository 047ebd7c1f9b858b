//! Requests that are the same again and again are said to the host once.
//!
//! A scenario builds its requests anew for each iteration, and most of them are the same each time:
//! method, URL, headers and options, if not the body. Such a request is prepared when it comes for
//! the second time, and from then on the guest says a number in place of all that.
//!
//! Requests with something in their URL or headers that changes never come for a second time. For
//! them a hash is remembered, and no more.

use std::cell::RefCell;
use std::rc::Rc;

use crate::bindings::http_prepared::PreparedRequest;

/// How many requests are prepared at once, and how many are remembered that came once: some
/// iterations of a scenario with several pages.
const KNOWN: usize = 16;

thread_local! {
    /// A scenario runs on one thread.
    static PREPARED: RefCell<Known<PreparedRequest>> = RefCell::default();
}

/// A request as the host knows it, if it was sent before. `identify` says what tells it from all
/// others, but for its body; `prepare` says it to the host.
pub(super) fn known(
    identify: impl FnOnce(&mut Vec<u8>),
    prepare: impl FnOnce() -> PreparedRequest,
) -> Option<Rc<PreparedRequest>> {
    PREPARED.with_borrow_mut(|known| known.find(identify, prepare))
}

/// The requests that came more than once, with what the host has of each.
#[derive(Debug)]
struct Known<P> {
    /// What tells the request from all others that is looked for.
    wanted: Vec<u8>,
    prepared: Vec<(Box<[u8]>, Rc<P>)>,
    /// The place that is given away next.
    next: usize,
    /// The hashes of those that came once.
    met: [u64; KNOWN],
    next_met: usize,
}

impl<P> Default for Known<P> {
    fn default() -> Self {
        Self { wanted: Vec::new(), prepared: Vec::new(), next: 0, met: [0; KNOWN], next_met: 0 }
    }
}

impl<P> Known<P> {
    /// What was prepared of a request, or is now, when it comes for the second time.
    fn find(
        &mut self,
        identify: impl FnOnce(&mut Vec<u8>),
        prepare: impl FnOnce() -> P,
    ) -> Option<Rc<P>> {
        self.wanted.clear();
        identify(&mut self.wanted);
        let wanted = &self.wanted[..];
        if let Some((_, prepared)) = self.prepared.iter().find(|(known, _)| **known == *wanted) {
            return Some(Rc::clone(prepared));
        }
        let hash = hash(wanted);
        if !self.met.contains(&hash) {
            self.met[self.next_met] = hash;
            self.next_met = (self.next_met + 1) % KNOWN;
            return None;
        }
        let prepared = Rc::new(prepare());
        let entry = (Box::from(wanted), Rc::clone(&prepared));
        if self.prepared.len() < KNOWN {
            self.prepared.push(entry);
        } else {
            self.prepared[self.next] = entry;
            self.next = (self.next + 1) % KNOWN;
        }
        Some(prepared)
    }
}

/// FNV-1a, of 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>).
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(known: &mut Known<String>, text: &str) -> Option<Rc<String>> {
        known.find(|wanted| wanted.extend(text.as_bytes()), || text.to_owned())
    }

    #[test]
    fn a_request_is_prepared_when_it_comes_for_the_second_time_and_once() {
        let mut known = Known::default();
        assert_eq!(find(&mut known, "/a"), None);
        let prepared = find(&mut known, "/a").expect("it came before");
        assert!(Rc::ptr_eq(&prepared, &find(&mut known, "/a").expect("it is known")));
        assert_eq!(find(&mut known, "/b"), None);
    }

    #[test]
    fn requests_that_never_come_again_are_not_prepared_and_take_no_memory() {
        let mut known = Known::default();
        for number in 0..1_000 {
            assert_eq!(find(&mut known, &format!("/items/{number}")), None);
        }
        assert_eq!((known.prepared.len(), known.wanted.capacity() < 64), (0, true));
    }

    #[test]
    fn the_oldest_gives_its_place_to_another() {
        let mut known = Known::default();
        for number in 0..=KNOWN {
            let text = format!("/{number}");
            find(&mut known, &text);
            assert_eq!(find(&mut known, &text).as_deref(), Some(&text));
        }
        assert_eq!(known.prepared.len(), KNOWN);
        assert!(known.prepared.iter().all(|(_, prepared)| **prepared != "/0"));
    }
}
