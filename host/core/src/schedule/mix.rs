//! How the users of a run are dealt to several scenarios, by weight.
//!
//! ## Why users are dealt one after the other
//! The number of users changes while a run goes on. A part that is rounded anew at each number
//! wavers: it may become smaller as the whole grows. So places are dealt in order, and the scenario
//! of a place stays what it is. Among any first places each scenario has less than one user more or
//! fewer than its exact part, which Tijdeman's rule achieves for all weights (*The chairman
//! assignment problem*, Discrete Mathematics 32, 1980): with k scenarios the greatest difference is
//! 1 − 1/(2k − 2), and no rule has a smaller one.

use thiserror::Error;

/// Scenarios that a run may have: more than anybody tells apart, and few enough to be gone through
/// for each user.
pub const MAX_SCENARIOS: usize = 100;

/// The greatest weight: as many users as a plan may ask for, so that one beside a weight of 1 still
/// means something.
pub const MAX_WEIGHT: f64 = 1e6;

/// How far sums of rounded numbers may miss the rule's exact limit.
const ROUNDING: f64 = 1e-9;

/// How many places lie between two that are remembered with the users before them.
const STEP: u32 = 256;

/// The parts of several scenarios in a run's users; they add up to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix {
    parts: Vec<f64>,
}

/// Why weights are no mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MixError {
    /// There is none, or there are more than [`MAX_SCENARIOS`].
    #[error("a run has from 1 to {MAX_SCENARIOS} scenarios")]
    Count,
    /// The weight at this place is not above 0, or is more than [`MAX_WEIGHT`].
    #[error("a weight is a number above 0 and at most {MAX_WEIGHT}")]
    Weight(usize),
}

impl Mix {
    /// The mix of one scenario.
    pub fn of_one() -> Self {
        Self { parts: vec![1.0] }
    }

    /// The mix of scenarios with these weights.
    ///
    /// # Errors
    /// There are too many, or a weight is none.
    pub fn of_weights(weights: &[f64]) -> Result<Self, MixError> {
        if !(1..=MAX_SCENARIOS).contains(&weights.len()) {
            return Err(MixError::Count);
        }
        let is_weight = |weight: &f64| *weight > 0.0 && *weight <= MAX_WEIGHT;
        if let Some(place) = weights.iter().position(|weight| !is_weight(weight)) {
            return Err(MixError::Weight(place));
        }
        let sum: f64 = weights.iter().sum();
        Ok(Self { parts: weights.iter().map(|weight| weight / sum).collect() })
    }

    /// How many scenarios there are.
    pub fn scenarios(&self) -> usize {
        self.parts.len()
    }

    /// Deals the places of so many users.
    pub fn deal(&self, users: u32) -> DealtPlaces {
        let mut dealer = Dealer::new(self);
        let mut dealt = DealtPlaces { scenarios: self.scenarios(), order: vec![], before: vec![] };
        if self.scenarios() == 1 {
            return dealt;
        }
        dealt.order.reserve_exact(users as usize);
        for place in 0..users {
            if place % STEP == 0 {
                dealt.before.extend_from_slice(&dealer.counts);
            }
            dealt.order.push(dealer.next() as u8);
        }
        dealt
    }

    /// The fewest users among which each scenario has one; `None` where those are more than `most`.
    pub fn least_users(&self, most: u32) -> Option<u32> {
        let mut dealer = Dealer::new(self);
        (1..=most).find(|_| {
            dealer.next();
            dealer.counts.iter().all(|count| *count > 0)
        })
    }
}

/// Places that were dealt: each to a scenario, by the scenario's place in the mix.
#[derive(Clone, Debug, PartialEq)]
pub struct DealtPlaces {
    scenarios: usize,
    /// The scenario of each place; empty where there is only one.
    order: Vec<u8>,
    /// Each [`STEP`] places the users of each scenario before that place.
    before: Vec<u32>,
}

impl DealtPlaces {
    /// How many scenarios there are.
    pub const fn scenarios(&self) -> usize {
        self.scenarios
    }

    /// The scenario of a place, which is one of those that were dealt.
    pub fn scenario_at(&self, place: u32) -> usize {
        self.order.get(place as usize).map_or(0, |scenario| usize::from(*scenario))
    }

    /// How many of the first `users` places each scenario has. Where there are several scenarios,
    /// no more places count than were dealt.
    pub fn users(&self, users: u32) -> Vec<u32> {
        if self.scenarios == 1 {
            return vec![users];
        }
        let users = (users as usize).min(self.order.len());
        // At the end of the list there may be nothing remembered for the next step.
        let step = (users / STEP as usize).min((self.before.len() / self.scenarios).max(1) - 1);
        let from = step * self.scenarios;
        let remembered = self.before.get(from..from + self.scenarios);
        let mut counts = remembered.map_or_else(|| vec![0; self.scenarios], <[u32]>::to_vec);
        for &scenario in &self.order[(step * STEP as usize).min(users)..users] {
            counts[usize::from(scenario)] += 1;
        }
        counts
    }
}

/// Deals one place after the other.
struct Dealer<'a> {
    mix: &'a Mix,
    /// Users of each scenario so far.
    counts: Vec<u32>,
    dealt: u32,
    /// Who lacks less than this may not have the next place: 1/(2k − 2).
    least: f64,
}

impl<'a> Dealer<'a> {
    fn new(mix: &'a Mix) -> Self {
        let scenarios = mix.scenarios();
        let least = 1.0 / (2 * scenarios.max(2) - 2) as f64;
        Self { mix, counts: vec![0; scenarios], dealt: 0, least }
    }

    /// The scenario of the next place: of those that lack enough of their exact part, the one that
    /// would be the first to lack too much.
    fn next(&mut self) -> usize {
        self.dealt += 1;
        let dealt = f64::from(self.dealt);
        let lacks = |place: usize| self.mix.parts[place] * dealt - f64::from(self.counts[place]);
        let patience = |place: usize| (1.0 - self.least - lacks(place)) / self.mix.parts[place];
        let places = 0..self.counts.len();
        let next = places
            .clone()
            .filter(|&place| lacks(place) >= self.least - ROUNDING)
            .min_by(|&one, &other| patience(one).total_cmp(&patience(other)))
            // The rule leaves somebody; what rounding may take away lacks most.
            .or_else(|| places.max_by(|&one, &other| lacks(one).total_cmp(&lacks(other))))
            .unwrap_or(0);
        self.counts[next] += 1;
        next
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(weights: &[f64], users: u32) -> Vec<usize> {
        let dealt = Mix::of_weights(weights).expect("they are weights").deal(users);
        (0..users).map(|place| dealt.scenario_at(place)).collect()
    }

    #[test]
    fn users_are_dealt_by_weight_from_the_first_one_on() {
        assert_eq!(order(&[3.0, 1.0], 8), [0, 0, 1, 0, 0, 0, 1, 0]);
        assert_eq!(order(&[1.0, 1.0], 4), [0, 1, 0, 1]);
        assert_eq!(order(&[0.5, 1.5], 4), order(&[1.0, 3.0], 4));
        assert_eq!(order(&[7.0], 3), [0, 0, 0]);
        assert_eq!(Mix::of_one().deal(0).users(5), [5]);
    }

    #[test]
    fn weights_that_are_none_are_refused() {
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, -0.0] {
            assert_eq!(Mix::of_weights(&[1.0, wrong]), Err(MixError::Weight(1)), "{wrong}");
        }
        assert_eq!(Mix::of_weights(&[]), Err(MixError::Count));
        assert_eq!(Mix::of_weights(&[1.0; MAX_SCENARIOS + 1]), Err(MixError::Count));
    }

    #[test]
    fn the_fewest_users_with_one_of_each_scenario_are_known() {
        let least = |weights: &[f64]| Mix::of_weights(weights).unwrap().least_users(1_000);
        assert_eq!((least(&[1.0]), least(&[3.0, 1.0])), (Some(1), Some(3)));
        assert_eq!(least(&[1e6, 1.0]), None);
        let ninety_nine = Mix::of_weights(&[99.0, 1.0]).unwrap();
        let least = ninety_nine.least_users(1_000).unwrap();
        assert_eq!(ninety_nine.deal(least).users(least)[1], 1);
        assert_eq!(ninety_nine.deal(least).users(least - 1)[1], 0);
    }

    proptest! {
        #[test]
        fn among_any_first_users_each_scenario_has_its_exact_part_but_for_less_than_one(
            weights in prop::collection::vec(
                prop_oneof![1e-3..10.0, 1e3..1e6, (1u32..20).prop_map(f64::from)],
                1..12,
            ),
            users in 1u32..1_500,
        ) {
            let sum: f64 = weights.iter().sum();
            let dealt = Mix::of_weights(&weights).unwrap().deal(users);
            let mut counts = vec![0; weights.len()];
            for place in 0..users {
                prop_assert_eq!(&dealt.users(place), &counts);
                counts[dealt.scenario_at(place)] += 1;
                for (count, weight) in counts.iter().zip(&weights) {
                    let exact = f64::from(place + 1) * weight / sum;
                    prop_assert!((f64::from(*count) - exact).abs() < 1.0, "{} of {}", count, exact);
                }
            }
            prop_assert_eq!(&dealt.users(users), &counts);
            prop_assert_eq!(dealt.users(u32::MAX).iter().sum::<u32>(), if weights.len() == 1 {
                u32::MAX
            } else {
                users
            });
        }
    }
}
