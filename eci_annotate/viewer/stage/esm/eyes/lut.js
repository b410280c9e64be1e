// Window/level and inversion: one table from every stored 16-bit value to a grey pixel, so that a slice takes one pass.

/** `window`: modality values displayed black and white; `stored`: conversion of stored to modality values.
 * @param {[number, number]} window @param {boolean} invert @param {{slope: number, intercept: number, signed: boolean}} stored */
export function buildLut(window, invert, stored, lut = new Uint32Array(65536)) {
  const [[low, high], { slope, intercept, signed }] = [window, stored];
  const scale = 255 / Math.max(high - low, 1e-9);
  const [gain, offset] = invert ? [-slope * scale, 255.5 - (intercept - low) * scale] : [slope * scale, (intercept - low) * scale + 0.5];
  for (let n = 0; n < 65536; n++) {
    const grey = (signed ? (n << 16) >> 16 : n) * gain + offset;
    const g = grey <= 0 ? 0 : grey >= 255 ? 255 : grey | 0;
    lut[n] = 0xff000000 | (g << 16) | (g << 8) | g;
  }
  return lut;
}

/** @param {Int16Array | Uint16Array} values @param {Uint32Array} out RGBA pixels */
export function paintSlice(values, lut, out) {
  const bits = new Uint16Array(values.buffer, values.byteOffset, values.length);
  for (let n = 0; n < bits.length; n++) out[n] = lut[bits[n]];
}

/** @param {Uint8Array} values red, green, blue by pixel @param {Uint32Array} out RGBA pixels */
export function paintColours(values, out) {
  for (let n = 0, at = 0; n < out.length; n++, at += 3) out[n] = 0xff000000 | (values[at + 2] << 16) | (values[at + 1] << 8) | values[at];
}

/** Sorted values without padding: a plateau of the lowest value that lies far below all others. @param {Float32Array} sorted */
function withoutPadding(sorted) {
  const next = sorted.findIndex((value) => value > sorted[0]);
  const rest = sorted.subarray(next);
  const at = (share) => rest[Math.floor(share * (rest.length - 1))];
  const far = next > 0 && rest[0] - sorted[0] > 0.1 * (at(0.99) - at(0.01));
  return far && next > 0.01 * sorted.length ? rest : sorted;
}

/** Window for the central 98 % of a slice; padding around the image does not count. */
export function autoWindow(values, { slope, intercept }) {
  const some = withoutPadding(Float32Array.from({ length: Math.min(values.length, 20000) }, (_, n) =>
    values[Math.floor((n * values.length) / Math.min(values.length, 20000))]).sort());
  const at = (share) => some[Math.floor(share * (some.length - 1))] * slope + intercept;
  return /** @type {[number, number]} */ ([at(0.01), Math.max(at(0.99), at(0.01) + 1)]);
}

/** Window after a right-drag: rightward widens, upward brightens. */
export function draggedWindow([low, high], dx, dy) {
  const step = Math.max((high - low) / 300, 0.002 * Math.abs(high + low) / 2, 1e-6);
  const centre = (low + high) / 2 + dy * step;
  const half = Math.max((high - low) / 2 + (dx * step) / 2, step / 2);
  return /** @type {[number, number]} */ ([centre - half, centre + half]);
}

/** The table of the last window, which most slices of a series share. */
export class Luts {
  of(window, invert, slice) {
    const key = [window, invert, slice.slope, slice.intercept, slice.signed].join();
    if (key !== this.key) {
      this.table = buildLut(window, invert, slice, this.table);
      this.key = key;
    }
    return this.table;
  }
}
