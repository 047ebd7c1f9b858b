//! The suites that need a machine for themselves, each test of them: they take all of its local
//! ports, or stop and starve the load generator, and whatever ran beside them would be disturbed,
//! or disturb.

mod faults;
mod own_limits;
