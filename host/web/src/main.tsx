// The page of a command's runs. A report reads the records that it holds and shows them, one at a
// time or held against each other, without any network; the live page follows the runs of the host
// that serves it.

import { render, type ComponentChild } from "preact";

import { follow } from "./live/page";
import type { Comparison as Found, Side, Sided } from "./record/comparison";
import { load, namesOf, textOf } from "./record/load";
import { App } from "./view/app";
import { Comparison } from "./view/comparison";
import { ready, type Runs } from "./view/top";

/** What can be looked at. */
interface Shown {
  name: string;
  title: string;
  show: (runs: Runs) => Promise<ComponentChild>;
}

const embedded = (kind: string) => [
  ...document.querySelectorAll<HTMLScriptElement>(
    `script[type='application/vnd.swell.${kind}']`),
];

const ofRun = (name: string, record: string, key: number): Shown => ({
  name,
  title: name,
  show: async (runs) => <App key={key} run={await load(record)} runs={runs} />,
});

/** What there is to choose from: each run, and before them what was found of them. */
async function all(): Promise<Shown[]> {
  const records = embedded("record").map((script) => ({
    text: script.textContent ?? "",
    side: script.dataset.side as Side | undefined,
  }));
  const names = await namesOf(records.map(({ text }) => text));
  const [comparison] = embedded("comparison");
  if (!comparison) return records.map(({ text }, at) => ofRun(names[at], text, at));
  const found = JSON.parse(await textOf(comparison.textContent ?? "")) as Found;
  // Loaded once, whoever looks at them.
  let sided: Promise<Sided[]> | null = null;
  const loaded = () => sided ??= Promise.all(records.map(async ({ text, side = "a" }) =>
    ({ side, run: await load(text) })));
  return [
    {
      name: "Comparison",
      title: `${found.a.join(", ")} and ${found.b.join(", ")}`,
      show: async (runs) => <Comparison found={found} sided={await loaded()} runs={runs} />,
    },
    ...records.map(({ side = "a" }, at): Shown => ({
      name: `${side.toUpperCase()}: ${names[at]}`,
      title: names[at],
      show: async (runs) => <App key={at} run={(await loaded())[at].run} runs={runs} />,
    })),
  ];
}

async function show(root: HTMLElement) {
  try {
    const shown = await all();
    if (shown.length === 0) throw new Error("it holds none");
    const names = shown.map(({ name }) => name);
    const choose = async (index: number) => {
      const page = await shown[index].show({ names, index, choose });
      document.title = `${shown[index].title} · Swell`;
      render(page, root);
    };
    await choose(0);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    render(
      <main>
        <p class="broken" role="alert">
          This page cannot show its record: {words}. The file may have been cut short; have the
          report written again, or open it in a current browser.
        </p>
      </main>,
      root,
    );
    ready();
  }
}

const root = document.getElementById("page")!;
if (root.dataset.live === undefined) void show(root);
else follow(root);
