//! Scripts in TypeScript, run by the interpreter of JavaScript, and the module "swell" that both
//! may import.

use std::path::PathBuf;

use swell_tests::{Finished, Host, Target, TargetSettings, guest};
use tempfile::TempDir;

/// A folder for scripts, and a service.
struct Desk {
    folder: TempDir,
    target: Target,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a temporary folder can be made"),
            target: Target::start(TargetSettings::default()).expect("loopback has a free port"),
        }
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("it can be made");
        std::fs::write(&path, content).expect("the temporary folder can be written");
        path
    }

    fn host(&self, name: &str, script: &str) -> Host {
        let host = Host::run_file(&self.write(name, script));
        host.arg("--interpreter").arg(guest("javascript")).target(self.target.url())
    }

    /// Runs a script in TypeScript once, in which nothing may fail.
    #[track_caller]
    fn run_once(&self, script: &str) -> Finished {
        let done = self.host("shop.ts", script).args("--vus 1 --iterations 1").finish();
        let done = done.expect_done();
        assert_eq!(done.count("/measured/iterations/failed"), 0, "{}", done.stdout);
        done
    }

    /// Refuses a script with all of these words; nothing is sent.
    #[track_caller]
    fn expect_refusal(&self, script: &str, words: &[&str]) {
        let refused = self.host("shop.ts", script).finish().expect_code(104);
        for word in words {
            assert!(refused.stderr.contains(word), "no {word:?} in: {}", refused.stderr);
        }
        assert_eq!(self.target.seen().connections, 0);
    }
}

/// All that is of types alone, in the places where it is easily taken for something else.
const TYPES: &str = r#"
import http, { type Response, Params } from 'k6/http';
import { Options } from 'k6/options';
import type { Item } from './types';
import def, * as unused from './lib/def.js';
import { price, type Price, Currency } from './lib/price';

interface Shop { name: string; items?: Item[] }
type Pair<A, B = A> = [A, B];
declare const nobody: string;
declare module 'k6/other' { export const a: number }
declare global { interface Array<T> { own(): T } }
export type { Shop };
export type Names = keyof Shop | 'käse';

export const options: Options = { thresholds: { http_req_failed: ['rate<0.5'] } } satisfies Options;

const is = (found: unknown, wanted: unknown): void => {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(JSON.stringify(found));
};

function over(a: string): string
function over(a: number): string
function over(this: void, a: string | number, b?: number, ...rest: readonly string[]): string {
  return `${a}${b ?? '-'}${rest.length}`
}

abstract class Base<T> implements Iterable<T>, Record<never, never> {
  [key: string]: any
  static readonly kind = 'base'
  declare hidden: string;
  protected readonly items: T[] = []
  private ['computed']!: number
  name?: string
  abstract size(): number
  constructor(readonly first: T, public second: string = 'b', plain?: T) { this.items.push(first) }
  public get length(): number { return this.items.length }
  *[Symbol.iterator](): Iterator<T> { yield* this.items }
}

class Cart extends Base<string> {
  constructor(private count: number) {
    super('first')
    this.items.push('other')
  }
  override size<U = number>(): number { return this.count }
}

const generic = <T,>(value: T, others: Pair<T> = [value, value]): Pair<T> => [others[0], value]
const multi = <
  T
>(
  value: T
): Pair<
  T
> => [value, value]
const wrap = (n: number) => <{ n: number }>{ n }

export default function (): void {
  let later: number
  later = 1 as number
  ;(later as any) = 2
  let definite!: string
  definite = 'd'
  for (const each of ['x'] as const) definite += each
  is([later, definite!, generic<string>('a')], [2, 'dx', ['a', 'a']])
  is([multi(1), wrap(3)], [[1, 1], { n: 3 }])
  is([over('a'), over(1, 2, 'r')], ['a-0', '121'])
  const cart = new Cart(7)
  is([cart.first, cart.second, cart.size<number>(), cart.length, [...cart], Base.kind],
    ['first', 'b', 7, 2, ['first', 'other'], 'base'])
  const none = undefined as Shop | undefined
  is([none?.items![0]!.id, (none as any)?.name], [null, null])
  try { throw new Error('b') } catch (error: unknown) { is((error as Error).message, 'b') }
  const response: Response = http.get('/items', { tags: { name: 'items' } } as Params)
  is([response.status, price(2 as Price), def], [200, 20, 'def'])
  const text = 'a' as string
  ['b', 'c'].forEach((letter: string) => is(letter.length, text.length))
}
"#;

#[test]
fn types_are_taken_out_and_all_else_stays() {
    let desk = Desk::new();
    desk.write("types.ts", "throw new Error('a module of types alone is not loaded');");
    desk.write("lib/def.ts", "const def: string = 'def';\nexport default def;\n");
    desk.write(
        "lib/price.ts",
        "import { factor } from './factor.mjs';\nexport type Price = number;\nexport interface \
         Currency { code: string }\nexport const price = (of: Price): Price => of * factor;\n",
    );
    desk.write("lib/factor.mts", "const factor = 10 as const;\nexport { factor };\n");
    let done = desk.run_once(TYPES);
    assert_eq!(done.count("/measured/by_name/items/ok"), 1);
}

#[test]
fn enums_are_objects_as_in_typescript() {
    let desk = Desk::new();
    desk.write("lib/size.ts", "export enum Size { Small = 1, Large }\n");
    desk.run_once(
        r#"
import { Size } from './lib/size';
const start = 4;
enum Level { Low, Middle = start, High, Both = Low | Middle, Name = 'name', 'a-b' = High * 2, }
const enum Empty {}
export default function (): void {
  const found = [Level.Low, Level.High, Level.Both, Level.Name, Level['a-b'], Level[5], Size.Large,
    Size[1], Object.keys(Empty).length, 'name' in Level];
  const wanted = [0, 5, 4, 'name', 10, 'High', 2, 'Small', 0, false];
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(JSON.stringify(found));
}
"#,
    );
}

#[test]
fn what_is_wrong_with_a_script_in_typescript_has_its_line_its_column_and_a_caret() {
    let desk = Desk::new();
    for (script, words) in [
        ("const a: number = 1;\nlet b: = 2;\n", &["line 2, column 8", "SyntaxError", "2 | "][..]),
        ("type A = string;\n\nconst b: A = nobody();\n", &["line 3, column 14", "nobody is not"]),
        ("const a = 1;\n@sealed class A {}\n", &["line 2, column 1", "decorators"]),
        ("namespace Shop { export const a = 1 }\n", &["line 1, column 1", "namespaces"]),
        ("import a = require('a');\n", &["line 1", "write import"]),
        ("import { a } from './none';\na();\n", &["\"none.ts\"", "No such file"]),
        ("import { gett } from 'k6/http';\ngett();\n", &["line 1", "'gett'"]),
        ("const deep = '';\nexport const a = <any>deep.x.y;\n", &["line 2", "TypeError"]),
    ] {
        desk.expect_refusal(&format!("{script}export default function () {{}}\n"), words);
    }
    let end = "export default function () {}\n";
    desk.expect_refusal(
        &format!("const a = {}1;\n{end}", "(".repeat(200_000)),
        &["stack exhausted"],
    );
    desk.write("lib/cart.ts", "export const a: number = 1;\nexport let b: string = oops();\n");
    let words = ["lib/cart.ts, line 2, column 24", "oops is not defined", "let b: string = oops()"];
    desk.expect_refusal(&format!("import {{ b }} from './lib/cart';\nb;\n{end}"), &words);

    let script = "interface A { b: string }\nexport default function (): void {\n  const a = {} as \
                  A | undefined; (a as any as { b: () => void }).b();\n}\n";
    let done = desk.host("shop.mts", script).args("--vus 1 --iterations 1").finish();
    let done = done.expect_code(107);
    assert!(done.stdout.contains("not a function (shop.mts:3:"), "{}", done.stdout);
}

#[test]
fn transactions_of_a_script_hold_requests_and_fail_as_it_says() {
    let desk = Desk::new();
    let script = r#"
import http from 'k6/http';
import { check, choose, ensure, iteration, pick, runId, think, transaction, user } from 'swell';

const fails = (body: () => unknown, words: string): void => {
  let message = 'nothing was thrown';
  try { body(); } catch (error) { message = (error as Error).message; }
  ensure(message.includes(words), message);
};

export default async function (): Promise<void> {
  const items = transaction('page', () => {
    http.batch(['/style.css', '/app.js']);
    return transaction('items', () => http.get('/items').json() as unknown[]);
  });
  check('there are items', items.length > 0);
  const answer = await transaction('slow', async () => {
    await new Promise((done) => setTimeout(done, 1));
    return http.get('/ok');
  });
  ensure(answer.status === 200, 'it is not there');
  fails(() => transaction('own', () => { throw new Error('sold out'); }), 'sold out');
  fails(() => transaction('twice', () => transaction('twice', () => 1)), 'open already');
  await transaction('late', async () => { throw new Error('too late'); }).catch(() => {});
  fails(() => think(3, 1), 'think(3, 1)');
  think(0.001, 0.002);
  const drawn = choose([0, () => 'never'], [3, () => 'always']);
  ensure(drawn === 'always' && pick([7]) === 7 && pick([]) === undefined, 'drawn at random');
  ensure(user() === 0 && iteration() < 4 && runId() !== '', 'who and where');
}
"#;
    let done = desk.host("shop.ts", script).args("--vus 1 --iterations 4").finish().expect_done();
    assert_eq!(done.count("/measured/iterations/failed"), 0, "{}", done.stdout);
    assert!(done.json_at("/measured/by_name").get("batch").is_none(), "a part of the page");
    for name in ["page", "items", "slow"] {
        assert_eq!(done.count(&format!("/measured/by_name/{name}/ok")), 4, "{name}");
    }
    for name in ["own", "twice", "late"] {
        assert_eq!(done.count(&format!("/measured/by_name/{name}/failed")), 4, "{name}");
    }
    for words in ["sold out", "too late", "there are items: 4 of 4"] {
        assert!(done.stdout.contains(words), "no {words:?} in {}", done.stdout);
    }
    assert_eq!(desk.target.seen().path("/ok"), 4);
}

#[test]
fn settings_of_the_host_may_stand_in_the_options() {
    let desk = Desk::new();
    let script = "
import http from 'k6/http';
export const options = { settings: { vus: 2, iterations: 8, threshold: ['error_rate < 1%'] } };
export default function () { http.get('/ok'); }
";
    let done = desk.host("shop.ts", script).finish().expect_done();
    assert_eq!(desk.target.seen().path("/ok"), 8);
    assert!(done.stdout.contains("error_rate < 1%"), "{}", done.stdout);
    for (settings, words) in
        [("settings: { insecure: true }", "--insecure"), ("settings: { speed: 3 }", "speed")]
    {
        let desk = Desk::new();
        let script =
            format!("export const options = {{ {settings} }};\nexport default () => {{}};\n");
        desk.expect_refusal(&script, &[words]);
    }
}

#[test]
fn a_script_may_end_its_run_and_only_conduct_may_begin_one() {
    let desk = Desk::new();
    let script = "
import http from 'k6/http';
import { failRun, iteration, runs } from 'swell';
export default function () {
  let message = '';
  try { runs.start('shop'); } catch (error) { ({ message } = error); }
  if (message.startsWith('runs are')) http.get('/ok');
  if (iteration() === 2) failRun('sold out');
}
";
    let done =
        desk.host("shop.js", script).args("--vus 1 --iterations 99").finish().expect_code(110);
    assert!(
        done.stderr.contains("sold out") || done.stdout.contains("sold out"),
        "{}",
        done.stderr
    );
    assert!(desk.target.seen().path("/ok") >= 3);
}

#[test]
fn a_script_begins_its_runs_itself_and_judges_them() {
    let desk = Desk::new();
    let script = "
import http from 'k6/http';
import { ensure, runs } from 'swell';
export const options = { scenarios: {
  browse: { exec: 'browse', settings: { vus: 2 } }, order: { exec: 'order', settings: {} },
} };
export const browse = () => { http.get('/ok'); };
export const order = () => { http.get('/none'); };
export function conduct() {
  const first = runs.start('browse', { name: 'first', iterations: 6 });
  const { ok, failed, errorRate, users, response, stamp } = first.wait();
  ensure(ok === 6 && failed === 0 && errorRate === 0 && users === 2, `${ok} ${failed} ${users}`);
  ensure(['valid', 'suspect', 'invalid'].includes(stamp) && response.p999 === undefined, stamp);
  const orders = runs.start('order', { vus: 1, iterations: 3 }).wait();
  ensure(orders.errorRate < 0.5, `orders fail: ${orders.failed}`);
}
";
    let done = desk.host("shop.js", script).finish().expect_code(99);
    assert!(done.stderr.contains("orders fail: 3"), "{}", done.stderr);
    assert_eq!((desk.target.seen().path("/ok"), desk.target.seen().path("/none")), (6, 3));
}

#[test]
fn the_interpreter_of_javascript_is_found_for_typescript() {
    let desk = Desk::new();
    let kept = desk.write("data/swell/interpreters/javascript.wasm", "");
    std::fs::copy(guest("javascript"), kept).expect("it can be copied");
    for name in ["shop.ts", "shop.mts"] {
        let script = "import http from 'k6/http'; export default (): void => { http.get('/'); };";
        let run = Host::run_file(&desk.write(name, script)).target(desk.target.url());
        let run = run.args("--iterations 1");
        run.env("XDG_DATA_HOME", desk.folder.path().join("data")).finish().expect_done();
    }
    assert_eq!(desk.target.seen().path("/"), 2);
}
