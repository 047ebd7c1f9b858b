// Runs that are over and whose records this user's history keeps.

import type { ComponentChildren } from "preact";

import { Panel } from "../view/parts";
import * as words from "../view/words";
import type { EarlierRun } from "./api";

export function Earlier(props: {
  runs: EarlierRun[];
  shown: string | null;
  show: (id: string) => void;
}) {
  const { runs, shown, show } = props;
  if (runs.length === 0) return null;
  return (
    <Panel id="earlier" title="Earlier runs of this machine">
      <div class="scroll">
        <table class="data">
          <thead>
            <tr>
              <th scope="col">Run</th>
              <th scope="col">Began</th>
              <th scope="col" class="lo">Load</th>
              <th scope="col" class="num">Exit code</th>
              <th scope="col" class="lo">Why</th>
            </tr>
          </thead>
          <tbody>
            {runs.map(({ id, name, model, began_at, code, reason }) => (
              <tr key={id}>
                <th scope="row" class="nm">
                  <button
                    type="button"
                    class="btn sm"
                    aria-pressed={id === shown}
                    onClick={() => show(id)}
                  >
                    {name}
                  </button>
                </th>
                <td>{words.date(began_at)}</td>
                <td class="lo words">{model}</td>
                <td class="num">{code ?? "none"}</td>
                <td class="lo words">{reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

/** What stands above an earlier run; also which run is beside it. */
export function EarlierBar({ back, beside }: { back: () => void; beside: ComponentChildren }) {
  return (
    <section class="live panel" aria-label="An earlier run">
      <div class="row">
        <b>An earlier run, from this user's history</b>
        <span class="grow" />
        {beside}
        <button type="button" class="btn" onClick={back}>Back to the runs of now</button>
      </div>
    </section>
  );
}
