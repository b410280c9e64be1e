// From values of a series laid over another one to colours with their opacity, and their blending into the picture below.

/** @typedef {{title: string, colours: [number, number, number][]}} ColourMap   at even places, lowest value first */

/** Values fade in over this share of their window: its lowest end is background. */
const FADE = 0.1;
const NOTHING = 0; // the code for "not known here"

/** A colour of a map. @param {ColourMap} map @param {number} share 0..1 @returns {[number, number, number]} */
export function colourAt({ colours }, share) {
  const at = Math.min(Math.max(share, 0), 1) * (colours.length - 1);
  const n = Math.min(Math.floor(at), colours.length - 2);
  const [one, other] = [colours[n], colours[n + 1]];
  const mixed = (c) => Math.round(one[c] + (other[c] - one[c]) * (at - n));
  return [mixed(0), mixed(1), mixed(2)];
}

/** One colour (RGBA) for every code. Values up to the lower end of the window, and codes for nothing, have none.
 * @param {[number, number]} window @param {ColourMap} map @param {number} opacity 0..1
 * @param {{slope: number, intercept: number}} stored conversion of codes to values */
export function colourTable([low, high], map, opacity, { slope, intercept }) {
  const table = new Uint32Array(65536);
  const steps = Array.from({ length: 256 }, (_, n) => colourAt(map, n / 255));
  for (let n = NOTHING + 1; n < 65536; n++) {
    const share = (n * slope + intercept - low) / Math.max(high - low, 1e-9);
    if (share <= 0) continue;
    const [r, g, b] = steps[Math.min(Math.round(share * 255), 255)];
    const alpha = Math.round(255 * opacity * Math.min(share / FADE, 1));
    table[n] = ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }
  return table;
}

/** Blend colours into a picture of the same size. @param {Uint16Array} codes @param {Uint32Array} table
 * @param {Uint32Array} out RGBA pixels */
export function blend(codes, table, out) {
  for (let n = 0; n < out.length; n++) {
    const over = table[codes[n]];
    const alpha = over >>> 24;
    if (!alpha) continue;
    const below = out[n];
    const mixed = (shift) => {
      const from = (below >>> shift) & 255;
      return from + Math.round(((((over >>> shift) & 255) - from) * alpha) / 255);
    };
    out[n] = 0xff000000 | (mixed(16) << 16) | (mixed(8) << 8) | mixed(0);
  }
}
