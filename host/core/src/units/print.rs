//! Quantities as reports show them: three significant digits, the unit that keeps the number short.

use std::time::Duration;

/// A duration: "850ns", "12.3µs", "1.23ms", "4.56s", "1m30s", "2h05m"; a whole number of a unit, as
/// limits are, without a fraction: "200ms", "30s".
pub fn print_duration(duration: Duration) -> String {
    let whole = |unit: u32| duration.subsec_nanos().is_multiple_of(unit);
    let ns = duration.as_nanos() as f64;
    // The border is where three digits would round up to the next unit.
    match duration.as_nanos() {
        0 => "0s".to_owned(),
        1..1_000 => format!("{ns}ns"),
        1_000..1_000_000 if whole(1_000) => format!("{}µs", ns / 1e3),
        1_000_000..1_000_000_000 if whole(1_000_000) => format!("{}ms", ns / 1e6),
        1_000_000_000..60_000_000_000 if whole(1_000_000_000) => format!("{}s", ns / 1e9),
        1_000..999_500 => format!("{}µs", three_digits(ns / 1e3)),
        999_500..999_500_000 => format!("{}ms", three_digits(ns / 1e6)),
        999_500_000..59_950_000_000 => format!("{}s", three_digits(ns / 1e9)),
        _ => {
            let seconds = (ns / 1e9).round() as u64;
            match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
                (0, minutes, 0) => format!("{minutes}m"),
                (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
                (hours, 0, 0) => format!("{hours}h"),
                (hours, minutes, 0) => format!("{hours}h{minutes:02}m"),
                (hours, minutes, seconds) => format!("{hours}h{minutes:02}m{seconds:02}s"),
            }
        }
    }
}

/// A rate: "4,912/s", "31.5/s", "0.25/s".
pub fn print_rate(per_second: f64) -> String {
    if per_second >= 99.95 {
        format!("{}/s", grouped(per_second.round() as u64))
    } else {
        format!("{}/s", three_digits(per_second))
    }
}

/// A share: "0%", "0.02%", "3%", "12.5%", "100%".
pub fn print_share(part: f64) -> String {
    let percent = part * 100.0;
    // "100%" and "0%" are said only of what is exactly that.
    match () {
        () if percent < 100.0 && percent > 99.9 => "99.9%".to_owned(),
        () if percent > 0.0 && percent < 0.001 => "<0.001%".to_owned(),
        () if percent < 1.0 => format!("{}%", trimmed(format!("{percent:.3}"))),
        () => format!("{}%", trimmed(three_digits(percent))),
    }
}

/// A size: "512 B", "12.3 KiB", "1.00 MiB".
pub fn print_size(bytes: u64) -> String {
    let mut amount = bytes as f64;
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    for unit in ["KiB", "MiB", "GiB", "TiB"] {
        amount /= 1_024.0;
        if amount < 999.5 {
            return format!("{} {unit}", three_digits(amount));
        }
    }
    format!("{} PiB", three_digits(amount / 1_024.0))
}

/// A whole number with commas: "12,345,678".
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: "1 user", "12,345 users", "2 queries".
pub fn counted(number: u64, one: &str) -> String {
    let many = match one.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u'])) {
        Some(stem) => format!("{stem}ies"),
        None => format!("{one}s"),
    };
    format!("{} {}", grouped(number), if number == 1 { one } else { &many })
}

fn three_digits(number: f64) -> String {
    match number {
        ..9.995 => format!("{number:.2}"),
        ..99.95 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

fn trimmed(number: String) -> String {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        number
    }
}
