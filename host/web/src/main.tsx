// The page of a command's runs: reads the records that it holds and shows them, one at a time. It
// needs no network.

import { render } from "preact";

import { load, namesOf } from "./record/load";
import { App, ready } from "./view/app";

async function show() {
  const root = document.getElementById("page")!;
  const records = [...document.querySelectorAll("script[type='application/vnd.swell.record']")]
    .map((script) => script.textContent ?? "");
  try {
    const names = records.length > 1 ? await namesOf(records) : [];
    const choose = async (index: number) => {
      const run = await load(records[index] ?? "");
      document.title = `${run.header.name} · Swell`;
      render(<App key={index} run={run} runs={{ names, index, choose }} />, root);
    };
    await choose(0);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    render(
      <p class="broken" role="alert">
        This page cannot show its record: {words}. The file may have been cut short; have the
        report written again, or open it in a current browser.
      </p>,
      root,
    );
    ready();
  }
}

void show();
