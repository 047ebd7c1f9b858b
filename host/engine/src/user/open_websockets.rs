//! The WebSockets that a user has open.

use swell_client::WebSocket;
use swell_core::record::{Recorder, RunPhase, WebSocketEnd};

/// A user's WebSockets. Each has a number, which is given again when it is let go.
#[derive(Default)]
pub(super) struct OpenWebSockets(Vec<Option<OpenWebSocket>>);

/// A WebSocket, whether its end was met or not.
pub(super) struct OpenWebSocket {
    pub(super) socket: WebSocket,
    /// What it was opened for: the path of its URL.
    pub(super) path: String,
    /// The part of the run in which it was opened; none where nothing is counted.
    pub(super) opened_in: Option<RunPhase>,
    /// Whether its end is counted.
    has_ended: bool,
}

impl OpenWebSocket {
    pub(super) fn new(socket: WebSocket, path: String, opened_in: Option<RunPhase>) -> Self {
        Self { socket, path, opened_in, has_ended: false }
    }

    /// Counts what went over it, in this part of the run, and its end, if it has ended.
    pub(super) fn settle(&mut self, phase: RunPhase, recorder: &mut Recorder) {
        let traffic = self.socket.take_traffic();
        let Some(opened_in) = self.opened_in else { return };
        recorder.websockets(phase).count(&traffic);
        if let (Some((end, open_for)), false) = (self.socket.ended(), self.has_ended) {
            self.has_ended = true;
            recorder.websockets(opened_in).ended(end, open_for);
        }
    }
}

impl OpenWebSockets {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// Takes one in; its number.
    pub(super) fn add(&mut self, opened: OpenWebSocket) -> u32 {
        let free = self.0.iter().position(Option::is_none);
        let place = free.unwrap_or_else(|| {
            self.0.push(None);
            self.0.len() - 1
        });
        self.0[place] = Some(opened);
        place as u32
    }

    pub(super) fn get(&self, number: u32) -> Option<&OpenWebSocket> {
        self.0.get(number as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut OpenWebSocket> {
        self.0.get_mut(number as usize)?.as_mut()
    }

    /// Lets one go.
    pub(super) fn remove(&mut self, number: u32) -> Option<OpenWebSocket> {
        self.0.get_mut(number as usize)?.take()
    }

    /// The user is cut off, or ends: what is still open is cut off with it.
    pub(super) fn handle_cut(&mut self, phase: RunPhase, recorder: &mut Recorder) {
        for opened in self.0.iter_mut().flatten() {
            opened.settle(phase, recorder);
            if let (Some(opened_in), false) = (opened.opened_in, opened.has_ended) {
                let age = opened.socket.age();
                recorder.websockets(opened_in).ended(WebSocketEnd::CutOff, age);
            }
        }
    }
}
