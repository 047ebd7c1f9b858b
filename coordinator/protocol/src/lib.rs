//! The pure rules by which nodes act as one: leases bound the load, tables share it, deltas bring
//! the results.
//!
//! Each module uses only modules below it in this list:
//!
//! | module | is |
//! |---|---|
//! | [`lead`] | leading a run: which node has which slots and may start them, what has come back |
//! | [`member`] | one node's part in a run, towards the lead |
//! | [`part`] | one node's part in a run, towards its own workers |
//! | [`last_words`] | how long a node waits until all that it told is merged |
//! | [`stock`] | how many iteration numbers a node asks for |
//! | [`message`] | what the lead and the members say to one another |
//! | `tables` | which slots belong to which node over the whole run |
//! | [`lease`] | what bounds the load of a node that has fallen silent |
//! | [`deltas`] | results, numbered, merged once each and in order |
//! | [`numbers`] | iteration numbers, in blocks |
//! | [`clock`] | one node's clock against another's |
//!
//! `swell_core::schedule` says whose a slot is. Nothing here reads a clock or opens a socket: time
//! is an argument, messages are values. So whole clusters run in a simulation on virtual time, with
//! loss, delay, death and clocks that drift, exactly as they run between machines.

pub mod clock;
pub mod deltas;
pub mod last_words;
pub mod lead;
pub mod lease;
pub mod member;
pub mod message;
pub mod numbers;
pub mod part;
pub mod stock;
mod tables;
