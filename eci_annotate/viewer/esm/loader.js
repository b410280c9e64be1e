// Fetches slices: few under way at a time, the ones shown first, then those around them; it rests while a hand draws.

import { nextWanted, SliceCache, sliceKey } from "./cache.js";

const UNDER_WAY = 4;
const CACHE_BYTES = 400e6;
const PATIENCE_MS = 8000;

export class Loader {
  /** @param {(series: string, pane: string, index: number) => void} ask */
  constructor(ask) {
    this.ask = ask;
    this.cache = new SliceCache(CACHE_BYTES);
    /** @type {Map<string, number>} */
    this.asked = new Map();
    this.busy = false;
  }

  held(series, pane, index) {
    return this.cache.get(sliceKey(series, pane, index));
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
    const missing = (pane, index) => {
      const key = sliceKey(series, pane, index);
      return !this.cache.has(key) && !this.asked.has(key);
    };
    const reach = this.busy ? 0 : 1;
    const around = panes.map(({ shape, index, travel }) => ({ shape, index, travel, reach: reach * reachOf(shape) }));
    while (this.asked.size < UNDER_WAY) {
      const next = nextWanted(around, missing);
      if (!next) return;
      this.asked.set(sliceKey(series, next.pane, next.index), now);
      this.ask(series, next.pane, next.index);
    }
  }
}

/** How far around to fetch: a quarter of the cache for each pane. */
const reachOf = (shape) => Math.ceil(CACHE_BYTES / 8 / (shape.cols * shape.rows * 2));
