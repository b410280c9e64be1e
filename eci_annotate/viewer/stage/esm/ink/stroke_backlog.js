// Strokes that the kernel has not drawn yet, as they were drawn by hand: shown dashed when its answer is late, so that
// nobody draws blind while the connection is broken. What the tool makes of them replaces them.

import { drawTrail } from "../eyes/glass.js";
import * as pane_geometry from "../eyes/pane_geometry.js";

/** An answer that takes longer is late, ms. */
export const LATE_MS = 500;

/** @typedef {import("../messages.js").Lps} Lps */
/** @typedef {{series: string, plane: string, index: number, points: Lps[], feedback: string, radius_mm: number, colour: string,
 *   since: number, ended: number | null, undone: boolean}} PendingStroke
 * `since`, `ended`: times of press and release, ms */
/** @typedef {{kind: "stroke", stroke: PendingStroke} | {kind: "other"}} Step   what an undo takes back */

export class StrokeBacklog {
  /** @param {() => void} show called when a stroke has become late */
  constructor(show) {
    this.show = show;
    this.clear();
  }

  clear() {
    /** @type {PendingStroke[]} in the order of drawing */
    this.strokes = [];
    /** @type {PendingStroke | null} */
    this.running = null;
    /** @type {Step[]} */
    this.done = [];
    /** @type {Step[]} */
    this.undone = [];
  }

  /**
   * Record a pointer event that is sent to the kernel.
   * @param {{do: string, points: number[]}} event @param {any} pane
   * @param {import("../messages.js").ToolMessage} tool @param {number} stamp when it happened, ms
   */
  follow(event, pane, tool, stamp) {
    if (event.do === "press") this.begin(pane, tool, stamp);
    const { running } = this;
    if (!running) return;
    if (event.do === "cancel") return this.drop(running);
    for (let n = 0; n < event.points.length; n += 3) running.points.push(/** @type {any} */ (event.points.slice(n, n + 3)));
    if (event.do !== "release") return;
    running.ended = stamp;
    this.running = null;
  }

  begin(pane, tool, stamp) {
    const { series, shape, index } = pane;
    const colour = tool.erase ? "255,255,255" : tool.colour.join();
    this.running = { series, plane: shape.name, index, points: [], feedback: tool.feedback, radius_mm: tool.radius_mm, colour, since: stamp, ended: null, undone: false };
    this.strokes.push(this.running);
    this.done.push({ kind: "stroke", stroke: this.running });
    this.undone = [];
    setTimeout(() => this.strokes.length && this.show(), LATE_MS + 20);
  }

  /** @param {PendingStroke} stroke */
  drop(stroke) {
    this.strokes = this.strokes.filter((each) => each !== stroke);
    this.done = this.done.filter((step) => step.kind === "other" || step.stroke !== stroke);
    if (this.running === stroke) this.running = null;
  }

  /** Record a command that waits behind strokes. @param {string} name */
  command(name) {
    if (!this.strokes.length) return;
    if (name === "undo") this.step(this.done, this.undone, true);
    else if (name === "redo") this.step(this.undone, this.done, false);
    else if (name === "new" || name === "delete") this.done.push({ kind: "other" });
  }

  /** @param {Step[]} from @param {Step[]} to @param {boolean} undone */
  step(from, to, undone) {
    const step = from.pop();
    if (!step) return;
    if (step.kind === "stroke") step.stroke.undone = undone;
    to.push(step);
  }

  /** The kernel has drawn the events of these times, or `all` but the running stroke. @param {number[]} stamps */
  drawn(stamps, all = false) {
    const last = Math.max(...stamps, all ? Infinity : -Infinity);
    for (const stroke of this.strokes) if (stroke.ended !== null && stroke.ended <= last) this.drop(stroke);
    if (!this.strokes.length) [this.done, this.undone] = [[], []];
  }

  /** Strokes to show on a pane at a time: all, as soon as one is late. @param {any} pane @param {number} now ms @returns {PendingStroke[]} */
  on(pane, now) {
    if (!this.strokes.some(({ since }) => now - since >= LATE_MS)) return [];
    return this.strokes.filter((stroke) => !stroke.undone
      && stroke.series === pane.series && stroke.plane === pane.shape.name && stroke.index === pane.index);
  }
}

/** @type {Record<string, (points: number[][], path: Path2D) => void>} outlines by the tool's feedback */
const OUTLINES = {
  ring: line,
  none: line,
  trail: (points, path) => (line(points, path), path.closePath()),
  around: (points, path) => {
    const [[x, y], [right, down]] = [points[0], points[points.length - 1]];
    path.rect(2 * x - right, 2 * y - down, 2 * (right - x), 2 * (down - y));
  },
};

/** @param {number[][]} points @param {Path2D} path */
function line(points, path) {
  points.forEach(([x, y], n) => (n ? path.lineTo(x, y) : path.moveTo(x, y)));
  if (points.length === 1) path.lineTo(points[0][0] + 0.1, points[0][1]);
}

/**
 * Draw the running stroke, and those that are late.
 * @param {CanvasRenderingContext2D} context in CSS pixels @param {any} pane
 * @param {{trail: number[][], colour: string, pending: PendingStroke[]}} strokes
 */
export function drawStrokes(context, pane, { trail, colour, pending }) {
  if (trail.length > 1 && !pending.length) drawTrail(context, pane, trail, colour);
  drawPending(context, pane, pending);
}

/** Draw strokes, and say what they are. @param {CanvasRenderingContext2D} context @param {any} pane @param {PendingStroke[]} strokes */
function drawPending(context, pane, strokes) {
  if (!strokes.length) return;
  context.save();
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) drawStroke(context, pane, stroke);
  context.restore();
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "left";
  context.fillStyle = "#facc15";
  context.fillText("Dashed: not processed yet", 8, 50);
}

/** @param {CanvasRenderingContext2D} context @param {any} pane @param {PendingStroke} stroke */
function drawStroke(context, { shape, view }, { points, feedback, radius_mm, colour }) {
  if (!points.length) return;
  const pixels = points.map((point) => {
    const { u, v } = pane_geometry.planeFromLps(shape, point);
    return pane_geometry.pxFromPlane(view, u, v);
  });
  const path = new Path2D();
  OUTLINES[feedback](pixels, path);
  if (feedback === "ring") {
    context.setLineDash([]);
    context.lineWidth = 2 * radius_mm * view.zoom;
    context.strokeStyle = `rgba(${colour},0.2)`;
    context.stroke(path);
  }
  context.setLineDash([5, 5]);
  context.lineWidth = 2;
  context.strokeStyle = `rgb(${colour})`;
  context.stroke(path);
}
