//! The process's own endpoints: the control API, the live page, and metrics for Prometheus.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use hyper::header::HOST;
use hyper::{Method, StatusCode};
use swell_client::{certificates, private_key};
use swell_outputs::{BuiltPage, Exporter, LiveRecords, PAGE, PAGE_MISSING};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use crate::access::{Access, header, is_loopback};
use crate::control_api::{Caller, ControlApi};
use crate::live_page::LivePage;
use crate::page_access::{PageAccess, Way};
use crate::page_runs::{OwnRuns, PageRuns};
use crate::serve::{self, Call, HttpAnswer};
use crate::settings::flags::Settings;

/// Where and how the live page is served.
#[derive(Clone, Debug)]
pub(crate) struct PageOptions {
    pub(crate) address: SocketAddr,
    /// The files of a certificate and its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    /// Whether somebody has said that it needs none.
    pub(crate) is_plain: bool,
}

/// A live page that can be served once there are runs: all that can be wrong with it is not.
pub(crate) struct ReadyPage {
    pub(crate) address: SocketAddr,
    page: BuiltPage,
    access: PageAccess,
    tls: Option<TlsAcceptor>,
    /// Of the runs of this process, where these are shown.
    pub(crate) records: LiveRecords,
}

impl PageOptions {
    /// What the settings of a command say of it.
    pub(crate) fn of(settings: &Settings) -> Option<Self> {
        let Settings { ui, ui_cert, ui_key, ui_plain, .. } = settings;
        let identity = ui_cert.clone().zip(ui_key.clone());
        ui.map(|address| Self { address, identity, is_plain: *ui_plain })
    }

    /// Looks whether the page can be served so.
    ///
    /// # Errors
    /// This host has no page; it may not be used so; the certificate cannot be.
    pub(crate) fn ready(&self) -> anyhow::Result<ReadyPage> {
        let Self { address, identity, is_plain } = self;
        let page = PAGE.ok_or_else(|| {
            anyhow!("--ui {address}: {PAGE_MISSING}; --control {address} has the control API alone")
        })?;
        let way = match (identity, is_plain) {
            (Some(_), _) => Way::Tls,
            (None, true) => Way::Plain,
            (None, false) => Way::Unsaid,
        };
        let access = PageAccess::to(*address, way, &own_name())?;
        let tls = identity.as_ref().map(|(cert, key)| acceptor(cert, key)).transpose()?;
        let (address, records) = (*address, LiveRecords::default());
        Ok(ReadyPage { address, page, access, tls, records })
    }
}

/// What shows that this is the machine that a certificate is of.
fn acceptor(cert: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let chain = certificates("--ui-cert", cert)?;
    let secret = private_key("--ui-key", key)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, secret))
        .with_context(|| {
            let (cert, key) = (cert.display(), key.display());
            format!("--ui-cert {cert} --ui-key {key}: they cannot be used together")
        })?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What this machine calls itself.
fn own_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Endpoints, which are served as long as this value lives.
#[derive(Default)]
pub(crate) struct Servers(JoinSet<()>);

impl Servers {
    /// Serves the control API and the live page, where somebody asked for them; the page has the
    /// API with it.
    ///
    /// # Errors
    /// An address is taken, or may not be used so.
    pub(crate) async fn api_and_page(
        &mut self,
        control: Option<SocketAddr>,
        page: Option<ReadyPage>,
        api: &Rc<ControlApi>,
    ) -> anyhow::Result<Option<Rc<LivePage>>> {
        let of_page = page.as_ref().map(|page| page.address);
        if let Some(address) = control.filter(|address| of_page != Some(*address)) {
            self.control(address, Rc::clone(api)).await?;
        }
        match page {
            Some(page) => {
                let runs = OwnRuns::new(Rc::clone(api), page.records.clone());
                self.page(page, Rc::new(runs)).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// Serves the control API.
    async fn control(&mut self, address: SocketAddr, api: Rc<ControlApi>) -> anyhow::Result<()> {
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
        self.0.spawn_local(serve::serve(listener, None, move |call| {
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

    /// Serves the live page of these runs, with the control API at the same address.
    ///
    /// # Errors
    /// The address is taken.
    pub(crate) async fn page(
        &mut self,
        ready: ReadyPage,
        runs: Rc<dyn PageRuns>,
    ) -> anyhow::Result<Rc<LivePage>> {
        let ReadyPage { address, page, mut access, tls, .. } = ready;
        let listener = serve::listen("ui", address).await?;
        let at = listener.local_addr()?;
        access.at_port(at.port());
        // A browser cannot go to all addresses at once.
        let shown = match at.ip() {
            ip if ip.is_unspecified() => format!("{}:{}", own_name(), at.port()),
            _ => at.to_string(),
        };
        tracing::info!("live page: {}://{shown}", access.scheme());
        let page = Rc::new(LivePage::new(runs, page, access));
        let answering = Rc::clone(&page);
        self.0.spawn_local(serve::serve(listener, tls, move |call| {
            let page = Rc::clone(&answering);
            async move { page.answer(call).await }
        }));
        Ok(page)
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
        self.0.spawn_local(serve::serve(listener, None, move |call| {
            std::future::ready(scraped(&exporter, address, &call))
        }));
        Ok(())
    }
}

/// Answers a scraper at this address.
fn scraped(exporter: &Exporter, address: SocketAddr, call: &Call) -> HttpAnswer {
    let is_named = header(&call.headers, HOST).is_some_and(is_loopback);
    match (&call.method, call.path.as_str()) {
        // A page may have had its own name resolved to this machine.
        _ if address.ip().is_loopback() && !is_named => HttpAnswer::error(
            StatusCode::FORBIDDEN,
            "on loopback the metrics are read by a loopback name, as 127.0.0.1",
        ),
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
