// Fetches slices: those shown first, then the acquired ones around them, few at a time, none during a stroke.
// Once all acquired slices are loaded, the other panes are cut from them, without the kernel.

import { nextWanted, SliceCache, sliceKey } from "./cache.js";
import { onto } from "../sections/fusion.js";
import { planeName } from "./slab.js";

const CACHE_BYTES = 400e6;
const PATIENCE_MS = 8000;
const NEAR = 4;
const UNDER_WAY_NEAR = 3;
const UNDER_WAY_FAR = 1;

/** Compute a slice of another pane from the acquired ones.
 * @param {any} base shape of the pane that shows acquired slices @param {any} shape the pane to cut for
 * @param {(k: number) => import("./cache.js").Slice} slice
 * @returns {import("./cache.js").Slice} */
export function cut(base, shape, index, slice) {
  const first = slice(0);
  const Values = /** @type {Int16ArrayConstructor | Uint16ArrayConstructor | Uint8ArrayConstructor} */ (first.values.constructor);
  const depth = first.colour ? 3 : 1;
  const values = new Values(shape.rows * shape.cols * depth);
  const [along, across] = shape.axes[0] === base.axis ? [0, 1] : [1, 0];
  const step = [shape.cols, 1];
  const lengths = [shape.rows, shape.cols];
  const stride = { [base.axes[0]]: base.cols, [base.axes[1]]: 1 };
  const length = { [base.axes[0]]: base.rows, [base.axes[1]]: base.cols };
  const flipped = { [base.axes[0]]: base.flips[0], [base.axes[1]]: base.flips[1] };
  const place = (axis, n) => stride[axis] * (flipped[axis] ? length[axis] - 1 - n : n);
  const inner = shape.axes[across];
  const offset = place(shape.axis, index);
  for (let a = 0; a < lengths[along]; a++) {
    const source = slice(shape.flips[along] ? lengths[along] - 1 - a : a).values;
    for (let b = 0; b < lengths[across]; b++) {
      const n = shape.flips[across] ? lengths[across] - 1 - b : b;
      const [to, from] = [(a * step[along] + b * step[across]) * depth, (offset + place(inner, n)) * depth];
      for (let c = 0; c < depth; c++) values[to + c] = source[from + c];
    }
  }
  return { ...first, values, bytes: values.byteLength, graphics: undefined };
}

export class Loader {
  /** @param {(series: string, plane: string, index: number) => void} ask */
  constructor(ask) {
    this.ask = ask;
    this.cache = new SliceCache(CACHE_BYTES);
    /** @type {Map<string, number>} */
    this.asked = new Map();
    this.busy = false;
    /** @type {Record<string, Record<string, any>>} shapes of the series shown, by series and plane */
    this.shapes = {};
  }

  /** Shape of the acquired slices. @param {string} series */
  base(series) {
    return Object.values(this.shapes[series] ?? {}).find((shape) => shape.axis === 0);
  }

  /** Whether all acquired slices are loaded. */
  isWhole(series) {
    const base = this.base(series);
    if (!base) return false;
    for (let k = 0; k < base.count; k++) if (!this.cache.has(sliceKey(series, base.name, k))) return false;
    return true;
  }

  held(series, plane, index) {
    const base = this.base(series);
    const found = this.cache.get(sliceKey(series, plane, index));
    if (found || !base || plane === base.name || !(this.shapes[series][plane]?.axis >= 0) || !this.isWhole(series)) return found;
    return cut(base, this.shapes[series][plane], index, (k) => this.cache.held.get(sliceKey(series, base.name, k)));
  }

  /** Wait no longer for slices of planes that no longer exist. @param {string} plane */
  forget(plane) {
    for (const key of this.asked.keys()) if (key.includes(`|${plane}`)) this.asked.delete(key);
  }

  /** @param {any} message @param {DataView} buffer @param {DataView} [graphics] bits of the file's overlays */
  arrived({ series, plane, index, dtype, slope, intercept }, buffer, graphics) {
    const key = sliceKey(series, plane, index);
    this.asked.delete(key);
    const bytes = buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
    const [signed, colour] = [dtype === "int16", dtype === "rgb"];
    const values = colour ? new Uint8Array(bytes) : signed ? new Int16Array(bytes) : new Uint16Array(bytes);
    this.cache.put(key, { values, bytes: bytes.byteLength, slope, intercept, signed, colour, graphics: graphics && bitsOf(graphics) });
  }

  /** Ask for what the panes show and what is near, nearest first. @param {import("./pane.js").Pane[]} panes
   * @param {import("./slab.js").Slab | null} slab
   * @param {{series: string, below: string, shape: any, index: number, travel: number}[]} over what lies over panes */
  fill(panes, slab = null, over = []) {
    const now = performance.now();
    for (const [key, since] of this.asked) if (now - since > PATIENCE_MS) this.asked.delete(key);
    const whole = new Map(panes.map(({ series }) => [series, this.isWhole(series)]));
    const missing = (series, plane, index) => {
      const key = sliceKey(series, plane, index);
      const cuttable = this.shapes[series]?.[plane]?.axis >= 0 && plane !== this.base(series).name;
      return !(this.cache.has(key) || this.asked.has(key) || (whole.get(series) && cuttable));
    };
    const reach = this.busy ? 0 : NEAR;
    const near = panes.map(({ series, shape, index, travel }) => ({ series, shape, plane: planeName(shape, slab), index, travel, reach }));
    const laid = over.map((each) => ({ ...each, plane: onto(planeName(each.shape, slab), each.below), reach }));
    this.askFor([...near, ...laid], missing, UNDER_WAY_NEAR);
    if (this.busy) return;
    const count = whole.size + laid.length;
    const around = laid.map((each) => ({ ...each, reach: reachOf(each.shape, count) }));
    this.askFor([...this.far(near, count), ...around], missing, UNDER_WAY_FAR);
  }

  /** The acquired slices of each series, around the pane that shows them, or around the middle if none does. */
  far(panes, count) {
    const found = new Map();
    for (const pane of panes) {
      const { series, shape } = pane;
      const base = this.base(series);
      if (shape.axis !== 0 && found.has(series)) continue;
      const at = shape.axis === 0 ? pane : { ...pane, shape: base, index: Math.floor(base.count / 2) };
      found.set(series, { ...at, plane: base.name, reach: reachOf(base, count) });
    }
    return [...found.values()];
  }

  askFor(around, missing, most) {
    while (this.asked.size < most) {
      const next = nextWanted(around, missing);
      if (!next) return;
      this.asked.set(sliceKey(next.series, next.plane, next.index), performance.now());
      this.ask(next.series, next.plane, next.index);
    }
  }
}

const bitsOf = (view) => new Uint8Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

/** How far around to fetch, so that no slice evicts a nearer one; the series shown share the cache (colours take 3 bytes). */
const reachOf = (shape, series) => Math.ceil((0.45 * CACHE_BYTES) / (shape.cols * shape.rows * 3 * series));
