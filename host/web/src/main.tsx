// The page of a run: reads the record that it holds and shows it. It needs no network.

import { render } from "preact";

import { load } from "./record/load";
import { App } from "./view/app";

async function show() {
  const root = document.getElementById("page")!;
  try {
    const run = await load(document.getElementById("record")?.textContent ?? "");
    document.title = `${run.header.name} · Swell`;
    render(<App run={run} />, root);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    render(
      <p class="broken" role="alert">
        This page cannot show its record: {words}. The file may have been cut short; have the
        report written again, or open it in a current browser.
      </p>,
      root,
    );
  }
  document.documentElement.dataset.ready = "";
}

void show();
