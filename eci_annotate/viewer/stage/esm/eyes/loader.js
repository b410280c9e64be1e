// Fetches slices: those shown first, then the acquired ones around them, few at a time, none during a stroke.
// Once all acquired slices are loaded, the other panes are cut from them, without the kernel.

import { nextWanted, SliceCache, sliceKey } from "./cache.js";

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
  const Values = /** @type {Int16ArrayConstructor | Uint16ArrayConstructor} */ (first.values.constructor);
  const values = new Values(shape.rows * shape.cols);
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
      values[a * step[along] + b * step[across]] = source[offset + place(inner, n)];
    }
  }
  return { ...first, values, bytes: values.byteLength };
}

export class Loader {
  /** @param {(series: string, pane: string, index: number) => void} ask */
  constructor(ask) {
    this.ask = ask;
    this.cache = new SliceCache(CACHE_BYTES);
    /** @type {Map<string, number>} */
    this.asked = new Map();
    this.busy = false;
    this.shapes = {};
  }

  get base() {
    return Object.values(this.shapes).find((shape) => shape.axis === 0);
  }

  /** Whether all acquired slices are loaded. */
  isWhole(series) {
    const { base } = this;
    for (let k = 0; k < base.count; k++) if (!this.cache.has(sliceKey(series, base.name, k))) return false;
    return true;
  }

  held(series, pane, index) {
    const key = sliceKey(series, pane, index);
    const found = this.cache.get(key);
    if (found || pane === this.base.name || !this.isWhole(series)) return found;
    const slice = cut(this.base, this.shapes[pane], index, (k) => this.cache.held.get(sliceKey(series, this.base.name, k)));
    return slice;
  }

  /** @param {any} message @param {DataView} buffer */
  arrived({ series, pane, index, dtype, slope, intercept }, buffer) {
    const key = sliceKey(series, pane, index);
    this.asked.delete(key);
    const bytes = buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
    const signed = dtype === "int16";
    const values = signed ? new Int16Array(bytes) : new Uint16Array(bytes);
    this.cache.put(key, { values, bytes: bytes.byteLength, slope, intercept, signed });
  }

  /** @param {string} series @param {import("./pane.js").Pane[]} panes */
  fill(series, panes) {
    const now = performance.now();
    for (const [key, since] of this.asked) if (now - since > PATIENCE_MS) this.asked.delete(key);
    const whole = this.isWhole(series);
    const missing = (pane, index) => {
      const key = sliceKey(series, pane, index);
      return !(this.cache.has(key) || this.asked.has(key) || (whole && pane !== this.base.name));
    };
    const near = panes.map(({ shape, index, travel }) => ({ shape, index, travel, reach: this.busy ? 0 : NEAR }));
    this.askFor(series, near, missing, UNDER_WAY_NEAR);
    if (this.busy) return;
    const base = near.filter(({ shape }) => shape.axis === 0).map((pane) => ({ ...pane, reach: reachOf(pane.shape) }));
    this.askFor(series, base, missing, UNDER_WAY_FAR);
  }

  askFor(series, around, missing, most) {
    while (this.asked.size < most) {
      const next = nextWanted(around, missing);
      if (!next) return;
      this.asked.set(sliceKey(series, next.pane, next.index), performance.now());
      this.ask(series, next.pane, next.index);
    }
  }
}

/** How far around to fetch, so that no slice evicts a nearer one. */
const reachOf = (shape) => Math.ceil((0.45 * CACHE_BYTES) / (shape.cols * shape.rows * 2));
