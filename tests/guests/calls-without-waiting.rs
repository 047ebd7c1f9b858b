//! Calls the host again and again, in the way that `-e call=` says, and never waits. The host must
//! cut it at `--guest-cpu` as if it computed itself.

use swell::prelude::*;

#[scenario]
fn calls_without_waiting() -> Result<()> {
    transaction("page", || http::get("/").send())?;
    let call = context::variable("call").unwrap_or_default();
    let long = "long ".repeat(2 << 20);
    let metric = metrics::counter("calls").with("tag", "value");
    loop {
        match call.as_str() {
            "log" => log::debug!("{long}"),
            "check" => _ = check!(&long, true),
            "metric" => metric.add(1),
            "variable" => _ = context::variable(&long),
            "random" => _ = random::next(),
            other => bail!("there is no call {other:?}"),
        }
    }
}
