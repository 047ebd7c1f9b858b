//! A curve as straight lines that are nowhere far from it.
//!
//! The curve is looked at in many places. Where it jumps, the instant is found by halving to a
//! nanosecond, and the stages jump there, too. Between jumps each line reaches as far as it can
//! while all places on its way are near enough to it; near in each place means near in each second.

use std::time::Duration;

use thiserror::Error;

use crate::schedule::Stage;
use crate::units::grouped;

/// How far a line may be from the curve, as a part of the curve's value.
const NEAR: f64 = 0.005;
/// How far a line may be where the curve is near zero: as a part of its peak, and in starts a
/// second, whichever is less.
const NEAR_ZERO: (f64, f64) = (0.002, 0.02);
/// Places a second, and how many there are at least and at most.
const PLACES: (f64, f64, f64) = (8.0, 1_000.0, 200_000.0);
/// How often the way between two places is halved where a line is not near enough to it.
const HALVINGS: u32 = 10;
/// The most stages: they travel together to all nodes of a cluster, some 40 bytes each.
const MAX_STAGES: usize = 5_000;
/// A value that is below zero by less is what rounding leaves of a zero.
const ROUNDING: f64 = 1e-6;
/// How near to each other two instants can be, in seconds.
const INSTANT: f64 = 1e-9;
/// How much of an instant a float that holds it leaves open.
const FLOAT: f64 = 2.0 * f64::EPSILON;

/// Why a curve is no load. It is told behind the formula.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CurveError {
    /// It falls below zero.
    #[error("is below zero from t = {0} on; max(0, ...) keeps a load above it")]
    Negative(String),
    /// It has no value, as a root below zero.
    #[error("is no number from t = {0} on")]
    NoNumber(String),
    /// It is more than there can be.
    #[error("is above {1} from t = {0} on; min({1}, ...) keeps a load below it")]
    TooMuch(String, String),
    /// There is no load at all.
    #[error("is zero all the time")]
    Nothing,
    /// It would take too many lines.
    #[error(
        "changes too often for {} straight lines; make it slower or smoother, or make the run \
        shorter",
        grouped(MAX_STAGES as u64)
    )]
    TooOften,
}

#[derive(Clone, Copy)]
struct Place {
    seconds: f64,
    value: f64,
}

struct LoadCurve<'a> {
    function: &'a dyn Fn(f64) -> f64,
    length: f64,
    most: f64,
    /// What is near near zero.
    near_zero: f64,
}

/// The curve's value at the beginning, and lines that lead on from there for this length.
pub(super) fn drawn(
    function: &dyn Fn(f64) -> f64,
    length: Duration,
    most: f64,
) -> Result<(f64, Vec<Stage>), CurveError> {
    let mut curve = LoadCurve { function, length: length.as_secs_f64(), most, near_zero: 0.0 };
    let places = curve.places()?;
    let peak = places.iter().map(|place| place.value).fold(0.0, f64::max);
    if peak < ROUNDING {
        return Err(CurveError::Nothing);
    }
    curve.near_zero = NEAR_ZERO.1.min(NEAR_ZERO.0 * peak);
    let pieces = curve.without_jumps(&places)?;
    let (mut stages, mut reached) = (Vec::new(), Duration::ZERO);
    for (number, piece) in pieces.iter().enumerate() {
        if number > 0 {
            stages.push(Stage { over: Duration::ZERO, to: piece[0].value });
        }
        for end in curve.ends_of_lines(piece)? {
            let until = Duration::from_nanos((end.seconds * 1e9).round() as u64);
            let until =
                if end.seconds < curve.length { until.clamp(reached, length) } else { length };
            let over = until - std::mem::replace(&mut reached, until);
            stages.push(Stage { over, to: end.value });
        }
        if stages.len() > MAX_STAGES {
            return Err(CurveError::TooOften);
        }
    }
    // A jump at the very end leaves some nanoseconds before it.
    if let Some(last) = stages.last().filter(|_| reached < length).copied() {
        stages.push(Stage { over: length - reached, ..last });
    }
    Ok((places[0].value, stages))
}

impl LoadCurve<'_> {
    fn at(&self, seconds: f64) -> Result<Place, CurveError> {
        let value = (self.function)(seconds);
        let shown = || {
            let exact = format!("{seconds:.3}");
            exact.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        if value.is_nan() {
            Err(CurveError::NoNumber(shown()))
        } else if value < -ROUNDING {
            Err(CurveError::Negative(shown()))
        } else if value > self.most {
            Err(CurveError::TooMuch(shown(), grouped(self.most as u64)))
        } else {
            Ok(Place { seconds, value: value.max(0.0) })
        }
    }

    /// The curve in many places, from its beginning to its end. Their distances differ, so that no
    /// curve that comes and goes does so at their pace.
    fn places(&self) -> Result<Vec<Place>, CurveError> {
        let count = (PLACES.0 * self.length).clamp(PLACES.1, PLACES.2).round() as u32;
        let mut places: Vec<Place> = Vec::with_capacity(count as usize + 1);
        for number in 0..=count {
            let is_end = number == 0 || number == count;
            // Parts of one that are spread evenly and follow no period: of the golden section.
            let off = if is_end { 0.0 } else { (f64::from(number) * 0.618_034).fract() / 2.0 };
            let seconds = (f64::from(number) + off) / f64::from(count) * self.length;
            // At its first instant a curve that begins with a jump may have a value of its own.
            match self.at(seconds.max(INSTANT)) {
                Ok(place) => places.push(Place { seconds, ..place }),
                Err(error) => {
                    let good = places.last().map(|place| place.seconds);
                    return Err(match good {
                        Some(good) => self.first_wrong(good, seconds, error),
                        None => error,
                    });
                }
            }
        }
        Ok(places)
    }

    /// The error of the first instant that is wrong, of two between which the curve becomes so.
    fn first_wrong(&self, mut good: f64, mut wrong: f64, mut error: CurveError) -> CurveError {
        while wrong - good > INSTANT.max(wrong * FLOAT) {
            let middle = good.midpoint(wrong);
            match self.at(middle) {
                Ok(_) => good = middle,
                Err(earlier) => (wrong, error) = (middle, earlier),
            }
        }
        error
    }

    /// The places in pieces within which the curve does not jump, with an end of a piece on either
    /// side of each jump.
    fn without_jumps(&self, places: &[Place]) -> Result<Vec<Vec<Place>>, CurveError> {
        let (mut pieces, mut piece) = (Vec::new(), vec![places[0]]);
        for pair in places.windows(2) {
            let mut from = pair[0];
            while let Some((before, after)) = self.jump(from, pair[1])? {
                add(&mut piece, before);
                pieces.push(std::mem::replace(&mut piece, vec![after]));
                from = after;
                if pieces.len() > MAX_STAGES {
                    return Err(CurveError::TooOften);
                }
            }
            add(&mut piece, pair[1]);
        }
        pieces.push(piece);
        Ok(pieces)
    }

    /// The values just before and just after a jump between two places, if there is one.
    fn jump(&self, from: Place, until: Place) -> Result<Option<(Place, Place)>, CurveError> {
        let (mut low, mut high) = (from, until);
        let least = INSTANT.max(until.seconds * FLOAT);
        if high.seconds - low.seconds <= least {
            return Ok(None);
        }
        while high.seconds - low.seconds > least {
            if (high.value - low.value).abs() <= 2.0 * self.near(low.value.max(high.value)) {
                return Ok(None);
            }
            let middle = self.at(low.seconds.midpoint(high.seconds))?;
            let is_left = (middle.value - low.value).abs() >= (high.value - middle.value).abs();
            if is_left { high = middle } else { low = middle }
        }
        // At the very instant of a jump a curve may have a value of its own.
        let before = self.at((low.seconds - least).max(from.seconds))?;
        let after = self.at((high.seconds + least).min(until.seconds))?;
        Ok(Some((before, after)))
    }

    /// The ends of the lines that stand for a piece of the curve without jumps.
    fn ends_of_lines(&self, piece: &[Place]) -> Result<Vec<Place>, CurveError> {
        let (mut ends, mut from) = (Vec::new(), 0);
        while from + 1 < piece.len() {
            let reach = self.longest(&piece[from..]);
            if reach == 1 {
                self.add_ends(piece[from], piece[from + 1], HALVINGS, &mut ends)?;
            } else {
                ends.push(piece[from + reach]);
            }
            from += reach;
            if ends.len() > MAX_STAGES {
                return Err(CurveError::TooOften);
            }
        }
        Ok(ends)
    }

    /// How many places on the longest line reaches that is near to all on its way; at least one.
    fn longest(&self, places: &[Place]) -> usize {
        let is_near = |reach: usize| {
            let (from, until) = (places[0], places[reach]);
            places[1..reach].iter().all(|&place| self.is_near(from, until, place))
        };
        let (mut reach, mut too_far) = (1, 2);
        while too_far < places.len() && is_near(too_far) {
            (reach, too_far) = (too_far, too_far * 2);
        }
        too_far = too_far.min(places.len());
        while too_far - reach > 1 {
            let middle = reach.midpoint(too_far);
            if is_near(middle) { reach = middle } else { too_far = middle }
        }
        reach
    }

    /// Adds the ends of the lines between two neighbouring places.
    fn add_ends(
        &self,
        from: Place,
        until: Place,
        halvings: u32,
        ends: &mut Vec<Place>,
    ) -> Result<(), CurveError> {
        let middle = from.seconds.midpoint(until.seconds);
        let inside = [from.seconds.midpoint(middle), middle, middle.midpoint(until.seconds)];
        let mut is_near = true;
        for seconds in inside {
            is_near &= self.is_near(from, until, self.at(seconds)?);
        }
        if is_near || halvings == 0 {
            ends.push(until);
            return Ok(());
        }
        let middle = self.at(middle)?;
        self.add_ends(from, middle, halvings - 1, ends)?;
        self.add_ends(middle, until, halvings - 1, ends)
    }

    /// Whether the line between two places is near to the curve in a place between them.
    fn is_near(&self, from: Place, until: Place, place: Place) -> bool {
        let part = (place.seconds - from.seconds) / (until.seconds - from.seconds);
        let line = from.value + (until.value - from.value) * part;
        (line - place.value).abs() <= self.near(place.value)
    }

    const fn near(&self, value: f64) -> f64 {
        self.near_zero.max(NEAR * value)
    }
}

/// Adds a place, if it is not where the last one is.
fn add(piece: &mut Vec<Place>, place: Place) {
    if piece.last().is_none_or(|last| last.seconds < place.seconds) {
        piece.push(place);
    }
}
