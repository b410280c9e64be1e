// A pane: the image (one canvas pixel per voxel, laid by CSS), the kernel's two layers over it, echoes for slices the
// kernel has not drawn yet, and glass for what moves with the hand.

import { drawEcho } from "./echoes.js";
import * as geometry from "./geometry.js";
import { paintSlice } from "./lut.js";

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
    this.image = /** @type {HTMLCanvasElement} */ (element("canvas", "eci-image", this.el));
    this.layer = element("div", "eci-layer", this.el);
    this.echo = /** @type {HTMLCanvasElement} */ (element("canvas", "eci-over", this.el));
    this.glass = /** @type {HTMLCanvasElement} */ (element("canvas", "eci-over", this.el));
    this.texts = Object.fromEntries(["tl", "tr", "bl", "br", "left", "right", "top", "bottom"].map((place) => [place, element("div", `eci-text eci-${place}`, this.el)]));
    this.bar = element("div", "eci-bar", this.el);
    this.wait = element("div", "eci-wait", this.el);
    this.shape = null;
    this.index = 0;
    this.travel = 1;
    this.seq = 0;
    this.view = null;
    /** @type {{series: string, index: number, view: geometry.View} | null} what the kernel's layers show */
    this.drawn = null;
    this.size = { width: 0, height: 0, ratio: 1 };
  }

  get visible() {
    return this.size.width > 8 && this.size.height > 8 && this.shape !== null;
  }

  /** Another plane stack: the whole image, the middle slice. */
  setShape(shape, index) {
    this.shape = shape;
    this.index = geometry.clampIndex(shape, index ?? shape.count / 2);
    this.view = geometry.fit(shape, this.size.width || 1, this.size.height || 1);
    this.fitted = true;
    this.drawn = null;
    [this.image.width, this.image.height] = [shape.cols, shape.rows];
    this.context = this.image.getContext("2d", { alpha: false, willReadFrequently: true });
    this.pixels = this.context.createImageData(shape.cols, shape.rows);
    this.words = new Uint32Array(this.pixels.data.buffer);
    for (const place of ["left", "right", "top", "bottom"]) this.texts[place].textContent = shape.letters[place];
  }

  /** @returns {boolean} whether the size changed */
  measure() {
    const [width, height, ratio] = [this.el.clientWidth, this.el.clientHeight, window.devicePixelRatio || 1];
    const { size } = this;
    if (size.width === width && size.height === height && size.ratio === ratio) return false;
    this.size = { width, height, ratio };
    for (const canvas of [this.echo, this.glass]) [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.shape && this.visible) this.view = this.fitted ? geometry.fit(this.shape, width, height) : geometry.resized(this.view, width, height);
    return true;
  }

  setView(view) {
    this.view = view;
    this.fitted = false;
  }

  reset() {
    this.view = geometry.fit(this.shape, this.size.width, this.size.height);
    this.fitted = true;
  }

  /** Draw a held slice; without one the pane says that it waits, and never shows another slice. */
  drawImage(slice, lut) {
    this.wait.textContent = slice ? "" : "Loading …";
    this.image.style.visibility = slice ? "visible" : "hidden";
    if (!slice) return;
    paintSlice(slice.values, lut, this.words);
    this.context.putImageData(this.pixels, 0, 0);
  }

  /** Lay image and layers where the view says; echoes only where the kernel's layer is not of this slice. */
  lay(series, echoes) {
    this.image.style.transform = geometry.cssOfImage(this.shape, this.view);
    const { drawn } = this;
    const current = drawn !== null && drawn.series === series && drawn.index === this.index;
    this.layer.style.visibility = current ? "visible" : "hidden";
    if (current) this.layer.style.transform = geometry.cssBetween(drawn.view, this.view);
    this.drawEchoes(current ? [] : echoes);
  }

  drawEchoes(echoes) {
    const context = this.echo.getContext("2d");
    if (this.echoed) context.clearRect(0, 0, this.echo.width, this.echo.height);
    this.echoed = echoes.length > 0;
    for (const echo of echoes) if (echo.visible) drawEcho(context, echo, this.shape, this.index, this.view);
  }

  /** The kernel has drawn a view: its canvases lie exactly over it. */
  setDrawn(series, index, view, css) {
    this.drawn = { series, index, view };
    for (const canvas of this.layer.querySelectorAll("canvas")) Object.assign(canvas.style, css);
  }

  /** @param {{focus: number[] | null, ring: {x: number, y: number, radius: number, colour: string} | null,
   *  trail: number[][], colour: string}} what */
  drawGlass({ focus, ring, trail, colour }) {
    const context = this.glass.getContext("2d");
    const { width, height, ratio } = this.size;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (focus) this.drawCross(context, focus);
    if (trail.length > 1) this.drawTrail(context, trail, colour);
    if (ring) drawRing(context, ring);
  }

  drawCross(context, focus) {
    const { u, v } = geometry.planeFromLps(this.shape, focus);
    const [x, y] = geometry.pxFromPlane(this.view, u, v).map((n) => Math.round(n) + 0.5);
    const gap = 14;
    context.strokeStyle = "rgba(250, 204, 21, 0.55)";
    context.lineWidth = 1;
    context.beginPath();
    for (const [a, b] of [[-1e4, x - gap], [x + gap, 1e4]]) context.moveTo(a, y), context.lineTo(b, y);
    for (const [a, b] of [[-1e4, y - gap], [y + gap, 1e4]]) context.moveTo(x, a), context.lineTo(x, b);
    context.stroke();
  }

  drawTrail(context, trail, colour) {
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.lineJoin = "round";
    context.beginPath();
    trail.forEach((point, n) => {
      const { u, v } = geometry.planeFromLps(this.shape, point);
      const [x, y] = geometry.pxFromPlane(this.view, u, v);
      n ? context.lineTo(x, y) : context.moveTo(x, y);
    });
    context.stroke();
  }

  /** @param {string} window text of the window */
  write(window, focus) {
    const { shape, index, texts } = this;
    texts.tl.textContent = `${shape.name[0].toUpperCase()}${shape.name.slice(1)}\n${index + 1} / ${shape.count}`;
    texts.tr.textContent = window;
    const point = focus ?? shape.origin;
    texts.bl.textContent = point.map((x, n) => `${"LPH"[n]} ${x.toFixed(1)}`).join("  ") + " mm";
    const bar = geometry.scaleBar(this.view);
    this.bar.style.width = `${bar.px}px`;
    this.bar.textContent = bar.text;
  }
}

function drawRing(context, { x, y, radius, colour }) {
  context.lineWidth = 3;
  context.strokeStyle = "rgba(0, 0, 0, 0.6)";
  context.beginPath();
  context.arc(x, y, Math.max(radius, 2), 0, 7);
  context.stroke();
  context.lineWidth = 1.5;
  context.strokeStyle = colour;
  context.stroke();
}
