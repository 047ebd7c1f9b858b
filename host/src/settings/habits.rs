//! What users of other tools type, and what says the same here.
//!
//! One letter means other things to curl, wrk, hey, oha, ab, k6 and Locust. Where the host has no
//! such flag, or the flag has another meaning, the error names the host's own.

use swell_core::units::Rate;

/// What is typed elsewhere, and what says the same here.
const HABITS: &[(&[&str], &str)] = &[
    (&["-A"], "--user-agent TEXT says who asks, --header 'accept: TYPE' what is asked for"),
    (&["-a", "--user"], "--basic USER:PASSWORD says who asks"),
    (&["-b", "-C", "--cookie"], "--header 'cookie: NAME=VALUE' sends a cookie"),
    (&["-D"], "--body @FILE sends a file"),
    (&["--data-raw", "--data-binary", "--data-ascii"], "--body TEXT or --body @FILE sends it"),
    (&["--data-urlencode"], "--form NAME=VALUE sends a field, encoded"),
    (&["-F"], "--part NAME=VALUE or NAME=@FILE sends a part, --form NAME=VALUE a plain field"),
    (&["-f", "-p"], "a file is named without a flag, one to be sent by --body @FILE"),
    (&["-I", "--head"], "--method HEAD asks for heads alone"),
    (&["-i"], "-n or --iterations says how often, --method HEAD asks for heads alone"),
    (&["--requests", "--number"], "-n or --iterations says how many"),
    (&["-k"], "--insecure accepts any certificate; connections are kept without a flag"),
    (&["--disable-keepalive", "--no-keepalive"], "--fresh iteration opens new connections"),
    (&["-L", "--location", "--max-redirs"], "--redirects N follows redirects"),
    (&["-m"], "--method METHOD says what is done, --timeout TIME how long an answer may take"),
    (&["--max-time"], "--timeout TIME says how long an answer may take"),
    (&["--request"], "--method METHOD or -X says it"),
    (&["-o", "--output"], "--out KIND=FILE writes results, as --out json=run.json"),
    (&["--summary-export"], "--out json=FILE writes all results"),
    (&["--csv"], "--out csv=FILE writes it"),
    (&["--html"], "--out html=FILE writes a page"),
    (&["-R", "--rps", "--qps", "--arrival-rate"], "--tps N says how many a second"),
    (&["-r"], "--tps N says how many a second, --spawn-rate N how many users come a second"),
    (&["-s"], "--stage TIME:RATE is a piece of a profile, --quiet says nothing"),
    (&["--silent"], "--quiet says nothing but errors"),
    (
        &["-T"],
        "--header 'content-type: TYPE' says what is sent, --timeout TIME how long it may take",
    ),
    (&["--threads"], "leave it out: there is a thread on each core"),
    (&["-v", "--verbose"], "`host try URL` shows all that is sent and received"),
    (&["-w"], "results go by --out KIND=FILE; --grace TIME says how long the end may take"),
    (&["-x", "--proxy"], "leave it out: requests go straight to their host, without a proxy"),
    (&["--connections", "--concurrency", "--clients", "--users"], "--vus N says how many users"),
    (&["--run-time", "--test-time"], "--duration TIME says how long"),
    (&["--headless", "--no-tui"], "leave it out: nothing is drawn without --tui or --ui"),
    (&["--host"], "--target URL says where requests go"),
    (&["--compressed"], "--header 'accept-encoding: gzip' asks for it"),
    (&["--latency-correction"], "leave it out: response times count from the intended start"),
    (&["--urls-from-file"], "--urls FILE asks for its lines in turn, beside the URL"),
    (&["--referer", "--referrer"], "--header 'referer: URL' sends it"),
];

/// What says the same as an unknown flag of another tool.
pub(super) fn of_flag(typed: &str) -> Option<&'static str> {
    let flag = typed.split('=').next().unwrap_or(typed);
    HABITS.iter().find(|(flags, _)| flags.contains(&flag)).map(|(_, tip)| *tip)
}

/// What says the same as the value of a flag that means something else here.
pub(super) fn of_value(flag: &str, value: &str) -> Option<&'static str> {
    let is_content = || value.starts_with(['@', '{', '[']) || value.contains('=');
    match flag {
        "--vus" if value.contains(':') => Some("--basic USER:PASSWORD says who asks"),
        "--duration" | "--data" if is_content() => Some(
            "--body TEXT or --body @FILE is sent with a URL, --json and --form say in which form",
        ),
        _ => None,
    }
}

/// What says the same as `-q 100`, which is a rate elsewhere and here says to be quiet.
pub(super) fn of_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    let mut is_after_q = false;
    for word in words {
        if is_after_q && word.parse::<Rate>().is_ok() {
            return Some("--tps N says how many a second; -q is --quiet");
        }
        is_after_q = word == "-q";
    }
    None
}

/// Each flag of another tool with what is said of it.
#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    HABITS.iter().flat_map(|(flags, tip)| flags.iter().map(move |flag| (*flag, *tip)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flag_is_told_twice() {
        let mut flags: Vec<&str> = all().map(|(flag, _)| flag).collect();
        let count = flags.len();
        flags.sort_unstable();
        flags.dedup();
        assert_eq!(flags.len(), count);
        assert_eq!(of_flag("--rps=5"), of_flag("-R"));
        assert_eq!(of_flag("--tps"), None);
    }

    #[test]
    fn a_rate_behind_q_is_meant_as_one() {
        assert!(of_words(["run", "-q", "100", "http://a"]).is_some());
        assert!(of_words(["run", "-q", "http://a", "100"]).is_none());
        assert!(of_words(["run", "http://a", "-q"]).is_none());
    }
}
