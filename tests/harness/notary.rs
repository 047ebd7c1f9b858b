//! A service that writes down what it was asked, word for word: what the target only counts.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A running service that answers everything with 200 and `ok`. Its threads end with the
/// connections of the process that asked.
#[derive(Debug)]
pub struct Notary {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Notary {
    /// Starts one.
    ///
    /// # Panics
    /// No port is free.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let book = Arc::clone(&asked);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let book = Arc::clone(&book);
                // A connection that breaks is the asker's affair: what it asked before is written
                // down.
                std::thread::spawn(move || serve(&socket, &book));
            }
        });
        Self { addr, asked }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The target of each request so far, as "/items?id=3", in the order of coming.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Serves requests without a body.
fn serve(mut socket: &TcpStream, book: &Mutex<Vec<String>>) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut reader = BufReader::new(socket);
    loop {
        let (mut request, mut header) = (String::new(), String::new());
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        while reader.read_line(&mut header)? > "\r\n".len() {
            header.clear();
        }
        let target = request.split(' ').nth(1).unwrap_or(&request);
        book.lock().unwrap_or_else(PoisonError::into_inner).push(target.to_owned());
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
    }
}
