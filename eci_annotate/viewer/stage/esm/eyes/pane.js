// A pane: one canvas on the screen, composed of the image, the kernel's two layers (or echoes, on slices the
// kernel has not drawn yet) and what moves with the pointer. One canvas, since stacked ones cost a frame each.

import { drawCross, drawRing, drawTexts, showsCross } from "./glass.js";
import { drawLines } from "../sections/reference_lines.js";
import { drawLegend } from "../sections/legend.js";
import { drawEcho } from "../ink/echoes.js";
import { drawStrokes } from "../ink/stroke_backlog.js";
import * as pane_geometry from "./pane_geometry.js";
import { SlicePicture } from "./slice_picture.js";
import { drawMagnifier } from "./magnifier.js";
import { probeText } from "./probe.js";
import { areParallel } from "./groups.js";
import { lookAt, lookOf } from "./link.js";
import { turnedShape, turnText } from "./turn.js";

/** @param {string} tag @param {string} name @param {HTMLElement} [parent] */
export function element(tag, name, parent) {
  const el = document.createElement(tag);
  el.className = name;
  parent?.append(el);
  return el;
}

export class Pane {
  /** @param {HTMLElement} parent @param {string} name */
  constructor(parent, name) {
    this.name = name;
    this.el = element("div", "eci-pane", parent);
    this.el.dataset.pane = name;
    this.el.setAttribute("role", "group"); // its name says what it shows
    this.notice = element("div", "eci-pane-notice", this.el);
    this.screen = /** @type {HTMLCanvasElement} */ (element("canvas", "eci-screen", this.el));
    this.context = this.screen.getContext("2d", { alpha: false });
    this.picture = new SlicePicture();
    this.texts = { title: "", window: "", place: "", bar: { px: 0, text: "" } };
    this.waits = true;
    /** Whether it has the keyboard; whether that moved the crosshair last. */
    this.active = this.keyed = false;
    /** Planes as shown, and as sent: upright. */
    this.shape = this.upright = null;
    /** How it is flipped and rotated. */
    this.turn = 0;
    this.series = this.plane = "";
    /** What its values are measured in, such as HU. */
    this.quantity = "";
    /** Title of the stack, of a series with several; prior or current, and its date, of a subject with several studies. */
    this.stack = this.study = "";
    /** Factor from values to SUV by body weight; 0 if there is none. */
    this.suv = 0;
    /** Frame of reference; panes of one share the crosshair. */
    this.space = "";
    /** What the hanging protocol calls this pane, and why it shows nothing. */
    this.label = this.why = "";
    this.fuse = /** @type {import("../sections/fusion.js").Fuse | null} */ (null);
    this.fused = { text: "", legend: null };
    this.index = 0;
    this.travel = 1;
    this.seq = 0;
    this.view = null;
    /** @type {HTMLCanvasElement[]} the kernel's canvases, bottom first */
    this.layers = [];
    /** @type {{series: string, index: number, turn: number, view: pane_geometry.View} | null} what the kernel's layers show */
    this.drawn = null;
    this.size = { width: 0, height: 0, ratio: 1 };
  }

  get visible() {
    return this.size.width > 8 && this.size.height > 8 && this.shape !== null;
  }

  /** Set place on the board, label, and why nothing is shown. @param {any} cell a pane of a SCENE message */
  place({ row, col, rows, cols, title, why, fuse = null }) {
    this.el.style.gridArea = `${row + 1} / ${col + 1} / span ${rows} / span ${cols}`;
    Object.assign(this, { label: title, why, fuse });
    this.notice.textContent = [title, why].filter(Boolean).join(": ");
    this.notice.hidden = !why;
  }

  /** Belong to a series from now on. @param {any} cell a pane of a SCENE message @param {string} space @param {any} facts of its series */
  take(cell, space, facts) {
    const [, stack] = facts?.stacks?.find(([uid]) => uid === cell.series) ?? ["", ""];
    Object.assign(this, { series: cell.series, plane: cell.plane, space, stack, study: facts?.study ?? "", quantity: facts?.quantity ?? "", suv: facts?.suv ?? 0 });
  }

  /** Show nothing. */
  clear() {
    Object.assign(this, { shape: null, upright: null, drawn: null });
    this.picture.held = false;
    this.context.clearRect(0, 0, this.screen.width, this.screen.height);
    this.el.ariaLabel = this.notice.textContent ?? "";
  }

  /** Show the slice nearest to a point, if that is within the volume. @param {number[]} point LPS */
  turnTo(point) {
    const { index } = pane_geometry.planeFromLps(this.shape, point);
    if (index > -1 && index < this.shape.count) this.index = pane_geometry.clampIndex(this.shape, index);
  }

  /** The point in the middle of the slice. @returns {import("../messages.js").Lps} */
  middle() {
    const { shape, index } = this;
    return pane_geometry.lpsFromPlane(shape, index, (shape.cols * shape.du) / 2, (shape.rows * shape.dv) / 2);
  }

  /** Set another plane stack: the same place of the same frame, or else the whole image, the middle slice. @param {boolean} same */
  setShape(shape, same) {
    const kept = same && this.shape && areParallel(this.upright, shape) && { ...lookOf(this), turn: this.turn };
    this.upright = shape;
    this.index = pane_geometry.clampIndex(shape, shape.count / 2);
    this.reset();
    this.drawn = null;
    this.picture.setShape(shape);
    if (!kept) return;
    this.setTurn(kept.turn);
    lookAt(this, kept);
  }

  /** Show it flipped or rotated, about the middle of the pane. @param {number} turn */
  setTurn(turn) {
    const { shape, index, fitted, view: { left, top, zoom, width, height } } = this;
    const centre = pane_geometry.lpsFromPlane(shape, index, left + width / 2 / zoom, top + height / 2 / zoom);
    this.turn = turn;
    this.shape = turnedShape(this.upright, turn);
    if (fitted) return this.fit();
    const { u, v } = pane_geometry.planeFromLps(this.shape, centre);
    this.setView({ zoom, left: u - width / 2 / zoom, top: v - height / 2 / zoom, width, height });
  }

  /** @returns {boolean} whether the size changed */
  measure() {
    const [width, height, ratio] = [this.el.clientWidth, this.el.clientHeight, window.devicePixelRatio || 1];
    const { size } = this;
    if (size.width === width && size.height === height && size.ratio === ratio) return false;
    this.size = { width, height, ratio };
    for (const canvas of [this.screen, this.picture.backdrop])
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (!this.visible) return true;
    this.picture.laid = "";
    if (this.fitted) this.fit();
    else this.view = pane_geometry.resized(this.view, width, height);
    return true;
  }

  setView(view) {
    this.view = view;
    this.fitted = false;
  }

  /** Show the slice of a point, and move the view there if the point is not visible. */
  bring(point) {
    const { u, v, index } = pane_geometry.planeFromLps(this.shape, point);
    this.index = pane_geometry.clampIndex(this.shape, index);
    const { width, height, zoom } = this.view;
    const [x, y] = pane_geometry.pxFromPlane(this.view, u, v);
    if (x >= 0 && y >= 0 && x <= width && y <= height) return;
    this.setView({ ...this.view, left: u - width / 2 / zoom, top: v - height / 2 / zoom });
  }

  /** The whole image, upright. */
  reset() {
    this.turn = 0;
    this.shape = this.upright;
    this.fit();
  }

  fit() {
    this.view = pane_geometry.fit(this.shape, this.size.width || 1, this.size.height || 1);
    this.fitted = true;
  }

  /** Set a cached slice; without one the pane indicates that it is loading, and never shows another slice. */
  setImage(slice, lut, graphics = true, over = null) {
    this.waits = !slice;
    this.picture.setSlice(slice, lut, graphics, over);
  }

  /** Whether the kernel's layers show this slice. */
  isDrawn() {
    const { drawn } = this;
    return drawn !== null && drawn.series === this.series && drawn.index === this.index && drawn.turn === this.turn;
  }

  /** Compose the screen. @param {{echoes: Iterable<any>, focus: number[] | null,
   *  ring: any, trail: number[][], pending: any[], colour: string, hovered: any, magnified: boolean, lines: any[]}} what */
  compose(what) {
    const { context } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    this.picture.layOn(context, this.view, this.turn, this.size.ratio);
    this.composeInk(this.view, what.echoes);
    const { ratio } = this.size;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (what.focus && showsCross(this, what.focus)) drawCross(context, this, what.focus);
    drawLines(context, what.lines);
    drawStrokes(context, this, what);
    if (what.ring) drawRing(context, what.ring);
    if (what.magnified && what.hovered?.pane === this) drawMagnifier(this, what.hovered, what.echoes);
    drawTexts(context, this, probeText(this, what.hovered));
    drawLegend(context, this);
  }

  /** Draw annotations in a view: the kernel's layers, or else echoes. */
  composeInk(view, echoes) {
    const { context, drawn, size } = this;
    if (!this.isDrawn()) {
      for (const echo of echoes) if (echo.visible) drawEcho(context, echo, this.shape, this.index, view);
      return;
    }
    const [x, y] = pane_geometry.pxFromPlane(view, drawn.view.left, drawn.view.top);
    const scale = view.zoom / drawn.view.zoom;
    context.setTransform(scale, 0, 0, scale, x * size.ratio, y * size.ratio);
    for (const layer of this.layers) context.drawImage(layer, 0, 0);
  }

  /** @param {string} window text of the window @param {any} fused what is said of a series over it */
  write(window, focus, fused = this.fused) {
    const { shape, index } = Object.assign(this, { fused });
    const title = [turnText(this.turn), this.label, shape.title, this.stack].filter(Boolean).join(" · "); // cut at the end
    const slice = [`${pane_geometry.sliceNumber(shape, index)} / ${shape.count}`, this.study].filter(Boolean).join(" · ");
    const place = shape.unit === "mm" ? placeText(pane_geometry.placeOnSlice(shape, focus ?? shape.origin, index)) : "";
    this.texts = { title, slice, window, place, bar: pane_geometry.scaleBar(this.view, shape.unit) };
    this.el.ariaLabel = `${title}, slice ${slice}, ${window}, ${place}${fused.text && `, ${fused.text}`}`;
  }
}

/** Patient position with letters, so that nobody has to remember the meaning of signs. */
export const placeText = (point) =>
  point.map((x, n) => `${(x < 0 ? "RAF" : "LPH")[n]} ${Math.abs(x).toFixed(1)}`).join("  ") + " mm";
