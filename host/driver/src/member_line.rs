//! What goes between a node's part in a run and what speaks for it: reports one way, events the
//! other; and the two times at which there is nothing to do but to wait for events, before the
//! beginning and after the end.

use std::sync::Arc;
use std::time::Instant;

use anyhow::bail;
use bytes::Bytes;
use swell_core::RunInstant;
use swell_core::run::{EndRequest, Flowed};
use swell_protocol::deltas::Frontier;
use swell_protocol::last_words::LastWords;
use swell_protocol::member::MemberEvent;
use swell_protocol::message::{NodeId, Orders};
use tokio::sync::{mpsc, watch};

use crate::machine::instant_at;

/// What a node tells of its part.
#[derive(Debug)]
pub enum MemberReport {
    /// What it tells of each window. All at once, so that it travels together.
    Window(Box<WindowReport>),
    /// The last that it counted, and how far it came.
    Last(Frontier, Bytes),
    /// A scenario wants the run to end.
    EndRequest(EndRequest),
    /// The host wants to leave the run.
    Leaving,
}

/// A host's part after a window.
#[derive(Debug)]
pub struct WindowReport {
    /// How far it has come.
    pub frontier: Frontier,
    /// Whether it has been the limit.
    pub is_strained: bool,
    /// Iteration numbers that it would like to have.
    pub numbers_wanted: u64,
    /// What went through.
    pub flowed: Flowed,
    /// What it counted since it told it last, and how far it had come by then; not after each
    /// window.
    pub counted: Option<(Frontier, Bytes)>,
}

/// A host's ends of the channels to what speaks for it.
pub struct MemberLine {
    /// Who it is.
    pub id: NodeId,
    /// What it is told.
    pub events: mpsc::UnboundedReceiver<MemberEvent>,
    /// What it tells.
    pub reports: mpsc::Sender<MemberReport>,
}

/// Whether, and when, a host begins.
pub(super) enum Beginning {
    /// At this instant, under these orders.
    At(Instant, Arc<Orders>),
    /// The run ends before this host could begin.
    TooLate,
    /// The run does not take place, or is over.
    Never,
}

impl MemberLine {
    pub(super) async fn send(&self, report: MemberReport) {
        // Whoever does not listen any more needs nothing.
        let _ = self.reports.send(report).await;
    }

    /// Waits until it is known when to begin, and whose the slots are.
    pub(super) async fn beginning(
        &mut self,
        leave: &mut watch::Receiver<bool>,
    ) -> anyhow::Result<Beginning> {
        let mut began = None;
        while let Some(event) = tokio::select! {
            event = self.events.recv() => event,
            Ok(_) = leave.wait_for(|leave| *leave) => return Ok(Beginning::Never),
        } {
            match (event, began) {
                (MemberEvent::Begin(at), _) => began = Some(instant_at(at)),
                (MemberEvent::Follow(orders), Some(began)) => {
                    return Ok(Beginning::At(began, orders));
                }
                (MemberEvent::End(_), _) => return Ok(Beginning::TooLate),
                (MemberEvent::Over, _) => return Ok(Beginning::Never),
                _ => {}
            }
        }
        bail!("the coordinator is gone before the run has begun")
    }

    /// Waits until all that was told has been merged.
    pub(super) async fn taken_in(
        &mut self,
        leave: &mut watch::Receiver<bool>,
    ) -> anyhow::Result<()> {
        let told_at = Instant::now();
        let mut waits = LastWords::new(*leave.borrow_and_update());
        loop {
            let given_up_at = told_at + waits.given_up_at().since(RunInstant::START);
            tokio::select! {
                biased;
                event = self.events.recv() => match event {
                    Some(MemberEvent::Over) => return Ok(()),
                    Some(_) => {}
                    None => break,
                },
                // Where nobody holds the other end, nobody wants to leave.
                Ok(()) = leave.changed() => {
                    if *leave.borrow_and_update() {
                        waits.handle_leave(RunInstant::START + told_at.elapsed());
                    }
                }
                () = tokio::time::sleep_until(given_up_at.into()) => break,
            }
        }
        bail!(
            "the coordinator is gone: what this host counted since its last answer is in no result"
        )
    }
}
