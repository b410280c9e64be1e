// Pure geometry of a pane: plane millimetres (u right, v down, from the corner of the first pixel),
// CSS pixels of a view, and patient millimetres (LPS). Nothing here knows the DOM.

/** @typedef {{left: number, top: number, zoom: number, width: number, height: number}} View
 *  left, top: plane mm at the upper left corner; zoom: CSS px per mm; width, height: CSS px */

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** The whole image in the pane, centred. @returns {View} */
export function fit(shape, width, height) {
  const [w, h] = [shape.cols * shape.du, shape.rows * shape.dv];
  const zoom = Math.max(Math.min(width / w, height / h), 1e-6);
  return { left: (w - width / zoom) / 2, top: (h - height / zoom) / 2, zoom, width, height };
}

/** The same centre and zoom in a pane of another size. @returns {View} */
export function resized(view, width, height) {
  const left = view.left + (view.width - width) / 2 / view.zoom;
  const top = view.top + (view.height - height) / 2 / view.zoom;
  return { ...view, left, top, width, height };
}

/** Zoom about a fixed point. @returns {View} */
export function zoomedAt(view, x, y, factor) {
  const zoom = Math.min(Math.max(view.zoom * factor, 0.05), 200);
  const [u, v] = planeFromPx(view, x, y);
  return { ...view, zoom, left: u - x / zoom, top: v - y / zoom };
}

/** @returns {View} */
export const panned = (view, dx, dy) => ({ ...view, left: view.left - dx / view.zoom, top: view.top - dy / view.zoom });

export const planeFromPx = (view, x, y) => [view.left + x / view.zoom, view.top + y / view.zoom];
export const pxFromPlane = (view, u, v) => [(u - view.left) * view.zoom, (v - view.top) * view.zoom];

/** @returns {import("../messages.js").Lps} */
export function lpsFromPlane(shape, index, u, v) {
  const [a, b] = [u - shape.du / 2, v - shape.dv / 2];
  const along = (n) => shape.origin[n] + shape.right[n] * a + shape.down[n] * b + shape.step[n] * index;
  return [along(0), along(1), along(2)];
}

export function planeFromLps(shape, point) {
  const d = [0, 1, 2].map((n) => point[n] - shape.origin[n]);
  const index = dot(d, shape.per);
  const on = d.map((x, n) => x - shape.step[n] * index); // along the axis of the stack, which leans in tilted series
  return { u: dot(on, shape.right) + shape.du / 2, v: dot(on, shape.down) + shape.dv / 2, index };
}

/** Move a point along the axis of the stack onto slice `index`; its position in the plane is unchanged. */
export function onSlice(shape, point, index) {
  const by = index - planeFromLps(shape, point).index;
  return point.map((x, n) => x + shape.step[n] * by);
}

/** Whether a point is within half a slice of a slice. */
export const isOnSlice = (shape, point, index) => Math.abs(planeFromLps(shape, point).index - index) <= 0.5 + 1e-6;

/** The crosshair as the place of what a slice shows: moved along the stack if the slice is elsewhere. */
export const placeOnSlice = (shape, point, index) => (isOnSlice(shape, point, index) ? point : onSlice(shape, point, index));

/** Whether the planes run from the feet to the head, so that the first slice for people is the last of the stack. */
export const isUpward = ({ step }) => step[2] > Math.max(Math.abs(step[0]), Math.abs(step[1]));

/** Number of a slice as people count: from the head to the feet, from 1. */
export const sliceNumber = (shape, index) => (isUpward(shape) ? shape.count - index : index + 1);

export const clampIndex = (shape, index) => Math.min(Math.max(Math.round(index), 0), shape.count - 1);

/** A round length of about a quarter of the pane. */
export function scaleBar(view, unit = "mm") {
  const room = (view.width * 0.25) / view.zoom;
  const power = 10 ** Math.floor(Math.log10(room));
  const mm = [5, 2, 1].map((n) => n * power).find((n) => n <= room) ?? power;
  if (unit === "px") return { px: mm * view.zoom, text: `${+mm.toPrecision(2)} px` };
  const text = mm >= 10 ? `${mm / 10} cm` : `${+mm.toPrecision(2)} mm`;
  return { px: mm * view.zoom, text: text + unit.slice(2) };
}

/** Intersection of a plane and a box (eight corners, bits of the number = axes): outline [u, v], or nothing. */
export function boxSection(shape, index, corners) {
  const at = corners.map((c) => planeFromLps(shape, c));
  const points = [];
  for (let a = 0; a < 8; a++)
    for (const bit of [1, 2, 4]) {
      if (a & bit) continue;
      const [p, q] = [at[a], at[a | bit]];
      const [g, h] = [p.index - index, q.index - index];
      if (g < 0 === h < 0) continue;
      const t = g / (g - h);
      points.push([p.u + (q.u - p.u) * t, p.v + (q.v - p.v) * t]);
    }
  return around(points.length ? points : flatSection(at, index));
}

function flatSection(at, index) {
  const mean = at.reduce((s, p) => s + p.index, 0) / 8;
  return Math.abs(mean - index) <= 0.5 && at.every((p) => Math.abs(p.index - mean) < 1e-3) ? at.map((p) => [p.u, p.v]) : [];
}

function around(points) {
  const [cu, cv] = [0, 1].map((n) => points.reduce((s, p) => s + p[n], 0) / points.length);
  return points.sort((p, q) => Math.atan2(p[1] - cv, p[0] - cu) - Math.atan2(q[1] - cv, q[0] - cu));
}
