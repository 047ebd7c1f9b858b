//! The date at which a cookie ends, in whatever form a service writes it (RFC 6265, 5.1.1).

use std::time::{Duration, SystemTime};

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// Finds a time, a day, a month and a year in `text`, the first of each, in any order and with
/// anything between them.
pub(super) fn parse(text: &[u8]) -> Option<SystemTime> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(|&byte| is_delimiter(byte)).filter(|token| !token.is_empty()) {
        if time.is_none()
            && let found @ Some(_) = clock(token)
        {
            time = found;
        } else if day.is_none()
            && let Some((number, _)) = number(token, 1, 2)
        {
            day = Some(number);
        } else if month.is_none()
            && let found @ Some(_) = MONTHS
                .iter()
                .position(|name| token.len() >= 3 && token[..3].eq_ignore_ascii_case(&name[..]))
        {
            month = found;
        } else if year.is_none()
            && let Some((number, _)) = number(token, 2, 4)
        {
            year = Some(number);
        }
    }
    let ((hour, minute, second), day, month) = (time?, day?, u32::try_from(month?).ok()? + 1);
    let year = match year? {
        short @ 70..=99 => 1900 + short,
        short @ 0..=69 => 2000 + short,
        year => year,
    };
    if year < 1601
        || hour > 23
        || minute > 59
        || second > 59
        || day < 1
        || day > days_in(month, year)
    {
        return None;
    }
    let seconds =
        days_from_epoch(year, month, day) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    }
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'/' | b';'..=b'@' | b'['..=b'`' | b'{'..=b'~')
}

/// A number of `least` to `most` digits at the start of a token, and what follows it, which does
/// not begin with another digit.
fn number(token: &[u8], least: usize, most: usize) -> Option<(u32, &[u8])> {
    let digits = token.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits < least || digits > most {
        return None;
    }
    Some((std::str::from_utf8(&token[..digits]).ok()?.parse().ok()?, &token[digits..]))
}

/// `hour:minute:second`, each of one or two digits.
fn clock(token: &[u8]) -> Option<(u32, u32, u32)> {
    let (hour, rest) = number(token, 1, 2)?;
    let (minute, rest) = number(rest.strip_prefix(b":")?, 1, 2)?;
    let (second, _) = number(rest.strip_prefix(b":")?, 1, 2)?;
    Some((hour, minute, second))
}

fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

fn days_in(month: u32, year: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1 January 1970 in the Gregorian calendar.
fn days_from_epoch(year: u32, month: u32, day: u32) -> i64 {
    let before = i64::from(year) - 1;
    let leap_days = |years: i64| years / 4 - years / 100 + years / 400;
    let years = (i64::from(year) - 1970) * 365 + leap_days(before) - leap_days(1969);
    years + (1..month).map(|month| i64::from(days_in(month, year))).sum::<i64>() + i64::from(day)
        - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        let at = parse(text.as_bytes())?;
        let count = |distance: Duration| {
            i64::try_from(distance.as_secs()).expect("within four digits of years")
        };
        Some(
            at.duration_since(SystemTime::UNIX_EPOCH)
                .map_or_else(|before| -count(before.duration()), count),
        )
    }

    #[test]
    fn a_date_is_read_in_all_the_forms_that_services_write() {
        for text in [
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Thu, 1 Jan 1970 00:00:00 GMT",
            "Thu, 01 Jan 1970 00:00:00 UTC",
            "Thu, 01 Jan 1970 00:00:00 +0000",
            "Thu, 01 Jan 1970 00:00:00",
            "thu, 01 jan 1970 00:00:00 gmt",
            "Thu Jan 01 1970 00:00:00 GMT",
            "Thursday, 01-Jan-70 00:00:00 GMT",
            "Thu Jan  1 00:00:00 1970",
            "1970 January 1 0:0:0",
            "00:00:00 1 jan 1970",
            "\"Thu, 01-Jan-1970 00:00:00 GMT\"",
        ] {
            assert_eq!(seconds(text), Some(0), "{text}");
        }
        for (text, expected) in [
            ("Wed, 09 Jun 2021 10:18:14 GMT", 1_623_233_894),
            ("Wed, 09-Jun-69 10:18:14 GMT", 3_137_998_694),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Mon, 01 Jan 1601 00:00:00 GMT", -11_644_473_600),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "tomorrow",
            "Thu, 01 Jan 1970",
            "00:00:00 GMT",
            "Thu, 00 Jan 1970 00:00:00 GMT",
            "Thu, 32 Jan 1970 00:00:00 GMT",
            "Wed, 30 Feb 2022 00:00:00 GMT",
            "Tue, 29 Feb 1900 00:00:00 GMT",
            "Thu, 01 Jan 1600 00:00:00 GMT",
            "Thu, 01 Jan 1970 24:00:00 GMT",
            "Thu, 01 Jan 1970 00:60:00 GMT",
            "Thu, 01 Jan 1970 00:00:60 GMT",
            "Thu, 01 Jan 197 ",
            "Thu, 001 Jan 1970 00:00 GMT",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
