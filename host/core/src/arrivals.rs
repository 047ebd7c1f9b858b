//! When the pieces of an answer arrived that is read while it comes, as far as that can be known.
//!
//! ## What is known
//! Nothing is read from the network but what the scenario asks for. A piece that comes while the
//! scenario waits for it is seen as it comes. A piece that is there already when the scenario asks
//! came at some moment since it had asked last: if that is long ago, nobody knows when. A pause of
//! the scenario's own must not be told as one of the service, so a time between two pieces counts
//! only if both moments are known.

use std::time::Duration;

/// Two moments that are closer than this are told as one: it is what a figure of a stream may be
/// wrong by.
const SAME: Duration = Duration::from_millis(1);

/// What is known of the pieces of one answer. All moments are those since its request was sent.
#[derive(Clone, Debug)]
pub struct PieceArrivals {
    /// The piece, or the event, that was told last.
    last: Option<Arrival>,
    /// When the scenario got what it had asked for last.
    answered: Duration,
}

/// When something arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    at: Duration,
    is_known: bool,
}

/// How long after the one before something came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// There was none before.
    First,
    /// So long.
    Known(Duration),
    /// Nobody knows: the scenario was busy with something else.
    Unseen,
}

impl PieceArrivals {
    /// Of an answer whose head came at this moment.
    pub const fn new(head: Duration) -> Self {
        Self { last: None, answered: head }
    }

    /// A piece that was asked for at `asked` was taken from the network at `taken`.
    pub fn taken(&self, asked: Duration, taken: Duration) -> Arrival {
        let (away, waited) = (asked.saturating_sub(self.answered), taken.saturating_sub(asked));
        Arrival { at: taken, is_known: away < SAME || waited >= SAME }
    }

    /// The scenario got something, a piece or an event that has come with it, and goes on. Returns
    /// how long after the one before that came.
    pub fn answer(&mut self, arrival: Arrival, now: Duration) -> Gap {
        self.answered = now;
        match self.last.replace(arrival) {
            None => Gap::First,
            Some(before) if before.is_known && arrival.is_known => {
                Gap::Known(arrival.at.saturating_sub(before.at))
            }
            Some(_) => Gap::Unseen,
        }
    }
}

impl Arrival {
    /// When it was taken from the network: when it came, or later.
    pub const fn taken(self) -> Duration {
        self.at
    }

    /// The moment, if it is known.
    pub fn known(self) -> Option<Duration> {
        self.is_known.then_some(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Asks at the first moment, gets at the second.
    fn read(arrivals: &mut PieceArrivals, [asked, taken]: [u64; 2]) -> Gap {
        let arrival = arrivals.taken(ms(asked), ms(taken));
        arrivals.answer(arrival, ms(taken))
    }

    #[test]
    fn the_gaps_of_who_waits_are_those_of_the_service() {
        let mut arrivals = PieceArrivals::new(ms(10));
        assert_eq!(arrivals.taken(ms(10), ms(30)).known(), Some(ms(30)));
        assert_eq!(read(&mut arrivals, [10, 30]), Gap::First);
        assert_eq!(read(&mut arrivals, [30, 50]), Gap::Known(ms(20)));
        // A short while of the scenario's own changes nothing that anybody could see.
        assert_eq!(read(&mut arrivals, [55, 90]), Gap::Known(ms(40)));
    }

    #[test]
    fn a_pause_of_the_scenario_is_no_gap_of_the_service() {
        let mut arrivals = PieceArrivals::new(ms(10));
        assert_eq!(read(&mut arrivals, [10, 20]), Gap::First);
        // It was there already: it came between 20 and 500, and the next one after that moment.
        assert_eq!(read(&mut arrivals, [500, 500]), Gap::Unseen);
        assert_eq!(read(&mut arrivals, [500, 510]), Gap::Unseen);
        assert_eq!(read(&mut arrivals, [510, 530]), Gap::Known(ms(20)));
    }

    #[test]
    fn a_first_piece_that_nobody_waited_for_has_no_moment() {
        let arrivals = PieceArrivals::new(ms(10));
        assert_eq!(arrivals.taken(ms(400), ms(400)).known(), None);
        assert_eq!(arrivals.taken(ms(400), ms(450)).known(), Some(ms(450)));
    }

    #[test]
    fn events_that_came_in_one_piece_came_at_the_same_moment() {
        let mut arrivals = PieceArrivals::new(ms(0));
        let piece = arrivals.taken(ms(0), ms(70));
        assert_eq!(arrivals.answer(piece, ms(70)), Gap::First);
        // The second one is asked for much later, and was here all the time.
        assert_eq!(arrivals.answer(piece, ms(900)), Gap::Known(ms(0)));
    }
}
