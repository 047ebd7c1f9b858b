//! One call in each iteration, of 64 bytes that come back, and nothing else: for figures.

use swell::prelude::*;

#[scenario]
fn grpc_unary() -> Result<()> {
    transaction("call", || swell::grpc::call("/swell.test.Echo/Say").send([b'x'; 64]).map(drop))
}
