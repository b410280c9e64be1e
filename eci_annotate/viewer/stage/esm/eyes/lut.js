// Window/level and inversion: one table from every stored 16-bit value to a grey pixel, so that a slice takes one pass.

/** @typedef {"LINEAR" | "LINEAR_EXACT" | "SIGMOID" | number[]} Voi   how values between black and white become grey; numbers: a table */
/** As files mean it that say nothing: white one value before the window ends (PS3.3 C.11.2.1.2.1). @type {Voi} */
export const LINEAR = "LINEAR";
/** As people choose windows. @type {Voi} */
export const EXACT = "LINEAR_EXACT";

/** `window`: modality values displayed black and white; `stored`: conversion of stored to modality values.
 * @param {[number, number]} window @param {boolean} invert @param {{slope: number, intercept: number, signed: boolean}} stored */
export function buildLut(window, invert, stored, lut = new Uint32Array(65536), voi = EXACT) {
  const [[low, end], { slope, intercept, signed }] = [window, stored];
  const high = voi === LINEAR ? end - 1 : end;
  if (voi !== LINEAR && voi !== EXACT) return curvedLut(window, invert, stored, lut, voi);
  const scale = 255 / Math.max(high - low, 1e-9);
  const [gain, offset] = invert ? [-slope * scale, 255.5 - (intercept - low) * scale] : [slope * scale, (intercept - low) * scale + 0.5];
  for (let n = 0; n < 65536; n++) {
    const grey = (signed ? (n << 16) >> 16 : n) * gain + offset;
    const g = grey <= 0 ? 0 : grey >= 255 ? 255 : grey | 0;
    lut[n] = 0xff000000 | (g << 16) | (g << 8) | g;
  }
  return lut;
}

/** The same for a sigmoid, or a table of grey levels (PS3.3 C.11.2.1.3). */
function curvedLut([low, high], invert, { slope, intercept, signed }, lut, voi) {
  for (let n = 0; n < 65536; n++) {
    const share = ((signed ? (n << 16) >> 16 : n) * slope + intercept - low) / Math.max(high - low, 1e-9);
    const grey = voi === "SIGMOID" ? 255 / (1 + Math.exp(-4 * (share - 0.5))) : voi[Math.round(Math.min(Math.max(share, 0), 1) * (voi.length - 1))];
    const g = Math.round(invert ? 255 - grey : grey);
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

const GRAPHICS = 0xff4dd2ff; // amber

/** @param {Uint8Array} bits of each pixel, the lowest first @param {Uint32Array} out RGBA pixels */
export function paintGraphics(bits, out) {
  for (let n = 0; n < out.length; n++) if ((bits[n >> 3] >> (n & 7)) & 1) out[n] = GRAPHICS;
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
  of(window, invert, slice, voi = EXACT) {
    const key = [window, invert, slice.slope, slice.intercept, slice.signed].join();
    if (key !== this.key || voi !== this.voi) {
      this.table = buildLut(window, invert, slice, this.table, voi);
      this.key = key;
      this.voi = voi;
    }
    return this.table;
  }
}
