//! MQTT 3.1.1 by hand: a user hears what it publishes itself.

use std::io::{BufReader, Read, Write};

use swell::net::TcpStream;
use swell::prelude::*;

/// Publishes a message and waits until the broker has delivered it.
#[scenario(start = connect)]
fn round_trip(broker: &mut Broker) -> Result<()> {
    let reading = format!("{} degrees", random::range(10..=30));
    let heard = publish(broker, &reading)?;
    check!("is what was published", heard == reading);
    think(millis(100));
    Ok(())
}

/// The time to where the message comes back to somebody who has subscribed.
#[transaction]
fn publish(broker: &mut Broker, reading: &str) -> Result<String> {
    let topic = topic();
    let mut body = text(&topic);
    body.extend(reading.bytes());
    broker.send(0x30, &body)?;
    let (kind, body) = broker.packet()?;
    ensure!(kind >> 4 == 3, "a packet of kind {} came", kind >> 4);
    Ok(String::from_utf8(body[2 + topic.len()..].to_vec())?)
}

fn topic() -> String {
    format!("swell/{}/temperature", context::user())
}

/// Runs once a user: it connects, and subscribes to what it will publish.
fn connect() -> Result<Broker> {
    let server = context::variable("broker").unwrap_or_else(|| "localhost:1883".to_owned());
    let mut broker = Broker(BufReader::new(TcpStream::connect(server)?));

    let mut hello = text("MQTT");
    // Version 4, a clean session, and no signs of life for 0 seconds, which is never.
    hello.extend([4, 2, 0, 0]);
    hello.extend(text(&format!("swell-{}", context::user())));
    broker.send(0x10, &hello)?;
    let (kind, answer) = broker.packet()?;
    ensure!(kind == 0x20 && answer[1] == 0, "the broker refuses: {}", answer[1]);

    let mut subscription = vec![0, 1];
    subscription.extend(text(&topic()));
    subscription.push(0);
    broker.send(0x82, &subscription)?;
    let (kind, _) = broker.packet()?;
    ensure!(kind == 0x90, "the broker does not subscribe");
    Ok(broker)
}

/// A text with its length before it.
fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("no text here is that long");
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

/// A connection to a broker.
struct Broker(BufReader<TcpStream>);

impl Broker {
    fn send(&mut self, kind: u8, body: &[u8]) -> Result<()> {
        let mut packet = vec![kind];
        let mut length = body.len();
        // Seven bits a byte, the lowest first; the highest bit says that there are more.
        while length > 0x7f {
            packet.push(length as u8 | 0x80);
            length >>= 7;
        }
        packet.push(length as u8);
        packet.extend(body);
        Ok(self.0.get_mut().write_all(&packet)?)
    }

    /// The next packet: its kind and its body.
    fn packet(&mut self) -> Result<(u8, Vec<u8>)> {
        let kind = self.byte()?;
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 || shift > 21 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok((kind, body))
    }

    fn byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.0.read_exact(&mut byte)?;
        Ok(byte[0])
    }
}
