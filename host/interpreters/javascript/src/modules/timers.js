// The module "k6/timers": what every script has without an import.

export const { clearInterval, clearTimeout, setInterval, setTimeout } = globalThis;

export default { clearInterval, clearTimeout, setInterval, setTimeout };
