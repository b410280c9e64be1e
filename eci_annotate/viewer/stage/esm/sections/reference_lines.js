// Where oblique panes cut the others: a line through each, with two handles that turn the oblique plane.

import { lpsFromPlane, planeFromLps, pxFromPlane } from "../eyes/pane_geometry.js";

/** @typedef {import("../eyes/pane.js").Pane} Pane */
/** @typedef {{of: Pane, x: number, y: number, along: [number, number], reach: number}} Line   in CSS pixels of a pane: the foot
 *   of the crosshair, the direction, and how far the handles are from the foot */

const COLOUR = "#38bdf8";
const FAR_PX = 1e4;
const HANDLE_PX = 6;
const HIT_PX = 11;
const PARALLEL = 0.05;
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** Whether a plane stack was laid through its volume at an angle. @param {import("../messages.js").Shape | null} shape */
export const isOblique = (shape) => shape !== null && shape.axis < 0;

/** The line in which an oblique pane cuts another one; null if they are parallel. @param {Pane} pane @param {Pane} of oblique
 * @param {import("../messages.js").Lps | undefined} cross @returns {Line | null} */
export function lineIn(pane, of, cross) {
  const { shape, view, size } = pane;
  const normal = of.shape.per;
  const [a, b] = [dot(normal, shape.right), dot(normal, shape.down)];
  const long = Math.hypot(a, b);
  if (long < PARALLEL * Math.hypot(...normal)) return null;
  const at = cross ? planeFromLps(shape, cross) : { u: (shape.cols * shape.du) / 2, v: (shape.rows * shape.dv) / 2 };
  const away = planeFromLps(of.shape, lpsFromPlane(shape, pane.index, at.u, at.v)).index - of.index;
  const [u, v] = [at.u - (a * away) / long ** 2, at.v - (b * away) / long ** 2];
  const [x, y] = pxFromPlane(view, u, v);
  return { of, x, y, along: [-b / long, a / long], reach: 0.35 * Math.min(size.width, size.height) };
}

/** Lines of all oblique panes in another one. @param {Pane} pane @param {Pane[]} panes @param {Map<string, any>} crosses
 * @returns {Line[]} */
export function linesIn(pane, panes, crosses) {
  const others = panes.filter((each) => each !== pane && isOblique(each.shape) && each.space === pane.space);
  return others.map((each) => lineIn(pane, each, crosses.get(pane.space))).filter((line) => line !== null);
}

const handlesOf = ({ x, y, along: [a, b], reach }) => [-1, 1].map((side) => [x + side * reach * a, y + side * reach * b]);

/** The line whose handle is at a point. @param {Line[]} lines @param {{x: number, y: number}} at @returns {Line | null} */
export const handleAt = (lines, at) =>
  lines.find((line) => handlesOf(line).some(([x, y]) => Math.hypot(x - at.x, y - at.y) < HIT_PX)) ?? null;

/** @param {CanvasRenderingContext2D} context in CSS pixels @param {Line[]} lines */
export function drawLines(context, lines) {
  for (const line of lines) {
    const { x, y, along: [a, b] } = line;
    context.strokeStyle = COLOUR;
    context.lineWidth = 1;
    context.setLineDash([6, 4]);
    context.beginPath();
    context.moveTo(x - a * FAR_PX, y - b * FAR_PX);
    context.lineTo(x + a * FAR_PX, y + b * FAR_PX);
    context.stroke();
    context.setLineDash([]);
    for (const [p, q] of handlesOf(line)) {
      context.fillStyle = "rgba(11, 12, 14, 0.7)";
      context.lineWidth = 1.5;
      context.beginPath();
      context.arc(p, q, HANDLE_PX, 0, 7);
      context.fill();
      context.stroke();
    }
  }
}
