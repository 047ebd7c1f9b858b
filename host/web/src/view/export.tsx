// The visible stretch as files: for a spreadsheet, and for programs.

import { columnsOf, csvOf, jsonOf } from "../record/rows";
import type { Run } from "../record/run";
import { windowOf, type Stretch } from "../record/stretch";
import { download, fileName } from "./download";
import { stretchWords } from "./parts";
import { clock } from "./words";

export function Export({ run, stretch }: { run: Run; stretch: Stretch }) {
  const keep = (ending: string, type: string, text: string) => {
    const [from, until] = windowOf(run, stretch).map(clock);
    download(fileName([run.header.name, from, until], ending), new Blob([text], { type }));
  };
  const csv = () => keep("csv", "text/csv", csvOf(columnsOf(run, stretch)));
  const json = () => keep("json", "application/json", jsonOf(run, stretch));
  return (
    <details class="menu" onFocusOut={leave} onKeyDown={escape}>
      <summary class="btn">Export</summary>
      <div>
        <p class="dim">What is selected: {stretchWords(run, stretch)}</p>
        <button type="button" onClick={csv}>
          CSV <span class="dim">a row a frame</span>
        </button>
        <button type="button" onClick={json}>
          JSON <span class="dim">what it came to, as --out json names it</span>
        </button>
        <p class="dim">Each chart has a button for its picture.</p>
      </div>
    </details>
  );
}

/** A menu that is left is closed. */
function leave({ currentTarget, relatedTarget }: FocusEvent) {
  const menu = currentTarget as HTMLDetailsElement;
  if (!menu.contains(relatedTarget as Node | null)) menu.open = false;
}

function escape(event: KeyboardEvent) {
  const menu = event.currentTarget as HTMLDetailsElement;
  if (event.key !== "Escape" || !menu.open) return;
  event.stopPropagation();
  menu.open = false;
  menu.querySelector("summary")?.focus();
}
