use super::*;

fn message<T: std::fmt::Debug>(result: Result<T, UnitError>) -> String {
    result.expect_err("it is refused").to_string()
}

#[test]
fn durations_are_read_with_their_units() {
    let cases = [
        ("200ms", 200_000_000),
        ("1m30s", 90_000_000_000),
        ("1h", 3_600_000_000_000),
        ("1.5s", 1_500_000_000),
        ("1h 30m", 5_400_000_000_000),
        ("250us", 250_000),
        ("250µs", 250_000),
        ("7ns", 7),
        ("0", 0),
        ("0s", 0),
        ("365d", 31_536_000_000_000_000),
    ];
    for (text, ns) in cases {
        assert_eq!(parse_duration(text), Ok(Duration::from_nanos(ns)), "{text}");
    }
}

#[test]
fn a_bare_number_is_no_duration_and_the_cure_is_told() {
    assert_eq!(
        message(parse_duration("30")),
        r#""30" has no unit; write "30s" for seconds or "30ms" for milliseconds"#
    );
}

#[test]
fn what_is_no_duration_is_refused() {
    for text in [
        "", "s", "-1s", "1x", "1s1s", "1s1m", "1..5s", "1e3s", "∞", "1s5", ".5s", "5.s", "NaNs",
        "ms5",
    ] {
        assert!(
            matches!(parse_duration(text), Err(UnitError::Malformed { .. })),
            "{text:?}: {:?}",
            parse_duration(text)
        );
    }
    assert!(matches!(parse_duration("366d"), Err(UnitError::Range { .. })));
    assert!(parse_duration("99999999999999999999999999999999d").is_err());
}

#[test]
fn rates_are_read_by_the_second_minute_and_hour() {
    for (text, per_second) in [
        ("5000", 5_000.0),
        ("5000/s", 5_000.0),
        ("300/m", 5.0),
        ("36/h", 0.01),
        ("0.5", 0.5),
        ("1_000", 1_000.0),
    ] {
        assert_eq!(text.parse::<Rate>().map(Rate::per_second), Ok(per_second), "{text}");
    }
}

#[test]
fn zero_negative_and_absurd_rates_are_refused() {
    assert_eq!(
        message("0".parse::<Rate>()),
        r#""0" is out of range: a rate is more than zero and at most 10,000,000/s"#
    );
    for text in ["10000001", "1/d", "-5", "1e9", "inf", "NaN", "", "5000/", "5,000"] {
        assert!(text.parse::<Rate>().is_err(), "{text}");
    }
    assert_eq!(parse_rate_or_zero("0"), Ok(0.0));
    assert!([0.0, -1.0, f64::NAN, f64::INFINITY].iter().all(|&rate| Rate::new(rate).is_none()));
}

#[test]
fn shares_are_read_in_percent_or_as_a_part() {
    assert_eq!("3%".parse::<Share>().map(Share::part), Ok(0.03));
    assert_eq!("0.03".parse::<Share>().map(Share::part), Ok(0.03));
    assert_eq!("1".parse::<Share>().map(Share::part), Ok(1.0));
    assert_eq!(
        message("3".parse::<Share>()),
        r#""3" has no unit; write "3%", or a part of one such as "0.03""#
    );
    assert!(matches!("101%".parse::<Share>(), Err(UnitError::Range { .. })));
    assert!("-1%".parse::<Share>().is_err());
}

#[test]
fn sizes_are_read_in_tens_and_in_twos() {
    for (text, bytes) in [
        ("512", 512),
        ("64KiB", 65_536),
        ("1MB", 1_000_000),
        ("1.5 MiB", 1_572_864),
        ("2gib", 2_147_483_648),
        ("7B", 7),
    ] {
        assert_eq!(parse_size(text), Ok(bytes), "{text}");
    }
    for text in ["", "KiB", "1XB", "-1", "9999999999GiB"] {
        assert!(parse_size(text).is_err(), "{text}");
    }
}

#[test]
fn durations_are_printed_with_three_digits() {
    let cases = [
        (0, "0s"),
        (850, "850ns"),
        (12_340, "12.3µs"),
        (999_499, "999µs"),
        (999_500, "1.00ms"),
        (1_234_567, "1.23ms"),
        (200_000_000, "200ms"),
        (4_560_000_000, "4.56s"),
        (250_000, "250µs"),
        (2_000_000, "2ms"),
        (30_000_000_000, "30s"),
        (59_960_000_000, "1m"),
        (90_000_000_000, "1m30s"),
        (3_600_000_000_000, "1h"),
        (7_500_000_000_000, "2h05m"),
        (7_501_000_000_000, "2h05m01s"),
    ];
    for (ns, text) in cases {
        assert_eq!(print_duration(Duration::from_nanos(ns)), text);
    }
}

#[test]
fn rates_shares_and_sizes_are_printed_for_people() {
    assert_eq!(
        [4_912.3, 99.96, 31.53, 0.25].map(print_rate),
        ["4,912/s", "100/s", "31.5/s", "0.25/s"]
    );
    let shares = [0.0, 0.000_2, 0.03, 0.125, 0.999_99, 1.0, 0.000_001].map(print_share);
    assert_eq!(shares, ["0%", "0.02%", "3%", "12.5%", "99.9%", "100%", "<0.001%"]);
    assert_eq!(
        [512, 12_595, 1_048_576, 1_048_000].map(print_size),
        ["512 B", "12.3 KiB", "1.00 MiB", "1.00 MiB"]
    );
    assert_eq!([0, 999, 1_000, 12_345_678].map(grouped), ["0", "999", "1,000", "12,345,678"]);
}

#[test]
fn thousands_and_millions_may_be_a_letter_wherever_a_number_is_typed() {
    for (text, per_second) in [
        ("1k", 1_000.0),
        ("2.5K/s", 2_500.0),
        ("1.1k", 1_100.0),
        ("3M/m", 50_000.0),
        ("60k/min", 1_000.0),
    ] {
        assert_eq!(text.parse::<Rate>().map(Rate::per_second), Ok(per_second), "{text}");
    }
    for (text, count) in [
        ("7", 7_u64),
        ("10k", 10_000),
        ("1.5M", 1_500_000),
        ("1_000", 1_000),
        ("18446744073709551615", u64::MAX),
    ] {
        assert_eq!(parse_count(text), Ok(count), "{text}");
    }
    for text in ["", "k", "1.5", "-1", "1e3", "1m", "1kk", "1 000", "0.0001k", "1/s"] {
        assert!(
            matches!(parse_count::<u64>(text), Err(UnitError::Malformed { .. })),
            "{text:?}: {:?}",
            parse_count::<u64>(text)
        );
    }
    for text in ["4294967296", "5000M"] {
        assert_eq!(
            message(parse_count::<u32>(text)),
            format!("{text:?} is out of range: a whole number is at most 4,294,967,295 here")
        );
    }
    assert!(parse_count::<u64>("99999999999999999999").is_err());
}

#[test]
fn a_limit_of_no_time_is_refused_with_what_may_have_been_meant() {
    for text in ["0", "0s", "0ms"] {
        assert!(
            message(parse_duration_above_zero(text))
                .contains("where it is to be no limit, give a long one"),
            "{text}"
        );
    }
    assert_eq!(parse_duration_above_zero("1ns"), Ok(Duration::from_nanos(1)));
}

#[test]
fn one_thing_is_not_several() {
    assert_eq!(
        ["user", "query", "delay"].map(|one| counted(1, one)),
        ["1 user", "1 query", "1 delay"]
    );
    assert_eq!(
        ["user", "query", "delay"].map(|one| counted(1_200, one)),
        ["1,200 users", "1,200 queries", "1,200 delays"]
    );
    assert_eq!(counted(0, "user"), "0 users");
}
