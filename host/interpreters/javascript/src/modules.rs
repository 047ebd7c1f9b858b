//! What a script may import, by name: JavaScript that is part of the interpreter.

/// The module that holds a script, and what the host calls of it.
pub(crate) const RUNNER: &str = "swell:runner";

const MODULES: [(&str, &str); 11] = [
    (RUNNER, include_str!("modules/runner.js")),
    ("swell:core", include_str!("modules/core.js")),
    ("swell:options", include_str!("modules/options.js")),
    ("swell:prelude", include_str!("modules/prelude.js")),
    ("k6", include_str!("modules/k6.js")),
    ("k6/http", include_str!("modules/http.js")),
    ("k6/data", include_str!("modules/data.js")),
    ("k6/encoding", include_str!("modules/encoding.js")),
    ("k6/execution", include_str!("modules/execution.js")),
    ("k6/metrics", include_str!("modules/metrics.js")),
    ("swell", include_str!("modules/swell.js")),
];

/// Most scripts that import a URL import this one, of any version; none is fetched.
const UTILS: &str = "https://jslib.k6.io/k6-utils/";

/// The text of a module.
pub(crate) fn source(name: &str) -> Option<&'static str> {
    if name.starts_with(UTILS) {
        return Some(include_str!("modules/k6-utils.js"));
    }
    MODULES.iter().find(|(module, _)| *module == name).map(|(_, source)| *source)
}

/// Why there is no such module, and what to do.
pub(crate) fn missing(name: &str) -> String {
    if name.starts_with("https://") || name.starts_with("http://") {
        return format!(
            "{name} is not fetched: download it beside the script, and import the file as \
            \"./NAME.js\""
        );
    }
    let names = MODULES.iter().map(|(name, _)| *name);
    let known: Vec<_> = names.filter(|name| !name.starts_with("swell:")).collect();
    format!("there is no module {name:?}; there are {}", known.join(", "))
}
