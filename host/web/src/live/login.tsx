// The token, which a person gives once: the host gives a cookie for it that no script can read.

import { useState } from "preact/hooks";

import { logIn } from "./api";

export function Login({ done }: { done: () => void }) {
  const [token, setToken] = useState("");
  const [words, setWords] = useState<string | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await logIn(token);
      done();
    } catch (error) {
      setWords(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <form class="broken login" onSubmit={submit}>
      <label for="token">
        This host asks for the token that it found in <code>SWELL_CONTROL_TOKEN</code>.
      </label>
      <input
        id="token"
        type="password"
        autocomplete="current-password"
        value={token}
        onInput={(event) => setToken(event.currentTarget.value)}
      />
      <button type="submit" class="btn">Log in</button>
      {words && <p role="alert" class="bad">{words}</p>}
    </form>
  );
}
