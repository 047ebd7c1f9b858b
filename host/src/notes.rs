//! Notes before a run begins, because the person who typed the command may expect something else.

use std::path::Path;

use crate::terminal;

/// Variables that make other programs use a proxy.
const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Prints the notes on stderr, a line each. `found` is a file of settings that nobody named.
pub(crate) fn say(found: Option<&Path>) {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    for note in notes(found, is_set) {
        terminal::say(format_args!("note: {note}"));
    }
}

fn notes(found: Option<&Path>, is_set: impl Fn(&str) -> bool) -> Vec<String> {
    let file = found.map(|file| {
        format!(
            "settings are taken from {} in this folder (another file: --config FILE)",
            file.display()
        )
    });
    let proxies: Vec<&str> = PROXIES.into_iter().filter(|name| is_set(name)).collect();
    let proxy = (!proxies.is_empty()).then(|| {
        format!(
            "what {} says is not used: requests go through a proxy where --proxy URL names it",
            proxies.join(", ")
        )
    });
    file.into_iter().chain(proxy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_is_not_used_and_a_file_that_nobody_named_are_told() {
        assert!(notes(None, |_| false).is_empty());
        let told = notes(Some(Path::new("swell.toml")), |name| {
            name.starts_with("HTTPS") || name == "all_proxy"
        });
        assert_eq!(told.len(), 2);
        assert!(
            told[0].contains("swell.toml") && told[1].contains("what HTTPS_PROXY, all_proxy says"),
            "{told:?}"
        );
    }
}
