//! A name server: a question is a datagram, and so is its answer.

use std::time::Duration;

use swell::net::UdpSocket;
use swell::prelude::*;

/// Asks for the addresses of a name.
#[scenario(start = open)]
fn look_up(socket: &mut UdpSocket) -> Result<()> {
    let name = context::variable("name").unwrap_or_else(|| "localhost".to_owned());
    let addresses = ask(socket, &name)?;
    check!("has an address", addresses > 0);
    Ok(())
}

/// Runs once a user: a socket that sends to the server, and receives from nobody else.
fn open() -> Result<UdpSocket> {
    let server = context::variable("server").unwrap_or_else(|| "127.0.0.1:53".to_owned());
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(server)?;
    // A datagram may be lost, and then nothing comes for ever.
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    Ok(socket)
}

/// The number of the answers (RFC 1035, 4).
#[transaction]
fn ask(socket: &UdpSocket, name: &str) -> Result<u16> {
    let id = random::range(0..=65_535_u16);
    let mut question = Vec::new();
    // A standard question that wants recursion: one question, and nothing else.
    for word in [id, 0x0100, 1, 0, 0, 0] {
        question.extend(word.to_be_bytes());
    }
    for label in name.split('.') {
        question.push(u8::try_from(label.len())?);
        question.extend(label.bytes());
    }
    // The end of the name; type A, class IN.
    question.extend([0, 0, 1, 0, 1]);
    socket.send(&question)?;

    let mut answer = [0; 512];
    loop {
        let size = socket.recv(&mut answer)?;
        ensure!(size >= 12, "an answer of {size} bytes");
        let word = |at: usize| u16::from_be_bytes([answer[at], answer[at + 1]]);
        // What comes late belongs to an earlier question.
        if word(0) == id {
            let code = word(2) & 0x000f;
            ensure!(code == 0, "the server says error {code}");
            return Ok(word(6));
        }
    }
}
