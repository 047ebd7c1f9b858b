//! What templates may call.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac_sha256::{HMAC, Hash};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::scope::Scope;

/// Characters of a URL that stand for themselves (RFC 3986, 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The longest random text.
const LONGEST: u64 = 1 << 20;

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TemplateFunction {
    Uuid,
    Random,
    RandomText,
    Timestamp,
    TimestampMs,
    Now,
    Base64,
    Urlencode,
    Sha256,
    HmacSha256,
    Pick,
    Env,
    Lower,
    Upper,
    Number,
}

/// How a function is called.
pub(crate) struct FunctionForm {
    pub(crate) name: &'static str,
    pub(crate) function: TemplateFunction,
    /// How few arguments it takes, and how many.
    pub(crate) arguments: (usize, usize),
    pub(crate) example: &'static str,
}

const fn form(
    name: &'static str,
    function: TemplateFunction,
    arguments: (usize, usize),
    example: &'static str,
) -> FunctionForm {
    FunctionForm { name, function, arguments, example }
}

const MANY: usize = 100;

pub(crate) const FUNCTIONS: &[FunctionForm] = &[
    form("uuid", TemplateFunction::Uuid, (0, 0), "uuid()"),
    form("random", TemplateFunction::Random, (2, 2), "random(1, 100)"),
    form("random_text", TemplateFunction::RandomText, (1, 1), "random_text(8)"),
    form("timestamp", TemplateFunction::Timestamp, (0, 0), "timestamp()"),
    form("timestamp_ms", TemplateFunction::TimestampMs, (0, 0), "timestamp_ms()"),
    form("now", TemplateFunction::Now, (0, 0), "now()"),
    form("base64", TemplateFunction::Base64, (1, MANY), "base64(\"user:\", password)"),
    form("urlencode", TemplateFunction::Urlencode, (1, MANY), "urlencode(name)"),
    form("sha256", TemplateFunction::Sha256, (1, MANY), "sha256(text)"),
    form("hmac_sha256", TemplateFunction::HmacSha256, (2, MANY), "hmac_sha256(key, text)"),
    form("pick", TemplateFunction::Pick, (1, MANY), "pick(\"red\", \"blue\")"),
    form("env", TemplateFunction::Env, (1, 1), "env(TOKEN)"),
    form("lower", TemplateFunction::Lower, (1, MANY), "lower(text)"),
    form("upper", TemplateFunction::Upper, (1, MANY), "upper(text)"),
    form("number", TemplateFunction::Number, (1, 1), "number(id)"),
];

impl TemplateFunction {
    pub(crate) fn call(self, values: &[String], scope: &mut dyn Scope) -> Result<String, String> {
        Ok(match self {
            Self::Uuid => uuid(scope.random(), scope.random()),
            Self::Random => {
                let (least, most) = (whole(&values[0])?, whole(&values[1])?);
                if least > most {
                    return Err(format!("random({least}, {most}): the first is the smaller one"));
                }
                let width = (i128::from(most) - i128::from(least) + 1).cast_unsigned();
                let offset = (u128::from(scope.random()) * width) >> 64;
                (i128::from(least) + offset.cast_signed()).to_string()
            }
            Self::RandomText => {
                let length = whole(&values[0])?;
                let length = u64::try_from(length).ok().filter(|&length| length <= LONGEST);
                let length = length.ok_or_else(|| format!("random_text: 0 to {LONGEST}"))?;
                let letter = |random: u64| LETTERS[(random % LETTERS.len() as u64) as usize];
                (0..length).map(|_| char::from(letter(scope.random()))).collect()
            }
            Self::Timestamp => (scope.unix_ms() / 1_000).to_string(),
            Self::TimestampMs => scope.unix_ms().to_string(),
            Self::Now => rfc3339(scope.unix_ms()),
            Self::Base64 => BASE64_STANDARD.encode(values.concat()),
            Self::Urlencode => utf8_percent_encode(&values.concat(), ENCODED).to_string(),
            Self::Sha256 => hex(&Hash::hash(values.concat().as_bytes())),
            Self::HmacSha256 => {
                hex(&HMAC::mac(values[1..].concat().as_bytes(), values[0].as_bytes()))
            }
            Self::Pick => {
                let index = (u128::from(scope.random()) * values.len() as u128) >> 64;
                values[index as usize].clone()
            }
            Self::Env => scope
                .given(&values[0])
                .ok_or_else(|| format!("it needs {0}: give -e {0}=...", values[0]))?,
            Self::Lower => values.concat().to_lowercase(),
            Self::Upper => values.concat().to_uppercase(),
            Self::Number => {
                let text = values[0].trim();
                serde_json::from_str::<serde_json::Number>(text)
                    .map_err(|_| format!("{text:?} is no number"))?;
                // As it stands: a long one would be rounded.
                text.to_owned()
            }
        })
    }
}

fn whole(text: &str) -> Result<i64, String> {
    text.trim().parse().map_err(|_| format!("{text:?} is no whole number"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A random UUID (RFC 9562, version 4).
fn uuid(high: u64, low: u64) -> String {
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

/// A time of UTC, by Howard Hinnant's `civil_from_days`.
fn rfc3339(unix_ms: u64) -> String {
    let (seconds, ms) = (unix_ms / 1_000, unix_ms % 1_000);
    let (days, of_day) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}
