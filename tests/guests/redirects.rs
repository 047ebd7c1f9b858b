//! Follows up to 3 redirects from the path given by `-e PATH=…`, and says where it came out. The
//! host must count each hop as a request written.

use swell::prelude::*;

#[scenario]
fn redirects() -> Result<()> {
    let path = context::variable("PATH").ok_or("give -e PATH=…")?;
    let response = transaction("redirected", || http::get(&path).redirects(3).send())?;
    log::info!(
        "{} after {} redirects at {}",
        response.status(),
        response.redirects(),
        response.final_url().unwrap_or("the first url")
    );
    Ok(())
}
