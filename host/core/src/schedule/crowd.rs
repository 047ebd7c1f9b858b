//! All users of a run, as they are dealt to scenarios, nodes and threads.
//!
//! A mix says how many of them each scenario has. At the run's greatest number the users of the
//! first scenario have the lowest numbers, those of the second the next ones, and so on. While
//! there are fewer, each scenario has the first of its own numbers. A number belongs to the node to
//! which the table of shares gives it, and in its node the threads take turns.
//!
//! So the nodes and threads together have of each scenario just the users that one machine would
//! have, at each instant. Each of them has its part of each scenario, as scenarios may differ in
//! what they cost; and none of them loses a user while users become more.

use std::sync::Arc;

use super::mix::{DealtPlaces, Mix};
use super::shares::{Owner, ShareTable};

/// See the module's documentation. It is of the whole run, or of one of its nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Crowd {
    most: u32,
    dealt: Arc<DealtPlaces>,
    /// How many users have lower numbers than the first of each scenario.
    firsts: Arc<[u32]>,
    /// A node among others, with the table of shares; `None` where all users are meant.
    node: Option<(ShareTable, Owner)>,
}

impl Crowd {
    /// The users of a whole run, which are at most so many.
    pub fn new(mix: &Mix, most: u32) -> Self {
        let dealt = Arc::new(mix.deal(most));
        let firsts = dealt.users(most).into_iter().scan(0, |before, users| {
            let first = *before;
            *before += users;
            Some(first)
        });
        Self { most, firsts: firsts.collect(), dealt, node: None }
    }

    /// Those of one node.
    pub fn of_node(&self, table: ShareTable, owner: Owner) -> Self {
        Self { node: Some((table, owner)), ..self.clone() }
    }

    /// How many scenarios there are.
    pub fn scenarios(&self) -> usize {
        self.firsts.len()
    }

    /// The most users of the whole run.
    pub const fn most(&self) -> u32 {
        self.most
    }

    /// How many of the whole run's `all` users each scenario has, on whatever node.
    pub fn by_scenario(&self, all: u32) -> Vec<u32> {
        self.dealt.users(all)
    }

    /// How many users this node has while the whole run has `all`.
    pub fn users(&self, all: u32) -> u32 {
        self.of_thread(all, 0, 1).into_iter().sum()
    }

    /// How many users of each scenario thread number `index` of this node's `threads` has while the
    /// whole run has `all`.
    pub fn of_thread(&self, all: u32, index: u32, threads: u32) -> Vec<u32> {
        // Of the node's users with the lowest numbers, which are so many, the thread's own.
        let own = |users: u32| users / threads + u32::from(index < users % threads);
        let part = |(&first, users): (&u32, u32)| {
            own(self.below(first.saturating_add(users))) - own(self.below(first))
        };
        self.firsts.iter().zip(self.dealt.users(all)).map(part).collect()
    }

    /// How many users of this node have lower numbers.
    fn below(&self, number: u32) -> u32 {
        self.node.as_ref().map_or(number, |(table, owner)| {
            u32::try_from(table.count(*owner, 0, u64::from(number))).unwrap_or(number)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(parts: impl IntoIterator<Item = Vec<u32>>, scenarios: usize) -> Vec<u32> {
        parts.into_iter().fold(vec![0; scenarios], |mut sum, part| {
            sum.iter_mut().zip(part).for_each(|(sum, users)| *sum += users);
            sum
        })
    }

    #[test]
    fn each_thread_has_its_part_of_each_scenario() {
        let crowd = Crowd::new(&Mix::of_weights(&[1.0, 1.0]).unwrap(), 40);
        assert_eq!([0, 1].map(|index| crowd.of_thread(40, index, 2)), [[10, 10], [10, 10]]);
        let table = ShareTable::of_weights(0, &[(0, 1.0), (1, 1.0)]);
        let nodes = [0, 1].map(|owner| crowd.of_node(table.clone(), owner));
        assert_eq!(nodes.map(|node| node.of_thread(40, 0, 1)), [[10, 10], [10, 10]]);
    }

    #[test]
    fn a_node_that_the_table_does_not_name_has_nobody() {
        let crowd = Crowd::new(&Mix::of_one(), 9);
        let stranger = crowd.of_node(ShareTable::of_weights(0, &[(0, 1.0)]), 7);
        assert_eq!((crowd.users(9), stranger.users(9)), (9, 0));
    }

    proptest! {
        #[test]
        fn nodes_and_threads_have_between_them_the_mix_of_one_machine_at_each_number_of_users(
            weights in prop::collection::vec(0.1f64..9.0, 1..6),
            nodes in prop::collection::vec(0.2f64..3.0, 1..6),
            threads in 1u32..9,
            most in 1u32..400,
        ) {
            let whole = Crowd::new(&Mix::of_weights(&weights).unwrap(), most);
            let nodes: Vec<(Owner, f64)> = (0..).zip(nodes).collect();
            let table = ShareTable::of_weights(0, &nodes);
            let nodes: Vec<Crowd> =
                nodes.iter().map(|&(owner, _)| whole.of_node(table.clone(), owner)).collect();
            let mut before = vec![vec![0; weights.len()]; nodes.len() * threads as usize];
            for all in 0..=most {
                let parts: Vec<Vec<u32>> = nodes
                    .iter()
                    .flat_map(|node| (0..threads).map(|index| node.of_thread(all, index, threads)))
                    .collect();
                let expected = whole.of_thread(all, 0, 1);
                prop_assert_eq!(&sum(parts.clone(), weights.len()), &expected, "of {}", all);
                prop_assert_eq!(&expected, &whole.by_scenario(all));
                prop_assert_eq!(expected.iter().sum::<u32>(), all);
                for (before, now) in before.iter().zip(&parts) {
                    prop_assert!(before.iter().zip(now).all(|(before, now)| before <= now));
                }
                before = parts;
            }
            // At the greatest number threads have equal parts, so that none of them has nobody.
            for (node, parts) in nodes.iter().zip(before.chunks(threads as usize)) {
                let of_threads = parts.iter().map(|part| part.iter().sum::<u32>());
                let users = node.users(most);
                let even = |part: u32| part == users / threads || part == users.div_ceil(threads);
                prop_assert!(of_threads.into_iter().all(even));
            }
        }
    }
}
