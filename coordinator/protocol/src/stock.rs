//! How many iteration numbers a node asks for: enough to outlast some lost questions and a share
//! that grows, and no more, as what lies here nobody else can use.

use std::time::Duration;

use swell_core::RunInstant;

/// Iteration numbers that a node keeps in stock: what it uses in this time.
const STOCK: Duration = Duration::from_secs(3);
/// And at the least.
const MIN_STOCK: f64 = 64.0;
/// Iterations a second of a user that waits for nothing but the service, until it is known better.
const EACH_USER: f64 = 100.0;
/// Over how long it is measured what a node uses, at the least.
const MEASURED_OVER: Duration = Duration::from_secs(1);

/// Iteration numbers that a node was handed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NumbersHeld {
    /// So many have been used.
    pub used: u64,
    /// So many are left.
    pub left: u64,
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub(crate) struct NumberStock {
    /// Numbers that are used a second.
    use_rate: f64,
    /// Those that will be by what the orders say, at the least.
    expected_rate: f64,
    /// Those that a burst takes at one instant, when none can be asked for.
    at_once: f64,
    /// How many had been used at an instant.
    used: (u64, RunInstant),
}

impl NumberStock {
    /// The stock of a node that has used none. The node's part of the schedule `starts` so many a
    /// second at first; without a schedule the number follows from the node's users.
    pub(crate) fn new(now: RunInstant, starts: Option<f64>, users: u32) -> Self {
        let use_rate = starts.unwrap_or_else(|| f64::from(users) * EACH_USER);
        Self { use_rate, expected_rate: 0.0, at_once: 0.0, used: (0, now) }
    }

    /// From now on the node is to start so many a second, and so many at once.
    pub(crate) const fn expect(&mut self, rate: f64, at_once: f64) {
        self.expected_rate = rate;
        self.at_once = at_once;
    }

    /// How many the node would like to have: as many as are used in the time of a stock and by half
    /// as much again as a burst, if there are fewer than two thirds of them. Two thirds are then a
    /// whole burst.
    pub(crate) fn wanted(&mut self, now: RunInstant, held: NumbersHeld) -> u64 {
        let NumbersHeld { used, left } = held;
        let (before, since) = self.used;
        let passed = now.since(since);
        if passed >= MEASURED_OVER {
            self.use_rate = used.saturating_sub(before) as f64 / passed.as_secs_f64();
            self.used = (used, now);
        }
        // A node that gets a share, or a larger one, has not used as many yet.
        let spread = MIN_STOCK.max(self.use_rate.max(self.expected_rate) * STOCK.as_secs_f64());
        let stock = spread + 1.5 * self.at_once;
        if (left as f64) < stock * 2.0 / 3.0 { stock as u64 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> RunInstant {
        RunInstant::from_nanos(ms * 1_000_000)
    }

    const fn held(used: u64, left: u64) -> NumbersHeld {
        NumbersHeld { used, left }
    }

    #[test]
    fn what_is_used_in_three_seconds_is_wanted_once_a_third_of_it_is_gone() {
        let mut stock = NumberStock::new(ms(0), Some(100.0), 5);
        assert_eq!(stock.wanted(ms(0), held(0, 0)), 300);
        assert_eq!(stock.wanted(ms(200), held(100, 200)), 0);
        assert_eq!(stock.wanted(ms(400), held(101, 199)), 300);
    }

    #[test]
    fn at_the_least_some_dozens_are_kept() {
        let mut stock = NumberStock::new(ms(0), Some(1.0), 5);
        assert_eq!((stock.wanted(ms(0), held(0, 42)), stock.wanted(ms(0), held(0, 43))), (64, 0));
    }

    #[test]
    fn without_a_schedule_a_node_is_prepared_for_what_its_users_could_use() {
        assert_eq!(NumberStock::new(ms(0), None, 20).wanted(ms(0), held(0, 0)), 6_000);
    }

    #[test]
    fn what_is_used_is_measured_over_a_second_or_more() {
        let mut stock = NumberStock::new(ms(5_000), Some(100.0), 5);
        assert_eq!(stock.wanted(ms(5_999), held(900, 0)), 300, "too soon to tell");
        assert_eq!(stock.wanted(ms(7_000), held(2_000, 0)), 3_000);
        assert_eq!(stock.wanted(ms(7_200), held(2_900, 0)), 3_000);
        assert_eq!(stock.wanted(ms(8_000), held(2_100, 0)), 300);
    }

    #[test]
    fn a_share_that_grows_is_prepared_for_before_any_of_it_is_used() {
        let mut stock = NumberStock::new(ms(0), Some(100.0), 5);
        stock.expect(1_000.0, 0.0);
        assert_eq!(stock.wanted(ms(200), held(20, 280)), 3_000);
        stock.expect(10.0, 0.0);
        assert_eq!(stock.wanted(ms(400), held(40, 100)), 300, "what is used counts as well");
    }

    #[test]
    fn a_whole_burst_is_always_in_stock() {
        let mut stock = NumberStock::new(ms(0), Some(1.0), 5);
        stock.expect(1.0, 500.0);
        assert_eq!(stock.wanted(ms(0), held(0, 0)), 814);
        assert_eq!(stock.wanted(ms(200), held(300, 500)), 814);
        assert_eq!(stock.wanted(ms(400), held(300, 543)), 0);
    }
}
