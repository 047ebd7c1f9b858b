//! What `grpc-unary` does, as a request over HTTP/2 that is made by hand: for figures.

use swell::prelude::*;

#[scenario]
fn grpc_as_http() -> Result<()> {
    let mut framed = [b'x'; 69];
    framed[..5].copy_from_slice(&[0, 0, 0, 0, 64]);
    transaction("call", || {
        http::post("/swell.test.Echo/Say")
            .header("te", "trailers")
            .header("content-type", "application/grpc")
            .body(framed.to_vec())
            .version(http::Version::Http2)
            .keep_body()
            .send()
            .map(drop)
    })
}
