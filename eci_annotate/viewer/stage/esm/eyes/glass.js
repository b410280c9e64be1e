// The topmost layer: crosshair, brush ring, the stroke until the kernel has drawn it, and texts.
// Texts are drawn, not overlaid as elements: each element over a canvas costs the browser a layer as large as the pane.

import { legendLines, LINE_PX } from "../sections/legend.js";
import * as pane_geometry from "./pane_geometry.js";

const GAP_PX = 14;
const FIRST_PX = 18;
const FAR_PX = 1e4;
const WIDE_PX = 340;

/** Whether a pane has the crosshair: on the slice of that point; on a projection only while the keyboard moves it.
 * @param {any} pane @param {number[]} focus LPS */
export const showsCross = ({ shape, index, keyed }, focus) =>
  shape.unit === "mm" ? pane_geometry.isOnSlice(shape, focus, index) : Boolean(keyed);

/** @param {CanvasRenderingContext2D} context in CSS pixels @param {number[]} focus LPS */
export function drawCross(context, pane, focus) {
  const { u, v } = pane_geometry.planeFromLps(pane.shape, focus);
  const [x, y] = pane_geometry.pxFromPlane(pane.view, u, v).map((n) => Math.round(n) + 0.5);
  context.strokeStyle = "rgba(250, 204, 21, 0.55)";
  context.lineWidth = 1;
  context.beginPath();
  for (const [a, b] of [[-FAR_PX, x - GAP_PX], [x + GAP_PX, FAR_PX]]) context.moveTo(a, y), context.lineTo(b, y);
  for (const [a, b] of [[-FAR_PX, y - GAP_PX], [y + GAP_PX, FAR_PX]]) context.moveTo(x, a), context.lineTo(x, b);
  context.stroke();
}

/** @param {number[][]} trail points in LPS */
export function drawTrail(context, pane, trail, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.lineJoin = "round";
  context.beginPath();
  trail.forEach((point, n) => {
    const { u, v } = pane_geometry.planeFromLps(pane.shape, point);
    const [x, y] = pane_geometry.pxFromPlane(pane.view, u, v);
    n ? context.lineTo(x, y) : context.moveTo(x, y);
  });
  context.stroke();
}

export function drawRing(context, { x, y, radius, colour }) {
  context.lineWidth = 3;
  context.strokeStyle = "rgba(0, 0, 0, 0.6)";
  context.beginPath();
  context.arc(x, y, Math.max(radius, 2), 0, 7);
  context.stroke();
  context.lineWidth = 1.5;
  context.strokeStyle = colour;
  context.stroke();
}

/** A text that is cut to a width, with an ellipsis. @param {CanvasRenderingContext2D} context */
export function shortened(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > width) length -= 1;
  return `${text.slice(0, length)}…`;
}

/** The scale bar in the corner; in a narrow pane above the text beside it. */
function drawBar(context, put, { px, text }, { width, height }, beside) {
  const long = Math.max(px, context.measureText(text).width);
  const foot = height - (beside + long + 28 > width ? 27 : 9);
  context.fillStyle = "#e8eaee";
  context.fillRect(width - 10 - px, foot, px, 1.5);
  for (const x of [width - 10 - px, width - 11.5]) context.fillRect(x, foot - 5, 1.5, 6);
  if (long > px) put(text, width - 8, foot - 9, "right"); // above the ends of the bar, which are below its letters
  else put(text, width - 10 - px / 2, foot - 5, "center");
}

/** The first row of texts below a pane's upper border that has room, as its baseline.
 * @param {number[][]} rows widths of the texts at the left and at the right of each @param {(left: number, right: number) => boolean} fits */
export function rowWithRoom(rows, fits, from = 0) {
  let n = from;
  while (n < rows.length && !fits(rows[n][0], rows[n][1])) n += 1;
  return n;
}

/** Corner texts, the value under the pointer, orientation letters, scale bar, and the border of the pane with the keyboard focus. */
export function drawTexts(context, pane, probe = "") {
  const { texts, shape, size, waits, active } = pane;
  const { width, height } = size;
  context.font = "12px system-ui, sans-serif";
  const put = (text, x, y, align, colour = "#e8eaee") => {
    context.textAlign = align;
    context.fillStyle = "rgba(0, 0, 0, 0.85)";
    context.fillText(text, x + 1, y + 1);
    context.fillText(text, x - 1, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  };
  const wide = width > WIDE_PX;
  const title = shortened(context, texts.title, width - (wide ? context.measureText(texts.window).width + 28 : 16));
  put(title, 8, FIRST_PX, "left");
  put(texts.slice, 8, FIRST_PX + LINE_PX, "left");
  const long = (text) => context.measureText(text).width;
  const rows = [[long(title), wide ? long(texts.window) : 0], ...[texts.slice, ...legendLines(context, pane)].map((text) => [long(text), 0])];
  if (wide) put(texts.window, width - 8, 18, "right");
  const bottom = wide ? texts.place : texts.window;
  put(bottom, 8, height - 9, "left");
  const value = rowWithRoom(rows, (left) => left + long(probe) <= width - 32, 1);
  if (probe) put(probe, width - 8, FIRST_PX + value * LINE_PX, "right");
  if (probe) rows[value] = [rows[value]?.[0] ?? 0, long(probe)];
  if (waits) put("Loading …", width / 2, height / 2 - 24, "center");
  const top = rowWithRoom(rows, (left, right) => Math.max(left, right) < width / 2 - 20);
  drawBar(context, put, texts.bar, size, context.measureText(bottom).width);
  context.font = "bold 13px system-ui, sans-serif";
  const { letters } = shape;
  put(letters.left, 8, height / 2 + 5, "left", "#facc15");
  put(letters.right, width - 8, height / 2 + 5, "right", "#facc15");
  put(letters.top, width / 2, FIRST_PX + top * LINE_PX, "center", "#facc15"); // beside, or below, the texts
  put(letters.bottom, width / 2, height - 28, "center", "#facc15");
  if (!active) return;
  context.strokeStyle = "#5b8def";
  context.lineWidth = 1;
  context.strokeRect(0.5, 0.5, width - 1, height - 1);
}
