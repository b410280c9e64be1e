// Window and inversion of each series: panes of one series share them.

import { Fusion } from "../sections/fusion.js";
import { EXACT } from "./lut.js";

/** @typedef {{window: [number, number], invert: boolean, colour?: boolean, voi?: import("./lut.js").Voi,
 *   windows?: {name: string, window: [number, number], voi: import("./lut.js").Voi}[]}} Look   colours have no window;
 *   `windows`: those of the file */

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
    this.fusion = new Fusion();
    /** Whether overlays of the files are shown. */
    this.graphics = true;
    /** Whether the picture is enlarged around the pointer. */
    this.magnified = false;
  }

  /** @param {string} series @returns {Look} */
  of(series) { return this.now.get(series) ?? NONE; }

  has(series) { return this.now.has(series); }

  /** Add series that are shown for the first time; others keep what the user chose. @param {Record<string, Look>} series
   * @param {any[]} panes of the same SCENE message */
  add(series, panes) {
    this.fusion.setScene(panes);
    for (const [uid, { window, invert, colour, voi = EXACT, windows = [] }] of Object.entries(series)) {
      if (!this.now.has(uid)) this.now.set(uid, { window, invert, colour, voi, windows });
      this.first.set(uid, { window, invert, colour, voi, windows });
    }
  }

  /** @param {string} series @param {[number, number]} window @param {boolean} invert @param {import("./lut.js").Voi} voi */
  set(series, window, invert, voi = this.of(series).voi) {
    const look = this.of(series);
    if (!look.colour) this.now.set(series, { ...look, window, invert, voi });
  }

  reset() {
    this.now = new Map(this.first);
    this.slab = null;
    this.fusion.reset();
  }
}
