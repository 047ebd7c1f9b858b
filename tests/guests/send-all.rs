//! Loads three files at once. The host must send them over connections of their own, and give the
//! answers in the order of the requests.

use swell::prelude::*;

#[scenario]
fn send_all() -> Result<()> {
    transaction("assets", || {
        let requests = [10, 20, 30].map(|size| http::get(format!("/bytes/{size}")));
        for (answer, size) in http::send_all(requests).into_iter().zip([10, 20, 30]) {
            ensure!(answer?.body_size() == size, "an answer is not at its place");
        }
        Ok(())
    })
}
