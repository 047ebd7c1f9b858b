// The page while runs go on: which there are, what the one that is shown tells, and what a person
// has it do. It is drawn at most once a second, and never so often that drawing takes more than a
// fifth of the time.

import { render, type ComponentChildren } from "preact";

import { App } from "../view/app";
import { ready } from "../view/top";
import {
  earlierRecord, earlierRuns, record, Refused, runs, type EarlierRun, type ShownRun,
} from "./api";
import { Bar, type Connection } from "./bar";
import { Earlier, EarlierBar } from "./earlier";
import { Feed } from "./feed";
import { Login } from "./login";
import { LiveRecord } from "./record";
import type { Told } from "./stream";

/** How often it is looked which runs there are. */
const LOOK_MS = 1_000;
/** How long the page waits between two drawings, and how many times as long as one took. */
const DRAW_MS = 1_000;
const REST = 4;

class LivePage {
  private readonly feed = new Feed();
  private all: ShownRun[] = [];
  /** The run that is shown. */
  private name = new URLSearchParams(location.search).get("run");
  private shown: LiveRecord | null = null;
  private earlier: EarlierRun[] = [];
  /** The earlier run that is shown in place of it. */
  private kept: { id: string; record: LiveRecord } | null = null;
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
    try {
      this.all = await runs();
      this.needsLogin = false;
      const isThere = this.all.some(({ name }) => name === this.name);
      if (this.shown === null || !isThere) this.choose(this.first());
      // It may be another process, whose run has the same name.
      else if (this.isAway) void this.follow(this.shown);
      // The host serves so many streams and no more; what they tell can be read as well.
      else if (this.state === "lost") void this.read(this.shown.catchUp());
      if (this.isAway) void this.lookBack();
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
    this.shown = new LiveRecord((after) => record(name, after));
    void this.follow(this.shown);
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

  /** Looks which runs there were. */
  private async lookBack() {
    try {
      this.earlier = await earlierRuns();
    } catch {
      // A user without a history has no earlier runs to show.
      this.earlier = [];
    }
    this.change();
  }

  private showEarlier(id: string) {
    const kept = { id, record: new LiveRecord(() => earlierRecord(id)) };
    history.replaceState(null, "", "#");
    void this.read(kept.record.catchUp()).then(() => {
      this.kept = kept;
      this.change();
    });
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
      void this.lookBack();
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
    const earlier = (
      <Earlier
        runs={this.earlier}
        shown={this.kept?.id ?? null}
        show={(id) => this.showEarlier(id)}
      />
    );
    if (this.kept) return this.drawEarlier(this.kept.record, earlier);
    const run = this.shown?.run() ?? null;
    const known = this.all.find(({ name }) => name === this.name);
    document.title = `${this.name ?? "no run"} · Swell`;
    const bar = (
      <Bar
        all={this.all}
        known={known}
        connection={this.state}
        choose={(name) => {
          this.choose(name);
          this.change();
        }}
        again={() => void this.look()}
      />
    );
    if (run === null || run.moments.length === 0) {
      render(
        <main>
          {bar}
          <p class="broken" role="status">{this.nothing(known)}</p>
          {earlier}
        </main>,
        this.root,
      );
      return ready();
    }
    render(
      <App
        key={run.header.id}
        run={run}
        live={{ bar, after: earlier, goesOn: this.state !== "over" && !known?.exit }}
      />,
      this.root,
    );
  }

  private drawEarlier(record: LiveRecord, after: ComponentChildren) {
    const back = () => {
      this.kept = null;
      this.change();
    };
    const run = record.run();
    const bar = <EarlierBar back={back} />;
    document.title = `${run?.header.name ?? "no record"} · Swell`;
    render(
      run
        ? <App key={run.header.id} run={run} live={{ bar, after, goesOn: false }} />
        : <main>{bar}<p class="broken" role="alert">Its record cannot be read.</p>{after}</main>,
      this.root,
    );
    if (!run) ready();
  }

  private nothing(known: ShownRun | undefined): string {
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
