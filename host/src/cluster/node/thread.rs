//! A host that another one leads: it joins, waits for runs, and takes part in each.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use swell_cluster::{
    Admission, BlobHash, BlobSource, CloseCode, Endpoint, HostId, Identity, LinkError, Peer,
    Socket, Token,
};
use swell_protocol::clock::LocalInstant;
use tokio::sync::{mpsc, oneshot};

use crate::cluster::alarm::Alarm;
use crate::cluster::link::{RETRY_EVERY, hear, hello, join_patiently, say, until_renewal};
use crate::cluster::member_bridge::{Seat, said};
use crate::cluster::message::{Assignment, FromHost, FromLead, MemberCall, Role, Wanted};
use crate::cluster::own_thread::on_own_thread;
use crate::cluster::requests::{Answered, Pending};
use crate::driver::MemberLine;
use crate::prepare::Unpacked;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(1_500);
/// How long the one that leads may be out of reach before this host gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A run that this host is to take part in, with its files.
pub(super) struct Job {
    pub(super) assignment: Assignment,
    pub(super) unpacked: Unpacked,
    pub(super) line: MemberLine,
    /// Whether it can begin, or why not.
    pub(super) prepared: oneshot::Sender<Result<f64, String>>,
}

/// A call that whoever leads is to answer.
pub(super) type Forwarded = (MemberCall, oneshot::Sender<Answered>);

/// What the thread tells.
pub(super) enum Tidings {
    /// It has joined: its id.
    Joined(HostId),
    /// There is something to do.
    Job(Box<Job>),
    /// It is over; with an error if it should not be.
    Ended(anyhow::Result<()>),
}

/// A host's place among those that somebody leads.
pub(super) struct Following {
    tidings: mpsc::UnboundedReceiver<Tidings>,
    ended: oneshot::Receiver<()>,
}

/// Joins by a token, serves whoever leads from then on, and has it answer `calls`.
///
/// # Errors
/// The machine does not give a thread.
pub(super) fn follow(
    token: Token,
    name: String,
    mut calls: mpsc::Receiver<Forwarded>,
) -> anyhow::Result<Following> {
    // Few and far between.
    let (tell, tidings) = mpsc::unbounded_channel();
    let (over, ended) = oneshot::channel();
    on_own_thread("swell-cluster", async move {
        let ended = serve(token, name, &mut calls, &tell).await;
        // Nobody hears it if the process is ending.
        let _ = tell.send(Tidings::Ended(ended));
        let _ = over.send(());
    })?;
    Ok(Following { tidings, ended })
}

impl Following {
    /// What comes next; nothing if the thread broke down. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Tidings> {
        self.tidings.recv().await
    }

    /// Leaves the cluster: the coordinator is told, if it can be within a moment.
    pub(super) async fn end(self) {
        drop(self.tidings);
        let _ = tokio::time::timeout(GOODBYE, self.ended).await;
    }
}

async fn serve(
    token: Token,
    name: String,
    calls: &mut mpsc::Receiver<Forwarded>,
    tell: &mpsc::UnboundedSender<Tidings>,
) -> anyhow::Result<()> {
    let socket = Socket::bind((std::net::Ipv4Addr::UNSPECIFIED, 0).into())?;
    let Admission { identity, coordinator, address } = join_patiently(&socket, &token).await?;
    let own = identity.id();
    let identity = Arc::new(identity);
    let endpoint = Endpoint::open(
        socket,
        Arc::clone(&identity),
        hello(),
        Arc::new(|_: &BlobHash| None::<BlobSource>),
        None,
    );
    let _ = tell.send(Tidings::Joined(own));
    let mut work = Work::default();
    loop {
        let peer = Arc::new(reach(&endpoint, address, coordinator, &mut work.seat).await?);
        let role = Role::Host(work.seat.as_ref().map(Seat::run));
        peer.send(&FromHost::Here { name: name.clone(), role })
            .await
            .context("the coordinator is gone")?;
        let broken = tokio::select! {
            broken = attend(&peer, own, &mut work, calls, tell) => broken,
            never = renew(&endpoint, &peer, &identity) => match never {},
        };
        match broken {
            Broken::Dismissed => {
                peer.close("dismissed").await;
                return Ok(());
            }
            Broken::Lost(reason) => tracing::warn!("the coordinator is out of reach: {reason}"),
            Broken::NobodyListens => {
                peer.close("leaving").await;
                endpoint.close().await;
                return Ok(());
            }
        }
    }
}

/// Dials until there is an answer. Meanwhile the workers are heard, and their lease runs out.
async fn reach(
    endpoint: &Endpoint,
    address: std::net::SocketAddr,
    coordinator: HostId,
    seat: &mut Option<Seat>,
) -> anyhow::Result<Peer> {
    let began = tokio::time::Instant::now();
    loop {
        let dialled = {
            let dial = endpoint.dial(address, Some(coordinator));
            tokio::pin!(dial);
            loop {
                tokio::select! {
                    dialled = &mut dial => break dialled,
                    () = keep(seat) => {}
                }
            }
        };
        match dialled {
            Ok(peer) => return Ok(peer),
            Err(error) if began.elapsed() >= PATIENCE => {
                return Err(error).context("the coordinator is gone");
            }
            Err(error) => tracing::debug!("{error:#}"),
        }
        let wait = tokio::time::sleep(RETRY_EVERY);
        tokio::pin!(wait);
        loop {
            tokio::select! {
                () = &mut wait => break,
                () = keep(seat) => {}
            }
        }
    }
}

/// Takes in a word of the workers that nobody else can be told of at the moment.
async fn keep(seat: &mut Option<Seat>) {
    let said = said(seat).await;
    if let Some(seat) = seat {
        seat.keep(said);
    }
}

/// Has this host's certificate renewed whenever half of its life is over, as long as it is asked
/// to.
async fn renew(endpoint: &Endpoint, peer: &Peer, identity: &Identity) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(until_renewal(identity)).await;
        if identity.renew_in().is_zero()
            && let Err(error) = endpoint.renew(peer).await
        {
            tracing::warn!("this host's certificate could not be renewed: {error}");
        }
    }
}

/// What this host is at, whatever becomes of a connection.
#[derive(Default)]
struct Work {
    seat: Option<Seat>,
    line: Option<MemberLine>,
    fetching: Option<tokio::task::JoinHandle<anyhow::Result<Fetched>>>,
    preparing: Option<oneshot::Receiver<Result<f64, String>>>,
}

enum Broken {
    /// It is over, and well.
    Dismissed,
    /// The connection is gone.
    Lost(String),
    /// The process is ending.
    NobodyListens,
}

/// Hears and speaks for the host as long as the connection lasts.
async fn attend(
    peer: &Arc<Peer>,
    own: HostId,
    work: &mut Work,
    calls: &mut mpsc::Receiver<Forwarded>,
    tell: &mpsc::UnboundedSender<Tidings>,
) -> Broken {
    let Work { seat, line, fetching, preparing } = work;
    // What has not been answered when the connection is gone is not answered at all.
    let (mut pending, mut alarm) = (Pending::default(), Alarm::new());
    loop {
        while let Some(word) = seat.as_mut().and_then(Seat::poll) {
            if let Err(error) = say(peer, &word, word.is_passing()).await {
                return Broken::Lost(format!("{error:#}"));
            }
        }
        let due = seat.as_ref().map_or(LocalInstant::NEVER, Seat::due);
        tokio::select! {
            word = hear::<FromLead>(peer) => match word {
                Err(LinkError::Closed { here: false, code: Some(CloseCode::Goodbye), .. }) => return Broken::Dismissed,
                Err(error) => return Broken::Lost(format!("{error:#}")),
                Ok(FromLead::Assignment(assignment)) if seat.is_none() => {
                    let (chair, its_line) = Seat::new(own, assignment.number);
                    *seat = Some(chair);
                    *line = Some(its_line);
                    *fetching = Some(tokio::spawn(fetch(Arc::clone(peer), *assignment)));
                }
                // It is the run that goes on here, told anew after the connection was gone.
                Ok(FromLead::Assignment(_)) => {}
                Ok(FromLead::Down(run, message)) => {
                    if let Some(seat) = seat.as_mut().filter(|seat| seat.run() == run) {
                        seat.hear(message);
                    }
                }
                Ok(FromLead::Dismissed(run)) => {
                    if let Some(seat) = seat.take_if(|seat| seat.run() == run) {
                        fetching.take().iter().for_each(tokio::task::JoinHandle::abort);
                        (*line, *preparing) = (None, None);
                        seat.dismiss();
                    }
                }
                Ok(FromLead::Answer { number, status, is_json, piece, is_last }) => pending.hear(number, (status, is_json), &piece, is_last),
            },
            Some((call, reply)) = calls.recv() => {
                if let Err(error) = peer.send(&FromHost::Wanted(pending.ask(reply), Wanted::Call(call))).await {
                    return Broken::Lost(format!("{error:#}"));
                }
            }
            fetched = task(fetching) => {
                *fetching = None;
                match (fetched, line.take()) {
                    (Ok(Fetched { assignment, unpacked }), Some(line)) => {
                        let (prepared, is_prepared) = oneshot::channel();
                        *preparing = Some(is_prepared);
                        let job = Job { assignment, unpacked, line, prepared };
                        if tell.send(Tidings::Job(Box::new(job))).is_err() {
                            return Broken::NobodyListens;
                        }
                    }
                    (Err(error), _) => seat.iter_mut().for_each(|seat| seat.prepared(Err(format!("{error:#}")))),
                    (Ok(_), None) => {}
                }
            }
            prepared = answer(preparing) => {
                *preparing = None;
                if let Some(seat) = seat {
                    seat.prepared(prepared.unwrap_or_else(|_| Err("it broke down while it \
                    prepared".to_owned())));
                }
            }
            said = said(seat) => {
                if let Some(word) = seat.as_mut().and_then(|seat| seat.take(said))
                    && let Err(error) = peer.send(&word).await
                {
                    return Broken::Lost(format!("{error:#}"));
                }
            }
            () = tell.closed() => return Broken::NobodyListens,
            () = alarm.until(due) => {}
        }
    }
}

async fn task<T>(
    task: &mut Option<tokio::task::JoinHandle<anyhow::Result<T>>>,
) -> anyhow::Result<T> {
    match task {
        Some(task) => task.await.context("fetching broke down")?,
        None => std::future::pending().await,
    }
}

async fn answer<T>(
    answer: &mut Option<oneshot::Receiver<T>>,
) -> Result<T, oneshot::error::RecvError> {
    match answer {
        Some(answer) => answer.await,
        None => std::future::pending().await,
    }
}

/// A run whose files are here.
struct Fetched {
    assignment: Assignment,
    unpacked: Unpacked,
}

async fn fetch(peer: Arc<Peer>, assignment: Assignment) -> anyhow::Result<Fetched> {
    let unpacked = assignment.parcel.fetch(&peer).await?;
    Ok(Fetched { assignment, unpacked })
}
