//! The process's own endpoints: the control API, and metrics for Prometheus.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use hyper::{Method, StatusCode};
use swell_outputs::Exporter;
use tokio::task::JoinSet;

use crate::access::Access;
use crate::control_api::{Caller, ControlApi};
use crate::serve::{self, Call, HttpAnswer};

/// Endpoints, which are served as long as this value lives.
#[derive(Default)]
pub(crate) struct Servers(JoinSet<()>);

impl Servers {
    /// Serves the control API.
    ///
    /// # Errors
    /// The address is taken, or may not be used so.
    pub(crate) async fn control(
        &mut self,
        address: SocketAddr,
        api: Rc<ControlApi>,
    ) -> anyhow::Result<()> {
        self.calls(address, move |call| {
            let api = Rc::clone(&api);
            async move { api.answer(Caller::Here, &call.method, &call.path, &call.body).await }
        })
        .await
    }

    /// Lets `answer` answer calls of the control API that are allowed.
    ///
    /// # Errors
    /// As [`Servers::control`].
    pub(crate) async fn calls<F: Future<Output = HttpAnswer> + 'static>(
        &mut self,
        address: SocketAddr,
        answer: impl Fn(Call) -> F + 'static,
    ) -> anyhow::Result<()> {
        let access = Access::to(address)?;
        let listener = serve::listen("control", address).await?;
        tracing::info!("control API at http://{}/v1/runs", listener.local_addr()?);
        self.0.spawn_local(serve::serve(listener, move |call| {
            let answered = access.refuse(&call).ok_or_else(|| answer(call));
            async move {
                match answered {
                    Ok(refused) => refused,
                    Err(answer) => answer.await,
                }
            }
        }));
        Ok(())
    }

    /// Serves metrics.
    ///
    /// # Errors
    /// The address is taken.
    pub(crate) async fn metrics(
        &mut self,
        address: SocketAddr,
        exporter: Arc<Exporter>,
    ) -> anyhow::Result<()> {
        let listener = serve::listen("prometheus", address).await?;
        tracing::info!("metrics at http://{}/metrics", listener.local_addr()?);
        self.0.spawn_local(serve::serve(listener, move |call| {
            std::future::ready(scraped(&exporter, &call))
        }));
        Ok(())
    }
}

/// Answers a scraper.
fn scraped(exporter: &Exporter, call: &Call) -> HttpAnswer {
    match (&call.method, call.path.as_str()) {
        _ if call.is_of_a_page() => {
            HttpAnswer::error(StatusCode::FORBIDDEN, "a web page may not read the metrics")
        }
        (&Method::GET, "/metrics") => HttpAnswer {
            status: StatusCode::OK,
            content_type: "text/plain; version=0.0.4; charset=utf-8",
            body: exporter.render(),
        },
        (&Method::GET, _) => {
            HttpAnswer::error(StatusCode::NOT_FOUND, "the metrics are at /metrics")
        }
        _ => HttpAnswer::error(StatusCode::METHOD_NOT_ALLOWED, "GET /metrics is all there is"),
    }
}
