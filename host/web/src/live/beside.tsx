// Which run is laid beside the one that is shown.

import * as words from "../view/words";
import { earlierRecord, record, type EarlierRun, type RunPlace, type ShownRun } from "./api";
import { LiveRecord } from "./record";

/** The record of the run at a place. */
export function recordOf(place: RunPlace): LiveRecord {
  const name = nameOf(place);
  return isEarlier(place)
    ? new LiveRecord(() => earlierRecord(name))
    : new LiveRecord((after) => record(name, after));
}

/** Whether nothing follows in a run's record, whatever became of it. */
export const isEarlier = (place: RunPlace) => place.startsWith("history/");

const nameOf = (place: RunPlace) => place.slice(place.indexOf("/") + 1);

/** The place that an address names, if it is one. */
export function placeOf(text: string | null): RunPlace | null {
  return /^(runs|history)\/./.test(text ?? "") ? text as RunPlace : null;
}

/** The runs that there are to choose from, but for the one that is shown. */
export function BesideChoice(props: {
  now: ShownRun[];
  earlier: EarlierRun[];
  shown: RunPlace;
  chosen: RunPlace | null;
  choose: (place: RunPlace | null) => void;
}) {
  const { shown, chosen, choose } = props;
  const isOther = ([place]: readonly [RunPlace, string]) => place !== shown;
  const now = props.now
    .map(({ name }) => [`runs/${name}`, name] as const)
    .filter(isOther);
  const earlier = props.earlier
    .map(({ id, name, began_at }) =>
      [`history/${id}`, `${name}, ${words.date(began_at)}`] as const)
    .filter(isOther);
  const known = [...now, ...earlier];
  if (known.length === 0 && chosen === null) return null;
  // The address may name one that is not among the latest.
  const isListed = known.some(([place]) => place === chosen);
  const options = (all: (readonly [RunPlace, string])[]) =>
    all.map(([place, name]) => <option key={place} value={place}>{name}</option>);
  return (
    <label class="beside">
      <span class="dim">Beside it</span>{" "}
      <select
        value={chosen ?? ""}
        onChange={({ currentTarget: { value } }) => choose(value === "" ? null : value as RunPlace)}
      >
        <option value="">no other run</option>
        {chosen && !isListed && <option value={chosen}>{nameOf(chosen)}</option>}
        {now.length > 0 && <optgroup label="Runs of now">{options(now)}</optgroup>}
        {earlier.length > 0 && <optgroup label="Earlier runs">{options(earlier)}</optgroup>}
      </select>
    </label>
  );
}
