// Window and inversion of each series: panes of one series share them.

/** @typedef {{window: [number, number], invert: boolean, colour?: boolean}} Look   colours have no window */

/** @type {Look} */
const NONE = { window: [0, 1], invert: false };

export class Looks {
  constructor() {
    /** @type {Map<string, Look>} */
    this.first = new Map();
    /** @type {Map<string, Look>} */
    this.now = new Map();
    /** @type {import("./slab.js").Slab | null} what all panes show instead of single slices */
    this.slab = null;
  }

  /** @param {string} series @returns {Look} */
  of(series) { return this.now.get(series) ?? NONE; }

  has(series) { return this.now.has(series); }

  /** Add series that are shown for the first time; others keep what the user chose. @param {Record<string, Look>} series */
  add(series) {
    for (const [uid, { window, invert, colour }] of Object.entries(series)) {
      if (!this.now.has(uid)) this.now.set(uid, { window, invert, colour });
      this.first.set(uid, { window, invert, colour });
    }
  }

  /** @param {string} series @param {[number, number]} window @param {boolean} invert */
  set(series, window, invert) { if (!this.of(series).colour) this.now.set(series, { window, invert }); }

  reset() {
    this.now = new Map(this.first);
    this.slab = null;
  }
}
