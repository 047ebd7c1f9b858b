// Follows runs for all tabs of a browser, which has only six connections to a host: if each tab
// had one, the seventh could not even stop the run. Every entry goes to each tab that shows the
// run.

import { Stream, type Told } from "./stream";

/** What a tab asks of the worker. */
export type Asked = { follow: string; after: string | null } | { leave: true };

declare const self: { onconnect: ((event: MessageEvent) => void) | null };

interface Followed {
  stream: Stream;
  ports: Set<MessagePort>;
  /** What a tab that comes later is told of the connection. */
  state: Told | null;
}

const followed = new Map<string, Followed>();

function follow(port: MessagePort, run: string, after: string | null) {
  const known = followed.get(run);
  if (known) {
    known.ports.add(port);
    if (known.state) port.postMessage(known.state);
    return;
  }
  const ports = new Set([port]);
  const tell = (told: Told) => {
    if (told.kind === "over") followed.delete(run);
    else if (told.kind !== "entry") of.state = told;
    for (const port of ports) port.postMessage(told);
  };
  const of: Followed = { stream: new Stream(run, after, tell), ports, state: null };
  followed.set(run, of);
}

function leave(port: MessagePort) {
  for (const [run, { stream, ports }] of followed) {
    if (ports.delete(port) && ports.size === 0) {
      stream.end();
      followed.delete(run);
    }
  }
}

self.onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data }: MessageEvent<Asked>) => {
    leave(port);
    if ("follow" in data) follow(port, data.follow, data.after);
  };
};
