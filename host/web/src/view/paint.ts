// When canvases must be drawn anew, as they follow no style sheet: another width, another colour
// scheme, paper.

import { useEffect, useState } from "preact/hooks";

import { restyled } from "../charts/look";

/** A number that changes whenever all charts are to be drawn anew. */
export function usePaint(): number {
  const [paint, setPaint] = useState(0);
  useEffect(() => {
    const again = () => {
      restyled();
      setPaint((number) => number + 1);
    };
    let width = innerWidth;
    let waiting = 0;
    const resized = () => {
      if (innerWidth === width) return;
      width = innerWidth;
      clearTimeout(waiting);
      waiting = setTimeout(again, 100) as unknown as number;
    };
    // Paper is light, and narrower than a screen; what it shows is drawn before it is looked at.
    const { classList } = document.documentElement;
    const before = () => {
      classList.add("paper");
      again();
    };
    const after = () => {
      classList.remove("paper");
      again();
    };
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("resize", resized);
    addEventListener("beforeprint", before);
    addEventListener("afterprint", after);
    scheme.addEventListener("change", again);
    return () => {
      removeEventListener("resize", resized);
      removeEventListener("beforeprint", before);
      removeEventListener("afterprint", after);
      scheme.removeEventListener("change", again);
    };
  }, []);
  return paint;
}
