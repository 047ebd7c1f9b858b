//! Records as many transactions as its argument says. `cargo xtask test` and `cargo xtask bench`
//! count the instructions of two runs, whose difference is what recording takes.

#[path = "../../host/core/tests/allocations/sample.rs"]
mod sample;

use swell_core::RunInstant;
use swell_core::record::Recorder;

fn main() {
    let transactions = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(1_000);
    let mut recorder = Recorder::new(RunInstant::from_nanos(0));
    (0..transactions).for_each(|number| sample::sample(&mut recorder, number));
}
