// The value under the pointer.

import * as pane_geometry from "./pane_geometry.js";
import { uprightPoint } from "./turn.js";

/** Modality value of the pixel at a point of a pane, in colour images red, green and blue; null outside the image.
 * @param {any} pane @returns {number | number[] | null} */
export function valueAt({ picture: { held, slice }, upright: shape, turn, view }, x, y) {
  if (!held || !slice) return null;
  const [p, q] = pane_geometry.planeFromPx(view, x, y);
  const [u, v] = uprightPoint(shape, turn, p, q);
  const [col, row] = [Math.floor(u / shape.du), Math.floor(v / shape.dv)];
  if (col < 0 || row < 0 || col >= shape.cols || row >= shape.rows) return null;
  const at = row * shape.cols + col;
  if (slice.colour) return [...slice.values.subarray(3 * at, 3 * at + 3)];
  return slice.values[at] * slice.slope + slice.intercept;
}

/** The same in words, for the pane under the pointer. @param {any} pane @param {{pane: any, x: number, y: number} | null} hovered */
export function probeText(pane, hovered) {
  const value = hovered?.pane === pane ? valueAt(pane, hovered.x, hovered.y) : null;
  if (value === null) return "";
  if (Array.isArray(value)) return `R ${value[0]} G ${value[1]} B ${value[2]}`;
  const suv = pane.suv ? `SUVbw ${(value * pane.suv).toFixed(2)}  ` : "";
  return `${suv}${Math.abs(value) < 10 && value % 1 ? value.toFixed(2) : Math.round(value)} ${pane.quantity}`.trim();
}
