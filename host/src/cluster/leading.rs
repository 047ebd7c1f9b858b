//! A host that leads: others join it, and it has runs shared out among all who are there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use swell_cluster::{
    Authority, BlobHash, BlobRef, BlobSource, ClusterClock, Desk, Endpoint, HostId, Identity, Peer, Socket, TokenRegister,
};
use swell_core::plan::{LoadModel, Users};
use swell_protocol::lead::{Event, Lead, Settings, Unknown};
use swell_protocol::message::Up;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::message::{Assignment, FromHost, FromLead};
use super::seat::{Seat, said};
use super::{TOKEN_LIFE, hello, on_own_thread, reachable, until_renewal};
use crate::driver::{
    Asked, Decree, Flowed, HostCounts, HostFate, LeadLine, MemberLine, News, Outcome, Participation, Threads, View, lead, take_part,
};
use crate::journal::{Place, Subject};
use crate::machine::{instant_at, local_now};
use crate::prepare::Prepared;

/// Hosts that one token admits.
const TOKEN_USES: u32 = 1_000;
/// What waits to be written to one host: orders and answers of some seconds. Beyond that the host is too slow to be spoken with, and asks again.
const WORDS_UNDER_WAY: usize = 64;
/// Words of hosts that wait to be heard; hosts wait when there are more.
const WORDS_HEARD: usize = 1_024;
/// How long hosts may take to fetch and compile a scenario.
const PREPARING: Duration = Duration::from_secs(180);
/// What `setup` may give: it travels in one message, with room for what surrounds it.
const MOST_START_DATA: usize = 900_000;
/// How long a silent host is waited for at the end of a run: until its connection has surely been given up, and made anew once.
const PATIENCE: Duration = Duration::from_secs(15);
/// How many decrees may wait: they are a few a second.
const DECREES_UNDER_WAY: usize = 16;

/// A cluster that this host leads. Dropped, it ends.
pub(crate) struct Cluster {
    requests: mpsc::Sender<Request>,
    invitation: String,
    store: Arc<Mutex<BTreeMap<BlobHash, BlobSource>>>,
    /// Where this host keeps what it counts.
    journals: Option<PathBuf>,
    /// How many hosts are to share a run.
    hosts: usize,
    ended: oneshot::Receiver<()>,
}

/// What the control thread asks for.
enum Request {
    /// To say when so many hosts are there, this one included.
    Gather(usize, oneshot::Sender<()>),
    /// To lead a run.
    Lead(Box<Commission>),
}

/// A run to lead, and the lines to it.
struct Commission {
    assignment: Assignment,
    settings: Settings,
    news: mpsc::UnboundedSender<News>,
    decrees: mpsc::Receiver<Decree>,
    seat: oneshot::Sender<MemberLine>,
    /// Whether a host may join while it goes on. An exact number of users is shared out at the beginning.
    takes_latecomers: bool,
    /// How many hosts are to share it.
    hosts: usize,
}

impl Cluster {
    /// Founds a cluster that listens here. `weight` is how much this host bears beside others.
    ///
    /// # Errors
    /// The address is taken, or cannot be listened at.
    pub(crate) async fn found(listen: SocketAddr, weight: f64, hosts: usize, journals: Option<PathBuf>) -> anyhow::Result<Self> {
        let store = Arc::new(Mutex::new(BTreeMap::new()));
        let (requests, asked) = mpsc::channel(1);
        let (founded, invitation) = oneshot::channel();
        let (over, ended) = oneshot::channel();
        let served = Arc::clone(&store);
        on_own_thread("swell-cluster", move || async move {
            match open(listen, served) {
                Ok(Founded { endpoint, identity, desk, invitation }) => {
                    // Nobody waits for it only if the process is ending.
                    let _ = founded.send(Ok(invitation));
                    tokio::select! {
                        () = serve(endpoint, asked, weight) => {}
                        never = renew(&desk, &identity) => match never {},
                    }
                    let _ = over.send(());
                }
                Err(error) => drop(founded.send(Err(error))),
            }
        })?;
        let invitation = invitation.await.context("the cluster's thread broke down")??;
        Ok(Self { requests, invitation, store, journals, hosts, ended })
    }

    /// Ends the cluster: all hosts are told.
    pub(crate) async fn close(self) {
        drop(self.requests);
        // A thread that broke down has nothing to tell.
        let _ = self.ended.await;
    }

    /// The command that has another host join.
    pub(crate) fn invitation(&self) -> &str {
        &self.invitation
    }

    /// Waits until all hosts are there that are to share a run.
    pub(crate) async fn gather(&self) -> anyhow::Result<()> {
        let (there, gathered) = oneshot::channel();
        self.requests.send(Request::Gather(self.hosts, there)).await.map_err(|_| anyhow!("the cluster's thread broke down"))?;
        gathered.await.context("the cluster's thread broke down")
    }

    /// Has all hosts that are there do a run, this one too; `view` is told of all of it once a second.
    ///
    /// # Errors
    /// A host cannot take part, and nothing was sent; or the machine does not give what is needed.
    pub(crate) async fn drive(
        &self,
        threads: &Threads,
        prepared: &Prepared,
        start_data: Vec<u8>,
        asked: Asked,
        view: &mut dyn View,
    ) -> anyhow::Result<Outcome> {
        let (told, news) = mpsc::unbounded_channel();
        let (decrees, decreed) = mpsc::channel(DECREES_UNDER_WAY);
        let (seat, seated) = oneshot::channel();
        let assignment = self.assignment(prepared, start_data.clone())?;
        // The same on all hosts, so that all journals of a run are alike.
        let subject = Subject { settings: assignment.settings.clone(), ..prepared.subject() };
        let plan = &prepared.plan;
        if let Some(users) = exact_users(&plan.plan.load).filter(|&users| (users as usize) < self.hosts) {
            bail!(
                "--vus {users} on {} hosts: some would have no user\nhelp: give at least as many users as hosts, or --max-vus in place of --vus",
                self.hosts
            );
        }
        let commission = Commission {
            assignment,
            settings: Settings {
                timeline: plan.plan.timeline(),
                arrivals: plan.plan.arrivals,
                iterations: plan.plan.stop.iterations,
                patience: PATIENCE,
            },
            news: told,
            decrees: decreed,
            seat,
            takes_latecomers: exact_users(&plan.plan.load).is_none(),
            hosts: self.hosts,
        };
        self.requests.send(Request::Lead(Box::new(commission))).await.map_err(|_| anyhow!("the cluster's thread broke down"))?;
        let line = seated.await.context("the cluster's thread broke down")?;
        let journal = self.journals.clone().map(|folder| Place { folder, host_name: super::node::own_name(), subject });
        let Asked { commands, end_requests } = asked;
        let (_, no_requests) = mpsc::channel(1);
        let leading = lead(plan, LeadLine { news, decrees }, Asked { commands, end_requests: no_requests }, view);
        let participation = Participation { start_data, line, end_requests, journal };
        let part = take_part(threads, plan, &prepared.program, Arc::clone(&prepared.run), participation);
        let part = async {
            part.await?;
            // The run goes on until all have told what they counted.
            std::future::pending::<anyhow::Result<Outcome>>().await
        };
        tokio::select! {
            outcome = leading => outcome,
            failed = part => failed,
        }
    }

    /// The run as other hosts must know it. The files that they will fetch are held ready.
    fn assignment(&self, prepared: &Prepared, start_data: Vec<u8>) -> anyhow::Result<Assignment> {
        if start_data.len() > MOST_START_DATA {
            bail!("`setup` gave {} bytes; to other hosts it can give at most {MOST_START_DATA}", start_data.len());
        }
        let mut settings: Vec<_> = prepared.settings.iter().filter(|(key, _)| key != "seed" && key != "scenario").cloned().collect();
        settings.push(("seed".to_owned(), Some(prepared.run.seed.to_string())));
        let mut files = Vec::new();
        for (place, (key, value)) in settings.iter().enumerate() {
            if let Some(path) = file_of(key, value.as_deref()) {
                files.push((place, self.hold(Path::new(path)).with_context(|| format!("--{key}"))?));
            }
        }
        Ok(Assignment {
            run: prepared.run.id.clone(),
            name: prepared.name.clone(),
            scenario: prepared.scenario.name.clone(),
            path: prepared.file.display().to_string(),
            settings,
            file: self.hold(&prepared.file)?,
            files,
            start_data,
        })
    }

    /// Keeps a file's bytes, as they are now, for others to fetch.
    fn hold(&self, path: &Path) -> anyhow::Result<BlobRef> {
        let bytes = Bytes::from(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?);
        let blob = BlobRef { hash: BlobHash::of(&bytes), size: bytes.len() as u64 };
        self.store.lock().unwrap_or_else(PoisonError::into_inner).insert(blob.hash, BlobSource::Bytes(bytes));
        Ok(blob)
    }
}

/// The path of the file that a setting names; nothing where it names none.
pub(super) fn file_of<'a>(key: &str, value: Option<&'a str>) -> Option<&'a str> {
    match key {
        "data" => value.and_then(|value| value.split_once('=')).map(|(_, path)| path),
        "ca-cert" | "cert" | "key" => value,
        _ => None,
    }
}

/// How many users there are to be, where that is an exact number.
const fn exact_users(load: &LoadModel) -> Option<u32> {
    match load {
        LoadModel::Closed { users } => Some(*users),
        LoadModel::Transactions { users: Users::Exactly(users), .. } | LoadModel::Iterations { users: Users::Exactly(users), .. } => {
            Some(*users)
        }
        LoadModel::Transactions { .. } | LoadModel::Iterations { .. } => None,
    }
}

/// What a cluster needs, and the command by which others join it.
struct Founded {
    endpoint: Endpoint,
    identity: Arc<Identity>,
    desk: Arc<Desk>,
    invitation: String,
}

/// Has this host's own certificate renewed whenever half of its life is over.
async fn renew(desk: &Desk, identity: &Identity) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(until_renewal(identity)).await;
        if identity.renew_in().is_zero()
            && let Err(error) = desk.authority().renew(identity)
        {
            tracing::warn!("this host's certificate could not be renewed: {error}");
        }
    }
}

fn open(listen: SocketAddr, store: Arc<Mutex<BTreeMap<BlobHash, BlobSource>>>) -> anyhow::Result<Founded> {
    let socket = Socket::bind(listen)?;
    let authority = Authority::found()?;
    let clock = ClusterClock::of_this_machine();
    let identity = Arc::new(authority.identity(clock.clone())?);
    let desk = Arc::new(Desk::new(authority, TokenRegister::default()));
    let find = move |hash: &BlobHash| store.lock().unwrap_or_else(PoisonError::into_inner).get(hash).cloned();
    let endpoint = Endpoint::open(socket, Arc::clone(&identity), hello(), Arc::new(find), Some(Arc::clone(&desk)));
    let address = reachable(endpoint.address()).to_string();
    let uses = NonZeroU32::new(TOKEN_USES).unwrap_or(NonZeroU32::MIN);
    let token = desk.issue(vec![address.clone()], TOKEN_LIFE, uses, &clock)?;
    let invitation = format!("host node --coordinator {address} --token {token}");
    Ok(Founded { endpoint, identity, desk, invitation })
}

/// What comes from a peer: a word, or that it is gone.
type Heard = (HostId, u64, Result<FromHost, String>);

/// Serves until nobody asks for anything any more.
async fn serve(endpoint: Endpoint, mut requests: mpsc::Receiver<Request>, weight: f64) {
    let (heard, mut hears) = mpsc::channel(WORDS_HEARD);
    let own = endpoint.id();
    let mut leading = Leading { own, hosts: BTreeMap::new(), gathering: None, run: None, connections: 0 };
    let mut tasks = JoinSet::new();
    let (mut decrees, mut seat): (Option<mpsc::Receiver<Decree>>, Option<Seat>) = (None, None);
    loop {
        let idle = leading.idle(seat.as_ref());
        tokio::select! {
            peer = endpoint.accept() => {
                let Some(peer) = peer else { break };
                let (id, connection, words) = leading.connect(&peer);
                tasks.spawn_local(converse(Arc::new(peer), id, connection, words, heard.clone()));
                while tasks.try_join_next().is_some() {}
            }
            Some((id, connection, word)) = hears.recv() => leading.hear(id, connection, word),
            request = requests.recv() => match request {
                None => break,
                Some(Request::Gather(hosts, there)) => leading.gathering = Some((hosts, there)),
                Some(Request::Lead(commission)) => {
                    let (chair, line) = Seat::new(own);
                    let (mut commission, unused) = (*commission, mpsc::channel(1).1);
                    // Whoever waits for it has been given up otherwise.
                    let _ = std::mem::replace(&mut commission.seat, oneshot::channel().0).send(line);
                    (decrees, seat) = (Some(std::mem::replace(&mut commission.decrees, unused)), Some(chair));
                    leading.begin(commission);
                    if let Some(seat) = &mut seat {
                        seat.prepared(Ok(weight));
                    }
                }
            },
            decree = next(&mut decrees) => match decree {
                Some(decree) => leading.obey(decree),
                // Whoever led the run has no interest in it any more.
                None => {
                    (decrees, seat) = (None, None);
                    leading.dismiss();
                }
            },
            said = said(&mut seat) => {
                if let Some(word) = seat.as_mut().and_then(|seat| seat.take(said)) {
                    leading.take(own, word);
                }
            }
            () = tokio::time::sleep(idle) => {}
        }
        leading.attend(&mut seat);
    }
    leading.dismiss();
    drop(leading);
    // The last words are written before the connections go.
    let _ = tokio::time::timeout(Duration::from_secs(1), tasks.join_all()).await;
    endpoint.close().await;
}

async fn next(decrees: &mut Option<mpsc::Receiver<Decree>>) -> Option<Decree> {
    match decrees {
        Some(decrees) => decrees.recv().await,
        None => std::future::pending().await,
    }
}

/// Speaks with a host until either side has had enough.
async fn converse(peer: Arc<Peer>, id: HostId, connection: u64, mut words: mpsc::Receiver<FromLead>, heard: mpsc::Sender<Heard>) {
    let write = async {
        while let Some(word) = words.recv().await {
            if let Err(error) = peer.send(&word).await {
                return format!("{error:#}");
            }
        }
        peer.close("dismissed").await;
        "it was dismissed".to_owned()
    };
    let read = async {
        loop {
            match peer.receive().await {
                Ok(word) => {
                    if heard.send((id, connection, Ok(word))).await.is_err() {
                        return "this host is ending".to_owned();
                    }
                }
                Err(error) => return format!("{error:#}"),
            }
        }
    };
    let reason = tokio::select! {
        reason = write => reason,
        reason = read => reason,
    };
    // Nobody hears it where this host is ending.
    let _ = heard.send((id, connection, Err(reason))).await;
}

/// A host that is connected, or was.
struct Host {
    /// What it calls itself; nothing before its first word.
    name: Option<String>,
    address: SocketAddr,
    /// Which of its connections is in use.
    connection: u64,
    words: mpsc::Sender<FromLead>,
    is_connected: bool,
}

struct Leading {
    own: HostId,
    hosts: BTreeMap<HostId, Host>,
    gathering: Option<(usize, oneshot::Sender<()>)>,
    run: Option<Led>,
    connections: u64,
}

/// A run that is led.
struct Led {
    lead: Lead,
    assignment: Assignment,
    news: mpsc::UnboundedSender<News>,
    names: BTreeMap<HostId, String>,
    times_lost: BTreeMap<HostId, u64>,
    /// Those that told what cannot be.
    distrusted: BTreeSet<HostId>,
    since: Instant,
    has_begun: bool,
    is_closed: bool,
    takes_latecomers: bool,
}

impl Leading {
    fn connect(&mut self, peer: &Peer) -> (HostId, u64, mpsc::Receiver<FromLead>) {
        let (words, to_write) = mpsc::channel(WORDS_UNDER_WAY);
        self.connections += 1;
        let name = self.hosts.get(&peer.id()).and_then(|host| host.name.clone());
        let host = Host { name, address: peer.address(), connection: self.connections, words, is_connected: true };
        self.hosts.insert(peer.id(), host);
        (peer.id(), self.connections, to_write)
    }

    fn hear(&mut self, id: HostId, connection: u64, word: Result<FromHost, String>) {
        match word {
            Ok(word) => self.take(id, word),
            Err(reason) => {
                let Some(host) = self.hosts.get_mut(&id).filter(|host| host.connection == connection) else { return };
                host.is_connected = false;
                let name = host.name.clone().unwrap_or_else(|| id.to_string());
                let Some(run) = self.run.as_ref().filter(|run| run.names.contains_key(&id) && !run.is_closed) else { return };
                if run.has_begun {
                    tracing::warn!("host {name} is not connected any more: {reason}");
                } else {
                    run.tell(News::Refused(format!("host {name} went away while it prepared: {reason}")));
                }
            }
        }
    }

    /// Takes in what a host said, this one or another.
    fn take(&mut self, id: HostId, word: FromHost) {
        if let FromHost::Here { name } = &word {
            let mut name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
            let is_another_s = |host: (&HostId, &Host)| *host.0 != id && host.1.name.as_ref() == Some(&name);
            if name == super::node::own_name() || self.hosts.iter().any(is_another_s) {
                name = format!("{name}-{:04x}", id.0 >> 48);
            }
            if let Some(host) = self.hosts.get_mut(&id) {
                tracing::info!("host {name} is here, from {}", host.address);
                host.name = Some(name.clone());
                if let Some(run) = self.run.as_mut().filter(|run| !run.is_closed && !run.takes_latecomers) {
                    tracing::info!("host {name} is too late for {}, whose users are shared out", run.assignment.name);
                } else if let Some(run) = self.run.as_mut().filter(|run| !run.is_closed) {
                    run.names.insert(id, name);
                    run.lead.handle_joining(local_now(), id);
                    send(host, FromLead::Assignment(Box::new(run.assignment.clone())));
                }
            }
        }
        let Some(run) = self.run.as_mut().filter(|run| !run.distrusted.contains(&id)) else { return };
        match word {
            FromHost::Here { .. } => {}
            FromHost::Up(message) => run.hear(id, message),
            FromHost::Flowed(flowed) => run.flowed(id, flowed),
            FromHost::EndRequest(wish) => run.tell(News::EndRequest(wish.request())),
        }
    }

    fn begin(&mut self, commission: Commission) {
        let Commission { assignment, settings, news, takes_latecomers, hosts: commission_hosts, .. } = commission;
        let here = || self.hosts.iter().filter(|(_, host)| host.is_connected);
        let named = here().filter_map(|(id, host)| Some((*id, host.name.clone()?)));
        let names: BTreeMap<HostId, String> = named.chain([(self.own, super::node::own_name())]).collect();
        let ids: Vec<HostId> = names.keys().copied().collect();
        if ids.len() < commission_hosts {
            let _ = news.send(News::Refused(format!(
                "{} of {commission_hosts} hosts are there: others have gone while the run was prepared",
                ids.len()
            )));
        }
        let lead = Lead::new(settings, &ids, local_now());
        for (_, host) in here().filter(|(id, _)| names.contains_key(id)) {
            send(host, FromLead::Assignment(Box::new(assignment.clone())));
        }
        self.run = Some(Led {
            lead,
            assignment,
            news,
            names,
            times_lost: BTreeMap::new(),
            distrusted: BTreeSet::new(),
            since: Instant::now(),
            has_begun: false,
            is_closed: false,
            takes_latecomers,
        });
    }

    fn obey(&mut self, decree: Decree) {
        let Some(run) = &mut self.run else { return };
        match decree {
            Decree::Follow(course, restart) => run.lead.follow(local_now(), course, restart),
            Decree::Pause(paused) => run.lead.pause(paused),
            Decree::MeasureFrom(from) => run.lead.measure_from(from),
            Decree::End(why) => run.lead.end(why),
        }
    }

    /// The run is of no interest any more: hosts are free for another.
    fn dismiss(&mut self) {
        if let Some(run) = self.run.take() {
            for (_, host) in self.hosts.iter().filter(|(id, _)| run.names.contains_key(id)) {
                send(host, FromLead::Dismissed);
            }
        }
    }

    /// Does all that is due, for hosts and for its own workers.
    fn attend(&mut self, seat: &mut Option<Seat>) {
        let here = 1 + self.hosts.values().filter(|host| host.is_connected && host.name.is_some()).count();
        if let Some((_, there)) = self.gathering.take_if(|(wanted, _)| here >= *wanted) {
            // Nobody waits for it any more if the command was given up.
            let _ = there.send(());
        }
        loop {
            let mut is_idle = true;
            while let Some(word) = seat.as_mut().and_then(Seat::poll) {
                is_idle = false;
                self.take(self.own, word);
            }
            let Some(run) = &mut self.run else { return };
            let now = local_now();
            if now >= run.lead.poll_timeout() {
                run.lead.handle_time(now);
            }
            while let Some((to, message)) = run.lead.poll_send() {
                is_idle = false;
                if to == self.own {
                    if let Some(seat) = seat {
                        seat.hear(message);
                    }
                } else if let Some(host) = self.hosts.get(&to).filter(|host| host.is_connected) {
                    send(host, FromLead::Down(message));
                }
            }
            while let Some(event) = run.lead.poll_event() {
                is_idle = false;
                run.report(event);
            }
            run.look_whether_ready();
            if let Some(seat) = seat.as_ref().filter(|_| run.is_closed) {
                seat.dismiss();
            }
            if is_idle {
                return;
            }
        }
    }

    fn idle(&self, seat: Option<&Seat>) -> Duration {
        let of_seat = seat.map(Seat::idle);
        let of_run = self.run.as_ref().map(|run| run.lead.poll_timeout().since(local_now()));
        of_seat.into_iter().chain(of_run).min().unwrap_or(Duration::from_secs(3_600))
    }
}

/// What does not fit is lost, as on a network: hosts ask again.
fn send(host: &Host, word: FromLead) {
    let _ = host.words.try_send(word);
}

impl Led {
    fn tell(&self, news: News) {
        // A run of which nobody wants to know any more is dismissed soon.
        let _ = self.news.send(news);
    }

    fn hear(&mut self, id: HostId, message: Up) {
        self.lead.handle_message(local_now(), id, message);
    }

    fn flowed(&self, id: HostId, flowed: Flowed) {
        if self.lead.is_present(id) {
            self.tell(News::Flowed(flowed));
        }
    }

    fn name(&self, id: HostId) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    fn report(&mut self, event: Event) {
        match event {
            Event::Ready => {
                let began = self.lead.begin(local_now());
                self.has_begun = true;
                self.tell(News::Began(instant_at(began)));
                self.tell_present();
            }
            Event::Refused(id, reason) => {
                let name = self.name(id);
                if self.has_begun {
                    tracing::warn!("host {name} cannot take part: {reason}");
                } else {
                    self.tell(News::Refused(format!("host {name} cannot take part: {reason}")));
                }
            }
            Event::Merge(id, delta) => match postcard::from_bytes::<HostCounts>(&delta.counted) {
                Ok(counts) => self.tell(News::Counted(id, Box::new(counts))),
                Err(error) => {
                    tracing::error!(target: "audit", "host {} told results that cannot be ({error}): nothing more is taken from it", self.name(id));
                    self.distrusted.insert(id);
                }
            },
            Event::Lost(id) => {
                *self.times_lost.entry(id).or_default() += 1;
                tracing::warn!("host {} is lost: its share moves to the others", self.name(id));
                self.tell_present();
            }
            Event::Back(id) => {
                tracing::info!("host {} is back", self.name(id));
                self.tell_present();
            }
            Event::Joined(id) => {
                tracing::info!("host {} takes part from now on", self.name(id));
                self.tell_present();
            }
            Event::Relieved(id) => {
                tracing::warn!("host {} cannot bear its share: a fifth of it goes to the others", self.name(id));
            }
            Event::Over => {
                self.is_closed = true;
                let fates = self.names.keys().filter(|&&id| self.lead.took_part(id)).map(|&id| self.fate(id)).collect();
                self.tell(News::Over(fates));
            }
        }
    }

    fn fate(&self, id: HostId) -> HostFate {
        let is_distrusted = self.distrusted.contains(&id);
        // What it did in truth, nobody knows.
        let unknown = if is_distrusted { Unknown { least: 0, most: None } } else { self.lead.unknown(id) };
        HostFate {
            id,
            name: self.name(id),
            share: self.lead.share(id),
            times_lost: self.times_lost.get(&id).copied().unwrap_or(0),
            unknown,
            is_complete: self.lead.is_complete(id) && !is_distrusted,
        }
    }

    fn tell_present(&self) {
        self.tell(News::Present(self.names.keys().filter(|id| self.lead.is_present(**id)).count()));
    }

    /// Refuses the run if hosts take too long.
    fn look_whether_ready(&mut self) {
        if !self.has_begun && self.since.elapsed() >= PREPARING {
            self.since = Instant::now();
            self.tell(News::Refused(format!("not all hosts were ready after {} s", PREPARING.as_secs())));
        }
    }
}
