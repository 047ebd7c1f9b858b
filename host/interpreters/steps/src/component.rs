//! The component of the interpreter of steps: it loads a request or a file of steps, and does what
//! they say through the host.
//!
//! It is built of the bindings of `wit/` alone. A URL by itself is three calls into the host for an
//! iteration and nothing else; what can be prepared is prepared in `load`.

#![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, reason = "generated code")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use swell_steps::{
    BODY, FeedPick, QuickRequest, REQUEST, StepAnswer, StepsFile, StepsFollower, StepsOf,
    StepsRequest, StepsWorld, Stopped, USERS, Variables, Wrong,
};

use self::exports::swell::scenario::lifecycle::{self, FileInfo, ScenarioInfo};
use self::exports::swell::scenario::script::{self, Fault, Loaded, Place, TestFile};
use self::swell::scenario::data::{self, Feed, Pick};
use self::swell::scenario::http::{self, Coding, Keep, Method, Request, StatusRange, Version};
use self::swell::scenario::http_prepared::PreparedRequest;
use self::swell::scenario::log::{self, Level};
use self::swell::scenario::transactions::{self, Kind, Outcome, Transaction};
use self::swell::scenario::{clock, context, random};

wit_bindgen::generate!({
    world: "interpreted",
    path: "../../../wit",
    ownership: Borrowing { duplicate_if_necessary: false },
});

struct Steps;

export!(Steps);

/// What was loaded. It lives as long as the instance, which is a user's.
enum LoadedSteps {
    Quick(LoadedRequest),
    Steps(&'static StepsFile, &'static BTreeMap<String, Vec<u8>>),
}

/// The request as it was loaded.
struct LoadedRequest {
    quick: QuickRequest,
    body: Vec<u8>,
    expect: Vec<StatusRange>,
    /// The number of each page's transaction, once it has one.
    kinds: Vec<Option<Kind>>,
    /// What the host has of each page's request, if they are few.
    prepared: Vec<PreparedRequest>,
}

/// The most pages whose requests are prepared: the host keeps each for each user.
const MAX_PREPARED: usize = 16;

/// Who follows the steps, and the host as it sees it.
type RunningUser = (StepsFollower<'static>, HostWorld);

thread_local! {
    static LOADED: RefCell<Option<LoadedSteps>> = const { RefCell::new(None) };
    static USER: RefCell<Option<RunningUser>> = const { RefCell::new(None) };
}

/// The largest body of an answer that is looked into: the most that the host gives.
const MOST: u32 = 16 << 20;

impl script::Guest for Steps {
    fn load(files: Vec<TestFile>) -> Result<Loaded, Fault> {
        let script = &files[0];
        let place = |line, column| Place { file: script.path.clone(), line, column };
        if script.path == REQUEST && !swell_steps::is_steps(REQUEST, &script.content) {
            return load_request(&files).map_err(|(message, line, column)| Fault {
                message,
                place: Some(place(line, column)),
            });
        }
        let read = swell_steps::read(&script.path, &script.content);
        let read = read.map_err(|Wrong { message, at }| Fault {
            message,
            place: Some(place(at.line, at.column)),
        })?;
        let has = |path: &&String| files[1..].iter().any(|file| file.path == **path);
        let needs: Vec<String> = read.files.iter().filter(|path| !has(path)).cloned().collect();
        if !needs.is_empty() {
            return Ok(Loaded::Needs(needs));
        }
        let scenarios = read.scenarios.iter().map(|scenario| ScenarioInfo {
            name: scenario.name.clone(),
            description: scenario.description.clone(),
            has_setup: scenario.has_setup(),
            has_start: scenario.has_start(),
            defaults: scenario.defaults(),
            hosts: scenario.hosts.clone(),
        });
        let file_info = FileInfo { scenarios: scenarios.collect(), has_conduct: false };
        let others = files.into_iter().skip(1).map(|file| (file.path, file.content)).collect();
        let (read, others) = (Box::leak(Box::new(read)), Box::leak(Box::new(others)));
        LOADED.set(Some(LoadedSteps::Steps(read, others)));
        Ok(Loaded::Ready(file_info))
    }
}

fn load_request(files: &[TestFile]) -> Result<Loaded, (String, u32, u32)> {
    let quick = QuickRequest::read(&files[0].content)?;
    let body = files.iter().find(|file| file.path == BODY);
    if quick.has_body && body.is_none() {
        return Ok(Loaded::Needs(vec![BODY.to_owned()]));
    }
    let scenario = ScenarioInfo {
        name: quick.name.clone(),
        description: match &quick.pages[..] {
            [page] => format!("{} {}", quick.method, page.url),
            pages => format!("{} of {} URLs in turn", quick.method, pages.len()),
        },
        has_setup: false,
        has_start: false,
        defaults: vec![("vus".to_owned(), USERS.to_string())],
        hosts: quick.hosts.clone(),
    };
    LOADED.set(Some(LoadedSteps::Quick(LoadedRequest {
        expect: ranges(&quick.expect),
        body: body.map(|body| body.content.clone()).unwrap_or_default(),
        kinds: vec![None; quick.pages.len()],
        prepared: Vec::new(),
        quick,
    })));
    Ok(Loaded::Ready(FileInfo { scenarios: vec![scenario], has_conduct: false }))
}

fn ranges(expect: &[(u16, u16)]) -> Vec<StatusRange> {
    expect.iter().map(|&(first, last)| StatusRange { first, last }).collect()
}

impl lifecycle::Guest for Steps {
    fn describe() -> FileInfo {
        FileInfo { scenarios: Vec::new(), has_conduct: false }
    }

    fn conduct() -> Result<(), String> {
        Err("steps conduct nothing".to_owned())
    }

    fn setup(scenario: u32) -> Result<Vec<u8>, String> {
        let Some((mut follower, mut world)) = follower(scenario, Variables::new())? else {
            return Ok(Vec::new());
        };
        ended(follower.follow(StepsOf::Setup, &mut world))?;
        serde_json::to_vec(follower.variables()).map_err(|error| error.to_string())
    }

    fn teardown(scenario: u32, data: Vec<u8>) -> Result<(), String> {
        match follower(scenario, of_setup(&data)?)? {
            Some((mut follower, mut world)) => {
                ended(follower.follow(StepsOf::Teardown, &mut world))
            }
            None => Ok(()),
        }
    }

    fn start(scenario: u32, data: Vec<u8>) -> Result<(), String> {
        let Some((mut follower, mut world)) = follower(scenario, of_setup(&data)?)? else {
            return Ok(());
        };
        ended(follower.follow(StepsOf::Start, &mut world))?;
        USER.set(Some((follower, world)));
        Ok(())
    }

    fn stop(_: u32) {
        USER.with_borrow_mut(|user| {
            if let Some((follower, world)) = user
                && let Err(Stopped::Failed(why)) = follower.follow(StepsOf::Stop, world)
            {
                log::write(Level::Warn, &format!("stop: {why}"));
            }
        });
    }

    fn run(_: u32) -> Result<(), String> {
        let is_quick = LOADED.with_borrow_mut(|loaded| match loaded {
            Some(LoadedSteps::Quick(request)) => {
                request.send();
                true
            }
            _ => false,
        });
        if is_quick {
            return Ok(());
        }
        USER.with_borrow_mut(|user| {
            let Some((follower, world)) = user else { return Ok(()) };
            let done = follower.follow(StepsOf::Iteration, world);
            // A feed whose rows are over has ended the run, and nothing failed.
            if world.ran_out { Ok(()) } else { ended(done) }
        })
    }
}

/// A follower of a scenario's steps; none where a request was loaded.
fn follower(scenario: u32, of_setup: Variables) -> Result<Option<RunningUser>, String> {
    let loaded = LOADED.with_borrow(|loaded| match loaded {
        Some(LoadedSteps::Steps(file, files)) => Some((*file, *files)),
        _ => None,
    });
    let Some((file, files)) = loaded else { return Ok(None) };
    let mut world = HostWorld::default();
    let scenario = &file.scenarios[scenario as usize];
    let follower = StepsFollower::new(scenario, files, of_setup, &mut world)?;
    Ok(Some((follower, world)))
}

fn of_setup(data: &[u8]) -> Result<Variables, String> {
    if data.is_empty() {
        return Ok(Variables::new());
    }
    serde_json::from_slice(data).map_err(|error| error.to_string())
}

fn ended(done: Result<(), Stopped>) -> Result<(), String> {
    match done {
        Ok(()) | Err(Stopped::RunOver) => Ok(()),
        Err(Stopped::Failed(why) | Stopped::UserEnds(why)) => Err(why),
    }
}

/// The host, as steps see it.
#[derive(Default)]
struct HostWorld {
    kinds: BTreeMap<String, Kind>,
    feeds: BTreeMap<String, Feed>,
    open: Option<Transaction>,
    /// Whether a feed has no more rows.
    ran_out: bool,
}

impl StepsWorld for HostWorld {
    fn begin(&mut self, name: &str) -> bool {
        let kind = match self.kinds.get(name) {
            Some(kind) => *kind,
            None => {
                let kind = transactions::define(name);
                self.kinds.insert(name.to_owned(), kind);
                kind
            }
        };
        self.open = transactions::begin(kind).ok();
        self.open.is_some()
    }

    fn finish(&mut self, failure: Option<&str>) {
        if let Some(open) = self.open.take() {
            Transaction::finish(open, failure.map_or(Outcome::Ok, Outcome::Failed));
        }
    }

    fn send(&mut self, request: &StepsRequest<'_>) -> Result<StepAnswer, Stopped> {
        let expect = ranges(request.expect);
        answer(http::send(as_sent(request, &expect)))
    }

    fn send_all(&mut self, requests: &[StepsRequest<'_>]) -> Vec<Result<StepAnswer, Stopped>> {
        let expect: Vec<_> = requests.iter().map(|request| ranges(request.expect)).collect();
        let sent = requests.iter().zip(&expect).map(|(request, expect)| as_sent(request, expect));
        let sent: Vec<Request<'_>> = sent.collect();
        http::send_all(&sent).into_iter().map(answer).collect()
    }

    fn compress(&mut self, body: &[u8], coding: &str) -> Vec<u8> {
        let coding = match coding {
            "gzip" => Coding::Gzip,
            "deflate" => Coding::Deflate,
            "br" => Coding::Br,
            _ => Coding::Zstd,
        };
        http::compress(body, coding)
    }

    fn wait(&mut self, time: Duration) {
        clock::sleep(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    fn stop_user(&mut self, reason: &str) {
        context::stop_user(reason);
    }

    fn warn(&mut self, line: &str) {
        log::write(Level::Warn, line);
    }

    fn row(&mut self, feed: &str, pick: FeedPick) -> Result<Vec<(String, String)>, String> {
        let number = match self.feeds.get(feed) {
            Some(number) => *number,
            None => {
                let number = data::open(feed)?;
                self.feeds.insert(feed.to_owned(), number);
                number
            }
        };
        let pick = match pick {
            FeedPick::Sequential => Pick::Sequential,
            FeedPick::Random => Pick::Random,
            FeedPick::Unique => Pick::Unique,
            FeedPick::User => Pick::User,
        };
        data::next(number, pick).ok_or_else(|| {
            self.ran_out = true;
            format!("{feed} has no more rows")
        })
    }

    fn given(&mut self, name: &str) -> Option<String> {
        context::variable(name)
    }

    fn user(&mut self) -> u64 {
        context::user()
    }

    fn iteration(&mut self) -> u64 {
        context::iteration()
    }

    fn random(&mut self) -> u64 {
        random::next()
    }

    fn unix_ms(&mut self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

fn as_sent<'a>(request: &'a StepsRequest<'_>, expect: &'a [StatusRange]) -> Request<'a> {
    Request {
        method: method(request.method),
        url: &request.url,
        headers: &request.headers,
        body: &request.body,
        keep: if request.wants.body { Keep::Body(MOST) } else { Keep::Discard },
        keep_headers: request.wants.headers,
        redirects: request.redirects,
        decompress: false,
        version: Version::Automatic,
        expect,
        timeout: request.timeout.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(0)),
    }
}

fn answer(sent: Result<http::Response, http::Error>) -> Result<StepAnswer, Stopped> {
    let http::Response { status, headers, body, phases, .. } = sent.map_err(stopped)?;
    let http::Phases { blocked, connecting, tls, sending, waiting, receiving } = phases;
    Ok(StepAnswer {
        status,
        headers: headers.unwrap_or_default(),
        body: body.unwrap_or_default(),
        took: Duration::from_nanos(blocked + connecting + tls + sending + waiting + receiving),
    })
}

fn stopped(error: http::Error) -> Stopped {
    Stopped::Failed(match error {
        http::Error::RunOver => return Stopped::RunOver,
        http::Error::Dns(why)
        | http::Error::Connect(why)
        | http::Error::Tls(why)
        | http::Error::Reset(why)
        | http::Error::Protocol(why)
        | http::Error::TooLarge(why)
        | http::Error::Denied(why)
        | http::Error::LocalPorts(why)
        | http::Error::LocalFiles(why)
        | http::Error::Invalid(why) => why,
        http::Error::Timeout(phase) => format!("timeout while {phase:?}").to_lowercase(),
    })
}

fn method(method: &str) -> Method<'_> {
    match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "PATCH" => Method::Patch,
        "OPTIONS" => Method::Options,
        other => Method::Other(other),
    }
}

impl LoadedRequest {
    /// One iteration: a transaction with its request.
    fn send(&mut self) {
        let place = match self.quick.pages.len() {
            1 => 0,
            // In turn over all users, and the same again where an iteration is repeated.
            pages => (context::iteration() % pages as u64) as usize,
        };
        let define = || transactions::define(&self.quick.pages[place].name);
        let kind = *self.kinds[place].get_or_insert_with(define);
        if let Ok(open) = transactions::begin(kind) {
            // Why it failed is counted by the host.
            let outcome = if self.is_answered(place) { Outcome::Ok } else { Outcome::Failed("") };
            Transaction::finish(open, outcome);
        }
    }

    /// Sends the request of a page.
    fn is_answered(&mut self, place: usize) -> bool {
        if self.quick.pages.len() > MAX_PREPARED {
            return http::send(Request { body: &self.body, ..self.request(place) }).is_ok();
        }
        if self.prepared.is_empty() {
            let prepare = |place| PreparedRequest::prepare(self.request(place));
            self.prepared = (0..self.quick.pages.len()).map(prepare).collect();
        }
        let body = (!self.body.is_empty()).then_some(&self.body[..]);
        self.prepared[place].send(body).is_ok()
    }

    /// The request of a page, without its body.
    fn request(&self, place: usize) -> Request<'_> {
        Request {
            method: method(&self.quick.method),
            url: &self.quick.pages[place].url,
            headers: &self.quick.headers,
            body: &[],
            keep: Keep::Discard,
            keep_headers: false,
            redirects: self.quick.redirects,
            decompress: false,
            version: Version::Automatic,
            expect: &self.expect,
            timeout: 0,
        }
    }
}
