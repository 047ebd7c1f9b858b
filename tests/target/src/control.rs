//! The control port.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /seen` | the counts; with `?log=true` also when each request came and left |
//! | `POST /reset` | forgets the counts |
//! | `GET /control` | the behaviour in force |
//! | `POST /control {…}` | puts another in force; what is left out has its default |
//! | `POST /stall {"ms": N}` | holds all answers back for N milliseconds |

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpListener;

use crate::behaviour::Behaviour;
use crate::body::Body;
use crate::form::json_answer;
use crate::service::TargetService;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stall {
    ms: u32,
}

/// Serves until it is dropped.
pub(crate) async fn serve(listener: TcpListener, service: Arc<TargetService>) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let service = Arc::clone(&service);
        let handler = service_fn(move |request| {
            let service = Arc::clone(&service);
            async move { Ok::<_, Infallible>(answer(request, &service).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(socket), handler);
        tokio::spawn(connection);
    }
}

async fn answer(request: Request<Incoming>, service: &TargetService) -> Response<Body> {
    match obey(request, service).await {
        Ok(value) => json_answer(StatusCode::OK, &value),
        Err((status, why)) => json_answer(status, &json!({ "error": why })),
    }
}

async fn obey(
    request: Request<Incoming>,
    service: &TargetService,
) -> Result<Value, (StatusCode, String)> {
    let wrong = |why: String| (StatusCode::BAD_REQUEST, why);
    let (head, body) = request.into_parts();
    let body = Limited::new(body, 1 << 16)
        .collect()
        .await
        .map_err(|error| wrong(error.to_string()))?
        .to_bytes();
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/seen") => Ok(json!(service.seen(head.uri.query() == Some("log=true")))),
        (&Method::POST, "/reset") => {
            service.reset();
            Ok(json!({}))
        }
        (&Method::GET, "/control") => Ok(json!(service.behaviour())),
        (&Method::POST, "/control") => {
            let behaviour: Behaviour =
                serde_json::from_slice(&body).map_err(|error| wrong(error.to_string()))?;
            service.behave(behaviour).map_err(wrong)?;
            Ok(json!(behaviour))
        }
        (&Method::POST, "/stall") => {
            let stall: Stall =
                serde_json::from_slice(&body).map_err(|error| wrong(error.to_string()))?;
            service.stall(Duration::from_millis(stall.ms.into()));
            Ok(json!({}))
        }
        (method, path) => Err((
            StatusCode::NOT_FOUND,
            format!("no {method} {path}: there are /seen, /reset, /control and /stall"),
        )),
    }
}
