//! A run as other code knows it, which gives it commands or waits for it: by its name, while it
//! goes on and after it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use swell_core::run::{Command, Refusal};
use swell_core::units::{Rate, print_rate};
use swell_driver::{CommandCall, CommandReply};
use swell_report::record::MarkKind;
use swell_report::{Ended, RunState, Status};
use tokio::sync::{mpsc, oneshot, watch};

use crate::finished::Done;
use crate::prepare::Prepared;
use crate::run_record::RunRequest;

/// How many commands may be on their way to a run, which reads them at once; further ones wait.
const COMMANDS_UNDER_WAY: usize = 16;

/// Requests that the record of one second tells.
const REQUESTS_A_SECOND: usize = 10;

/// A run that goes on, or is over.
pub(crate) struct Handle {
    pub(crate) name: String,
    pub(crate) scenario: String,
    pub(crate) model: String,
    commands: mpsc::Sender<CommandCall>,
    /// How often the run was told to end as Ctrl-C does.
    interrupts: watch::Sender<u32>,
    status: RefCell<Status>,
    /// What was asked of it that is not in its record yet.
    requests: RefCell<Vec<RunRequest>>,
    done: watch::Receiver<Option<Rc<Done>>>,
}

/// The run's own ends of the channels to its handle.
pub(crate) struct Ends {
    pub(crate) commands: mpsc::Receiver<CommandCall>,
    /// Where the run sends its result, once.
    pub(crate) done: watch::Sender<Option<Rc<Done>>>,
}

impl Handle {
    /// The handle of a run that can begin.
    pub(crate) fn new(prepared: &Prepared) -> (Rc<Self>, Ends) {
        let (commands, asked) = mpsc::channel(COMMANDS_UNDER_WAY);
        let (finished, done) = watch::channel(None);
        let handle = Self {
            name: prepared.name.clone(),
            scenario: prepared.title(),
            model: prepared.plan.model(),
            commands,
            interrupts: watch::Sender::new(0),
            status: RefCell::default(),
            requests: RefCell::default(),
            done,
        };
        (Rc::new(handle), Ends { commands: asked, done: finished })
    }

    /// Where it is.
    pub(crate) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Shows another status to all readers.
    pub(crate) fn show(&self, status: Status) {
        self.status.replace(status);
    }

    /// Shows that the run is in another phase.
    pub(crate) fn enter(&self, phase: RunState) {
        self.status.borrow_mut().phase = phase;
    }

    /// Whether the run is over.
    pub(crate) fn is_over(&self) -> bool {
        self.done.borrow().is_some()
    }

    /// How the run ended, if it has.
    pub(crate) fn ended(&self) -> Option<Ended> {
        self.done.borrow().as_deref().map(Done::ended)
    }

    /// How often the run was told to end as Ctrl-C does.
    pub(crate) fn interrupts(&self) -> watch::Receiver<u32> {
        self.interrupts.subscribe()
    }

    /// The result of the run, once it is over.
    pub(crate) async fn done(&self) -> Rc<Done> {
        let mut done = self.done.clone();
        let done = done
            .wait_for(Option::is_some)
            .await
            .expect("a run's task tells what it came to before it ends");
        Rc::clone(done.as_ref().expect("it was waited for"))
    }

    /// Tells the run to end as if it had come to its end.
    pub(crate) fn finish(&self) {
        self.tell(Command::Finish);
    }

    /// Tells the run to end, as the control API does.
    pub(crate) fn stop(&self) {
        self.tell(Command::Stop);
    }

    /// Tells the run to end as Ctrl-C does; a second time, what is under way is cut off.
    pub(crate) fn interrupt(&self) {
        self.interrupts.send_modify(|count| *count += 1);
        self.tell(Command::Interrupt);
    }

    /// Gives it another goal, in starts a second. Who asks is said as in "over the control API".
    ///
    /// # Errors
    /// The run cannot have another goal, or not any more.
    pub(crate) async fn set_goal(&self, goal: Rate, asker: &str) -> Result<(), Refusal> {
        self.ask(Command::SetGoal(goal.per_second())).await?;
        let text = format!("goal {}, {asker}", print_rate(goal.per_second()));
        self.note(MarkKind::GoalChanged, text);
        Ok(())
    }

    /// Stops new starts, or lets them begin again.
    ///
    /// # Errors
    /// As [`Handle::set_goal`].
    pub(crate) async fn pause(&self, paused: bool, asker: &str) -> Result<(), Refusal> {
        self.ask(Command::Pause(paused)).await?;
        let (kind, what) =
            if paused { (MarkKind::Paused, "paused") } else { (MarkKind::Resumed, "resumed") };
        self.note(kind, format!("{what}, {asker}"));
        Ok(())
    }

    /// What was asked of it since the last time.
    pub(crate) fn take_requests(&self) -> Vec<RunRequest> {
        self.requests.take()
    }

    /// Keeps for its record what was asked, of which a second has room for some.
    fn note(&self, kind: MarkKind, text: String) {
        let mut requests = self.requests.borrow_mut();
        if requests.len() < REQUESTS_A_SECOND {
            requests.push(RunRequest { at: Instant::now(), kind, text });
        }
    }

    fn tell(&self, command: Command) {
        let commands = self.commands.clone();
        tokio::task::spawn_local(async move {
            // A run that is over needs no command.
            let _ = commands.send(CommandCall { command, reply: None }).await;
        });
    }

    /// A caller that looks after the answer sees the new goal, although the run itself is looked at
    /// once a second.
    async fn ask(&self, command: Command) -> Result<(), Refusal> {
        let (reply, replied): (CommandReply, _) = oneshot::channel();
        let call = CommandCall { command, reply: Some(reply) };
        self.commands.send(call).await.map_err(|_| Refusal::Ending)?;
        let standing = replied.await.unwrap_or(Err(Refusal::Ending))?;
        self.status.borrow_mut().stands(standing);
        Ok(())
    }
}
