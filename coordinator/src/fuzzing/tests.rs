//! Each target on its seeds, and on some thousands of things that are nearly those.
//!
//! What a fuzzer has found is a seed more, called `found-…`: whether it is let in is no matter.

use std::fs;
use std::path::PathBuf;

use swell_core::random::Random;

use super::*;

/// What is tried of each target: some seconds for all together, optimised or not.
const TRIED: u64 = if cfg!(debug_assertions) { 300 } else { 3_000 };

fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(target)
}

/// The seeds of a target, by the names of their files.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder(target))
        .unwrap_or_else(|error| panic!("{}: {error}", folder(target).display()));
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn every_seed_is_let_in() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "{name} has no seed");
        for (path, bytes) in corpus {
            let was_found =
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("found-"));
            let path = path.display();
            assert!(
                target(&bytes) || was_found,
                "{path} is not let in: if the layout of messages has changed, write the seeds anew"
            );
        }
    }
}

#[test]
fn what_is_nearly_a_seed_breaks_nothing() {
    let seed = 1;
    for (name, target) in TARGETS {
        let mut random = Random::stream(seed, 0);
        let corpus = corpus(name);
        let (mut let_in, mut last) = (0, Vec::new());
        for _ in 0..TRIED {
            let mut bytes = corpus[random.below(corpus.len() as u64) as usize].1.clone();
            for _ in 0..=random.below(4) {
                mutate(&mut bytes, &last, &mut random);
            }
            let_in += u64::from(
                std::panic::catch_unwind(|| target(&bytes))
                    .unwrap_or_else(|_| panic!("{name}, seed {seed}: {bytes:?}")),
            );
            last = bytes;
        }
        assert!(let_in > TRIED / 50, "{name}: {let_in} let in, too few to have tried much");
    }
}

/// One change of the sorts that a fuzzer makes, too.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let place = random.below(bytes.len() as u64 + 1) as usize;
    let other_place = random.below(other.len() as u64 + 1) as usize;
    match (random.below(6), bytes.get_mut(place)) {
        (0, Some(byte)) => *byte ^= 1 << random.below(8),
        (1, Some(byte)) => *byte = [0, 1, 0x7f, 0x80, 0xff][random.below(5) as usize],
        (2, Some(_)) => drop(bytes.remove(place)),
        (3, _) => bytes.insert(place, random.next() as u8),
        (4, _) => drop(bytes.splice(place.., other[other_place..].iter().copied())),
        // A number of many bytes in the place of one of few.
        (_, Some(_)) => drop(bytes.splice(place..=place, [0xff; 9].into_iter().chain([1]))),
        (_, None) => bytes.truncate(place / 2),
    }
}

#[test]
#[ignore = "writes the seeds anew, for a layout of messages that has changed; what a fuzzer has \
found stays"]
fn seeds_are_written() {
    let written = [
        token::seeds(),
        admission::seeds(),
        link::seeds(),
        lead::seeds(),
        member::seeds(),
        results::seeds(),
    ];
    for ((target, _), seeds) in TARGETS.iter().zip(written) {
        fs::create_dir_all(folder(target)).unwrap();
        for (name, bytes) in seeds {
            fs::write(folder(target).join(name), bytes).unwrap();
        }
    }
}
