//! The thread of a host that leads: others join it, runs are shared out among those that are free,
//! and what is wanted of the cluster is passed on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use swell_cluster::{Endpoint, HostId, Peer};
use swell_core::plain::line;
use swell_protocol::clock::LocalInstant;
use swell_protocol::lead::Settings;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use super::run::Led;
use crate::cluster::alarm::Alarm;
use crate::cluster::link::{hear, say};
use crate::cluster::member_bridge::{Seat, said};
use crate::cluster::message::{Assignment, FromHost, FromLead, Role, RunNumber, Wanted};
use crate::cluster::requests::{Answered, Inquiry, What};
use crate::cluster::this_host::own_name;
use crate::driver::{Decree, MemberLine, News};
use crate::machine::local_now;

/// What waits to be written to one host: orders and answers of some seconds. Beyond that the host
/// is too slow to be spoken with, and asks again.
const WORDS_UNDER_WAY: usize = 64;
/// Pieces of answers that wait behind what is said of runs.
const PIECES_UNDER_WAY: usize = 2;
/// Words of hosts that wait to be heard; hosts wait when there are more.
const WORDS_HEARD: usize = 1_024;
/// Decrees of all runs that wait to be obeyed: they are a few a second.
const DECREES_HEARD: usize = 64;
/// What one member may want at a time.
const MOST_WANTED: usize = 16;
/// Characters of a host's name that are kept.
const LONGEST_NAME: usize = 64;

/// What the control thread asks for.
pub(super) enum Request {
    /// To say when so many hosts are there, this one included.
    Gather(usize, oneshot::Sender<()>),
    /// To lead a run.
    Lead(Box<Commission>),
    /// To end.
    Close,
}

/// A run to lead, and the lines to it.
pub(super) struct Commission {
    pub(super) assignment: Assignment,
    pub(super) settings: Settings,
    pub(super) news: mpsc::UnboundedSender<News>,
    pub(super) decrees: mpsc::Receiver<Decree>,
    /// For this host's own part; dropped where it has none.
    pub(super) seat: oneshot::Sender<MemberLine>,
    /// Users, where their number is exact: they are shared out at the beginning, and nobody joins
    /// later.
    pub(super) exact_users: Option<u32>,
    /// How many hosts are to share it; without it all that are free, and those that come while it
    /// goes on.
    pub(super) hosts: Option<usize>,
    /// With fewer it does not begin.
    pub(super) least_hosts: usize,
}

/// What comes from a connection: a word, or that it is gone.
type Heard = (HostId, u64, Result<FromHost, String>);

/// Serves until nobody asks for anything any more. `weight` is how much this host bears itself.
pub(super) async fn serve(
    endpoint: Endpoint,
    mut requests: mpsc::Receiver<Request>,
    inquiries: mpsc::Sender<Inquiry>,
    weight: f64,
) {
    let (heard, mut hears) = mpsc::channel(WORDS_HEARD);
    let (decree, mut decrees) = mpsc::channel(DECREES_HEARD);
    let mut leading = Leading {
        own: endpoint.id(),
        weight,
        seat: None,
        members: BTreeMap::new(),
        gathering: None,
        runs: BTreeMap::new(),
        numbers: 0,
        connections: 0,
        inquiries,
    };
    let (mut tasks, mut alarm) = (JoinSet::new(), Alarm::new());
    loop {
        let due = leading.due();
        tokio::select! {
            peer = endpoint.accept() => {
                let Some(peer) = peer else { break };
                let peer = Arc::new(peer);
                let (connection, words, answers) = leading.connect(&peer);
                tasks.spawn(converse(peer, connection, (words, answers), heard.clone()));
                while tasks.try_join_next().is_some() {}
            }
            Some((id, connection, word)) = hears.recv() => {
                leading.hear(id, connection, word);
                // What came in the same packet.
                while let Ok((id, connection, word)) = hears.try_recv() {
                    leading.hear(id, connection, word);
                }
            }
            request = requests.recv() => match request {
                None | Some(Request::Close) => break,
                Some(Request::Gather(hosts, there)) => leading.gathering = Some((hosts, there)),
                Some(Request::Lead(commission)) => leading.begin(*commission, &decree),
            },
            Some((run, word)) = decrees.recv() => leading.obey(run, word),
            said = said(&mut leading.seat) => {
                if let Some(word) = leading.seat.as_mut().and_then(|seat| seat.take(said)) {
                    leading.take_from_own(word);
                }
            }
            () = alarm.until(due) => {}
        }
        leading.attend();
    }
    leading.dismiss_all();
    drop(leading);
    // The last words are written before the connections go.
    let _ = tokio::time::timeout(Duration::from_secs(1), tasks.join_all()).await;
    endpoint.close().await;
}

/// Speaks with a member until either side has had enough.
async fn converse(
    peer: Arc<Peer>,
    connection: u64,
    (mut words, mut answers): (mpsc::Receiver<FromLead>, mpsc::Receiver<FromLead>),
    heard: mpsc::Sender<Heard>,
) {
    let write = async {
        // A lease is not to wait behind a long answer.
        while let Some(word) = tokio::select! {
            biased;
            word = words.recv() => word,
            Some(piece) = answers.recv() => Some(piece),
        } {
            if let Err(error) = say(&peer, &word, word.is_passing()).await {
                // It is to dial anew, and hear all again.
                let reason = format!("{error:#}");
                peer.reject(&reason);
                return reason;
            }
        }
        peer.close("dismissed").await;
        "it was dismissed".to_owned()
    };
    let read = async {
        loop {
            match hear(&peer).await {
                Ok(word) => {
                    if heard.send((peer.id(), connection, Ok(word))).await.is_err() {
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
    let _ = heard.send((peer.id(), connection, Err(reason))).await;
}

/// Passes a run's decrees on; at their end, that whoever led it has no interest in it any more.
async fn forward(
    run: RunNumber,
    mut decrees: mpsc::Receiver<Decree>,
    all: mpsc::Sender<(RunNumber, Option<Decree>)>,
) {
    loop {
        let word = decrees.recv().await;
        let is_last = word.is_none();
        if all.send((run, word)).await.is_err() || is_last {
            return;
        }
    }
}

/// Has something that is wanted of the cluster done, and answers.
async fn inquire(
    peer: Arc<Peer>,
    number: u64,
    wanted: Wanted,
    inquiries: mpsc::Sender<Inquiry>,
    answers: mpsc::Sender<FromLead>,
) {
    let (reply, replied) = oneshot::channel();
    let what = match wanted {
        Wanted::Call(call) => Ok(What::Call(call)),
        Wanted::Run(run) => match run.parcel.fetch(&peer).await {
            Ok(unpacked) => Ok(What::Run(unpacked, run.hosts, run.search)),
            Err(error) => Err(Answered::error(422, &format!("{error:#}"))),
        },
    };
    drop(peer);
    let answered = match what {
        Ok(what) => {
            // Where nobody listens, there is no reply either.
            let _ = inquiries.send(Inquiry { what, reply }).await;
            replied.await.unwrap_or_else(|_| Answered::error(503, "the coordinator is ending"))
        }
        Err(refused) => refused,
    };
    for piece in answered.pieces(number) {
        if answers.send(piece).await.is_err() {
            return;
        }
    }
}

/// Who is connected, or takes part in a run and was.
struct Member {
    /// What it calls itself; nothing before its first word.
    name: Option<String>,
    role: Role,
    peer: Arc<Peer>,
    address: SocketAddr,
    /// Which of its connections is in use.
    connection: u64,
    words: mpsc::Sender<FromLead>,
    /// Pieces of answers, which wait behind words.
    answers: mpsc::Sender<FromLead>,
    is_connected: bool,
    /// The run that it takes part in.
    at: Option<RunNumber>,
    /// What it wants and may not have been answered, oldest first.
    wanted: VecDeque<(u64, AbortHandle)>,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.wanted.iter().for_each(|(_, asked)| asked.abort());
    }
}

impl Member {
    /// Whether it is a host that could take part in a run.
    const fn is_host(&self) -> bool {
        self.is_connected && self.name.is_some() && matches!(self.role, Role::Host(_))
    }

    /// What does not fit is lost, as on a network: hosts ask again.
    fn send(&self, word: FromLead) {
        if self.is_connected {
            let _ = self.words.try_send(word);
        }
    }

    /// The same of what nobody asks for again: with the next connection all is said anew.
    fn send_surely(&self, word: FromLead) {
        if self.is_connected && self.words.try_send(word).is_err() {
            self.peer.reject("what is said to this host is not read");
        }
    }
}

struct Leading {
    own: HostId,
    weight: f64,
    /// This host's own part in a run.
    seat: Option<Seat>,
    members: BTreeMap<HostId, Member>,
    gathering: Option<(usize, oneshot::Sender<()>)>,
    runs: BTreeMap<RunNumber, Led>,
    numbers: u64,
    connections: u64,
    inquiries: mpsc::Sender<Inquiry>,
}

impl Leading {
    fn connect(
        &mut self,
        peer: &Arc<Peer>,
    ) -> (u64, mpsc::Receiver<FromLead>, mpsc::Receiver<FromLead>) {
        let (words, to_write) = mpsc::channel(WORDS_UNDER_WAY);
        let (answers, to_answer) = mpsc::channel(PIECES_UNDER_WAY);
        self.connections += 1;
        let (name, at) = self
            .members
            .get(&peer.id())
            .map_or((None, None), |member| (member.name.clone(), member.at));
        let member = Member {
            name,
            role: Role::Client,
            peer: Arc::clone(peer),
            address: peer.address(),
            connection: self.connections,
            words,
            answers,
            is_connected: true,
            at,
            wanted: VecDeque::new(),
        };
        self.members.insert(peer.id(), member);
        (self.connections, to_write, to_answer)
    }

    fn hear(&mut self, id: HostId, connection: u64, word: Result<FromHost, String>) {
        match word {
            Ok(FromHost::Here { name, role }) => self.greet(id, &name, role),
            Ok(FromHost::OfRun(number, word)) => {
                if let Some(run) = self.runs.get_mut(&number) {
                    run.take(id, word);
                }
            }
            Ok(FromHost::Wanted(number, wanted)) => self.want(id, number, wanted),
            Err(reason) => self.disconnect(id, connection, &reason),
        }
    }

    fn disconnect(&mut self, id: HostId, connection: u64, reason: &str) {
        let Some(member) =
            self.members.get_mut(&id).filter(|member| member.connection == connection)
        else {
            return;
        };
        member.is_connected = false;
        member.wanted.drain(..).for_each(|(_, asked)| asked.abort());
        let name = member.name.clone().unwrap_or_else(|| id.to_string());
        match member.at.and_then(|number| self.runs.get(&number)) {
            Some(run) => run.disconnected(id, &name, reason),
            None => {
                if matches!(member.role, Role::Host(_)) {
                    tracing::info!("host {name} has gone");
                }
                self.members.remove(&id);
            }
        }
    }

    /// Takes in a member's first word: it goes on with its run, gets another, or waits for one.
    fn greet(&mut self, id: HostId, name: &str, role: Role) {
        let mut name: String = line(name).to_string().chars().take(LONGEST_NAME).collect();
        let is_another_s = |(other, member): (&HostId, &Member)| {
            *other != id && member.name.as_ref() == Some(&name)
        };
        if name == own_name() || self.members.iter().any(is_another_s) {
            name = format!("{name}-{:04x}", id.0 >> 48);
        }
        let Some(member) = self.members.get_mut(&id) else { return };
        member.role = role;
        member.name = Some(name.clone());
        let Role::Host(at) = role else { return };
        tracing::info!("host {name} is here, from {}", member.address);
        if let Some(number) = at.filter(|number| member.at != Some(*number)) {
            member.send_surely(FromLead::Dismissed(number));
        }
        if let Some(run) = member.at.and_then(|number| self.runs.get(&number)) {
            // It may not have come to it.
            member.send_surely(FromLead::Assignment(Box::new(run.assignment().clone())));
        } else if let Some(run) = self.runs.values_mut().find(|run| run.takes_latecomers()) {
            member.at = Some(run.number());
            member.send_surely(FromLead::Assignment(Box::new(run.assignment().clone())));
            run.join(id, name);
        } else if !self.runs.is_empty() {
            tracing::info!("host {name} waits: no run that goes on takes more hosts");
        }
    }

    /// Has what a member wants done.
    fn want(&mut self, id: HostId, number: u64, wanted: Wanted) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.wanted.retain(|(_, asked)| !asked.is_finished());
        // Whoever waits for the oldest has most likely given it up.
        if member.wanted.len() >= MOST_WANTED
            && let Some((oldest, asked)) = member.wanted.pop_front()
        {
            asked.abort();
            for piece in
                Answered::error(429, "too much was wanted at a time, and this was the oldest")
                    .pieces(oldest)
            {
                member.send(piece);
            }
        }
        let (peer, answers) = (Arc::clone(&member.peer), member.answers.clone());
        let asked = tokio::spawn(inquire(peer, number, wanted, self.inquiries.clone(), answers));
        member.wanted.push_back((number, asked.abort_handle()));
    }

    /// Begins a run on hosts that are free: as many as it wants, or all.
    fn begin(
        &mut self,
        commission: Commission,
        decree: &mpsc::Sender<(RunNumber, Option<Decree>)>,
    ) {
        self.numbers += 1;
        let number = RunNumber(self.numbers);
        let Commission {
            mut assignment,
            settings,
            news,
            decrees,
            seat,
            exact_users,
            hosts,
            least_hosts,
        } = commission;
        assignment.number = number;
        tokio::spawn(forward(number, decrees, decree.clone()));
        let own = (self.weight > 0.0 && self.seat.is_none()).then(|| (self.own, own_name()));
        let free =
            self.members.iter().filter(|(_, member)| member.is_host() && member.at.is_none());
        let free = free.filter_map(|(id, member)| Some((*id, member.name.clone()?)));
        let names: BTreeMap<HostId, String> =
            own.into_iter().chain(free).take(hosts.unwrap_or(usize::MAX)).collect();
        // One that leads alone is there, and takes no part.
        let there = names.len() + usize::from(self.weight == 0.0 && hosts.is_none());
        let users = exact_users.map_or(usize::MAX, |users| users as usize);
        let refusal = if there < least_hosts || names.is_empty() {
            Some(self.too_few(names.len(), least_hosts.max(1)))
        } else if users < names.len() {
            let hosts = names.len();
            let cure = "give at least as many users as hosts, or --max-vus in place of --vus";
            Some(format!("--vus {users} on {hosts} hosts: some would have no user\nhelp: {cure}"))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            let _ = news.send(News::Refused(refusal));
            return;
        }
        if names.contains_key(&self.own) {
            let (mut chair, line) = Seat::new(self.own, number);
            // Whoever waits for it has been given up otherwise.
            let _ = seat.send(line);
            chair.prepared(Ok(self.weight));
            self.seat = Some(chair);
        }
        for (id, member) in self.members.iter_mut().filter(|(id, _)| names.contains_key(id)) {
            debug_assert_ne!(*id, self.own, "no host is its own member");
            member.at = Some(number);
            member.send_surely(FromLead::Assignment(Box::new(assignment.clone())));
        }
        let most_hosts = exact_users.map_or(hosts.unwrap_or(usize::MAX), |_| 0);
        self.runs.insert(number, Led::new(assignment, settings, news, names, most_hosts));
    }

    /// Why a run cannot begin for want of hosts.
    fn too_few(&self, free: usize, least: usize) -> String {
        let of = |number: RunNumber| {
            self.runs.get(&number).map(|run| format!("{:?}", run.assignment().name))
        };
        let at = self
            .members
            .values()
            .filter_map(|member| member.at)
            .chain(self.seat.as_ref().map(Seat::run));
        let busy: BTreeSet<String> = at.filter_map(of).collect();
        let busy: Vec<String> = busy.into_iter().collect();
        let others = if busy.is_empty() {
            "no other is there".to_owned()
        } else {
            format!("others are at {}", busy.join(", "))
        };
        let cure = "have hosts join by `host node`, give a smaller --hosts, or wait for the end of \
        a run (`host runs` lists them)";
        format!("{free} of {least} hosts are free; {others}\nhelp: {cure}")
    }

    fn obey(&mut self, number: RunNumber, decree: Option<Decree>) {
        match decree {
            Some(decree) => {
                if let Some(run) = self.runs.get_mut(&number) {
                    run.obey(decree);
                }
            }
            None => self.dismiss(number),
        }
    }

    /// A run is of no interest any more: its hosts are free for another.
    fn dismiss(&mut self, number: RunNumber) {
        if self.runs.remove(&number).is_none() {
            return;
        }
        if let Some(seat) = self.seat.take_if(|seat| seat.run() == number) {
            seat.dismiss();
        }
        for member in self.members.values_mut().filter(|member| member.at == Some(number)) {
            member.at = None;
            member.send_surely(FromLead::Dismissed(number));
        }
        self.members.retain(|_, member| member.is_connected || member.at.is_some());
    }

    fn dismiss_all(&mut self) {
        let numbers: Vec<RunNumber> = self.runs.keys().copied().collect();
        numbers.into_iter().for_each(|number| self.dismiss(number));
    }

    fn take_from_own(&mut self, word: FromHost) {
        if let FromHost::OfRun(number, word) = word
            && let Some(run) = self.runs.get_mut(&number)
        {
            run.take(self.own, word);
        }
    }

    /// Does all that is due, for hosts and for its own workers.
    fn attend(&mut self) {
        let here = 1 + self.members.values().filter(|member| member.is_host()).count();
        if let Some((_, there)) = self.gathering.take_if(|(wanted, _)| here >= *wanted) {
            // Nobody waits for it any more if the command was given up.
            let _ = there.send(());
        }
        loop {
            let mut is_idle = true;
            while let Some(word) = self.seat.as_mut().and_then(Seat::poll) {
                is_idle = false;
                self.take_from_own(word);
            }
            for (number, run) in &mut self.runs {
                while let Some((to, message)) = run.poll(local_now()) {
                    is_idle = false;
                    if to != self.own {
                        if let Some(member) = self.members.get(&to) {
                            member.send(FromLead::Down(*number, message));
                        }
                    } else if let Some(seat) =
                        self.seat.as_mut().filter(|seat| seat.run() == *number)
                    {
                        seat.hear(message);
                    }
                }
                if let Some(seat) =
                    self.seat.as_ref().filter(|seat| seat.run() == *number && run.is_closed())
                {
                    seat.dismiss();
                }
            }
            if is_idle {
                return;
            }
        }
    }

    /// When something is to be done at the latest.
    fn due(&self) -> LocalInstant {
        let of_seat = self.seat.as_ref().map(Seat::due);
        of_seat
            .into_iter()
            .chain(self.runs.values().map(Led::due))
            .min()
            .unwrap_or(LocalInstant::NEVER)
    }
}
