//! The error for a command line that cannot be read: in the parser's own words, with what was
//! probably meant and without secrets.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::habits;

/// The error with what was probably meant by the `words`, from all that the program's `command`
/// line has. Clap itself does not notice that letters have changed places, which is common in short
/// names.
pub(crate) fn with_suggestion(
    mut error: clap::Error,
    words: &[OsString],
    command: &clap::Command,
) -> clap::Error {
    if let Some(tip) = of_other_tools(&error, words) {
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        return error;
    }
    let (invalid, suggested) = match error.kind() {
        ErrorKind::UnknownArgument => (ContextKind::InvalidArg, ContextKind::SuggestedArg),
        ErrorKind::InvalidSubcommand => {
            (ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand)
        }
        _ => return error,
    };
    let Some(ContextValue::String(typed)) = error.get(invalid).cloned() else { return error };
    if typed.starts_with("http://") || typed.starts_with("https://") {
        let tip = if suggested == ContextKind::SuggestedSubcommand {
            error.remove(ContextKind::SuggestedSubcommand);
            format!("a URL is asked for by: host run {typed}")
        } else {
            format!("the service is given as --target {typed}: host run FILE --target URL")
        };
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        return error;
    }
    let value = if suggested == ContextKind::SuggestedArg {
        let flags = command
            .find_subcommand("find")
            .into_iter()
            .flat_map(clap::Command::get_arguments)
            .filter_map(clap::Arg::get_long);
        swell_core::spelling::nearest(typed.trim_start_matches('-'), flags)
            .map(|meant| ContextValue::String(format!("--{meant}")))
    } else {
        let commands = command
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
            .map(clap::Command::get_name);
        swell_core::spelling::nearest(&typed, commands)
            .map(|meant| ContextValue::Strings(vec![meant.to_owned()]))
    };
    if let Some(value) = value {
        error.insert(suggested, value);
        error.remove(ContextKind::Suggested);
    }
    error
}

/// What says here what was typed as other tools have it.
fn of_other_tools(error: &clap::Error, words: &[OsString]) -> Option<&'static str> {
    if let Some(ContextValue::String(command)) = error.get(ContextKind::InvalidSubcommand) {
        return habits::of_command(command);
    }
    let Some(ContextValue::String(arg)) = error.get(ContextKind::InvalidArg) else { return None };
    match error.kind() {
        ErrorKind::UnknownArgument => habits::of_flag(arg)
            .or_else(|| habits::of_words(words.iter().filter_map(|word| word.to_str()))),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
                return None;
            };
            habits::of_value(arg.split(' ').next().unwrap_or(arg), value)
        }
        _ => None,
    }
}

/// The same without a join token that was typed, or a user's password: errors go to logs.
pub(crate) fn without_secrets(error: clap::Error) -> clap::Error {
    match (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue)) {
        // The reason repeats the value, too.
        (Some(ContextValue::String(arg)), Some(ContextValue::String(value)))
            if arg.split(' ').next() == Some("--vus") && value.contains(':') =>
        {
            let tip = habits::of_value("--vus", value).unwrap_or_default();
            let words = format!("-u is --vus, which is a number\n\n  tip: {tip}\n");
            clap::Error::raw(error.kind(), words)
        }
        _ => without_tokens(error),
    }
}

fn without_tokens(mut error: clap::Error) -> clap::Error {
    let is_token = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) => flag.starts_with("--token"),
        _ => false,
    };
    let typed: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) if is_token && kind == ContextKind::InvalidValue => {
                Some((kind, "(not shown)".to_owned()))
            }
            ContextValue::String(text) => Some((kind, swell_cluster::without_tokens(text)?)),
            _ => None,
        })
        .collect();
    if !typed.is_empty() {
        // Advice may repeat what was typed.
        error.remove(ContextKind::Suggested);
    }
    for (kind, text) in typed {
        error.insert(kind, ContextValue::String(text));
    }
    error
}

/// What a clap error says, without its tail of usage.
pub(crate) fn first_words(error: &clap::Error) -> String {
    let text = error.render().to_string();
    text.strip_prefix("error: ")
        .unwrap_or(&text)
        .split("\n\n")
        .next()
        .unwrap_or_default()
        .to_owned()
}
