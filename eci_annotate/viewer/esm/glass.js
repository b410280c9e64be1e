// What moves with the hand, over everything else: crosshair, brush ring, and the stroke until the kernel has drawn it.

import * as geometry from "./geometry.js";

const GAP_PX = 14;
const FAR_PX = 1e4;

/** @param {CanvasRenderingContext2D} context in CSS pixels @param {number[]} focus LPS */
export function drawCross(context, pane, focus) {
  const { u, v } = geometry.planeFromLps(pane.shape, focus);
  const [x, y] = geometry.pxFromPlane(pane.view, u, v).map((n) => Math.round(n) + 0.5);
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
    const { u, v } = geometry.planeFromLps(pane.shape, point);
    const [x, y] = geometry.pxFromPlane(pane.view, u, v);
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
