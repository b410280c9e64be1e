// Echoes: the kernel's last state of each annotation, compact enough to draw any slice of it immediately while
// scrolling. The kernel's own drawing replaces them once the view is at rest.

import { boxSection } from "../eyes/pane_geometry.js";
import { bitsOf } from "./mask_code.js";

/** @typedef {{uid: string, series: string[], colour: number[], visible: boolean, corner?: number[], size?: number[],
 *   corners?: number[][], bits?: Uint8Array, bare?: boolean}} Echo */

/** Rows and columns of an annotation on one slice, as displayed.
 * @returns {{left: number, top: number, cols: number, rows: number, inside: Uint8Array} | null} */
export function section(echo, shape, index) {
  const { corner, size, bits } = echo;
  if (!bits || !corner || !size) return null;
  const n = index - corner[shape.axis];
  if (n < 0 || n >= size[shape.axis]) return null;
  const stride = [size[1] * size[2], size[2], 1];
  const [ra, ca] = shape.axes;
  const [rows, cols] = [size[ra], size[ca]];
  const inside = new Uint8Array(rows * cols);
  for (let r = 0; r < rows; r++) {
    const from = n * stride[shape.axis] + (shape.flips[0] ? rows - 1 - r : r) * stride[ra];
    for (let c = 0; c < cols; c++) {
      const at = from + (shape.flips[1] ? cols - 1 - c : c) * stride[ca];
      inside[r * cols + c] = (bits[at >> 3] >> (7 - (at & 7))) & 1;
    }
  }
  const start = (axis, flip, count, length) => (flip ? count - corner[axis] - length : corner[axis]);
  return { left: start(ca, shape.flips[1], shape.cols, cols), top: start(ra, shape.flips[0], shape.rows, rows), cols, rows, inside };
}

/** Fill as runs [row, from, to) and edges as unit segments [c0, r0, c1, r1], in displayed pixels. */
export function outline({ left, top, cols, rows, inside }) {
  const runs = [];
  const edges = [];
  const at = (r, c) => (r < 0 || c < 0 || r >= rows || c >= cols ? 0 : inside[r * cols + c]);
  for (let r = 0; r <= rows; r++) {
    let from = -1;
    for (let c = 0; c <= cols; c++) {
      const here = at(r, c);
      if (here !== at(r, c - 1)) edges.push([left + c, top + r, left + c, top + r + 1]);
      if (here !== at(r - 1, c)) edges.push([left + c, top + r, left + c + 1, top + r]);
      if (here && from < 0) from = c;
      if (!here && from >= 0) {
        runs.push([top + r, left + from, left + c]);
        from = -1;
      }
    }
  }
  return { runs, edges };
}

/** Draw one annotation of one slice. @param {CanvasRenderingContext2D} ctx in CSS pixels */
export function drawEcho(ctx, echo, shape, index, view) {
  const path = echo.corners ? boxPath(echo, shape, index) : maskPath(echo, shape, index);
  if (!path) return;
  const z = view.zoom;
  const ratio = ctx.canvas.width / view.width;
  ctx.setTransform(z * ratio, 0, 0, z * ratio, -view.left * z * ratio, -view.top * z * ratio);
  const [r, g, b] = echo.colour;
  if (path.fill && !echo.bare) {
    ctx.fillStyle = `rgba(${r},${g},${b},0.25)`;
    ctx.fill(path.fill);
  }
  ctx.strokeStyle = `rgb(${r},${g},${b})`;
  ctx.lineWidth = (echo.bare ? 1.5 : 2.5) / z;
  ctx.stroke(path.edge);
  ctx.setTransform(1, 0, 0, 1, 0, 0);
}

function maskPath(echo, shape, index) {
  const found = shape.axis < 0 ? null : section(echo, shape, index); // an oblique plane has other voxels
  if (!found) return null;
  const [fill, edge] = [new Path2D(), new Path2D()];
  const { runs, edges } = outline(found);
  for (const [r, from, to] of runs) fill.rect(from * shape.du, r * shape.dv, (to - from) * shape.du, shape.dv);
  for (const [c0, r0, c1, r1] of edges) {
    edge.moveTo(c0 * shape.du, r0 * shape.dv);
    edge.lineTo(c1 * shape.du, r1 * shape.dv);
  }
  return { fill, edge };
}

function boxPath(echo, shape, index) {
  const around = boxSection(shape, index, echo.corners);
  if (!around.length) return null;
  const edge = new Path2D();
  around.forEach(([u, v], n) => (n ? edge.lineTo(u, v) : edge.moveTo(u, v)));
  edge.closePath();
  return { fill: null, edge };
}

const keyOf = ({ uid, series }) => `${uid}|${series[0]}`;

/** What the kernel said last of each annotation, for each group of series with the same voxels. */
export class Echoes {
  constructor() {
    /** @type {Map<string, Echo>} */
    this.held = new Map();
  }

  get size() { return this.held.size; }

  /** @param {any} message an ECHO or FORGET message @param {DataView} [buffer] its mask */
  receive(message, buffer) {
    if (message.kind === "forget") return void this.held.delete(keyOf(message));
    const bits = buffer?.byteLength ? bitsOf(buffer, message.coding, message.size) : undefined;
    this.held.set(keyOf(message), { ...message, bits });
  }

  /** Forget those of series that are no longer shown. @param {Record<string, any>} series */
  keepOn(series) {
    for (const [key, echo] of this.held) if (!echo.series.some((uid) => uid in series)) this.held.delete(key);
  }

  /** @param {string} series @returns {Echo[]} */
  on(series) { return [...this.held.values()].filter((echo) => echo.series.includes(series)); }
}
