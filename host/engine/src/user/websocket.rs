//! What a user does with WebSockets: opens them, and waits for what comes.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use swell_client::{
    Error, OpenedWebSocket, WebSocket, WebSocketError, WebSocketIncoming, WebSocketMessage,
    WebSocketRequest,
};
use swell_core::exchange::{ErrorClass, Expected, Protocol};
use swell_core::observer::{ObservedMessage, ObservedMessageKind, UserEvent};
use swell_core::transactions::Failure;

use super::in_flight::InFlight;
use super::open_websockets::OpenWebSocket;
use super::traffic::path_of;
use super::{Trap, UserState, trap};

/// The most that a user has open: more than a page opens, and few enough that a scenario that never
/// lets one go does not take the files of all others.
const MAX_OPEN: usize = 256;

/// Outcomes of what waits: nothing where the run was found over outside any transaction.
type Waited<T> = Option<Result<T, WebSocketError>>;

impl UserState {
    /// Opens a WebSocket; its number. Outside any transaction of an iteration that is a transaction
    /// of its own; `None` then says that the run is over and nothing was sent.
    pub(crate) async fn connect(
        &mut self,
        request: Result<WebSocketRequest, Error>,
    ) -> Trap<Waited<u32>> {
        let path = match &request {
            Ok(request) => path_of(&request.url).to_owned(),
            Err(_) => "invalid".to_owned(),
        };
        let Ok(implicit) = self.begin_implicit(|| format!("connect {path}")).await? else {
            return Ok(None);
        };
        let began = self.now();
        let asked = self.worker.observer.is_some().then(|| format!("WebSocket {path}"));
        let opened = match self.check_room(request) {
            Ok(mut request) => {
                self.trace_one(&mut request.headers);
                self.in_flight = InFlight::new(Protocol::WebSocket, 1, began);
                self.in_flight.asked = asked.iter().cloned().collect();
                let opened = Box::pin(self.session.open_websocket(request)).await;
                self.in_flight.count = 0;
                opened
            }
            Err(error) => OpenedWebSocket::unsent(error),
        };
        let OpenedWebSocket { exchange, result, hops } = opened;
        let error = match &result {
            Err(WebSocketError::Failed(error)) => Some(error),
            _ => None,
        };
        let told = asked.map(|asked| (asked, hops));
        self.account(&exchange, error, &Expected::default(), began, told);
        let opened_in = self.transactions.is_measured().then(|| self.transactions.phase());
        let number =
            result.map(|socket| self.websockets.add(OpenWebSocket::new(socket, path, opened_in)));
        self.finish_implicit(implicit)?;
        Ok(Some(number))
    }

    fn check_room(
        &self,
        request: Result<WebSocketRequest, Error>,
    ) -> Result<WebSocketRequest, Error> {
        if self.websockets.len() >= MAX_OPEN {
            return Err(Error {
                class: ErrorClass::Invalid,
                message: format!("this user has {MAX_OPEN} WebSockets open; close some"),
                lacks_target: false,
            });
        }
        request
    }

    /// Sends a message.
    pub(crate) async fn send_message(
        &mut self,
        number: u32,
        message: WebSocketMessage,
    ) -> Trap<Result<(), WebSocketError>> {
        self.tell(|| told(true, &message));
        let outcome = self.websocket(number)?.send(message).await;
        self.settle_websocket(number, outcome)
    }

    /// A message that could not be taken from the guest.
    pub(crate) fn refuse_message(&mut self, number: u32, error: Error) -> Trap<WebSocketError> {
        let refused: Result<(), _> = self.settle_websocket(number, Err(error.clone().into()))?;
        Ok(refused.err().unwrap_or(error.into()))
    }

    /// What comes next.
    pub(crate) async fn receive(
        &mut self,
        number: u32,
        timeout: Option<Duration>,
    ) -> Trap<Waited<WebSocketIncoming>> {
        let outcome = {
            let mut received = pin!(self.websocket(number)?.receive(timeout));
            poll_fn(|context| match received.as_mut().poll(context) {
                Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
                Poll::Pending => self.patience.poll_over(context).map(|()| None),
            })
            .await
        };
        let Some(outcome) = outcome else {
            self.settle_websocket(number, Ok(()))?.ok();
            return Ok(None);
        };
        if let Ok(incoming) = &outcome {
            self.tell(|| told_incoming(incoming));
        }
        self.settle_websocket(number, outcome).map(Some)
    }

    /// Sends a message and waits for its answer. Outside any transaction of an iteration that is a
    /// transaction of its own.
    pub(crate) async fn exchange_messages(
        &mut self,
        number: u32,
        message: WebSocketMessage,
        timeout: Option<Duration>,
    ) -> Trap<Waited<WebSocketMessage>> {
        let path = self.websockets.get(number).map(|opened| opened.path.clone());
        let name = || format!("exchange {}", path.unwrap_or_default());
        let Ok(implicit) = self.begin_implicit(name).await? else { return Ok(None) };
        self.tell(|| told(true, &message));
        let outcome = self.websocket(number)?.exchange(message, timeout).await;
        if let Ok((answer, time)) = &outcome {
            self.tell(|| told(false, answer));
            if self.transactions.is_measured() {
                let recorder = &mut self.worker.recorder.borrow_mut();
                recorder.websockets(self.transactions.phase()).round_trips.record(*time);
            }
        }
        let outcome = self.settle_websocket(number, outcome.map(|(answer, _)| answer))?;
        self.finish_implicit(implicit)?;
        Ok(Some(outcome))
    }

    /// Sends a ping.
    pub(crate) async fn ping(&mut self, number: u32) -> Trap<Result<(), WebSocketError>> {
        let outcome = self.websocket(number)?.ping().await;
        self.tell(|| ObservedMessage::new(true, ObservedMessageKind::Ping, &[]));
        self.settle_websocket(number, outcome)
    }

    /// Closes a WebSocket.
    pub(crate) async fn close(
        &mut self,
        number: u32,
        code: u16,
        reason: String,
    ) -> Trap<Result<(), WebSocketError>> {
        let kind = ObservedMessageKind::Close(code);
        self.tell(|| ObservedMessage::new(true, kind, reason.as_bytes()));
        let outcome = self.websocket(number)?.close(code, reason).await;
        self.settle_websocket(number, outcome)
    }

    /// Waits until one of these has something to receive; its place in the list, or `None` when the
    /// time is over or the run is.
    pub(crate) async fn ready(&mut self, numbers: &[u32], time: Duration) -> Trap<Option<u32>> {
        let sockets = numbers
            .iter()
            .map(|&number| self.websocket(number))
            .collect::<Trap<Vec<&WebSocket>>>()?;
        let mut ready = pin!(WebSocket::ready(&sockets));
        let mut over = pin!(tokio::time::sleep(time));
        let place = poll_fn(|context| {
            if let Poll::Ready(place) = ready.as_mut().poll(context) {
                return Poll::Ready(u32::try_from(place).ok());
            }
            if over.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            self.patience.poll_over(context).map(|()| None)
        })
        .await;
        Ok(place)
    }

    /// What the service chose of the subprotocols.
    pub(crate) fn subprotocol(&self, number: u32) -> Trap<Option<String>> {
        Ok(self.websocket(number)?.subprotocol().map(str::to_owned))
    }

    /// The headers of the answer to the handshake, if they were kept.
    pub(crate) fn answer_headers(&self, number: u32) -> Trap<&http::HeaderMap> {
        Ok(self.websocket(number)?.headers())
    }

    /// The guest has let go of a WebSocket.
    pub(crate) fn let_go(&mut self, number: u32) {
        if let Some(mut opened) = self.websockets.remove(number) {
            opened.socket.abandon();
            opened.settle(self.transactions.phase(), &mut self.worker.recorder.borrow_mut());
        }
    }

    fn websocket(&self, number: u32) -> Trap<&WebSocket> {
        match self.websockets.get(number) {
            Some(opened) => Ok(&opened.socket),
            None => trap(format!("{number} is no connection that `websocket.connect` gave")),
        }
    }

    /// Counts what went over a WebSocket, and its end; and what failed, with which the transactions
    /// around it fail.
    fn settle_websocket<T>(
        &mut self,
        number: u32,
        outcome: Result<T, WebSocketError>,
    ) -> Trap<Result<T, WebSocketError>> {
        let phase = self.transactions.phase();
        let recorder = &mut self.worker.recorder.borrow_mut();
        if let Some(opened) = self.websockets.get_mut(number) {
            opened.settle(phase, recorder);
        }
        if let Err(error) = &outcome
            && let Some(class) = error.class()
        {
            if self.transactions.is_measured() {
                recorder.websockets(phase).errors.add(class, 1);
            }
            let failure = match error {
                WebSocketError::Failed(error) if class == ErrorClass::Invalid => {
                    Failure::Said(format!("invalid WebSocket call: {}", error.message))
                }
                _ => Failure::Request(class),
            };
            self.transactions.handle_failure(&failure);
            if let Some(observer) = &self.worker.observer {
                let words = error.to_string();
                let kind = ObservedMessageKind::Failure;
                let failed = ObservedMessage::new(false, kind, words.as_bytes());
                observer.tell(UserEvent::Messaged(failed));
            }
        }
        Ok(outcome)
    }

    fn tell(&self, message: impl FnOnce() -> ObservedMessage) {
        if let Some(observer) = &self.worker.observer {
            observer.tell(UserEvent::Messaged(message()));
        }
    }
}

fn told(sent: bool, message: &WebSocketMessage) -> ObservedMessage {
    let kind = match message {
        WebSocketMessage::Text(_) => ObservedMessageKind::Text,
        WebSocketMessage::Binary(_) => ObservedMessageKind::Binary,
    };
    ObservedMessage::new(sent, kind, message.bytes())
}

fn told_incoming(incoming: &WebSocketIncoming) -> ObservedMessage {
    match incoming {
        WebSocketIncoming::Message(message) => told(false, message),
        WebSocketIncoming::Pong(time) => {
            ObservedMessage::new(false, ObservedMessageKind::Pong(*time), &[])
        }
        WebSocketIncoming::Closed(closing) => {
            let kind = ObservedMessageKind::Close(closing.code);
            ObservedMessage::new(false, kind, closing.reason.as_bytes())
        }
    }
}
