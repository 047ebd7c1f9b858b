//! What goes before and after a run outside of all measurement: the `setup` and the `teardown` of
//! each of its scenarios.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use swell_driver::CommandCall;
use swell_report::Exit;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::finished::Done;
use crate::handle::Handle;
use crate::outside::HookFailure;
use crate::prepare::Prepared;
use crate::scenario_choice::ChosenScenario;
use crate::terminal;

/// How long a `teardown` may take, or as long as `--grace` if that is longer: as in k6.
const MAX_TEARDOWN: Duration = Duration::from_secs(60);

/// The same where the run was cut off: somebody who has pressed Ctrl-C twice waits for a second at
/// the most.
const TEARDOWN_OF_A_CUT: Duration = Duration::from_millis(500);

/// The bytes of each `setup`, in the order of the run's scenarios; `None` where there is none.
pub(crate) type SetupData = Vec<Option<Vec<u8>>>;

/// Calls the `setup` of each scenario, one after the other, and returns their bytes; or the end of
/// the run, if it does not begin. What was set up by then is cleaned up.
pub(crate) async fn set_up(
    prepared: &Prepared,
    commands: &mut mpsc::Receiver<CommandCall>,
    handle: &Handle,
) -> Result<SetupData, Done> {
    let mut data = SetupData::new();
    for scenario in &prepared.scenarios {
        match set_up_one(prepared, scenario, commands).await {
            Ok(given) => data.push(given),
            Err(failed) => {
                tear_down(prepared, data, handle).await;
                return Err(failed);
            }
        }
    }
    Ok(data)
}

async fn set_up_one(
    prepared: &Prepared,
    scenario: &ChosenScenario,
    commands: &mut mpsc::Receiver<CommandCall>,
) -> Result<Option<Vec<u8>>, Done> {
    let given_up = async {
        while let Some(call) = commands.recv().await {
            if call.gives_up() {
                break;
            }
        }
    };
    tokio::select! {
        data = prepared.set_up(scenario) => data.map_err(|failure| {
            // If something was not given, that is a mistake of the command, wherever it shows.
            let lacks = prepared.run.lacks().is_some();
            let exit = if lacks { Exit::Usage } else { Exit::Trapped };
            let scenario = &scenario.info.name;
            Done::Failed(
                exit,
                format!("`setup` of scenario {scenario:?} {failure}; nothing was measured"),
            )
        }),
        () = given_up => {
            Err(Done::Failed(Exit::Signal, "stopped before anything was sent".to_owned()))
        }
    }
}

/// Why a `teardown` did not clean up, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum NotTornDown {
    #[error(transparent)]
    Failed(#[from] HookFailure),
    #[error("was cut by Ctrl-C: what it was to clean up may be left")]
    Cut,
    #[error("went on for {} s and was given up: what it was to clean up may be left (a longer \
    --grace is for it as well)", .0.as_secs())]
    TooLong(Duration),
}

/// Has the `teardown` of each scenario that was set up clean up, all at once, whatever becomes of
/// the others. Returns whether Ctrl-C cut one of them off.
pub(crate) async fn tear_down(prepared: &Prepared, data: SetupData, handle: &Handle) -> bool {
    let mut under_way: Vec<Pin<Box<dyn Future<Output = bool> + '_>>> = Vec::new();
    for (scenario, data) in prepared.scenarios.iter().zip(data) {
        let Some(data) = data else { continue };
        under_way.push(Box::pin(async move {
            let Err(amiss) = tear_down_one(prepared, scenario, data, handle).await else {
                return false;
            };
            let name = &scenario.info.name;
            terminal::say(format_args!("warning: `teardown` of scenario {name:?} {amiss}"));
            matches!(amiss, NotTornDown::Cut)
        }));
    }
    let mut was_cut = false;
    std::future::poll_fn(|context| {
        under_way.retain_mut(|one| match one.as_mut().poll(context) {
            Poll::Ready(cut) => {
                was_cut |= cut;
                false
            }
            Poll::Pending => true,
        });
        if under_way.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    was_cut
}

/// Lets `teardown` clean up, for as long as it may take. A first Ctrl-C makes its waits end early,
/// a second one cuts it off; a run that was cut off leaves it a moment.
async fn tear_down_one(
    prepared: &Prepared,
    scenario: &ChosenScenario,
    data: Vec<u8>,
    handle: &Handle,
) -> Result<(), NotTornDown> {
    let (mut asked, mut again) = (handle.interrupts(), handle.interrupts());
    let before = *asked.borrow();
    let limit = MAX_TEARDOWN.max(prepared.plan.plan.grace);
    let asked_to_end = async move {
        // A run that is over asks for nothing.
        let _ = asked.wait_for(|count| *count > before).await;
    };
    let cut = async {
        let was_cut = before > 1;
        tokio::select! {
            () = tokio::time::sleep(TEARDOWN_OF_A_CUT), if was_cut => {}
            _ = again.wait_for(|count| *count > before.max(1)) => {}
        }
    };
    tokio::select! {
        ended = prepared.tear_down(scenario, data, asked_to_end) => Ok(ended?),
        () = cut => Err(NotTornDown::Cut),
        () = tokio::time::sleep(limit) => Err(NotTornDown::TooLong(limit)),
    }
}
