// The page while runs go on: which there are, what the one that is shown tells, and what a person
// has it do. It is drawn at most once a second, and never so often that drawing takes more than a
// fifth of the time.

import { render } from "preact";

import type { Sided } from "../record/comparison";
import type { Run } from "../record/run";
import { App, type Live } from "../view/app";
import { Comparison } from "../view/comparison";
import { ready } from "../view/top";
import {
  earlierRuns, Refused, runs, storedScenarios, type EarlierRun, type RunPlace, type ShownRun,
} from "./api";
import { Bar, type Connection } from "./bar";
import { Begin } from "./begin";
import { BesideChoice, isEarlier, placeOf, recordOf } from "./beside";
import { BesideRun } from "./beside-run";
import { Earlier, EarlierBar } from "./earlier";
import { Feed } from "./feed";
import { Login } from "./login";
import type { LiveRecord } from "./record";
import type { Told } from "./stream";

/** How often it is looked which runs there are. */
const LOOK_MS = 1_000;
/** How long the page waits between two drawings, and how many times as long as one took. */
const DRAW_MS = 1_000;
const REST = 4;
/** How long after a run's end its record is in the history. */
const CLOSING_MS = 3_000;

class LivePage {
  private readonly feed = new Feed();
  private all: ShownRun[] = [];
  /** The run that is shown. */
  private name = new URLSearchParams(location.search).get("run");
  private shown: LiveRecord | null = null;
  private earlier: EarlierRun[] = [];
  /** The scenarios that may be begun. */
  private stored: string[] = [];
  /** The earlier run that is shown in place of it. */
  private kept: { id: string; record: LiveRecord } | null = null;
  /** The run beside it. */
  private beside: BesideRun | null = null;
  private connection: Connection = "connecting";
  private needsLogin = false;
  /** Whether the host did not answer when it was asked last, or has not been asked. */
  private isAway = true;
  private looking: ReturnType<typeof setTimeout> | undefined;
  private drawing: ReturnType<typeof setTimeout> | undefined;
  private mayDrawAt = 0;

  constructor(private readonly root: HTMLElement) {
    document.addEventListener("visibilitychange", () => this.change());
    // A page that comes back as it was follows nothing any more.
    addEventListener("pageshow", ({ persisted }) => {
      if (persisted) this.isAway = true;
    });
    void this.look();
  }

  /** Looks which runs there are, again and again. */
  private look = async () => {
    clearTimeout(this.looking);
    const before = this.name;
    try {
      this.all = await runs();
      this.needsLogin = false;
      // One that was begun meanwhile is in the next answer.
      const isThere = this.all.some(({ name }) => name === this.name) || this.name !== before;
      if (this.shown === null || !isThere) this.choose(this.first());
      // It may be another process, whose run has the same name.
      else if (this.isAway) void this.follow(this.shown);
      // The host serves so many streams and no more; what they tell can be read as well.
      else if (this.state === "lost") void this.read(this.shown.catchUp());
      this.beside?.follow();
      if (this.isAway) void this.lookAround();
      this.isAway = false;
    } catch (error) {
      this.needsLogin = error instanceof Refused && error.needsLogin;
      this.isAway = true;
    }
    this.looking = setTimeout(this.look, LOOK_MS);
    this.change();
  };

  /** The run that the address names, the first that goes on, or the latest. */
  private first(): string | null {
    const named = this.all.find(({ name }) => name === this.name);
    return (named ?? this.all.find(({ exit }) => exit === null) ?? this.all.at(-1))?.name ?? null;
  }

  private choose(name: string | null) {
    if (name === null) return;
    const address = new URL(location.href);
    if (this.name !== name) address.hash = "";
    address.searchParams.set("run", name);
    history.replaceState(null, "", address);
    this.name = name;
    this.shown = recordOf(`runs/${name}`);
    void this.follow(this.shown);
    this.putBeside(this.beside?.place ?? placeOf(address.searchParams.get("with")));
  }

  /** Where the run is that is shown. */
  private get place(): RunPlace | null {
    if (this.kept) return `history/${this.kept.id}`;
    return this.name === null ? null : `runs/${this.name}`;
  }

  /** Lays a run beside the one that is shown, or none. */
  private putBeside(place: RunPlace | null) {
    const { place: shown } = this;
    const isOne = place !== null && shown !== null && place !== shown;
    this.beside?.end();
    const goesOn = () => shown !== null && !isEarlier(shown) && !this.shown?.isOver;
    this.beside = isOne ? new BesideRun(place, shown, goesOn, () => this.change()) : null;
    const address = new URL(location.href);
    if (isOne) address.searchParams.set("with", place);
    else address.searchParams.delete("with");
    history.replaceState(null, "", address);
    this.change();
  }

  /** The end of a run is where its record has it: a stream may break off before it says so. */
  private get state(): Connection {
    if (this.shown?.isOver || this.connection === "over") return "over";
    return this.isAway ? "gone" : this.connection;
  }

  /** Reads what there is of the run, and then what comes. */
  private async follow(shown: LiveRecord) {
    this.connection = "connecting";
    await this.read(shown.catchUp());
    if (this.shown !== shown || this.name === null) return;
    if (shown.isOver) return this.feed.leave();
    this.feed.follow(this.name, shown.seen, (told) => this.hear(shown, told));
  }

  /** Looks which runs there were, and which scenarios are stored. */
  private async lookAround() {
    const orNone = <T,>(all: Promise<T[]>): Promise<T[]> => all.catch(() => []);
    // A user without a history has no earlier runs to show, and most hosts have stored nothing.
    [this.earlier, this.stored] =
      await Promise.all([orNone(earlierRuns()), orNone(storedScenarios())]);
    this.change();
  }

  /** Shows another run of now. */
  private turnTo(name: string) {
    this.kept = null;
    this.choose(name);
    this.change();
  }

  private showEarlier(id: string) {
    const kept = { id, record: recordOf(`history/${id}`) };
    history.replaceState(null, "", "#");
    void this.read(kept.record.catchUp()).then(() => this.keep(kept));
  }

  /** Shows an earlier run, or those of now again. */
  private keep(kept: LivePage["kept"]) {
    this.kept = kept;
    this.putBeside(this.beside?.place ?? null);
  }

  private hear(shown: LiveRecord, told: Told) {
    if (told.kind === "entry") {
      this.connection = "live";
      if (!shown.take(told.id, told.line)) void this.read(shown.catchUp());
      else if (shown.isLong) void this.read(shown.renew());
    } else if (told.kind === "over") {
      this.connection = "over";
      // What came between may have been missed, as may the end itself.
      void this.read(shown.catchUp());
      void this.look();
      void this.lookAround();
      setTimeout(() => void this.lookAround(), CLOSING_MS);
    } else {
      this.connection = told.kind === "connected" ? "live" : "lost";
    }
    this.change();
  }

  private async read(reading: Promise<void>) {
    try {
      await reading;
    } catch {
      // The next entry that comes is one too far, and it is tried again.
    }
    this.change();
  }

  /** Something is to be drawn anew, when it is time and somebody looks. */
  private change() {
    if (this.drawing !== undefined || document.hidden) return;
    const wait = Math.max(0, this.mayDrawAt - performance.now());
    this.drawing = setTimeout(() => {
      this.drawing = undefined;
      const began = performance.now();
      this.draw();
      const took = performance.now() - began;
      this.mayDrawAt = began + Math.max(DRAW_MS, took * (REST + 1));
    }, wait);
  }

  private draw() {
    if (this.needsLogin) {
      render(<Login done={() => void this.look()} />, this.root);
      return ready();
    }
    const known = this.all.find(({ name }) => name === this.name);
    const { bar, after } = this.surroundings(known);
    const run = (this.kept?.record ?? this.shown)?.run() ?? null;
    document.title = `${run?.header.name ?? this.name ?? "no run"} · Swell`;
    if (run === null || run.moments.length === 0) {
      render(
        <main>
          {bar}
          <p class="broken" role="status">{this.nothing(run, known)}</p>
          {after}
        </main>,
        this.root,
      );
      return ready();
    }
    const goesOn = !this.kept && this.state !== "over" && !known?.exit;
    const live = { bar, after, goesOn };
    render(
      this.beside
        ? this.comparison(run, this.beside, live)
        : <App key={run.header.id} run={run} live={live} />,
      this.root,
    );
  }

  /** What stands above and below a run. */
  private surroundings(known: ShownRun | undefined) {
    const beside = this.place && (
      <BesideChoice
        now={this.all}
        earlier={this.earlier}
        shown={this.place}
        chosen={this.beside?.place ?? null}
        choose={(place) => this.putBeside(place)}
      />
    );
    const bar = this.kept
      ? <EarlierBar back={() => this.keep(null)} beside={beside} />
      : (
        <Bar
          all={this.all}
          known={known}
          connection={this.state}
          choose={(name) => this.turnTo(name)}
          again={() => void this.look()}
          beside={beside}
        />
      );
    const begun = (name: string) => {
      this.turnTo(name);
      void this.look();
    };
    const after = (
      <>
        <Begin stored={this.stored} begun={begun} />
        <Earlier
          runs={this.earlier}
          shown={this.kept?.id ?? null}
          show={(id) => this.showEarlier(id)}
        />
      </>
    );
    return { bar, after };
  }

  /** A run, which is B, and the one beside it. */
  private comparison(run: Run, beside: BesideRun, live: Live) {
    const { place, record, findings, amiss, goesOn } = beside;
    const other = record.run();
    const sided: Sided[] = [{ side: "b", run, goesOn: live.goesOn }];
    if (other) sided.unshift({ side: "a", run: other, goesOn });
    const name = sided.map(({ run }) => run.header.name).reverse().join(" beside ");
    return (
      <Comparison
        key={`${place} ${run.header.id}`}
        found={findings.found}
        sided={sided}
        runs={{ names: [name], index: 0, choose: () => {} }}
        live={{ ...live, isLast: findings.isLast, amiss: amiss ?? findings.amiss }}
      />
    );
  }

  /** Why there is no run to show. */
  private nothing(run: Run | null, known: ShownRun | undefined): string {
    if (this.kept) {
      return run
        ? "The record of this run has no frame: it ended before its first second."
        : "Its record cannot be read.";
    }
    if (this.isAway) return "The host does not answer. This page asks it again.";
    if (!known) return "No run goes on. This page shows one as soon as it begins.";
    if (known.exit) return `The run did not begin: ${known.exit.reason}`;
    return "The run begins.";
  }
}

/** Shows the runs of the host that serves the page. */
export function follow(root: HTMLElement) {
  new LivePage(root);
}
