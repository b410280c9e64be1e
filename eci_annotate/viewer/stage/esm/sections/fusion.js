// Series laid in colour over others: what lies over each pane, with the opacity and the colours of each such series, which
// belong to the series like its window. Whether a pane shows it is the pane's own.

import { planeName } from "../eyes/slab.js";
import { blend, colourTable } from "./colour_table.js";

/** @typedef {import("../eyes/pane.js").Pane} Pane */
/** @typedef {{series: string, title: string, why: string, opacity: number, colours: string,
 *   suv: number, quantity: string}} Fuse   `series` is empty if `why` is not */
/** @typedef {{values: Uint16Array, slope: number, intercept: number, table: Uint32Array, pane: Pane}} Layer */

const STEP = 0.1;

/** Name of a plane of one series on which another one is sampled. @param {string} plane @param {string} below */
export const onto = (plane, below) => `${plane}@${below}`;

export class Fusion {
  constructor() {
    /** @type {Record<string, import("./colour_table.js").ColourMap>} */
    this.maps = {};
    /** @type {Map<string, {opacity: number, colours: string}>} by series: as first shown, and now */
    this.first = new Map();
    /** @type {Map<string, {opacity: number, colours: string}>} */
    this.now = new Map();
    /** @type {Set<string>} names of panes that do not show what lies over them */
    this.off = new Set();
    /** @type {Map<string, {key: string, table: Uint32Array}>} */
    this.tables = new Map();
  }

  /** @param {{fuse: Fuse | null}[]} panes of a SCENE message */
  setScene(panes) {
    for (const { fuse } of panes) {
      if (!fuse?.series) continue;
      const look = { opacity: fuse.opacity, colours: fuse.colours };
      if (!this.now.has(fuse.series)) this.now.set(fuse.series, look);
      this.first.set(fuse.series, look);
    }
  }

  reset() { this.now = new Map(this.first); }

  /** What lies over a pane and is shown. @param {Pane} pane @returns {Fuse | null} */
  over(pane) { return pane.fuse?.series && !this.off.has(pane.name) ? pane.fuse : null; }

  /** Series shown in a pane, in grey and in colour. @param {Pane} pane */
  seriesIn(pane) {
    const over = this.over(pane);
    return over ? [pane.series, over.series] : [pane.series];
  }

  /** @param {Pane} pane */
  turn(pane) {
    if (!this.off.delete(pane.name)) this.off.add(pane.name);
  }

  /** @param {string} series @returns {{opacity: number, colours: string}} */
  of(series) { return this.now.get(series) ?? { opacity: 0.4, colours: Object.keys(this.maps)[0] }; }

  /** @param {string} series @param {Partial<{opacity: number, colours: string}>} look */
  set(series, look) { this.now.set(series, { ...this.of(series), ...look }); }

  /** @param {string} series @param {number} by steps */
  fade(series, by) {
    const opacity = Math.round((this.of(series).opacity + by * STEP) * 100) / 100;
    this.set(series, { opacity: Math.min(Math.max(opacity, 0), 1) });
  }

  /** What to blend into the picture of a pane; null for nothing, or while it is loading.
   * @param {Pane} pane @param {string} plane its plane, with its slab @param {import("../eyes/board.js").Board} board
   * @returns {Layer | null} */
  layer(pane, plane, { loader, looks }) {
    const over = this.over(pane);
    const slice = over && loader.held(over.series, onto(plane, pane.series), pane.index);
    if (!slice) return null;
    const { slope, intercept } = slice;
    const values = /** @type {Uint16Array} */ (slice.values);
    return { values, slope, intercept, pane, table: this.table(over.series, looks.of(over.series).window, slice) };
  }

  /** @param {string} series @param {[number, number]} window @param {{slope: number, intercept: number}} slice */
  table(series, window, slice) {
    const { opacity, colours } = this.of(series);
    const key = [...window, opacity, colours, slice.slope, slice.intercept].join();
    if (this.tables.get(series)?.key !== key)
      this.tables.set(series, { key, table: colourTable(window, this.maps[colours], opacity, slice) });
    return this.tables.get(series).table;
  }

  /** What a pane says of it, and the legend: colours and the values at both ends.
   * @param {Pane} pane @param {import("../eyes/looks.js").Looks} looks */
  describe(pane, looks) {
    if (pane.fuse?.why) return { text: pane.fuse.why, legend: null };
    const over = this.over(pane);
    if (!over) return { text: "", legend: null };
    const { opacity, colours } = this.of(over.series);
    const [low, high] = looks.of(over.series).window;
    return { text: `+ ${over.title}  ${Math.round(opacity * 100)} %`, legend: { map: this.maps[colours], low, high } };
  }
}

/** Blend what lies over a picture into it. @param {Layer | null} layer @param {Uint32Array} words RGBA pixels */
export function layOver(layer, words) {
  if (layer) blend(layer.values, layer.table, words);
}

/** Whether a slice that has arrived is shown in a pane, or over it. @param {Pane} pane
 * @param {{series: string, plane: string, index: number}} slice @param {import("../eyes/looks.js").Looks} looks */
export function shows(pane, { series, plane, index }, { slab, fusion }) {
  const own = planeName(pane.shape, slab);
  if (pane.index !== index) return false;
  return (pane.series === series && own === plane) || (fusion.over(pane)?.series === series && onto(own, pane.series) === plane);
}

/** What the loader has to fetch for panes, besides what lies below. @param {Pane[]} panes @param {Fusion} fusion */
export const overPanes = (panes, fusion) => panes.flatMap((pane) => {
  const over = fusion.over(pane);
  return over ? [{ series: over.series, below: pane.series, shape: pane.shape, index: pane.index, travel: pane.travel }] : [];
});
