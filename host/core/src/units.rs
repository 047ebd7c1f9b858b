//! Quantities as people write and read them: durations, rates, shares and sizes with their units.
//!
//! A bare number is refused where its unit could be guessed wrong (is `--duration 30` seconds or
//! minutes?), and a quantity that no machine could want is refused where it is typed and not an
//! hour into the run.

mod print;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::print::{counted, grouped, print_duration, print_rate, print_share, print_size};

/// Why a quantity was not understood. Names the value and the cure.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnitError {
    /// A number without the unit that it needs.
    #[error("{value:?} has no unit; write {cure}")]
    NoUnit {
        /// What was typed.
        value: String,
        /// What may have been meant.
        cure: String,
    },
    /// A difference without the sign that it needs.
    #[error("{value:?} has no sign; write \"+{value}\" or \"-{value}\"")]
    NoSign {
        /// What was typed.
        value: String,
    },
    /// Not a quantity of this sort.
    #[error("{value:?} is not a {what}; write it like {examples}")]
    Malformed {
        /// What was typed.
        value: String,
        /// The sort of quantity.
        what: &'static str,
        /// How it is written.
        examples: &'static str,
    },
    /// A quantity outside of what makes sense.
    #[error("{value:?} is out of range: a {what} is {limits}")]
    Range {
        /// What was typed.
        value: String,
        /// The sort of quantity.
        what: &'static str,
        /// What is possible.
        limits: &'static str,
    },
}

/// Events a second: finite, more than zero, at most [`Rate::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// The highest rate: some times what all cores of a large machine can send.
    pub const MAX: f64 = 10_000_000.0;
    /// The lowest rate, one in some twelve days: below it a schedule has no second slot.
    pub const MIN: f64 = 1e-6;

    /// This many a second; nothing for zero, negative, infinite, tiny and absurd numbers.
    pub fn new(per_second: f64) -> Option<Self> {
        (Self::MIN..=Self::MAX).contains(&per_second).then_some(Self(per_second))
    }

    /// Events a second.
    pub const fn per_second(self) -> f64 {
        self.0
    }

    /// The rate of each of `parts` equal parts, at least [`Rate::MIN`].
    pub fn divided_by(self, parts: u32) -> Self {
        Self((self.0 / f64::from(parts)).max(Self::MIN))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print_rate(self.0))
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    /// Reads "5000" and "5000/s", "5k", "300/m", "10/h".
    fn from_str(text: &str) -> Result<Self, UnitError> {
        parse_rate_or_zero(text)
            .and_then(|rate| Self::new(rate).ok_or_else(|| rate_out_of_range(text)))
    }
}

/// A part of a whole, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Share(f64);

impl Share {
    /// This part of one; nothing below 0 or above 1.
    pub fn new(part: f64) -> Option<Self> {
        (0.0..=1.0).contains(&part).then_some(Self(part))
    }

    /// The part of one.
    pub const fn part(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print_share(self.0))
    }
}

impl FromStr for Share {
    type Err = UnitError;

    /// Reads "3%" and "0.03". A bare number above 1 is refused: it may have been meant in percent.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let text = text.trim();
        let malformed = || UnitError::Malformed {
            value: text.to_owned(),
            what: "share",
            examples: "\"3%\" or \"0.03\"",
        };
        let (number, scale) =
            text.strip_suffix('%').map_or((text, 1.0), |number| (number.trim_end(), 100.0));
        let number = decimal(number).ok_or_else(malformed)?;
        if scale == 1.0 && number > 1.0 {
            return Err(UnitError::NoUnit {
                value: text.to_owned(),
                cure: format!("\"{text}%\", or a part of one such as \"0.03\""),
            });
        }
        Self::new(number / scale).ok_or_else(|| UnitError::Range {
            value: text.to_owned(),
            what: "share",
            limits: "from 0 to 100%",
        })
    }
}

/// Reads a rate that may be zero, for a stage that rests.
pub fn parse_rate_or_zero(text: &str) -> Result<f64, UnitError> {
    let text = text.trim();
    let (number, seconds) = match text.split_once('/') {
        None => (text, 1.0),
        Some((number, "s")) => (number, 1.0),
        Some((number, "m" | "min")) => (number, 60.0),
        Some((number, "h")) => (number, 3_600.0),
        Some(_) => return Err(malformed_rate(text)),
    };
    let rate = multiple(number.trim_end()).ok_or_else(|| malformed_rate(text))? / seconds;
    if rate == 0.0 || (Rate::MIN..=Rate::MAX).contains(&rate) {
        Ok(rate)
    } else {
        Err(rate_out_of_range(text))
    }
}

/// Reads a whole number, as of users or iterations: "5000", "10k", "1.5M".
pub fn parse_count<T: TryFrom<u64>>(text: &str) -> Result<T, UnitError> {
    let text = text.trim();
    let malformed = || UnitError::Malformed {
        value: text.to_owned(),
        what: "whole number",
        examples: "\"100\", \"10k\" or \"1.5M\"",
    };
    let written = multiple(text).filter(|number| number.fract() == 0.0).ok_or_else(malformed)?;
    // Without a suffix the number is exact, whatever its size.
    let number = text
        .replace('_', "")
        .parse()
        .ok()
        .or_else(|| (written <= MAX_EXACT).then_some(written as u64));
    number.and_then(|number: u64| T::try_from(number).ok()).ok_or_else(|| UnitError::Range {
        value: text.to_owned(),
        what: "whole number",
        limits: if size_of::<T>() > 4 {
            "at most 18,446,744,073,709,551,615 here"
        } else {
            "at most 4,294,967,295 here"
        },
    })
}

/// Reads a duration that may not be zero, for a limit that nothing could keep.
pub fn parse_duration_above_zero(text: &str) -> Result<Duration, UnitError> {
    let limits = "more than zero here; where it is to be no limit, give a long one, as \"1h\"";
    let too_short = || UnitError::Range { value: text.trim().to_owned(), what: "duration", limits };
    parse_duration(text)
        .and_then(|duration| if duration.is_zero() { Err(too_short()) } else { Ok(duration) })
}

/// The longest window over which figures are judged while a run goes on: each second of it is kept.
const LONGEST_WINDOW: Duration = Duration::from_secs(300);

/// Reads the length of a window over which figures are judged, which are told once a second.
pub fn parse_window(text: &str) -> Result<Duration, UnitError> {
    let length = parse_duration(text)?;
    if (Duration::from_secs(1)..=LONGEST_WINDOW).contains(&length) {
        return Ok(length);
    }
    let (value, what) = (text.trim().to_owned(), "window");
    Err(UnitError::Range { value, what, limits: "from 1s to 5m" })
}

/// Reads a duration: "200ms", "1m30s", "1.5h". Units are ns, us (µs), ms, s, m, h, d, the larger
/// first, each at most once. "0" needs none.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let text = text.trim();
    let malformed = || UnitError::Malformed {
        value: text.to_owned(),
        what: "duration",
        examples: "\"200ms\", \"30s\", \"1m30s\" or \"1h\"",
    };
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if decimal(text).is_some() {
        return Err(UnitError::NoUnit {
            value: text.to_owned(),
            cure: format!("\"{text}s\" for seconds or \"{text}ms\" for milliseconds"),
        });
    }
    let (mut rest, mut seconds, mut last_unit) = (text, 0.0, f64::INFINITY);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(malformed)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let unit =
            unit_seconds(unit.trim()).filter(|&unit| unit < last_unit).ok_or_else(malformed)?;
        seconds += decimal(number).ok_or_else(malformed)? * unit;
        (rest, last_unit) = (after, unit);
    }
    if last_unit.is_infinite() {
        return Err(malformed());
    }
    if seconds > MAX_SECONDS {
        return Err(UnitError::Range {
            value: text.to_owned(),
            what: "duration",
            limits: "at most 365d",
        });
    }
    Ok(Duration::from_nanos((seconds * 1e9).round() as u64))
}

/// Reads a size in bytes: "512", "64KiB", "1MB". Bytes are the one quantity whose bare number
/// cannot be guessed wrong.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let text = text.trim();
    let malformed = || UnitError::Malformed {
        value: text.to_owned(),
        what: "size",
        examples: "\"64KiB\", \"1MB\" or \"512B\"",
    };
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" | "k" => 1e3,
        "mb" | "m" => 1e6,
        "gb" | "g" => 1e9,
        "kib" => 1024.0,
        "mib" => 1_048_576.0,
        "gib" => 1_073_741_824.0,
        _ => return Err(malformed()),
    };
    let bytes = decimal(number).ok_or_else(malformed)? * unit;
    if bytes > MAX_BYTES {
        return Err(UnitError::Range {
            value: text.to_owned(),
            what: "size",
            limits: "at most 1,048,576 GiB",
        });
    }
    Ok(bytes.round() as u64)
}

/// A run of a year is a typing error.
const MAX_SECONDS: f64 = 365.0 * 86_400.0;
/// 2⁵³: up to here a float is exact.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
/// 2⁵⁰ bytes: exact in a float, larger than any memory or body.
const MAX_BYTES: f64 = 1_125_899_906_842_624.0;

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    })
}

/// A plain decimal number: digits with at most one point, no sign, no exponent, "_" between digits
/// allowed.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'_');
    let whole = text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_digit());
    if plain && whole {
        text.replace('_', "").parse().ok().filter(|number: &f64| number.is_finite())
    } else {
        None
    }
}

/// A decimal number with a suffix for thousands or millions, if any.
fn multiple(text: &str) -> Option<f64> {
    let (number, scale) = match text.strip_suffix(['k', 'K']) {
        Some(number) => (number.trim_end(), 1e3),
        None => text.strip_suffix('M').map_or((text, 1.0), |number| (number.trim_end(), 1e6)),
    };
    // Rounded where a product of decimals is not what was written: 1.1k are 1100.
    decimal(number)
        .map(|number| if scale == 1.0 { number } else { (number * scale * 1e6).round() / 1e6 })
}

fn malformed_rate(text: &str) -> UnitError {
    UnitError::Malformed {
        value: text.to_owned(),
        what: "rate",
        examples: "\"5000\", \"5k\", \"5000/s\" or \"300/m\"",
    }
}

fn rate_out_of_range(text: &str) -> UnitError {
    UnitError::Range {
        value: text.to_owned(),
        what: "rate",
        limits: "more than zero and at most 10,000,000/s",
    }
}

#[cfg(test)]
mod tests;
