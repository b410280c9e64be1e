// Cache of slices in the browser: limited by bytes, least recently used evicted first.
// A pure function of the panes' positions decides which slice is fetched next.

/** @typedef {{values: Int16Array | Uint16Array | Uint8Array, bytes: number, slope: number, intercept: number, signed: boolean,
 *   colour: boolean, graphics?: Uint8Array}} Slice   `colour`: three values for each pixel; `graphics`: bits of overlays */

export const sliceKey = (series, plane, index) => `${series}|${plane}|${index}`;

export class SliceCache {
  /** @param {number} limit bytes */
  constructor(limit) {
    this.limit = limit;
    this.bytes = 0;
    /** @type {Map<string, Slice>} */
    this.held = new Map();
  }

  has(key) {
    return this.held.has(key);
  }

  get(key) {
    const slice = this.held.get(key);
    if (slice) {
      this.held.delete(key);
      this.held.set(key, slice);
    }
    return slice;
  }

  put(key, slice) {
    this.bytes += slice.bytes - (this.held.get(key)?.bytes ?? 0);
    this.held.delete(key);
    this.held.set(key, slice);
    for (const [old, { bytes }] of this.held) {
      if (this.bytes <= this.limit || old === key) break;
      this.held.delete(old);
      this.bytes -= bytes;
    }
  }
}

/** The next slice to request: first those shown, then outward, nearest first.
 * @param {{series: string, plane: string, shape: {count: number}, index: number, travel: number, reach: number}[]} panes
 * @param {(series: string, plane: string, index: number) => boolean} missing */
export function nextWanted(panes, missing) {
  const furthest = Math.max(0, ...panes.map((p) => p.reach));
  for (let d = 0; d <= furthest; d++)
    for (const { series, plane, shape, index, travel, reach } of panes)
      for (const n of d ? [index + d * travel, index - d * travel] : [index])
        if (d <= reach && n >= 0 && n < shape.count && missing(series, plane, n)) return { series, plane, index: n };
  return null;
}
