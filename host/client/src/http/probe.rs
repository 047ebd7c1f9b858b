//! A look at the target before a run: what would make every request fail shows without any request.
//!
//! A name that does not exist and a certificate that is not trusted stay so for the whole run. A
//! service that does not listen yet may listen in a moment, so that is told apart. Over plain HTTP
//! a connection would say nothing that the first request does not, so none is opened.

use std::pin::pin;
use std::sync::Arc;

use swell_core::exchange::{ErrorClass, Phase};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::client::Client;
use crate::error::Error;
use crate::http::request::Version;
use crate::net::connect;
use crate::net::faults::{self, is_of_tls};
use crate::net::origin::Origin;
use crate::net::quic::{self, QuicAttempts, UserQuic};

/// Why the target cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unready {
    /// It may work in a moment: nothing listens there, or nothing answers.
    NotNow(Error),
    /// It never works with these options: the name does not exist, or TLS fails.
    Never(Error),
}

impl Client {
    /// Looks up the target's name and, if it is https, opens one connection and shakes hands.
    /// Without a target there is nothing to look at.
    pub async fn probe(&self) -> Result<(), Unready> {
        if self.options.target.is_none() {
            return Ok(());
        }
        let url = self.http.urls.find("/").map_err(Unready::Never)?;
        let (origin, timeouts) = (&*url.origin, &self.options.timeouts);
        let late = |phase, after| Error::timeout(phase, after);
        let found = timeout(timeouts.connect, pin!(connect::look_up(&self.network, origin))).await;
        found
            .unwrap_or_else(|_| {
                Err(Error { class: ErrorClass::Dns, ..late(Phase::Connecting, timeouts.connect) })
            })
            .map_err(|error| {
                // If a descriptor or the like is missing here, that says nothing about the name.
                if error.class == ErrorClass::Dns {
                    Unready::Never(error)
                } else {
                    Unready::NotNow(error)
                }
            })?;
        if self.options.version == Version::Http3 {
            quic::check(&self.network, origin).map_err(Unready::Never)?;
            return self.probe_quic(origin).await;
        }
        if !origin.secure {
            return Ok(());
        }
        let opened = timeout(timeouts.connect, pin!(connect::open(&self.network, origin))).await;
        let stream = opened
            .unwrap_or_else(|_| Err(late(Phase::Connecting, timeouts.connect)))
            .map_err(Unready::NotNow)?;
        let name = origin.name.clone().expect("an https origin has a name for its certificate");
        let config = self.options.tls.user().offering(self.options.version.offer());
        let handshake = TlsConnector::from(Arc::clone(&config)).connect(name, stream);
        match timeout(timeouts.tls, handshake).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if is_of_tls(&error) => {
                Err(Unready::Never(faults::handshake(&error, &origin.certified())))
            }
            Ok(Err(error)) => Err(Unready::NotNow(faults::handshake(&error, &origin.certified()))),
            Err(_) => Err(Unready::NotNow(late(Phase::Tls, timeouts.tls))),
        }
    }

    /// Opens a connection over QUIC, and closes it.
    async fn probe_quic(&self, origin: &Origin) -> Result<(), Unready> {
        let user = UserQuic::new(self.http.quic(), &self.options.tls).map_err(Unready::Never)?;
        let (attempts, longest) = (QuicAttempts::default(), self.options.timeouts.connect);
        let opening = quic::open(&self.network, origin, &user, &attempts);
        let opened = timeout(longest, opening).await;
        match opened.unwrap_or_else(|_| Err(attempts.given_up(longest))) {
            Ok(opened) => {
                // H3_NO_ERROR.
                opened.connection.close(0x100u32.into(), b"");
                Ok(())
            }
            Err(error) if matches!(error.class, ErrorClass::Tls | ErrorClass::Invalid) => {
                Err(Unready::Never(error))
            }
            Err(error) => Err(Unready::NotNow(error)),
        }
    }
}
