//! Randomness that repeats: a small generator for each (seed, number).
//!
//! What a scenario sends in iteration i is a function of (seed, i) alone, so the same run on one
//! node or five sends the same. A stream must therefore be cheap to open anywhere: two rounds of
//! SplitMix64 place it (Steele, Lea, Flood, *Fast Splittable Pseudorandom Number Generators*,
//! OOPSLA 2014, with the mixing constants of <https://prng.di.unimi.it/splitmix64.c>), and
//! xoshiro256++ (Blackman, Vigna, *Scrambled Linear Pseudorandom Number Generators*, 2021,
//! <https://prng.di.unimi.it/xoshiro256plusplus.c>) runs from there, 256 bits of state. Not for
//! secrets.

/// A sequence of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// The sequence number `number` (of an iteration, of a block) under `seed`. Another number or
    /// seed gives an unrelated sequence.
    pub fn stream(seed: u64, number: u64) -> Self {
        // The seed is mixed before the number joins it, so that neighbouring seeds do not share
        // their streams.
        let mut place = mix(seed.wrapping_add(GOLDEN)) ^ number.wrapping_mul(GOLDEN);
        let state = std::array::from_fn(|_| {
            place = place.wrapping_add(GOLDEN);
            mix(place)
        });
        Self { state }
    }

    /// The next number, uniform over all 64-bit values.
    pub const fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// The next number, in [0, 1), with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// The next number, below `bound`; 0 when `bound` is 0.
    ///
    /// Some values are more likely than others by at most `bound`/2⁶⁴ (Lemire's multiplication
    /// without its correction): for rows of a feed, nothing.
    pub const fn below(&mut self, bound: u64) -> u64 {
        ((self.next() as u128 * bound as u128) >> 64) as u64
    }
}

/// 2⁶⁴ divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_the_numbers_of_its_reference() {
        // First outputs of xoshiro256plusplus.c from the state 1, 2, 3, 4.
        let mut random = Random { state: [1, 2, 3, 4] };
        let first: [u64; 5] = std::array::from_fn(|_| random.next());
        assert_eq!(
            first,
            [
                41_943_041,
                58_720_359,
                3_588_806_011_781_223,
                3_591_011_842_654_386,
                9_228_616_714_210_784_205
            ]
        );
    }

    #[test]
    fn the_mixer_gives_the_numbers_of_its_reference() {
        // First outputs of splitmix64.c from the state 0.
        assert_eq!(mix(GOLDEN), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(GOLDEN.wrapping_mul(2)), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn a_stream_depends_on_its_seed_and_its_number_alone() {
        let first = |seed, number| Random::stream(seed, number).next();
        assert_eq!(first(7, 3), first(7, 3));
        let mut seen: Vec<u64> =
            (0..100).flat_map(|seed| (0..100).map(move |number| first(seed, number))).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 10_000);
    }

    #[test]
    fn bounded_numbers_fill_their_range_evenly() {
        let mut counts = [0u32; 10];
        for number in 0..10_000 {
            counts[Random::stream(1, number).below(10) as usize] += 1;
        }
        // Standard deviation 30: five of them to either side.
        assert!(counts.iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
        assert_eq!(Random::stream(1, 1).below(0), 0);
    }
}
