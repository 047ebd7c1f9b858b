//! What starts follow: the whole of a set-point, of which nodes are told what has changed.

use std::time::Duration;

use swell_core::RunInstant;
use swell_core::run::SetPoint;
use swell_core::schedule::{Course, Law};

use crate::lead::state::LeadState;

/// The least time ahead at which a course is published. A slowest round trip that is longer takes
/// its place: by then all nodes follow the course.
const NOTICE: Duration = Duration::from_millis(20);

impl LeadState {
    /// Follows a set-point at this instant of a run that goes on.
    pub(super) fn follow(&mut self, run_now: RunInstant, set_point: SetPoint) {
        let SetPoint { course, from: _, restarts, is_paused, measured_from } = set_point;
        let measured_from = measured_from.or(self.orders.measured_from);
        let orders = &self.orders;
        let is_known = (restarts, is_paused, measured_from)
            == (orders.restarts, orders.is_paused, orders.measured_from);
        // Objectives judge anew what follows the same course.
        let is_restarted = restarts != orders.restarts;
        let course = course.filter(|course| is_restarted || self.course != Some(*course));
        if is_known && course.is_none() {
            return;
        }
        if let Some(course) = course {
            self.change_course(run_now, course);
        }
        self.orders.restarts = restarts;
        self.orders.is_paused = is_paused;
        self.orders.measured_from = measured_from;
        self.publish();
    }

    fn change_course(&mut self, run_now: RunInstant, course: Course) {
        self.course = Some(course);
        let notice = NOTICE.max(self.slowest());
        let Some(timeline) = &mut self.orders.timeline else { return };
        match (course, &self.settings.timeline) {
            (Course::Rate(rate), _) => timeline.change_after(run_now + notice, Law::Constant(rate)),
            (Course::Profile, Some(profile)) => timeline.follow_after(run_now + notice, profile),
            (Course::Profile, None) => {}
        }
        self.ahead = self.numbering.clone();
    }
}
