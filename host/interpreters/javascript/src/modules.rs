//! What a script may import, by name: JavaScript that is part of the interpreter, and evaluated
//! when the interpreter is built.

/// The module that holds a script, and what the host calls of it.
pub(crate) const RUNNER: &str = "swell:runner";

const MODULES: &[(&str, &str)] = &[
    (RUNNER, include_str!("modules/runner.js")),
    ("swell:core", include_str!("modules/core.js")),
    ("swell:digest", include_str!("modules/digest.js")),
    ("swell:options", include_str!("modules/options.js")),
    ("swell:prelude", include_str!("modules/prelude.js")),
    ("swell:thresholds", include_str!("modules/thresholds.js")),
    ("swell:webcrypto", include_str!("modules/webcrypto.js")),
    ("k6", include_str!("modules/k6.js")),
    ("k6/crypto", include_str!("modules/crypto.js")),
    ("k6/http", include_str!("modules/http.js")),
    ("k6/data", include_str!("modules/data.js")),
    ("k6/encoding", include_str!("modules/encoding.js")),
    ("k6/execution", include_str!("modules/execution.js")),
    ("k6/html", include_str!("modules/html.js")),
    ("k6/metrics", include_str!("modules/metrics.js")),
    ("k6/timers", include_str!("modules/timers.js")),
    ("swell", include_str!("modules/swell.js")),
    // Few scripts have these. What all use stands before them, so that a user writes to few pages.
    ("swell:summary", include_str!("modules/summary.js")),
    ("swell:stream", include_str!("modules/stream.js")),
    ("swell:sockets", include_str!("modules/sockets.js")),
    ("k6/net/grpc", include_str!("modules/grpc.js")),
    ("k6/websockets", include_str!("modules/websockets.js")),
    ("k6/ws", include_str!("modules/ws.js")),
];

/// What scripts import by a URL most often, of any version; none is fetched.
const BY_URL: [(&str, &str); 5] = [
    ("formdata", include_str!("modules/formdata.js")),
    ("k6-summary", include_str!("modules/k6-summary.js")),
    ("k6-utils", include_str!("modules/k6-utils.js")),
    ("papaparse", include_str!("modules/papaparse.js")),
    ("url", include_str!("modules/url.js")),
];

/// Where they are; after it come a version and the name of a file.
const LIBRARIES: &str = "https://jslib.k6.io/";

/// The names of all modules.
pub(crate) fn names() -> impl Iterator<Item = String> {
    let by_url = BY_URL.iter().map(|(library, _)| format!("{LIBRARIES}{library}/"));
    MODULES.iter().map(|(name, _)| (*name).to_owned()).chain(by_url)
}

/// The module that a script means by a name; of a library any version is the same one.
pub(crate) fn named(name: &str) -> Option<String> {
    let found =
        |module: &String| *module == name || (is_library(module) && name.starts_with(module));
    names().find(found)
}

/// Whether a module is named by the beginning of its URLs.
pub(crate) fn is_library(name: &str) -> bool {
    name.starts_with(LIBRARIES)
}

/// The text of a module.
pub(crate) fn source(name: &str) -> Option<&'static str> {
    if let Some(library) = name.strip_prefix(LIBRARIES) {
        let library = library.trim_end_matches('/');
        return BY_URL.iter().find(|(known, _)| *known == library).map(|(_, source)| *source);
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
