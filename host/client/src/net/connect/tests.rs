//! The race between addresses, on virtual time.

use std::cell::RefCell;
use std::future::pending;

use tokio::time::timeout;

use super::*;

/// What becomes of an attempt, and after how many milliseconds.
#[derive(Clone, Copy)]
enum AttemptFate {
    Opens(u64),
    Refuses(u64),
    Swallows,
    HasNoWay,
    LacksPorts(u64),
}

use AttemptFate::{HasNoWay, LacksPorts, Opens, Refuses, Swallows};

/// Runs the race against addresses with these fates: who won or what was said, after how many
/// milliseconds, and when each attempt began.
async fn race_of(fates: &[AttemptFate]) -> (Result<u8, Missed>, u64, Vec<u64>) {
    let start = Instant::now();
    let elapsed = || u64::try_from(start.elapsed().as_millis()).expect("short");
    let began = RefCell::new(Vec::new());
    let addresses = (0..fates.len() as u8).map(|i| SocketAddr::from(([10, 0, 0, i], 80))).collect();
    let attempt = |to: SocketAddr| {
        began.borrow_mut().push(elapsed());
        let IpAddr::V4(ip) = to.ip() else { unreachable!("all are IPv4") };
        let number = ip.octets()[3];
        let fate = fates[usize::from(number)];
        async move {
            let error = |class| Error::new(class, format!("attempt {number}"));
            match fate {
                Opens(after) => {
                    sleep(Duration::from_millis(after)).await;
                    Ok(number)
                }
                Refuses(after) => {
                    sleep(Duration::from_millis(after)).await;
                    Err(Missed::Refused(error(ErrorClass::Connect)))
                }
                LacksPorts(after) => {
                    sleep(Duration::from_millis(after)).await;
                    Err(Missed::Ours(error(ErrorClass::LocalPorts)))
                }
                HasNoWay => Err(Missed::NoWay(error(ErrorClass::Connect))),
                Swallows => pending().await,
            }
        }
    };
    let result =
        timeout(Duration::from_secs(60), race(addresses, attempt)).await.expect("the race ends");
    let took = elapsed();
    (result, took, began.into_inner())
}

#[tokio::test(start_paused = true)]
async fn a_dead_address_costs_a_quarter_of_a_second_and_not_the_connection() {
    let (won, took, began) = race_of(&[Swallows, Opens(1), Opens(1)]).await;
    assert_eq!((won.expect("the second opens"), took, began), (1, 251, vec![0, 250]));
}

#[tokio::test(start_paused = true)]
async fn the_next_address_is_tried_at_once_when_one_refuses() {
    let (won, took, began) = race_of(&[Refuses(3), HasNoWay, Opens(1)]).await;
    assert_eq!((won.expect("the last opens"), took, began), (2, 4, vec![0, 3, 3]));
}

#[tokio::test(start_paused = true)]
async fn a_slow_address_still_wins_against_a_dead_one() {
    let (won, took, began) = race_of(&[Opens(400), Swallows]).await;
    assert_eq!((won.expect("the first opens"), took, began), (0, 400, vec![0, 250]));
}

#[tokio::test(start_paused = true)]
async fn a_lack_of_ours_starts_no_further_attempt_and_leaves_those_under_way_alone() {
    let (won, took, began) = race_of(&[Opens(300), LacksPorts(0), Opens(1)]).await;
    assert_eq!((won.expect("the first opens"), took, began), (0, 300, vec![0, 250]));
    let (missed, _, began) = race_of(&[LacksPorts(0), Opens(1)]).await;
    assert!(matches!(missed, Err(Missed::Ours(_))) && began == [0]);
}

#[tokio::test(start_paused = true)]
async fn of_several_failures_the_most_telling_one_is_said() {
    for (fates, expected) in [
        ([HasNoWay, Refuses(1)], "attempt 1"),
        ([Refuses(1), HasNoWay], "attempt 0"),
        ([Refuses(5), LacksPorts(0)], "attempt 1"),
    ] {
        let (missed, _, _) = race_of(&fates).await;
        assert_eq!(missed.expect_err("none opens").into_error().message, expected);
    }
}

#[test]
fn only_what_no_address_of_this_machine_reaches_has_no_way() {
    assert!(!has_no_way(SocketAddr::from(([127, 0, 0, 1], 9))));
}
