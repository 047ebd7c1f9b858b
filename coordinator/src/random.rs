//! Bytes that nobody can guess: secrets, names of tokens and nodes.

use ring::rand::{SecureRandom, SystemRandom};

/// Draws so many bytes.
pub fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the system's source of randomness answers once the machine is up");
    bytes
}
