//! Which file an `import` or an `open` means.
//!
//! The host is asked for paths that are relative to the script's folder, or absolute. One file must
//! have one path however it is written, or a module would be evaluated twice.

/// Whether an `import` names a file, and not one of the interpreter's own modules.
pub fn is_file(specifier: &str) -> bool {
    ["./", "../", "/", "file://"].iter().any(|start| specifier.starts_with(start))
}

/// The path of a file that is named in another one.
pub fn resolve(base: &str, specifier: &str) -> String {
    let specifier = specifier.strip_prefix("file://").unwrap_or(specifier);
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_absolute = specifier.starts_with('/') || (base.starts_with('/'));
    let from = if specifier.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in from.split('/').chain(specifier.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            // Nothing is above the root.
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    if is_absolute { format!("/{path}") } else { path }
}

/// Whether a file is TypeScript.
pub fn is_typescript(path: &str) -> bool {
    path.ends_with(".ts") || path.ends_with(".mts")
}

/// A path with the ending that an import in TypeScript may leave out.
pub fn with_ending(base: &str, path: String) -> String {
    let name = path.rsplit_once('/').map_or(path.as_str(), |(_, name)| name);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let has_ending = ["cjs", "js", "json", "mjs", "mts", "ts"].contains(&ending);
    if is_typescript(base) && !has_ending { path + ".ts" } else { path }
}

/// The file of TypeScript that is meant where an import names the JavaScript that would be made of
/// it.
pub fn source_of(path: &str) -> Option<String> {
    let stem = path.strip_suffix("js")?;
    (stem.ends_with('.') || stem.ends_with(".m")).then(|| format!("{stem}ts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_path_however_it_is_written() {
        for (base, specifier, path) in [
            ("shop.js", "./lib/cart.js", "lib/cart.js"),
            ("shop.js", "lib//cart.js", "lib/cart.js"),
            ("lib/cart.js", "./price.js", "lib/price.js"),
            ("lib/cart.js", "../lib/./price.js", "lib/price.js"),
            ("lib/cart.js", "../../shared/a.js", "../shared/a.js"),
            ("../shared/a.js", "../b.js", "../b.js"),
            ("../shared/a.js", "../../b.js", "../../b.js"),
            ("shop.js", "/data/users.json", "/data/users.json"),
            ("shop.js", "file:///data/users.json", "/data/users.json"),
            ("/data/lib.js", "../../../other.js", "/other.js"),
        ] {
            assert_eq!(resolve(base, specifier), path, "{specifier} in {base}");
        }
    }

    #[test]
    fn an_import_in_typescript_may_leave_out_its_ending() {
        for (base, path, whole) in [
            ("shop.ts", "lib/cart", "lib/cart.ts"),
            ("shop.mts", "lib.v2/cart.service", "lib.v2/cart.service.ts"),
            ("shop.ts", "lib/cart.js", "lib/cart.js"),
            ("shop.ts", "users.json", "users.json"),
            ("shop.js", "lib/cart", "lib/cart"),
        ] {
            assert_eq!(with_ending(base, path.to_owned()), whole, "{path} in {base}");
        }
        assert_eq!(source_of("lib/cart.js").as_deref(), Some("lib/cart.ts"));
        assert_eq!(source_of("cart.mjs").as_deref(), Some("cart.mts"));
        for none in ["cart.ts", "cart.json", "cartjs", "users.csv"] {
            assert_eq!(source_of(none), None, "{none}");
        }
    }

    #[test]
    fn what_begins_like_a_path_is_a_file_and_all_else_a_module() {
        for file in ["./a.js", "../a.js", "/a.js", "file:///a.js"] {
            assert!(is_file(file), "{file}");
        }
        for module in ["k6", "k6/http", "https://jslib.k6.io/a.js", ""] {
            assert!(!is_file(module), "{module}");
        }
    }
}
