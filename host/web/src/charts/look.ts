// Colours of the charts: those of the style sheet, as a canvas needs them.

/** The value of a custom property of the style sheet. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export const font = () => `11px ${token("sans")}`;

/** Canvas pixels in a pixel of the page. */
export const ratio = () => devicePixelRatio || 1;
