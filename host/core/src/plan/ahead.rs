//! How many users are made before the first start.
//!
//! A user of a Rust scenario is made in tens of microseconds, when a start finds none. An
//! interpreter with its script takes a millisecond, a large one twenty: made on demand, the users
//! of the first seconds would keep the machine busy and the starts waiting, and the run would begin
//! with a lag of our own making. So where one takes long, there are some before the run's clock
//! begins.
//!
//! How many a rate will keep busy nobody knows before the service has answered. There are as many
//! as start within [`FIRST`]: enough for a service that answers in that time, and few enough to be
//! made soon. What a slower service needs beyond comes on demand, and what a faster one does not
//! need goes as any user does that is not needed.

use std::time::Duration;

use super::{LoadModel, Plan, Users};
use crate::RunInstant;
use crate::dispatch::Spawn;

/// From which time on users are made ahead: what a slot waits for a user before others are asked.
const LONG: Duration = Duration::from_millis(1);

/// The slots of so long a time find users that are there.
const FIRST: Duration = Duration::from_millis(100);

/// How long a run's beginning is put off for its users at most.
const MOST: Duration = Duration::from_secs(10);

impl Plan {
    /// How many users are to be made before the first start by `workers`, where each user takes
    /// `making`. There are none where creating a user reaches the service, because the spawn rate
    /// then says when that may be.
    pub fn users_ahead(&self, making: Duration, workers: u32) -> u32 {
        if making < LONG || self.spawn != Spawn::AtOnce {
            return 0;
        }
        // One was made alone; side by side each takes up to twice as long.
        let in_time = MOST.as_nanos() * u128::from(workers) / (2 * making.as_nanos());
        let wanted = match self.load {
            LoadModel::Closed { .. }
            | LoadModel::ClosedStages { .. }
            | LoadModel::Transactions { users: Users::Exactly(_), .. }
            | LoadModel::Iterations { users: Users::Exactly(_), .. } => self.first_users(),
            LoadModel::Transactions { users: Users::OnDemand { max }, .. }
            | LoadModel::Iterations { users: Users::OnDemand { max }, .. } => {
                self.first_slots(max).max(workers).min(max)
            }
        };
        wanted.min(u32::try_from(in_time).unwrap_or(u32::MAX))
    }

    /// How many slots are due within [`FIRST`], as far as there may be users for them.
    fn first_slots(&self, most: u32) -> u32 {
        let Some(mut cursor) = self.cursor(0, 1) else { return 0 };
        let slots = std::iter::from_fn(|| cursor.pop());
        let first = slots.take_while(|due| due.intended < RunInstant::START + FIRST);
        first.take(most as usize).count() as u32
    }
}
