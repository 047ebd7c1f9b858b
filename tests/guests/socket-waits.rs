//! Waits for a peer, `-e peer=HOST:PORT`, that never says anything: with `-e where=inside` in a
//! transaction, with `outside` after one, with `start` before the first. The end of the run must
//! not wait for it.

use std::io::Read;

use swell::net::TcpStream;
use swell::prelude::*;

#[scenario(start = begins)]
fn waits() -> Result<()> {
    let place = context::variable("where");
    transaction("first", || if place.as_deref() == Some("inside") { listens() } else { Ok(()) })?;
    if place.as_deref() == Some("outside") {
        listens()?;
    }
    think(millis(10));
    Ok(())
}

fn begins() -> Result<()> {
    if context::variable("where").as_deref() == Some("start") { listens() } else { Ok(()) }
}

fn listens() -> Result<()> {
    let peer = context::variable("peer").ok_or("-e peer=HOST:PORT is missing")?;
    let read = TcpStream::connect(peer)?.read(&mut [0; 10])?;
    bail!("{read} bytes came from one who is silent")
}
