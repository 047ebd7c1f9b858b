//! `host new`: a folder with a scenario in Rust that runs as it is, or one file, of a script or of
//! steps.
//!
//! The templates are the SDK's own examples, so what a user begins with has been compiled and run
//! by the tests.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::{new_script, new_steps, terminal};

/// Make a folder with a scenario in Rust, ready to build and run, or a file in another language
#[derive(Debug, clap::Args)]
pub(crate) struct NewArgs {
    /// Name of the scenario's package and folder, or of the file
    #[arg(required_unless_present = "from")]
    name: Option<String>,

    /// Make a file of steps of this: 'curl ...' in quotes, or a file with commands of curl, a HAR,
    /// an OpenAPI 3 description, a Postman collection, or URLs, one a line; - is standard input.
    /// What is a secret by its name is left out
    #[arg(long, value_name = "WHAT", conflicts_with_all = ["template", "sdk"])]
    from: Option<String>,

    /// Take all requests of a HAR: also pictures, styles, scripts, and those to other hosts
    #[arg(long, requires = "from")]
    all: bool,

    /// The file of steps to write, which must not be there [default: NAME.toml, or the name of what
    /// it is made of]
    #[arg(long, value_name = "FILE", requires = "from", conflicts_with = "name")]
    out: Option<PathBuf>,

    /// In what the scenario is written
    #[arg(long, value_enum, default_value_t, conflicts_with = "from")]
    lang: Language,

    /// What to begin with
    #[arg(long, value_enum, default_value_t)]
    template: Template,

    /// Folder of the Rust SDK (`sdk-rust` of a checkout) [default: that of the checkout this host
    /// was built from]
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// In what a new scenario is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Language {
    /// A package to compile
    #[default]
    Rust,
    /// A script as k6 has it: one file, which needs no compiler
    Js,
    /// The same with types
    Ts,
    /// A file of steps, which needs no compiler
    Steps,
}

/// What a new scenario begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Template {
    /// One page in one transaction
    #[default]
    Hello,
    /// A login whose token and cookie are used afterwards
    Login,
    /// Users and orders from files
    Data,
}

/// The name of a file beside the scenario, and its text.
type File = (&'static str, &'static str);

impl Template {
    fn source(self) -> &'static str {
        match self {
            Self::Hello => include_str!("../../sdk-examples/hello-http/src/lib.rs"),
            Self::Login => include_str!("../../sdk-examples/login-session/src/lib.rs"),
            Self::Data => include_str!("../../sdk-examples/data-feed/src/lib.rs"),
        }
    }

    /// The same as a script of this language.
    fn script(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Hello, Language::Ts) => {
                include_str!("../../sdk-examples/hello-http/hello-http.ts")
            }
            (Self::Login, Language::Ts) => {
                include_str!("../../sdk-examples/login-session/login-session.ts")
            }
            (Self::Data, Language::Ts) => {
                include_str!("../../sdk-examples/data-feed/data-feed.ts")
            }
            (Self::Hello, _) => include_str!("../../sdk-examples/hello-http/hello-http.js"),
            (Self::Login, _) => include_str!("../../sdk-examples/login-session/login-session.js"),
            (Self::Data, _) => include_str!("../../sdk-examples/data-feed/data-feed.js"),
        }
    }

    /// The files of data that it needs.
    fn data(self) -> &'static [File] {
        match self {
            Self::Hello | Self::Login => &[],
            Self::Data => &[
                ("users.csv", include_str!("../../sdk-examples/data-feed/users.csv")),
                ("orders.jsonl", include_str!("../../sdk-examples/data-feed/orders.jsonl")),
            ],
        }
    }

    /// What `host run` needs besides the target.
    fn flags(self) -> &'static str {
        match self {
            Self::Hello | Self::Login => "",
            Self::Data => " --data users=users.csv --data orders=orders.jsonl",
        }
    }
}

/// Makes what was asked for in the current folder and prints what to do next.
///
/// # Errors
/// Those of a package or of a file of steps.
pub(crate) fn run(args: NewArgs) -> anyhow::Result<()> {
    let NewArgs { name, from, all, out, lang, template, sdk } = args;
    if let Some(source) = from {
        return new_steps::from(&source, all, out.or(name.as_deref().map(new_steps::file_of)));
    }
    let name = name.context("a name is missing")?;
    if sdk.is_some() && lang != Language::Rust {
        bail!("--sdk is for Rust\nhelp: leave it out with --lang");
    }
    match lang {
        Language::Rust => package(&name, template, sdk),
        Language::Js | Language::Ts => {
            let ending = if lang == Language::Js { "js" } else { "ts" };
            let text = template.script(lang);
            new_script::first(&name, ending, text, template.data(), template.flags())
        }
        Language::Steps if template == Template::default() => {
            new_steps::first(&new_steps::file_of(&name))
        }
        Language::Steps => {
            bail!("--template is for Rust and scripts\nhelp: leave it out with --lang steps")
        }
    }
}

/// Makes a package.
///
/// # Errors
/// A name that cargo would not take, a folder that exists, no SDK, or a file that can't be written.
/// Nothing has been made, except in the last case.
fn package(name: &str, template: Template, sdk: Option<PathBuf>) -> anyhow::Result<()> {
    check_name(name)?;
    let folder = Path::new(name);
    ensure!(
        !folder.exists(),
        "{name} exists already\nhelp: choose another name, or remove it first"
    );
    let sdk = match sdk {
        Some(given) => sdk_in(&given).with_context(|| {
            format!(
                "{} is not the Rust SDK\nhelp: give the `sdk-rust` folder of \
            a checkout",
                given.display()
            )
        })?,
        None => sdk_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk-rust")).context(
            "the checkout that this host was built from is gone\nhelp: say where the Rust SDK is: \
            `host new NAME --sdk CHECKOUT/sdk-rust`",
        )?,
    };

    std::fs::create_dir_all(folder.join("src")).with_context(|| format!("can't make {name}"))?;
    let write = |file: &str, text: &str| {
        std::fs::write(folder.join(file), text)
            .with_context(|| format!("can't write {name}/{file}"))
    };
    let source = named(template.source(), name);
    write("Cargo.toml", &manifest(name, &sdk, &source))?;
    write("src/lib.rs", &source)?;
    write("README.md", &readme(name, template))?;
    write(".gitignore", "/target\n*.wasm\n")?;
    for (file, text) in template.data() {
        write(file, text)?;
    }
    terminal::show(format_args!(
        "made {name}; next:\n\n    cd {name}\n{}\n",
        commands(name, template)
    ))?;
    Ok(())
}

/// The source with its scenario called as the package is; unchanged where the source has that name
/// already.
fn named(source: &str, name: &str) -> String {
    let name = name.replace('-', "_").to_lowercase();
    let marked = source
        .split_once("\n#[scenario")
        .and_then(|(_, rest)| rest.split_once("fn ")?.1.split_once('('));
    let is_word = |word: &str| {
        source.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
    };
    match marked {
        Some((old, _)) if !is_word(&name) => {
            source.replacen(&format!("fn {old}("), &format!("fn {name}("), 1)
        }
        _ => source.to_owned(),
    }
}

/// The rules of cargo for a name, and of Rust for the crate that the package becomes.
fn check_name(name: &str) -> anyhow::Result<()> {
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let goes_on_well = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !begins_well || !goes_on_well {
        bail!(
            "{name:?} can't be a package's name\nhelp: begin with a letter, go on with letters, \
            digits, - and _"
        );
    }
    // A keyword cannot be the name of a crate, and a package with the name of one of its
    // dependencies cannot use it.
    let taken = ["swell", "serde", "core", "std", "alloc", "test", "self", "super", "crate"];
    if taken.contains(&name) || is_keyword(name) {
        bail!(
            "{name:?} means something else in Rust\nhelp: choose another name, as {name}-scenario"
        );
    }
    Ok(())
}

fn is_keyword(name: &str) -> bool {
    const KEYWORDS: [&str; 46] = [
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do",
        "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in",
        "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
        "return", "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe",
        "unsized", "use", "virtual", "where",
    ];
    KEYWORDS.contains(&name)
}

/// The folder, whole and absolute, if it holds the SDK.
fn sdk_in(folder: &Path) -> anyhow::Result<PathBuf> {
    let folder = folder.canonicalize()?;
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml"))?;
    ensure!(
        manifest.lines().any(|line| line.trim() == r#"name = "swell""#),
        "its package is not `swell`"
    );
    Ok(folder)
}

fn manifest(name: &str, sdk: &Path, source: &str) -> String {
    let sdk = toml::Value::from(sdk.to_string_lossy().into_owned());
    let serde = if source.contains("serde::") {
        "serde = { version = \"1\", features = [\"derive\"] }\n"
    } else {
        ""
    };
    format!(
        r#"[package]
name = "{name}"
version = "0.1.0"
edition = "2024"
publish = false

[lib]
crate-type = ["cdylib"]

[dependencies]
swell = {{ path = {sdk} }}
{serde}
# A workspace of its own, so that it builds inside any folder.
[workspace]
"#
    )
}

fn commands(name: &str, template: Template) -> String {
    let flags = template.flags();
    format!(
        "    host build\n    host run {name}.wasm --target http://localhost:8080 --tps 100 \
        --duration 10s{flags}\n"
    )
}

fn readme(name: &str, template: Template) -> String {
    format!(
        "# {name}\n\nA load-test scenario. Compile it and run it against a service of your \
        own:\n\n{}\n\
         What it does is in `src/lib.rs`: transactions are what the host paces and measures, one \
         `run` of the scenario is an iteration of one virtual user.\n",
        commands(name, template)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cargo_or_rust_would_refuse_are_refused_with_a_cure() {
        for name in
            ["", "9lives", "two words", "../up", "a.b", "naïve", "-x", "swell", "fn", "test"]
        {
            let error = check_name(name).expect_err(name).to_string();
            assert!(error.contains("help: "), "{error}");
        }
        for name in ["browse", "log-in", "a_b9"] {
            check_name(name).expect(name);
        }
    }

    #[test]
    fn every_template_has_what_its_source_asks_for() {
        for template in [Template::Hello, Template::Login, Template::Data] {
            let manifest: toml::Table =
                manifest("mine", Path::new("/a \"quoted\"/sdk"), template.source())
                    .parse()
                    .expect("it is TOML");
            assert_eq!(
                manifest["dependencies"]["swell"]["path"].as_str(),
                Some("/a \"quoted\"/sdk")
            );
            assert_eq!(
                manifest["dependencies"].get("serde").is_some(),
                template.source().contains("serde::")
            );
            for (file, _) in template.data() {
                assert!(template.flags().contains(file), "{file} is not in the command");
            }
        }
    }

    #[test]
    fn the_scenario_is_called_as_the_package_unless_its_source_has_the_name_already() {
        for template in [Template::Hello, Template::Login, Template::Data] {
            let renamed = named(template.source(), "My-browse");
            assert!(
                renamed.contains("fn my_browse(")
                    && renamed.lines().count() == template.source().lines().count()
            );
            assert_eq!(named(template.source(), "http"), template.source());
        }
    }

    #[test]
    fn a_folder_that_is_not_the_sdk_is_not_taken_for_it() {
        assert!(sdk_in(Path::new(env!("CARGO_MANIFEST_DIR"))).is_err());
        assert!(sdk_in(Path::new("/nowhere")).is_err());
        assert!(sdk_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk-rust")).is_ok());
    }
}
