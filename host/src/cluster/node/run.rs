//! A node's part in one run of its cluster, from the run's files to the last result.

use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use swell_driver::{PartView, Participation, Threads, take_part};
use swell_engine::ScenarioSource;
use swell_outputs::Outputs;
use tokio::sync::watch;

use super::thread::AssignedRun;
use crate::cluster::message::Assignment;
use crate::node_record::NodeRecord;
use crate::prepare::{EndRequests, Loaded, Prepared, ReceivedScenario};
use crate::run_identity::RunIdentity;
use crate::run_record::record_header;
use crate::settings::layers::Layers;

/// Takes part in a run from its files to its last result, or until the node is to leave. Returns
/// whether all that it counted was merged.
pub(super) async fn do_part(
    threads: Rc<Threads>,
    assigned: AssignedRun,
    weight: f64,
    journals: Option<Outputs>,
    leave: watch::Receiver<bool>,
) -> bool {
    let run = assigned.assignment.run.clone();
    let (assignment, received) = (assigned.assignment.clone(), assigned.received);
    // Compiling takes its time, and needs a runtime of its own.
    let ready = tokio::task::spawn_blocking(move || prepare(&assignment, received)).await;
    let (prepared, end_requests) = match ready.context("preparing broke down").flatten() {
        Ok(ready) => ready,
        Err(error) => {
            tracing::warn!("run {run}: {error:#}");
            // The coordinator is told; if it has gone, nobody needs to be told.
            let _ = assigned.prepared.send(Err(format!("{error:#}")));
            return true;
        }
    };
    let scenario = prepared.title();
    tracing::info!("run {run}: scenario {scenario:?} is ready, {}", prepared.plan.model());
    let _ = assigned.prepared.send(Ok(weight));
    let Prepared { plan, program, run: shared, .. } = &prepared;
    // The same on all nodes, so that all journals of a run are alike.
    let subject =
        RunIdentity { settings: assigned.assignment.bundle.settings.clone(), ..prepared.subject() };
    let view = journals.map(|outputs| {
        Box::new(NodeRecord::new(record_header(&subject, plan), outputs)) as Box<dyn PartView>
    });
    let start_data = assigned.assignment.scenarios.into_iter().map(|one| one.start_data).collect();
    let participation =
        Participation { start_data, line: assigned.line, end_requests, view, leave };
    let ended = take_part(&threads, plan, program, Arc::clone(shared), participation).await;
    match &ended {
        Ok(()) => tracing::info!("run {run}: over for this node"),
        Err(error) => tracing::warn!("run {run}: {error:#}"),
    }
    ended.is_ok()
}

fn prepare(
    assignment: &Assignment,
    received: ReceivedScenario,
) -> anyhow::Result<(Prepared, EndRequests)> {
    let ReceivedScenario { source, settings, origin } = received;
    let layers = Layers::of_pairs("the coordinator's settings".to_owned(), settings)?;
    let loaded = Loaded::read(source, &layers)?;
    let scenarios: Vec<_> = assignment.scenarios.iter().map(|one| one.scenario.clone()).collect();
    if scenarios.is_empty() {
        bail!("the coordinator names no scenario");
    }
    let (mut prepared, end_requests) =
        Prepared::of(Some(&assignment.name), &loaded, &layers, Some(&scenarios), None)?;
    prepared.known_as(&assignment.run);
    // It is compiled, and nobody reads it here again.
    let source = ScenarioSource::Bytes { name: prepared.source.name(), bytes: Bytes::new() };
    Ok((Prepared { origin: Some(origin), source, ..prepared }, end_requests))
}
