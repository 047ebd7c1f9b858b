//! Totals that are not written into a record, as they follow from what else a frame has: the times
//! of all transactions are those of their rows together, unless some were nested in others, and the
//! generator's lag is all lag where no start waited for a user. They are a sixth of the frame of a
//! second with twenty names.

use swell_core::record::{Figures, Histogram, Snapshot, Split};

/// What is left out of the figures of one phase of a run.
const SERVICE: u8 = 1;
const RESPONSE: u8 = 2;
const GENERATOR_LAG: u8 = 4;
/// Those of the measured part stand this many bits higher than those of the warm-up.
const MEASURED: u32 = 4;

/// Takes out what follows from the rest; gives what that was.
pub(super) fn take_out(counted: &mut Snapshot) -> u8 {
    take_out_of(&mut counted.warm_up) | take_out_of(&mut counted.measured) << MEASURED
}

/// Puts back what was taken out.
pub(super) fn put_back(counted: &mut Snapshot, what: u8) {
    put_back_into(&mut counted.warm_up, what);
    put_back_into(&mut counted.measured, what >> MEASURED);
}

fn take_out_of(figures: &mut Figures) -> u8 {
    let (service, response) = of_rows(figures);
    let (total, mut what) = (&mut figures.total, 0);
    if total.service.count() > 0 && total.service == service {
        total.service = Split::default();
        what |= SERVICE;
    }
    if total.response.count() > 0 && total.response == response {
        total.response = Split::default();
        what |= RESPONSE;
    }
    if !total.host_lag.is_empty() && total.host_lag == total.start_lag {
        total.host_lag = Histogram::default();
        what |= GENERATOR_LAG;
    }
    what
}

fn put_back_into(figures: &mut Figures, what: u8) {
    let (service, response) = of_rows(figures);
    let total = &mut figures.total;
    if what & SERVICE > 0 {
        total.service = service;
    }
    if what & RESPONSE > 0 {
        total.response = response;
    }
    if what & GENERATOR_LAG > 0 {
        total.host_lag = total.start_lag.clone();
    }
}

/// The service and the response times of all rows.
fn of_rows(figures: &Figures) -> (Split, Split) {
    let (mut service, mut response) = (Split::default(), Split::default());
    for (_, row) in figures.transactions.iter() {
        service.merge(&row.service);
        response.merge(&row.response);
    }
    (service, response)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::samples::frame;
    use super::*;

    #[test]
    fn totals_that_are_the_sums_of_their_rows_are_left_out_and_found_again() {
        let whole = frame(0, 1, 300).counted;
        let mut counted = whole.clone();
        let what = take_out(&mut counted);
        let both = SERVICE | RESPONSE;
        assert_eq!(what & (both << MEASURED | both), both << MEASURED | both);
        assert_eq!(counted.measured.total.service.count(), 0);
        assert_ne!(counted, whole);
        put_back(&mut counted, what);
        assert_eq!(counted, whole);
    }

    #[test]
    fn totals_that_are_not_stay() {
        let mut whole = frame(0, 1, 300).counted;
        whole.measured.total.service.ok.record(Duration::from_millis(3));
        whole.measured.total.host_lag.record(Duration::from_millis(3));
        let mut counted = whole.clone();
        let what = take_out(&mut counted);
        assert_eq!(what >> MEASURED, RESPONSE);
        assert_eq!(counted.measured.total.service, whole.measured.total.service);
        put_back(&mut counted, what);
        assert_eq!(counted, whole);
    }
}
