//! The host and the service that tests send to, as they are built for all that needs them.

use crate::scenarios;
use crate::step::run;
use crate::workspace::Workspace;

/// Leaves out the examples: they are scenarios, whose exports have names that no native library can
/// have.
pub(crate) fn but_scenarios(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    Ok(scenarios::example_packages(workspace)?
        .into_iter()
        .map(|name| format!("--exclude={name}"))
        .collect())
}

/// Builds the programs and one of the benches. A program that tests are built with has the features
/// of its dependencies that the tests want: built alone it would have others, and wasmtime would be
/// compiled again. All tests instead of one bench would take minutes more.
///
/// # Errors
/// Something does not compile.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<()> {
    run(workspace
        .cargo(["build", "--release", "--locked", "--workspace"])
        .args(["--lib", "--bins", "--bench", "comparison"])
        .args(but_scenarios(workspace)?))
}
