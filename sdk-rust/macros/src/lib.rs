//! The attribute macros of the `swell` crate. They check the signature and forward; all logic lives
//! in the library.
//!
//! A wrong use is an error at the user's own token which says what to write instead: whoever meets
//! it is writing a load test, not studying ours.

mod conduct;
mod options;
mod scenario;
mod signature;
mod transaction;

use proc_macro::TokenStream;

/// Makes a function a scenario of this file: each call of it is one iteration of one virtual user.
///
/// ```text
/// /// Browses the shop.                      // its description in reports and `host check`
/// #[scenario]
/// fn browse() -> Result<()> { … }
/// ```
///
/// Options, all of them optional:
/// `#[scenario(name = "browse shop", tps = 100, duration = "30s", hosts("api.example.com"))]`
///
/// - `name = "text"`: how `--scenario` and reports call it; else the function's name.
/// - `hosts("a.example.com", …)`: what it wants to reach besides the target; whoever runs it gives
///   it with `--allow-host`.
/// - `tps`, `rate`, `vus`, `max_vus`, `spawn_rate`, `iterations`, `iterations_per_vu`, each a
///   number: the flag of that name, where the command line is silent.
/// - `duration`, `warmup`, `grace`, `max_lag`, `coalesce`, `shape`, `vus_shape`, `burst`, each a
///   `"text"`: the same.
/// - `stage("text", …)`, `vus_stage("text", …)`, `threshold("text", …)`: the same, once for each
///   text.
/// - `target = "http://…"`: what it would like to have as a target; whoever runs it gives it with
///   `--target`.
/// - `setup`, `teardown`, `start`, `stop`, each a function: hooks, see below.
///
/// # Hooks
///
/// What `setup` returns (anything serde can carry) is called `D` here, what `start` returns
/// (anything) `S`. Each function is given what there is:
///
/// - `setup` runs once a run, before the first user: `fn() -> Result<D>`.
/// - `start` runs once a virtual user: `fn(&D) -> Result<S>`, without a `setup`
///   `fn() -> Result<S>`.
/// - The scenario runs again and again: `fn(&mut S, &D) -> Result<()>`, either argument left out
///   where it is not needed.
/// - `stop` runs at the end of a user's life: `fn(S) -> Result<()>`, without a `start`
///   `fn() -> Result<()>`.
/// - `teardown` runs once a run, after the last user: `fn(D) -> Result<()>`, without a `setup`
///   `fn() -> Result<()>`.
#[proc_macro_attribute]
pub fn scenario(options: TokenStream, item: TokenStream) -> TokenStream {
    scenario::expand(options.into(), item.into()).into()
}

/// Makes each call of a function a transaction: begun before its body, ended after it, `ok` or
/// `failed` as its `Result` says.
///
/// It is named after the function, or as told: `#[transaction(name = "front page")]`. The function
/// may take any arguments and may be a method. When the run is over the body does not run and the
/// call returns `Error::RunOver`, which `?` carries out of the iteration.
#[proc_macro_attribute]
pub fn transaction(options: TokenStream, item: TokenStream) -> TokenStream {
    transaction::expand(options.into(), item.into()).into()
}

/// Makes a function the one that conducts the runs of this file: `host run` calls it once, and it
/// begins scenarios, waits for them and judges what they came to.
///
/// ```text
/// #[conduct]
/// fn night() -> Result<()> {
///     let stats = runs::plan("browse").tps(100).duration("30s").start()?.wait()?;
///     ensure!(stats.error_rate.unwrap_or(0.0) < 0.01, "too many errors");
///     Ok(())
/// }
/// ```
///
/// An error fails the command with exit code 99. A file has at most one such function;
/// `host run FILE --scenario NAME` runs a scenario without it.
#[proc_macro_attribute]
pub fn conduct(options: TokenStream, item: TokenStream) -> TokenStream {
    conduct::expand(options.into(), item.into()).into()
}
