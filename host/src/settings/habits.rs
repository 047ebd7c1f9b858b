//! What users of other tools type, and what says the same here.
//!
//! One letter means other things to curl, wrk, hey, oha, ab, k6, strest and Locust. Where the host
//! has no such flag, or the flag has another meaning, the error names the host's own.

use swell_core::units::Rate;

/// What is typed elsewhere, and what says the same here.
const HABITS: &[(&[&str], &str)] = &[
    // The request.
    (&["--url"], "leave it out: a URL stands without a flag, as `host run URL`"),
    (
        &["-A"],
        "--user-agent TEXT says who asks, --header 'accept: TYPE' what is asked for, --basic \
        USER:PASSWORD with which password",
    ),
    (&["-a", "--user", "--basic-auth"], "--basic USER:PASSWORD says who asks"),
    (&["--aws-session"], "--aws-sigv4 takes a session's token from AWS_SESSION_TOKEN"),
    (&["-b", "-C", "--cookie"], "--header 'cookie: NAME=VALUE' sends a cookie"),
    (&["-D", "--data-file"], "--body @FILE sends a file"),
    (&["-Z", "--data-lines"], "--data NAME=FILE gives rows to a scenario, or to a file of steps"),
    (&["--data-raw", "--data-binary", "--data-ascii"], "--body TEXT or --body @FILE sends it"),
    (&["--data-urlencode"], "--form NAME=VALUE sends a field, encoded"),
    (&["-F"], "--part NAME=VALUE or NAME=@FILE sends a part, --form NAME=VALUE a plain field"),
    (&["-f"], "a file is named without a flag, one to be sent by --body @FILE"),
    (&["-I", "--head"], "--method HEAD asks for heads alone"),
    (&["--headers"], "--header 'NAME: VALUE' sends one; repeat it"),
    (&["--content-type"], "--header 'content-type: TYPE' says what is sent"),
    (&["--referer", "--referrer"], "--header 'referer: URL' sends it"),
    (&["--no-ua"], "--user-agent TEXT says who asks in place of the host"),
    (&["--authorized"], "leave it out: what is run is what --target and --allow-host name"),
    (&["-L", "--location", "--max-redirs", "--redirect"], "--redirects N follows redirects"),
    (&["--status"], "--expect STATUS says what is a success, as 2xx"),
    (&["--request"], "--method METHOD or -X says it"),
    (&["--compressed"], "--header 'accept-encoding: gzip' asks for it"),
    (&["--disable-compression"], "leave it out: nothing is compressed unless a header asks for it"),
    (&["--urls-from-file"], "--urls FILE asks for its lines in turn, beside the URL"),
    (
        &["--rand-regex-url", "--max-repeat", "--dump-urls"],
        "a file of steps makes URLs: get = \"/items/{{random(1, 100)}}\"",
    ),
    (
        &["--proxy-header", "--proxy-http-version", "--proxy-http2"],
        "leave it out: a proxy is asked over HTTP/1.1, and told nothing but who asks",
    ),
    (&["-U", "--proxy-user"], "--proxy http://USER:PASSWORD@HOST:PORT says who asks the proxy"),
    (&["--noproxy"], "--no-proxy HOSTS names what is reached without the proxy"),
    (&["--socks5"], "--proxy socks5://HOST:PORT goes through it"),
    (&["--socks5-hostname"], "--proxy socks5h://HOST:PORT has the proxy look up names"),
    (&["-p", "--proxytunnel"], "leave it out: all but plain HTTP/1.1 goes through a tunnel"),
    // How it is connected.
    (&["-k"], "--insecure accepts any certificate; connections are kept without a flag"),
    (&["--cacert"], "--ca-cert FILE is trusted beside the system's authorities"),
    (&["--tlsv1.2"], "leave it out: nothing older is offered; --tls-min 1.3 offers 1.3 alone"),
    (&["--tlsv1.3"], "--tls-min 1.3 offers nothing older"),
    (&["--http2-prior-knowledge"], "--http-version 2 asks so where there is no TLS"),
    (
        &["--http1.1", "--http2", "--http2-parallel", "--alpn", "--protocol"],
        "--http-version 1.1, 2 or 3 says it; without it, 2 where TLS agrees on it",
    ),
    (&["--http3", "--http3-only"], "--http-version 3 says it, without a way back to TCP"),
    (
        &["--disable-keepalive", "--no-keepalive"],
        "--max-requests-per-connection 1 opens a connection for each request",
    ),
    (
        &["--pool-max-idle-per-host", "--pool-idle-timeout-ms"],
        "--max-connections-per-host N says how many a user has, --idle-timeout TIME how long",
    ),
    (&["--no-pre-lookup"], "--no-preflight begins without a look-up"),
    // How much and how long.
    (&["-R", "--rps", "--qps", "--arrival-rate"], "--tps N says how many a second"),
    (&["--rpm"], "--tps N/m says how many a minute, as 300/m"),
    (&["--burst-rate", "--burst-delay"], "--burst N/TIME starts N at once each TIME, as 500/10s"),
    (&["-r"], "--tps N says how many a second, --spawn-rate N how many users come a second"),
    (&["--spawn-interval"], "--spawn-rate N says how many users come a second"),
    (&["-i"], "-n or --iterations says how often, --method HEAD asks for heads alone"),
    (&["--requests", "--number", "--amount"], "-n or --iterations says how many"),
    (
        &["-m"],
        "--method METHOD says what is done, --timeout TIME how long an answer may take, --vus N \
        how many users there are",
    ),
    (&["--expect100-timeout"], "--expect-timeout TIME says how long a body waits for a 100"),
    (&["--max-time"], "--timeout TIME says how long an answer may take"),
    (
        &["--connections", "--concurrency", "--clients", "--users", "--max-tasks"],
        "--vus N says how many users",
    ),
    (&["--run-time", "--test-time"], "--duration TIME says how long"),
    (
        &["--wait-ongoing-requests-after-deadline"],
        "leave it out: what is under way may finish; --grace TIME says for how long",
    ),
    (
        &["-s"],
        "--vus-stage TIME:N is a piece of a profile of users, --stage TIME:RATE one of a rate, \
        --expect STATUS says what is a success, --quiet says nothing",
    ),
    (&["--load-mode"], "--preset KIND=N or --stage TIME:RATE is a profile, --arrivals a spread"),
    (&["--threads", "--workers"], "leave it out: there is a thread on each core"),
    (&["--host"], "--target URL says where requests go"),
    (
        &["-T"],
        "--header 'content-type: TYPE' says what is sent, --timeout TIME how long it may take",
    ),
    (&["--latency-correction"], "leave it out: response times count from the intended start"),
    (&["--script"], "a script is named without a flag, as `host run shop.js`"),
    (&["--plugin"], "`#[conduct]` in a scenario file acts before and after runs, and judges them"),
    // What is told.
    (
        &["-j", "--json-output"],
        "--out json=FILE writes all results, --out json=- to the standard output",
    ),
    (&["-g"], "--out csv=FILE writes each second as rows of a table"),
    (&["--no-summary"], "--quiet says nothing but errors"),
    (&["--http-debug"], "`host try` shows all that is sent and received"),
    (&["--insecure-skip-tls-verify"], "--insecure accepts any certificate"),
    (&["-o", "--output"], "--out KIND=FILE writes results, as --out json=run.json"),
    (&["--output-format"], "--out KIND=FILE writes results, and --quiet says nothing else"),
    (&["--summary-export", "--export-json"], "--out json=FILE writes all results"),
    (&["--export-jsonl"], "--out jsonl=FILE writes it"),
    (&["--csv", "--export-csv"], "--out csv=FILE writes it"),
    (&["--html"], "--out html=FILE writes a page"),
    (&["--charts-path"], "--out png=FILE draws charts, --out html=FILE a page with them"),
    (&["--no-charts", "--no-splash"], "leave it out: what nobody asks for is not written"),
    (&["--db-url"], "--out sqlite=FILE writes a database"),
    (&["--tmp-path"], "--record FILE keeps the record of a run"),
    (&["--keep-tmp"], "leave it out: records are kept, as `host history` lists them"),
    (&["--replay"], "`host view RECORD` shows an earlier run, `host report` writes of it"),
    (&["--summary"], "leave it out: there is always a summary"),
    (&["--time-unit"], "leave it out: each time has the unit that suits it"),
    (&["--stats-success-breakdown"], "leave it out: --out json=FILE has all statuses"),
    (&["--log-shards"], "leave it out: each thread counts by itself"),
    (&["--rss-log-ms"], "leave it out: the summary has the memory of the host"),
    (&["--ui-window-ms", "--fps"], "leave it out: --tui draws as fast as the terminal"),
    (&["--metrics-range", "--metrics-max"], "leave it out: a page shows any stretch of a run"),
    (&["--silent"], "--quiet says nothing but errors"),
    (&["-v", "--verbose"], "`host try URL` shows all that is sent and received"),
    (&["-w"], "results go by --out KIND=FILE; --grace TIME says how long the end may take"),
    (&["--no-color"], "NO_COLOR=1 in the environment takes colours away"),
    (
        &["--headless", "--no-tui", "--no-ui"],
        "leave it out: nothing is drawn without --tui or --ui",
    ),
    // Several nodes.
    (&["--controller-listen", "--min-agents"], "--listen ADDR --hosts N has others join the run"),
    (&["--controller-mode"], "`host node` stays and takes runs, `host run` has others join one"),
    (&["--agent-join"], "`host node` joins a coordinator"),
    (&["--auth-token"], "--token TOKEN is what the coordinator printed"),
    (&["--agent-weight"], "--weight N says how much a host bears"),
    (&["--agent-id"], "leave it out: a host is called by the name of its machine"),
    (
        &["--agent-wait-timeout-ms"],
        "leave it out: --hosts N waits until they are there, or until an interrupt",
    ),
    (&["--control-listen"], "--control ADDR serves the control API"),
    (&["--control-auth-token"], "SWELL_CONTROL_TOKEN in the environment is the token of --control"),
    (
        &["--agent-standby", "--agent-reconnect-ms", "--stream-summaries", "--stream-interval-ms"],
        "leave it out: nodes wait for runs, join again by themselves and tell their counts",
    ),
];

/// Commands of other tools, and what does the same here.
const COMMANDS: &[(&[&str], &str)] = &[
    (&["curl"], "`host new --from 'curl ...'` makes steps of a command, `host try URL` asks once"),
    (&["quick", "attack", "bench"], "host run URL"),
    (&["smoke", "load", "stress", "spike", "soak"], "host run URL --preset KIND=N"),
    (&["inspect"], "`host check FILE` says what a script does and needs"),
    (&["cleanup"], "`host history prune` removes records of runs"),
    (&["distributed", "controller"], "host run FILE --listen ADDR --hosts N"),
    (&["agent"], "`host node` joins a coordinator"),
    (&["replay"], "`host view` shows an earlier run, `host report` writes of it"),
];

/// What does the same as an unknown command of another tool.
pub(super) fn of_command(typed: &str) -> Option<&'static str> {
    COMMANDS.iter().find(|(commands, _)| commands.contains(&typed)).map(|(_, tip)| *tip)
}

/// What says the same as an unknown flag of another tool.
pub(super) fn of_flag(typed: &str) -> Option<&'static str> {
    let flag = typed.split('=').next().unwrap_or(typed);
    HABITS.iter().find(|(flags, _)| flags.contains(&flag)).map(|(_, tip)| *tip)
}

/// What says the same as the value of a flag that means something else here.
pub(super) fn of_value(flag: &str, value: &str) -> Option<&'static str> {
    let is_content = || value.starts_with(['@', '{', '[']) || value.contains('=');
    match flag {
        "--vus" if value.contains("://") => {
            Some("leave -u out: a URL stands by itself, as `host run URL`")
        }
        // Before the colon, or without one, stands a name.
        "--vus" if value == "pus" => Some("leave -cpus out: there is a thread on each core"),
        "--vus" if value.contains(':') || value.starts_with(char::is_alphabetic) => {
            Some("--basic USER:PASSWORD says who asks")
        }
        "--accept" if value.contains('/') => Some("--header 'accept: TYPE' asks for it"),
        // As programs in Go have their flags: with one dash.
        "--latency" if value.contains("://") => {
            Some("leave it out: percentiles are always told; here it is an objective, as p95=200ms")
        }
        "--duration" if value.starts_with("uration") => Some("two dashes: --duration TIME"),
        "--duration" if value.starts_with("isable-") => Some(
            "--max-requests-per-connection 1 opens a connection for each request; nothing is \
                compressed without a header",
        ),
        "--duration" | "--data" if is_content() || value.starts_with(char::is_alphabetic) => Some(
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
