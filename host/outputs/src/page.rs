//! The page that shows runs, where it was built before this host: `host/web` has its sources.

/// The page as a report and as a live view; nothing in a host that was built without it.
pub const PAGE: Option<BuiltPage> = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// How a host gets the page that was built without it.
pub const PAGE_MISSING: &str = "this host was built without the page\nhelp: `cargo xtask install` \
                                in a clone of Swell builds both";

/// The parts of the page.
#[derive(Clone, Copy, Debug)]
pub struct BuiltPage {
    /// A file with a place for records, which needs no network.
    pub report: &'static str,
    /// The same where it follows the runs of the host that serves it.
    pub live: &'static str,
    /// What follows a run for all tabs of a browser.
    pub worker: &'static str,
}
