//! Reads from a peer, `-e peer=HOST:PORT`, which ends as `-e expects` says: `eof` after it has said
//! "bye" and ended its direction, though it still listens; `reset` in the midst of a message;
//! `refused` before there is a connection.

use std::io::{ErrorKind, Read, Write};

use swell::net::TcpStream;
use swell::prelude::*;

#[scenario]
fn breaks() -> Result<()> {
    let peer = context::variable("peer").ok_or("-e peer=HOST:PORT is missing")?;
    transaction("breaks", || match context::variable("expects").as_deref() {
        Some("eof") => {
            let mut stream = TcpStream::connect(&peer)?;
            let mut said = String::new();
            stream.read_to_string(&mut said)?;
            ensure!(said == "bye", "the peer said {said:?}");
            stream.write_all(b"and thanks")?;
            Ok(())
        }
        Some("reset") => {
            let mut stream = TcpStream::connect(&peer)?;
            // Which of the two meets the end is chance.
            let talked = stream.write_all(b"a long story");
            match talked.and_then(|()| stream.read_exact(&mut [0; 100])) {
                Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
                other => bail!("{other:?}"),
            }
        }
        Some("refused") => match TcpStream::connect(&peer) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
            other => bail!("{other:?}"),
        },
        other => bail!("-e expects={other:?}"),
    })
}
