// The value under the pointer.

import * as pane_geometry from "./pane_geometry.js";
import { uprightPoint } from "./turn.js";

/** Place of the pixel at a point of a pane, in the values of its slice; null outside the image. @param {any} pane */
function pixelAt({ picture: { held, slice }, upright: shape, turn, view }, x, y) {
  if (!held || !slice) return null;
  const [p, q] = pane_geometry.planeFromPx(view, x, y);
  const [u, v] = uprightPoint(shape, turn, p, q);
  const [col, row] = [Math.floor(u / shape.du), Math.floor(v / shape.dv)];
  return col < 0 || row < 0 || col >= shape.cols || row >= shape.rows ? null : row * shape.cols + col;
}

/** Modality value of the pixel at a point of a pane, in colour images red, green and blue; null outside the image.
 * @param {any} pane @returns {number | number[] | null} */
export function valueAt(pane, x, y) {
  const { picture: { slice } } = pane;
  const at = pixelAt(pane, x, y);
  if (at === null || (pane.upright.axis < 0 && !slice.values[at])) return null;
  if (slice.colour) return [...slice.values.subarray(3 * at, 3 * at + 3)];
  return slice.values[at] * slice.slope + slice.intercept;
}

/** The same in words, for the pane under the pointer. @param {any} pane @param {{pane: any, x: number, y: number} | null} hovered */
export function probeText(pane, hovered) {
  const value = hovered?.pane === pane ? valueAt(pane, hovered.x, hovered.y) : null;
  if (value === null) return "";
  if (Array.isArray(value)) return `R ${value[0]} G ${value[1]} B ${value[2]}`;
  return numberText(value, pane.suv, pane.quantity) + overText(pane, hovered.x, hovered.y);
}

/** @param {number} value @param {number} suv factor to SUV by body weight, or 0 @param {string} quantity */
function numberText(value, suv, quantity) {
  const first = suv ? `SUVbw ${(value * suv).toFixed(2)}  ` : "";
  return `${first}${Math.abs(value) < 10 && value % 1 ? value.toFixed(2) : Math.round(value)} ${quantity}`.trim();
}

/** The value of what lies over a pane. */
function overText(pane, x, y) {
  const { over } = pane.picture;
  const code = over ? over.values[pixelAt(pane, x, y)] : 0;
  return code ? `  + ${numberText(code * over.slope + over.intercept, pane.fuse?.suv ?? 0, pane.fuse?.quantity ?? "")}` : "";
}
