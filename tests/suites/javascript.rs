//! Scripts in JavaScript as k6 has them, run by the interpreter that Swell brings.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::Duration;

use swell_tests::{Finished, Host, Target, TargetSettings, guest, private_memory, wait_until};
use tempfile::TempDir;

/// A folder for scripts, and a service.
struct Desk {
    folder: TempDir,
    target: Target,
}

impl Desk {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        Self {
            folder,
            target: Target::start(TargetSettings::default()).expect("loopback has a free port"),
        }
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("it can be made");
        std::fs::write(&path, content).expect("the temporary folder can be written");
        path
    }

    fn run(&self, script: impl AsRef<[u8]>, args: &str) -> Finished {
        let script = self.write("shop.js", script);
        let host = Host::run_file(&script).arg("--interpreter").arg(guest("javascript"));
        host.target(self.target.url()).args(args).finish()
    }

    /// Refuses a script with all of these words; nothing is sent.
    #[track_caller]
    fn expect_refusal(&self, script: &str, words: &[&str]) {
        let refused = self.run(script, "").expect_code(104);
        for word in words {
            assert!(refused.stderr.contains(word), "no {word:?} in: {}", refused.stderr);
        }
        assert_eq!(self.target.seen().connections, 0);
    }
}

#[test]
fn a_script_as_k6_has_it_runs_with_what_it_imports_and_opens() {
    let desk = Desk::new();
    desk.write("users.json", r#"{"users": ["ann", "bob"]}"#);
    desk.write(
        "lib/cart.js",
        "import http from 'k6/http';\nexport const buy = () => http.post('/echo', { item: 'tea' }, \
         { tags: { name: 'buy' } });\n",
    );
    let script = "
import http, { url } from 'k6/http';
import { check, group, sleep } from 'k6';
import { buy } from './lib/cart.js';

const users = JSON.parse(open('./users.json')).users;
const page = __ENV.PAGE || '/none';

export const options = { vus: 2, iterations: 10, thresholds: { checks: ['rate>0.9'] } };

export function setup() {
  return { status: http.get('/style.css').status, users };
}

export default function (data) {
  const answer = http.get(page);
  check(answer, {
    'it is there': (r) => r.status === 200 && r.error === '' && r.timings.duration > 0,
    'the setup has spoken': () => data.status === 200 && data.users[1] === 'bob',
  });
  group('cart', () => { buy(); http.get(url`/items/${__ITER % 3 + 1}`); });
  const all = http.batch(['/app.js', ['POST', '/echo', 'x']]);
  check(all, { 'all came': (r) => r.length === 2 && r[1].status === 200 });
  sleep(0.001);
}

export function teardown(data) {
  http.get(data.users[0] === 'ann' ? '/logo.png' : '/none');
}
";
    let done = desk.run(script, "-e PAGE=/ok").expect_done().expect_whole_counts();
    let seen = desk.target.seen();
    for (path, times) in
        [("/style.css", 1), ("/ok", 10), ("/echo", 20), ("/app.js", 10), ("/logo.png", 1)]
    {
        assert_eq!(seen.path(path), times, "{path}");
    }
    for name in ["GET ~1ok", "cart: buy", "cart: GET ~1items~1${}", "batch"] {
        assert_eq!(done.count(&format!("/measured/by_name/{name}/ok")), 10, "{name}");
    }
    for check in ["it is there", "the setup has spoken", "all came"] {
        assert!(done.stdout.contains(&format!("ok     {check}: 10 of 10")), "{}", done.stdout);
    }
    assert!(done.stdout.contains("checks > 90%"), "{}", done.stdout);
}

#[test]
fn what_is_wrong_with_a_script_is_shown_with_its_line_before_anything_is_sent() {
    let desk = Desk::new();
    let end = "export default function () {}\n";
    for (script, words) in [
        ("let a = 1;\nlet b = ;\n", ["line 2, column 9", "SyntaxError"]),
        ("const a = 1;\nnobody();\n", ["line 2, column 1", "nobody is not defined"]),
        ("const a = 'ä日😀'; nobody();\n", ["line 1, column 18", "nobody is not defined"]),
        ("const a = 'ä日😀'; let b = ;\n", ["line 1, column 26", "SyntaxError"]),
        ("/* ä */ import b from 'k6/browser';\n", ["line 1, column 23", "no module"]),
        ("import b from 'k6/browser';\n", ["line 1, column 15", "no module \"k6/browser\""]),
        ("\nimport { a } from 'https://a.test/a.js';\n", ["line 2, column 19", "is not fetched"]),
        ("import { gett } from 'k6/http';\n", ["line 1, column 22", "'gett'"]),
        ("import { a } from './none.js';\n", ["\"none.js\"", "No such file"]),
        ("const a = open('./none.csv');\n", ["\"none.csv\"", "No such file"]),
        ("const again = (n) => again(n + 1) + 1;\nagain(0);\n", ["line 1", "RangeError"]),
        ("while (true) {}\n", ["computed for", "--guest-cpu"]),
        ("import http from 'k6/http';\nhttp.get('/');\n", ["line 2", "top level"]),
        (
            "export const options = { hosts: { 'a.test': '1.2.3.4' } };\n",
            ["options.hosts", "--allow-host"],
        ),
        ("export const options = { duration: 'long' };\n", ["\"long\"", "30s"]),
        ("export const options = { thresholds: { sold: ['count>1'] } };\n", ["\"sold\"", "checks"]),
        ("export const options = { thresholds: { checks: ['p(95)<1'] } };\n", ["has no", "rate"]),
        ("export const options = { thresholds: { checks: ['rate'] } };\n", ["checks", "p(95)<200"]),
    ] {
        desk.expect_refusal(&format!("{script}{end}"), &words);
    }
    desk.expect_refusal("export function shop() {}\n", &["export default function"]);
    desk.write("lib/cart.js", "export const a = 1;\noops();\n");
    let words = ["lib/cart.js, line 2, column 1", "oops is not defined", "2 | oops();"];
    desk.expect_refusal(&format!("import {{ a }} from './lib/cart.js';\n{end}"), &words);
}

#[test]
fn an_error_in_an_iteration_has_its_line_and_the_user_goes_on() {
    let desk = Desk::new();
    for (body, words) in [
        ("throw new TypeError('no cart');", "TypeError: no cart (shop.js:4:"),
        ("const again = (n) => again(n + 1) + 1;\n  again(0);", "RangeError"),
        ("throw { code: 3 };", "thrown: {\"code\":3}"),
        ("return new Promise(() => {});", "a promise that nothing settles"),
        ("return Promise.reject(new Error('late'));", "late (shop.js:4:"),
    ] {
        let script = format!(
            "import http from 'k6/http';\nexport default function () {{\n  http.get('/');\n  \
             {body}\n}}\n"
        );
        let done = desk.run(script, "--vus 1 --iterations 3").expect_done();
        assert!(done.stdout.contains(words), "no {words:?} in {}", done.stdout);
        assert_eq!(done.count("/users/trapped"), 0, "{body}");
        assert_eq!(done.count("/measured/by_name/GET ~1/ok"), 3, "{body}");
    }
}

#[test]
fn requests_are_sent_as_k6_sends_them_and_answers_have_what_k6s_have() {
    let desk = Desk::new();
    let script = "
import http from 'k6/http';
const is = (found, wanted) => {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(JSON.stringify(found));
};
export default function () {
  const form = http.put('/echo', { a: 'b c', list: ['1', '&'] });
  is(form.json('body'), 'a=b+c&list=1&list=%26');
  is(form.headers['Content-Type'], 'application/json');
  is(form.request.method, 'PUT');
  is(JSON.parse(JSON.stringify(form)).status, 200);
  let why = '';
  try { form.tls_version; } catch (error) { why = error.message; }
  is(why, 'tls_version of a response is not there');
  const file = http.file('<ü>', 'x.txt', 'text/plain');
  const parts = http.post('/echo', { file, n: 1 }).json('body');
  is(parts.includes('filename=\"x.txt\"\\r\\nContent-Type: text/plain\\r\\n\\r\\n<ü>'), true);
  const bytes = new TextEncoder().encode('ä€');
  is(http.request('patch', '/echo', bytes).json('body'), 'ä€');
  is(new TextDecoder().decode(bytes), 'ä€');
  is(http.get('/items').json('#') > 1, true);
  is(http.get('/items').json('0.id'), http.get('/items').json()[0].id);
  const none = http.get('/items', { responseType: 'none' });
  is([none.body, none.status], [null, 200]);
  is(http.get('/items', { responseType: 'binary' }).body.byteLength > 2, true);
  is(http.get('/redirect/2', { redirects: 0 }).status, 302);
  is(http.get('/set-cookie?a=1').cookies.a[0].value, '1');
  is(http.cookieJar().cookiesForURL('/'), { a: ['1'] });
  const sent = http.get('/echo', { cookies: { b: '2' } }).json();
  is(JSON.stringify(sent).includes('a=1; b=2'), true);
  const responseCallback = http.expectedStatuses(404, { min: 500, max: 503 });
  is(http.get('/none', { responseCallback }).error_code, 1404);
  const late = http.get('/delay/2000', { timeout: '20ms', tags: { name: 'late' } });
  is([late.status, late.body, late.error_code], [0, null, 1050]);
}
";
    let done = desk.run(script, "--iterations 1").expect_done();
    assert_eq!(done.count("/measured/iterations/failed"), 0, "{}", done.stdout);
    let count = |name: &str| done.count(&format!("/measured/by_name/{name}"));
    assert_eq!((count("GET ~1none/ok"), count("late/failed")), (1, 1));
}

#[test]
fn metrics_arrays_and_base64_are_k6s() {
    let desk = Desk::new();
    desk.write("users.json", r#"[{"name": "ann"}, {"name": "bob"}]"#);
    let script = "
import { SharedArray } from 'k6/data';
import { b64decode, b64encode } from 'k6/encoding';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
const users = new SharedArray('users', () => JSON.parse(open('./users.json')));
const [sold, stock] = [new Counter('sold'), new Gauge('stock')];
const [fine, time] = [new Rate('fine'), new Trend('time')];
const is = (found, wanted) => {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(JSON.stringify(found));
};
const fails = (body, words) => {
  let message = 'nothing was thrown';
  try { body(); } catch (error) { ({ message } = error); }
  if (!message.includes(words)) throw new Error(message);
};
export default function () {
  is(users.map((user) => user.name), ['ann', 'bob']);
  fails(() => { users[0].name = 'eve'; }, 'read-only');
  for (const text of ['', 'a', 'ab', 'abc', 'ä€😀', '~~~???>>>']) {
    for (const kind of ['std', 'rawstd', 'url', 'rawurl']) {
      is(b64decode(b64encode(text, kind), kind, 's'), text);
    }
  }
  is([b64encode('~~?>'), b64encode('~~?>', 'rawurl')], ['fn4/Pg==', 'fn4_Pg']);
  is([...new Uint8Array(b64decode('AP+A'))], [0, 255, 128]);
  for (const text of ['a', 'YQ', 'YQ=', 'Y*==', 'fn4_Pg==']) {
    fails(() => b64decode(text), 'no base64');
  }
  fails(() => b64encode('a', 'hex'), 'none of std');
  const added = [sold.add(3, { kind: 'tea' }), sold.add(-1), sold.add('many')];
  is(added, [true, false, false]);
  stock.add(__ITER);
  fine.add(__ITER % 2 === 0);
  time.add(20, null);
  fails(() => new Counter('late'), 'top level');
}
";
    let done = desk.run(script, "--vus 1 --iterations 4").expect_done();
    assert_eq!(done.count("/measured/iterations/failed"), 0, "{}", done.stdout);
    for words in ["sold", "stock", "fine", "time"] {
        assert!(done.stdout.contains(words), "no {words:?} in {}", done.stdout);
    }
    assert!(done.stderr.contains("many is no value of the metric sold"), "{}", done.stderr);
    let end = "export default function () {}\n";
    for (script, words) in [
        ("new Counter('a b');", "is no name of a metric"),
        ("new Counter('a'); new Trend('a');", "there as another kind"),
        ("new Gauge('group_duration');", "there as another kind"),
    ] {
        let script = format!("import {{ Counter, Gauge, Trend }} from 'k6/metrics';\n{script}\n");
        desk.expect_refusal(&format!("{script}{end}"), &["line 2", words]);
    }
    let script = "import { SharedArray } from 'k6/data';\nnew SharedArray('a', () => 1);\n";
    desk.expect_refusal(&format!("{script}{end}"), &["line 2", "returns no array"]);
}

#[test]
fn a_script_is_checked_with_the_variables_that_its_options_want() {
    let desk = Desk::new();
    let script = "export const options = { vus: Number(__ENV.USERS), iterations: 9 };\n\
        export default function () {}\n";
    let check = Host::new("check").arg(desk.write("shop.js", script)).arg("--interpreter");
    let checked = check.arg(guest("javascript")).args("-e USERS=7").finish().expect_code(0).stdout;
    assert!(checked.contains("default    --vus 7"), "{checked}");
}

#[test]
fn a_user_knows_where_it_is_and_may_end_the_run() {
    let desk = Desk::new();
    let script = "
import exec, { vu } from 'k6/execution';
import http from 'k6/http';
const order = { executor: 'shared-iterations', iterations: 99999 };
export const options = { scenarios: { order } };
export default function () {
  const { name, iterationInTest } = exec.scenario;
  http.get(`/at/${name}/${vu.idInTest}/${vu.iterationInScenario}/${iterationInTest}`);
  if (vu.iterationInInstance === 1) {
    try { exec.vu.tags; } catch (error) { http.get(`/why/${error.message.split(' ')[0]}`); }
  }
  if (vu.iterationInScenario === 2) exec.test.abort('sold out');
}
";
    let done = desk.run(script, "").expect_code(108);
    assert!(done.stderr.contains("sold out") || done.stdout.contains("sold out"));
    let seen = desk.target.seen();
    for (path, times) in [
        ("/at/order/1/0/0", 1),
        ("/at/order/1/1/1", 1),
        ("/at/order/1/2/2", 1),
        ("/at/order/1/3/3", 0),
        ("/why/exec.vu.tags", 1),
    ] {
        assert_eq!(seen.path(path), times, "{path}");
    }
}

#[test]
fn what_scripts_import_of_k6_utils_is_there_under_its_url() {
    let desk = Desk::new();
    let script = "
import { findBetween, randomIntBetween, randomItem, randomString, uuidv4 }
  from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const holds = (what, is) => { if (!is) throw new Error(what); };
export default function () {
  for (let i = 0; i < 100; i++) {
    const number = randomIntBetween(3, 5);
    holds('number', number >= 3 && number <= 5 && Number.isInteger(number));
    holds('item', ['a', 'b'].includes(randomItem(['a', 'b'])));
    holds('text', /^[xy]{8}$/.test(randomString(8, 'xy')) && /^[a-z]{3}$/.test(randomString(3)));
    holds('uuid', uuid.test(uuidv4()));
  }
  holds('first', findBetween('<a>1</a><a>2</a>', '<a>', '</a>') === '1');
  holds('all', findBetween('<a>1</a><a>2</a>', '<a>', '</a>', true).join() === '1,2');
  holds('none', findBetween('<a>1', '<a>', '</a>') === null);
}
";
    let done = desk.run(script, "--vus 1 --iterations 1").expect_done();
    assert_eq!(done.count("/measured/iterations/failed"), 0, "{}", done.stdout);
    desk.expect_refusal(
        "import { tagWithCurrentStageIndex } from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';\n\
         export default function () {}\n",
        &["line 1", "'tagWithCurrentStageIndex'"],
    );
}

#[test]
fn timers_and_promises_are_waited_for() {
    let desk = Desk::new();
    let script = "
import http from 'k6/http';
export default async function () {
  await new Promise((done) => setTimeout(done, 5));
  await http.asyncRequest('GET', '/style.css');
  const repeat = setInterval(() => { http.get('/items'); clearInterval(repeat); }, 1);
  setTimeout(() => http.get('/app.js'), 1);
  clearTimeout(setTimeout(() => http.get('/logo.png'), 1));
}
";
    desk.run(script, "--vus 1 --iterations 2").expect_done();
    let seen = desk.target.seen();
    for (path, times) in [("/style.css", 2), ("/items", 2), ("/app.js", 2), ("/logo.png", 0)] {
        assert_eq!(seen.path(path), times, "{path}");
    }
}

#[test]
fn the_scenarios_of_the_options_run_side_by_side() {
    let desk = Desk::new();
    let script = "
import http from 'k6/http';
export const options = { scenarios: {
  browse: { executor: 'shared-iterations', vus: 2, iterations: 6 },
  order: { executor: 'constant-arrival-rate', rate: 20, duration: '1s', preAllocatedVUs: 2,
    exec: 'order', startTime: '100ms', env: { PAGE: '/items' } },
} };
export default function () { http.get('/ok'); }
export function order() { http.get(__ENV.PAGE); }
";
    desk.run(script, "").expect_code(0);
    let seen = desk.target.seen();
    assert_eq!((seen.path("/ok"), seen.path("/items")), (6, 20));
    let one = Desk::new();
    one.run(script, "--scenario browse").expect_done();
    assert_eq!((one.target.seen().path("/ok"), one.target.seen().path("/items")), (6, 0));
}

#[test]
fn a_script_that_says_nothing_is_run_once_and_a_typed_duration_comes_before_iterations() {
    let script = "import http from 'k6/http';\nexport default function () { http.get('/ok'); }\n";
    let once = Desk::new();
    once.run(script, "").expect_done();
    assert_eq!(once.target.seen().path("/ok"), 1);
    for options in ["", "export const options = { vus: 2, iterations: 2 };\n"] {
        let long = Desk::new();
        long.run(format!("{options}{script}"), "--duration 500ms").expect_done();
        assert!(long.target.seen().path("/ok") > 2, "{options}");
    }
}

#[test]
fn what_an_option_does_not_do_here_is_said() {
    let desk = Desk::new();
    let script = "
import http from 'k6/http';
export const options = { noUsageReport: true, thresholds: { data_received: ['count<100'] } };
export default function () { http.get('/'); }
";
    let done = desk.run(script, "--iterations 1").expect_done();
    for words in ["options.noUsageReport", "data_received: count<100"] {
        assert!(done.stderr.contains(words), "no {words:?} in {}", done.stderr);
    }
}

#[test]
fn a_script_may_have_a_byte_order_mark_lines_of_windows_and_a_large_file() {
    let desk = Desk::new();
    desk.write("large.bin", vec![b'x'; 10 << 20]);
    let script = "\u{feff}import http from 'k6/http';\r\nconst size = open('large.bin').length;\r\n\
                  export default function () {\r\n  http.get(`/delay/${size >> 20}`);\r\n  \
                  oops();\r\n}\r\n";
    let done = desk.run(script, "--vus 1 --iterations 1").expect_done();
    assert_eq!(desk.target.seen().path("/delay/10"), 1);
    assert!(done.stdout.contains("oops is not defined (shop.js:5:3)"), "{}", done.stdout);
}

#[test]
fn the_interpreter_is_found_by_both_extensions_of_its_language() {
    let desk = Desk::new();
    let without = Host::run_file(&desk.write("shop.js", "")).target(desk.target.url());
    let without = without.env("XDG_DATA_HOME", desk.folder.path()).finish().expect_code(104);
    assert!(without.stderr.contains("cargo xtask install"), "{}", without.stderr);
    let kept = desk.write("data/swell/interpreters/javascript.wasm", "");
    std::fs::copy(guest("javascript"), kept).expect("it can be copied");
    for name in ["shop.js", "shop.mjs"] {
        let script = "import http from 'k6/http'; export default () => { http.get('/'); };";
        let run = Host::run_file(&desk.write(name, script)).target(desk.target.url());
        let run = run.args("--iterations 1");
        run.env("XDG_DATA_HOME", desk.folder.path().join("data")).finish().expect_done();
    }
    assert_eq!(desk.target.seen().path("/"), 2);
}

/// Of the memory with which users begin, the pages to which one has written: the one with most.
fn own_pages(pid: u32) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("it runs");
    let pages = File::open(format!("/proc/{pid}/pagemap")).expect("it is ours");
    let own = |mapping: &str| {
        let ends = mapping.split_whitespace().next()?.split_once('-')?;
        let page = |address| Some(usize::from_str_radix(address, 16).ok()? / 4096);
        let (first, end) = (page(ends.0)?, page(ends.1)?);
        let mut entries = vec![0; (end - first) * 8];
        pages.read_exact_at(&mut entries, first as u64 * 8).ok()?;
        // The highest bit says that a page is there, the third that it is the file's.
        let is_own = |entry: &&[u8]| entry[7] & 0b1010_0000 == 0b1000_0000;
        Some(entries.chunks_exact(8).filter(is_own).count())
    };
    let images = maps.lines().filter(|mapping| mapping.contains("wasm-memory-image"));
    images.filter_map(own).max().expect("users have a memory")
}

#[test]
fn users_share_the_interpreter_and_keep_little_of_their_own() {
    let desk = Desk::new();
    let script = "
import http from 'k6/http';
import { check, sleep } from 'k6';
export default function () {
  check(http.get('/ok'), { 'is ok': (r) => r.status === 200 });
  sleep(3600);
}
";
    let script = desk.write("shop.js", script);
    let private = |users: u32| {
        let before = desk.target.seen().path("/ok");
        let host = Host::run_file(&script).arg("--interpreter").arg(guest("javascript"));
        let host = host.target(desk.target.url()).args(&format!("--vus {users}")).start();
        wait_until(Duration::from_secs(60), "all users to sleep", || {
            (desk.target.seen().path("/ok") - before >= u64::from(users)).then_some(())
        });
        let own = own_pages(host.pid());
        assert!((1..=26).contains(&own), "a user has {own} pages of its own");
        private_memory(host.pid()).expect("it runs")
    };
    let (one, many) = (private(1), private(201));
    let each = (many - one) / 200.0;
    assert!(each < 240.0, "a user keeps {each} KB of its own");
}

#[test]
fn the_top_level_of_each_user_has_random_numbers_of_its_own() {
    let desk = Desk::new();
    let script = "
import http from 'k6/http';
import { sleep } from 'k6';
const own = Math.floor(Math.random() * 1e9);
export default function () {
  http.get('/ok', { tags: { name: `user ${own}` } });
  sleep(0.01);
}
";
    let done = desk.run(script, "--vus 3 -n 60").expect_done();
    let names = done.json_at("/measured/by_name").as_object().expect("names with figures").len();
    assert_eq!(names, 3, "{}", done.json_at("/measured/by_name"));
}

#[test]
fn headers_that_nothing_in_a_script_names_are_an_error_and_not_missing() {
    let desk = Desk::new();
    let script = "
import http from 'k6/http';
export default function () {
  http.get('/ok')['head' + 'ers'];
}
";
    let done = desk.run(script, "-n 2").expect_done();
    assert_eq!(done.count("/measured/iterations/failed"), 2);
    assert!(done.stdout.contains("the headers of responses are not kept"), "{}", done.stdout);
    let named = format!("// headers{script}");
    assert_eq!(desk.run(named, "-n 2").expect_done().count("/measured/iterations/ok"), 2);
}

#[test]
fn a_script_may_end_its_user() {
    let desk = Desk::new();
    let script = "
import http from 'k6/http';
import { stopUser } from 'swell';
export const options = { vus: 3, duration: '60s' };
export default function () {
  http.get('/');
  if (__ITER === 1) stopUser('has seen both');
}
";
    let finished = desk.run(script, "").expect_done();
    assert_eq!(finished.count("/users/stop_reasons/has seen both"), 3);
    assert_eq!(desk.target.seen().requests, 6);
    let at_the_top = "import { stopUser } from 'swell';\nstopUser('x');";
    Desk::new().expect_refusal(at_the_top, &["line 2"]);
}
