//! Work for whoever looks at runs, beside the load that they generate.

use hyper::StatusCode;
use tokio::sync::oneshot;

use crate::serve::HttpAnswer;

/// Does what takes a moment on a thread of its own, which gives way to those that generate the
/// load.
///
/// # Errors
/// There is no thread for it; the answer says so.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, HttpAnswer> {
    let (answer, answered) = oneshot::channel();
    let work = move || {
        let _ = rustix::process::nice(10);
        // Whoever wanted it may have gone.
        let _ = answer.send(work());
    };
    let begun = std::thread::Builder::new().name("page".to_owned()).spawn(work);
    let done = if begun.is_ok() { answered.await.ok() } else { None };
    done.ok_or_else(|| {
        let words = "this machine gives no thread that would put it together";
        HttpAnswer::error(StatusCode::INTERNAL_SERVER_ERROR, words)
    })
}
