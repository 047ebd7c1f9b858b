//! Gets 64 small pages at once, which over HTTP/2 go over one connection: the benches measure this
//! guest.

use swell::prelude::*;

#[scenario]
fn many_at_once() -> Result<()> {
    transaction("pages", || {
        for answer in http::send_all((0..64).map(|_| http::get("/"))) {
            answer?;
        }
        Ok(())
    })
}
