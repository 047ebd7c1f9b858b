//! What is known while a script is loaded: its files, and which others it needs.

use std::cell::{Cell, RefCell};
use std::time::SystemTime;

use rquickjs::{Ctx, Exception};
use swell_javascript::paths::resolve;

use crate::bindings::script::TestFile;

thread_local! {
    /// The files of the test while it is loaded; a user keeps none of them.
    pub(crate) static FILES: RefCell<Vec<TestFile>> = const { RefCell::new(Vec::new()) };
    /// Files that it has asked for and was not given.
    pub(crate) static NEEDS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// Whether the top level of the script runs, where nothing may be sent.
    pub(crate) static LOADING: Cell<bool> = const { Cell::new(false) };
    /// The last random number of the top level, before it was mixed.
    static RANDOM: Cell<u64> = const { Cell::new(0) };
}

/// The content of a file, for `open`.
pub(crate) fn open(ctx: &Ctx<'_>, path: &str) -> rquickjs::Result<Vec<u8>> {
    if !LOADING.get() {
        let words = "open() can only be called at the top level of the script, as in k6";
        return Err(Exception::throw_message(ctx, words));
    }
    // In k6, too, paths are of the file in which `open` stands.
    let base = ctx.script_or_module_name(1).and_then(|name| name.to_string().ok());
    let path = resolve(&base.unwrap_or_default(), path);
    let found = FILES.with_borrow(|files| {
        files.iter().find(|file| file.path == path).map(|file| file.content.clone())
    });
    found.ok_or_else(|| {
        need(&path);
        Exception::throw_message(ctx, &format!("{path} is not read yet"))
    })
}

pub(crate) fn need(path: &str) {
    NEEDS.with_borrow_mut(|needs| {
        if !needs.iter().any(|needed| needed == path) {
            needs.push(path.to_owned());
        }
    });
}

/// Random bits for the top level of the script, where the host gives none, by SplitMix64. They
/// begin with the time of the day, so that each user has others.
pub(crate) fn random() -> u64 {
    let begin = || SystemTime::UNIX_EPOCH.elapsed().map_or(1, |since| since.as_nanos() as u64);
    let state = match RANDOM.get() {
        0 => begin(),
        state => state,
    };
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    RANDOM.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Whether the top level of the script runs; the host may not be called there.
pub(crate) fn is_loading() -> bool {
    LOADING.get()
}
