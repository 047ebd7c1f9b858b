//! What a run is asked to do, and who watches it.

use swell_core::RunInstant;
use swell_core::record::Snapshot;
use swell_core::run::{Command, EndRequest, Look, Notice, Refusal, RunControl, Standing};
use tokio::sync::{mpsc, oneshot};

/// Where the answer to a command goes.
pub type CommandReply = oneshot::Sender<Result<Standing, Refusal>>;

/// A command, and where its answer goes if somebody waits for it.
pub struct CommandCall {
    /// The command.
    pub command: Command,
    /// Where the answer goes; `None` where nobody waits for it.
    pub reply: Option<CommandReply>,
}

/// What comes to a run from outside.
pub struct Asked {
    /// Commands of anybody who may give them.
    pub commands: mpsc::Receiver<CommandCall>,
    /// Requests of the scenario itself.
    pub end_requests: mpsc::Receiver<EndRequest>,
}

/// Who watches a run.
pub trait View {
    /// What was counted since the last call, once a second.
    fn count(&mut self, counted: &Snapshot);

    /// Where the run is, once a second.
    fn look(&mut self, look: &Look<'_>);

    /// Warns of something that a person must know.
    fn warn(&mut self, text: &str);
}

impl CommandCall {
    /// Lets a run carry out the command, and answers.
    pub(super) fn answer(self, control: &mut RunControl, now: RunInstant) {
        let answer = control.handle_command(now, self.command);
        if let Some(reply) = self.reply {
            // The one who asked may be gone.
            let _ = reply.send(answer);
        }
    }

    /// Refuses what a run cannot do before it begins. Returns whether the run is to be given up.
    pub fn gives_up(self) -> bool {
        match self.command {
            Command::Interrupt | Command::Stop | Command::Finish => true,
            Command::SetGoal(_) | Command::Pause(_) => {
                if let Some(reply) = self.reply {
                    let _ = reply.send(Err(Refusal::Preparing));
                }
                false
            }
        }
    }
}

/// Shows where a run is, if that is due.
pub(super) fn show(control: &mut RunControl, view: &mut dyn View) {
    if let Some(look) = control.poll_look() {
        view.count(look.recent.0);
        view.look(&look);
    }
}

/// Tells a person who reads the log.
pub(super) fn say(notice: &Notice) {
    match notice {
        Notice::SetPoint { .. } => tracing::debug!("{notice}"),
        Notice::Garbled { .. } => tracing::error!(target: "audit", "{notice}"),
        Notice::Ending { .. }
        | Notice::FeedExhausted(_)
        | Notice::Limited(_)
        | Notice::Reached
        | Notice::Broken(_)
        | Notice::Steady { .. } => tracing::info!("{notice}"),
    }
}
