//! What goes with a call beside its messages: names and values, of which those of names that end
//! with `-bin` are bytes in base64.

use std::time::Duration;

use data_encoding::BASE64_NOPAD;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, TE,
    TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};

use crate::error::Error;

/// What a scenario gives, or is given: a name, and a value of bytes.
pub type GrpcEntry = (String, Vec<u8>);

/// What ends a name whose values are bytes.
const BINARY: &str = "-bin";

/// The longest deadline that can be told: eight digits of hours.
const MOST_HOURS: u64 = 99_999_999;

/// The head of a call: what gRPC says itself, then the scenario's own metadata, then what the run
/// adds where the scenario says nothing of it.
pub(crate) fn head(
    own: &[GrpcEntry],
    deadline: Option<Duration>,
    run_headers: &[(HeaderName, HeaderValue)],
    user_agent: &HeaderValue,
) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    if let Some(deadline) = deadline {
        let value = HeaderValue::try_from(timeout(deadline)).expect("digits and a letter");
        headers.insert("grpc-timeout", value);
    }
    let mut overflow = false;
    for (name, value) in own {
        let (name, value) = entry(name, value)?;
        overflow |= headers.try_append(name, value).is_err();
    }
    for (name, value) in run_headers {
        let is_own = own.iter().any(|(given, _)| name == given.as_str());
        if !is_own && !is_reserved(name.as_str()) {
            overflow |= headers.try_append(name, value.clone()).is_err();
        }
    }
    if !headers.contains_key(USER_AGENT) {
        overflow |= headers.try_insert(USER_AGENT, user_agent.clone()).is_err();
    }
    if overflow { Err(Error::invalid("more metadata than can be sent")) } else { Ok(headers) }
}

/// Metadata of an answer as the scenario is given them. Of a name that may come several times each
/// value stands for itself; what HTTP and gRPC say of the call is left out.
pub(crate) fn entries(headers: &HeaderMap) -> Vec<GrpcEntry> {
    let mut entries = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let name = name.as_str();
        if is_reserved(name) {
            continue;
        }
        if name.ends_with(BINARY) {
            let values = value.as_bytes().split(|byte| *byte == b',');
            entries
                .extend(values.map(|value| (name.to_owned(), decode_binary(value.trim_ascii()))));
        } else {
            entries.push((name.to_owned(), value.as_bytes().to_vec()));
        }
    }
    entries
}

/// Bytes in base64, with or without padding. What is coded wrongly stays as it came.
pub(crate) fn decode_binary(value: &[u8]) -> Vec<u8> {
    let end = value.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    BASE64_NOPAD.decode(&value[..end]).unwrap_or_else(|_| value.to_vec())
}

fn entry(name: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), Error> {
    let wrong = |why: &str| Error::invalid(format!("metadata {name:?} {why}"));
    let is_small = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    if name.is_empty() || !name.bytes().all(is_small) {
        return Err(wrong("have a name of other signs than a-z, 0-9, \"-\", \"_\" and \".\""));
    }
    if is_reserved(name) {
        return Err(wrong("are set by HTTP/2 and gRPC themselves"));
    }
    let parsed = HeaderName::try_from(name).map_err(|_| wrong("cannot be sent"))?;
    let value = if name.ends_with(BINARY) {
        HeaderValue::try_from(BASE64_NOPAD.encode(value)).expect("base64 is printable")
    } else if value.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        HeaderValue::try_from(value).map_err(|_| wrong("have a value that cannot be sent"))?
    } else {
        return Err(wrong("have a value that is no printable ASCII (end the name with \"-bin\")"));
    };
    Ok((parsed, value))
}

/// What is not the scenario's to say, and no metadata of an answer.
fn is_reserved(name: &str) -> bool {
    let of_http = [TE, CONTENT_TYPE, CONTENT_LENGTH, HOST, CONNECTION, TRANSFER_ENCODING, UPGRADE];
    name.starts_with("grpc-")
        || matches!(name, "keep-alive" | "proxy-connection")
        || of_http.iter().any(|known| known == name)
}

/// A deadline as `grpc-timeout` has it: at most eight digits, in the finest unit that they fit.
fn timeout(time: Duration) -> String {
    let nanos = time.as_nanos();
    let units = [(1, 'n'), (1_000, 'u'), (1_000_000, 'm'), (1_000_000_000, 'S')];
    let longer = [(60_000_000_000, 'M'), (3_600_000_000_000, 'H')];
    for (unit, letter) in units.into_iter().chain(longer) {
        // The service must not give up before we do.
        let count = nanos.div_ceil(unit);
        if count <= u128::from(MOST_HOURS) {
            return format!("{count}{letter}");
        }
    }
    format!("{MOST_HOURS}H")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(own: &[(&str, &[u8])]) -> Result<HeaderMap, Error> {
        let own: Vec<GrpcEntry> =
            own.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect();
        let of_run = [
            (HeaderName::from_static("x-run"), HeaderValue::from_static("1")),
            (HeaderName::from_static("x-run"), HeaderValue::from_static("2")),
            (HeaderName::from_static("authorization"), HeaderValue::from_static("run")),
            (CONTENT_TYPE, HeaderValue::from_static("text/html")),
        ];
        head(&own, Some(Duration::from_millis(1_500)), &of_run, &HeaderValue::from_static("us"))
    }

    #[test]
    fn a_head_says_what_grpc_wants_and_what_the_scenario_gives() {
        let headers =
            sent(&[("authorization", b"own"), ("trace-bin", &[0, 255]), ("x", b"1"), ("x", b"2")])
                .expect("it can be sent");
        let text = |name: &str| {
            let values = headers.get_all(name).iter();
            values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(text("te"), "trailers");
        assert_eq!(text("content-type"), "application/grpc");
        assert_eq!(text("grpc-timeout"), "1500000u");
        assert_eq!((text("authorization"), text("trace-bin")), ("own".into(), "AP8".into()));
        assert_eq!(
            (text("x"), text("x-run"), text("user-agent")),
            ("1 2".into(), "1 2".into(), "us".into())
        );
    }

    #[test]
    fn metadata_that_cannot_be_sent_are_refused_with_the_reason() {
        for (name, value, why) in [
            ("", &b"x"[..], "other signs"),
            ("X-Big", b"x", "other signs"),
            (":path", b"x", "other signs"),
            ("grpc-timeout", b"1S", "themselves"),
            ("content-type", b"x", "themselves"),
            ("te", b"x", "themselves"),
            ("x", b"a\nb", "printable"),
            ("x", &[255], "-bin"),
        ] {
            let refused = sent(&[(name, value)]).expect_err(name);
            assert!(refused.message.contains(why), "{name:?}: {refused}");
        }
    }

    #[test]
    fn metadata_of_an_answer_come_back_as_bytes() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "application/grpc"),
            ("grpc-encoding", "identity"),
            ("x", "1"),
            ("t-bin", "AP8"),
            ("t-bin", "AP8=, AQ"),
            ("t-bin", "no base64!"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let expected: Vec<GrpcEntry> = vec![
            ("x".into(), b"1".to_vec()),
            ("t-bin".into(), vec![0, 255]),
            ("t-bin".into(), vec![0, 255]),
            ("t-bin".into(), vec![1]),
            ("t-bin".into(), b"no base64!".to_vec()),
        ];
        assert_eq!(entries(&headers), expected);
    }

    #[test]
    fn a_deadline_is_told_in_the_finest_unit_that_fits_and_never_cut() {
        for (time, told) in [
            (Duration::from_nanos(1), "1n"),
            (Duration::from_nanos(99_999_999), "99999999n"),
            (Duration::from_nanos(100_000_001), "100001u"),
            (Duration::from_secs(10), "10000000u"),
            (Duration::from_secs(100), "100000m"),
            (Duration::from_secs(200_000), "200000S"),
            (Duration::from_secs(200_000_000), "3333334M"),
            (Duration::MAX, "99999999H"),
        ] {
            assert_eq!(timeout(time), told);
        }
    }
}
