//! What calls into the host have in common: when one may be made, and what JavaScript gives as a
//! list of names and values.

use std::cell::Cell;

use rquickjs::{Ctx, Exception};

use crate::loading;

thread_local! {
    static OVER: Cell<bool> = const { Cell::new(false) };
}

/// Whether the iteration has met the end of the run: it is to return.
pub(crate) fn is_over() -> bool {
    OVER.get()
}

/// Nothing of the host may be called while a script is loaded, as in k6's init context.
pub(super) fn outside(ctx: &Ctx<'_>) -> rquickjs::Result<()> {
    if loading::is_loading() {
        let words =
            "this cannot be done at the top level of the script: it belongs into a function";
        return Err(Exception::throw_message(ctx, words));
    }
    if is_over() { Err(over(ctx)) } else { Ok(()) }
}

/// The run is over, and the iteration ends. A script that catches this gets it again.
pub(super) fn over(ctx: &Ctx<'_>) -> rquickjs::Error {
    OVER.set(true);
    Exception::throw_message(ctx, "the run is over")
}

/// Pairs, of a list in which each name is followed by its value.
pub(super) fn pairs(words: &[String]) -> Vec<(String, String)> {
    words.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}
