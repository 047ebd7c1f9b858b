//! Futures of what happens rarely, kept out of the frames of what happens with every request.

use std::pin::Pin;

/// A future of what happens rarely, on the heap and behind a pointer.
///
/// A future awaited by value widens its caller's frame by all that it may ever hold, and the stack
/// of a virtual user stays in memory as deep as it has ever been: a lookup and two handshakes in
/// the frames of every request cost 20 KB a user. A function
/// that makes one is not inlined, so that its frame has ended before the future is polled.
pub(crate) type Rare<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
