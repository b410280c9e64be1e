// Texts that people type or paste are bounded: Jupyter closes the connection on messages that are too long, again and
// again, and nothing would be saved any more.

/** Characters of one field: some ten pages. */
export const MOST_CHARACTERS = 20_000;

const OURS = "[class*='eci-']";

/**
 * Cut a text that is too long, before its widget receives it.
 * @param {any} target what received the input @returns {boolean} whether it was cut
 */
export function limited(target) {
  if (typeof target?.value !== "string" || target.value.length <= MOST_CHARACTERS) return false;
  if (!target.closest?.(OURS)) return false;
  target.value = target.value.slice(0, MOST_CHARACTERS);
  return true;
}

export class TextLimit {
  /** @param {(text: string) => void} say */
  constructor(say) {
    this.watch = (event) => {
      if (limited(event.target)) say(`A field takes ${MOST_CHARACTERS.toLocaleString("en")} characters. The rest of the text was cut off.`);
    };
  }

  start() { window.addEventListener("input", this.watch, true); }

  stop() { window.removeEventListener("input", this.watch, true); }
}
