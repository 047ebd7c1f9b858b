// Colours of the charts: those of the style sheet, as a canvas needs them.

/** Values that were asked for: each question may have the browser style the whole page first. */
const known = new Map<string, string>();

/** The value of a custom property of the style sheet. */
export function token(name: string): string {
  const found = known.get(name) ??
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  known.set(name, found);
  return found;
}

/** The style sheet says otherwise from now on: another colour scheme, or paper. */
export function restyled() {
  known.clear();
}

export const font = () => `11px ${token("sans")}`;

/** Canvas pixels in a pixel of the page. */
export const ratio = () => devicePixelRatio || 1;
