//! Rows of the files that the host shares between all users.

use std::cell::RefCell;

use rquickjs::{Ctx, Exception, Function, Object};

use super::calls::{outside, over};
use crate::bindings::data::{self, Pick};

thread_local! {
    /// The feeds of this user, by their names.
    static OPEN: RefCell<Vec<(String, data::Feed)>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn define<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> rquickjs::Result<()> {
    natives.set("row", Function::new(ctx.clone(), row)?)?;
    natives.set("rows", Function::new(ctx.clone(), rows)?)
}

/// A row as pairs of a column and its value. Where `unique` has no more the run is over.
fn row(ctx: Ctx<'_>, name: String, pick: u32) -> rquickjs::Result<Vec<String>> {
    let feed = open(&ctx, name)?;
    let pick = match pick {
        0 => Pick::Sequential,
        1 => Pick::Random,
        2 => Pick::Unique,
        _ => Pick::User,
    };
    match data::next(feed, pick) {
        Some(row) => Ok(row.into_iter().flat_map(|(column, value)| [column, value]).collect()),
        None => Err(over(&ctx)),
    }
}

/// How many there are.
fn rows(ctx: Ctx<'_>, name: String) -> rquickjs::Result<f64> {
    open(&ctx, name).map(|feed| data::size(feed) as f64)
}

fn open(ctx: &Ctx<'_>, name: String) -> rquickjs::Result<data::Feed> {
    outside(ctx)?;
    let known = OPEN
        .with_borrow(|open| open.iter().find(|(known, _)| *known == name).map(|(_, feed)| *feed));
    if let Some(feed) = known {
        return Ok(feed);
    }
    let feed = data::open(&name).map_err(|words| Exception::throw_message(ctx, &words))?;
    OPEN.with_borrow_mut(|open| open.push((name, feed)));
    Ok(feed)
}
