//! From a permission to an open stream: what every protocol needs before it can speak.
//!
//! | file | what it decides |
//! |---|---|
//! | `allow` | the hosts that a plan allows |
//! | `resolve` | from a name to addresses, kept as long as the name's owner allows |
//! | `connect` | from an origin to a stream that can carry a protocol |
//! | `tls` | whom to trust and who we are |
//! | `kernel` | what the kernel knows of a connection that the runtime does not |
//! | `deadline` | one lazily re-armed timer for all phases of an exchange |
//! | `turn` | how long a connection may keep its thread |

pub(crate) mod allow;
pub(crate) mod connect;
pub(crate) mod deadline;
pub(crate) mod kernel;
pub(crate) mod resolve;
pub(crate) mod tls;
pub(crate) mod turn;
