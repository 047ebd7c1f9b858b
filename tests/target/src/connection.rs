//! Accepts connections and serves HTTP/1.1 and HTTP/2 on them, in clear (HTTP/2 by prior knowledge)
//! or over TLS.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{copy, sink};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::answer::answer;
use crate::behaviour::Connections;
use crate::service::TargetService;
use crate::wire::{Fate, ResettableSocket, Wire};

/// Serves until it is dropped; the tasks of the connections belong to the runtime.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    service: Arc<TargetService>,
) {
    loop {
        let Ok((mut socket, from)) = listener.accept().await else {
            // No descriptor free, or a client that has gone again: both pass.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        match service.connected() {
            Connections::Reset => {
                // Fails only on a connection that is gone already.
                let _ = socket.set_zero_linger();
            }
            Connections::Silent => {
                tokio::spawn(async move { copy(&mut socket, &mut sink()).await });
            }
            Connections::Serve => {
                let (tls, service) = (tls.clone(), Arc::clone(&service));
                tokio::spawn(async move {
                    // Without this, a small answer waits for the acknowledgement of the one before.
                    let _ = socket.set_nodelay(true);
                    match tls {
                        None => converse(socket, from.ip(), service).await,
                        // A handshake that fails is the client's finding, not ours.
                        Some(tls) => {
                            if let Ok(socket) = tls.accept(socket).await {
                                converse(socket, from.ip(), service).await;
                            }
                        }
                    }
                });
            }
        }
    }
}

async fn converse<S: ResettableSocket>(socket: S, from: IpAddr, service: Arc<TargetService>) {
    let fate = Fate::default();
    let wire = Wire { socket, fate: fate.clone() };
    let handler = service_fn(move |request| {
        let (service, fate) = (Arc::clone(&service), fate.clone());
        async move { Ok::<_, Infallible>(answer(request, from, &service, &fate).await) }
    });
    // Ends with an error when the client breaks off or an answer is broken on purpose: either way
    // the connection is over.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(wire), handler)
        .await;
}
