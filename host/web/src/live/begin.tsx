// Begins a scenario that the node which serves this page has stored. What the host refuses, it says
// in its own words: the page knows no rules.

import { useState } from "preact/hooks";

import { Panel } from "../view/parts";
import { begin } from "./api";

/** Ways to say how much, by the settings of `host run`. */
const LOADS = [
  ["tps", "transactions a second"],
  ["rate", "iterations a second"],
  ["vus", "users"],
] as const;

/** A number where it is one; anything else as it was typed. */
const numeric = (typed: string) => (/^\d+(\.\d+)?$/.test(typed) ? Number(typed) : typed);

export function Begin({ stored, begun }: { stored: string[]; begun: (name: string) => void }) {
  const [amiss, setAmiss] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  if (stored.length === 0) return null;
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const typed = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(typed.get(name) ?? "").trim();
    // What is left empty is for the host to know.
    const optional = ["duration", "target", "scenario"].map((name) => [name, text(name)]);
    const hosts = text("hosts");
    setAmiss(null);
    setBusy(true);
    try {
      begun(await begin({
        stored: text("stored"),
        [text("load")]: numeric(text("amount")),
        ...Object.fromEntries(optional.filter(([, value]) => value !== "")),
        ...(hosts !== "" && { hosts: numeric(hosts) }),
      }));
    } catch (error) {
      setAmiss(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  return (
    <Panel id="begin" title="Begin a run">
      <form class="fields" onSubmit={submit}>
        <label>
          Stored scenario
          <select name="stored">
            {stored.map((name) => <option key={name}>{name}</option>)}
          </select>
        </label>
        <label>
          Load
          <span>
            <input name="amount" inputMode="decimal" required size={8} autocomplete="off" />{" "}
            <select name="load" aria-label="Load in">
              {LOADS.map(([setting, words]) => (
                <option key={setting} value={setting}>{words}</option>
              ))}
            </select>
          </span>
        </label>
        <label>
          Duration
          <input name="duration" placeholder="until it is stopped" autocomplete="off" />
        </label>
        <label>
          Target
          <input name="target" placeholder="as the node was told" autocomplete="off" />
        </label>
        <label>
          Scenario in it
          <input name="scenario" placeholder="its only one" autocomplete="off" />
        </label>
        <label>
          Nodes
          <input
            name="hosts"
            inputMode="numeric"
            placeholder="all that are free"
            autocomplete="off"
          />
        </label>
        <button type="submit" class="btn" disabled={isBusy}>
          {isBusy ? "Beginning" : "Begin"}
        </button>
      </form>
      {amiss && <p role="alert" class="bad words">{amiss}</p>}
    </Panel>
  );
}
