//! When something was by the clock on the wall, as a record tells it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second that RFC 3339 can write: of the year 9999.
const LAST: f64 = 253_402_300_799.0;

/// A time told in seconds since 1970, UTC. A record is somebody's file, and may tell any: what is
/// no time is the first, and what lies beyond the last that can be written is the last.
pub(crate) fn wall_clock(unix_seconds: f64) -> SystemTime {
    let since = Duration::try_from_secs_f64(unix_seconds.clamp(0.0, LAST)).unwrap_or_default();
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_that_a_record_may_tell_can_be_written() {
        let written = |seconds| humantime::format_rfc3339_seconds(wall_clock(seconds)).to_string();
        assert_eq!(written(1_795_000_000.5), "2026-11-18T11:06:40Z");
        for none in [f64::NAN, f64::NEG_INFINITY, -1.0] {
            assert_eq!(written(none), "1970-01-01T00:00:00Z");
        }
        for late in [LAST, 1e18, f64::INFINITY] {
            assert_eq!(written(late), "9999-12-31T23:59:59Z");
        }
    }
}
