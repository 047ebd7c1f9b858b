//! `data`: rows of feeds.

use crate::bindings::swell::scenario::data::{Host, Pick};
use crate::feed::{Feed, FeedRow};
use crate::state::GuestState;
use crate::user::UserState;

impl Host for GuestState {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<u32, String>> {
        let run = self.user()?.run();
        let feeds = &run.feeds;
        let found = feeds.iter().zip(0_u32..).find(|(feed, _)| feed.name() == name);
        Ok(found.map(|(_, number)| number).ok_or_else(|| {
            let known = feeds.iter().map(Feed::name).collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() {
                "no feed was given".to_owned()
            } else {
                format!("there are: {known}")
            };
            let lacks = format!("no feed {name:?}; {known}; give it with --data {name}=FILE");
            run.asked_in_vain(&swell_core::plain::line(&lacks).to_string());
            lacks
        }))
    }

    fn size(&mut self, feed: u32) -> wasmtime::Result<u64> {
        Ok(feed_of(self.user()?, feed)?.len())
    }

    fn next(&mut self, feed: u32, pick: Pick) -> wasmtime::Result<Option<FeedRow>> {
        let user = self.user()?;
        // The row's number first: drawing it may change the user, looking at the feed does not.
        let index = match pick {
            Pick::Sequential | Pick::Unique => user.iteration(),
            Pick::User => user.number(),
            Pick::Random => user.next_random(),
        };
        let rows = feed_of(user, feed)?;
        if pick != Pick::Unique || user.run().wrap_feeds {
            return Ok(Some(rows.wrapped(index)));
        }
        let row = rows.row(index);
        if row.is_none() {
            let name = rows.name().to_owned();
            user.run_out(name);
        }
        Ok(row)
    }
}

fn feed_of(user: &UserState, number: u32) -> wasmtime::Result<&Feed> {
    user.run()
        .feeds
        .get(number as usize)
        .ok_or_else(|| wasmtime::Error::msg(format!("{number} is no feed that `data.open` gave")))
}
