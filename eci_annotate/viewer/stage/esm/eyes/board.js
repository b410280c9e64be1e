// The board: panes with one series, one window, one crosshair, and the content of each pane. It knows neither the
// kernel nor the pointer.

import { Frames } from "./frames.js";
import * as pane_geometry from "./pane_geometry.js";
import { Luts } from "./lut.js";
import { element, Pane } from "./pane.js";

/** @typedef {import("../messages.js").Lps} Lps */
/** @typedef {import("../messages.js").ToolMessage} ToolMessage */

/** Number of stroke points drawn behind the brush ring. */
const TAIL = 24;
/** @type {ToolMessage} */
const NO_TOOL = { kind: "tool", tool: null, feedback: "none", radius_mm: 8, erase: false, colour: [255, 255, 255], read_only: true, why: "" };

export class Board {
  /**
   * @param {HTMLElement} parent
   * @param {string[]} names panes, from left to right
   * @param {{loader: import("./loader.js").Loader, watch: import("../stopwatch.js").Stopwatch, moved: () => void}} with_
   *   source of slices, recorder of durations, callback after the user moved something
   */
  constructor(parent, names, with_) {
    this.loader = with_.loader;
    this.moved = with_.moved;
    this.el = element("div", "eci-board", parent);
    this.panes = names.map((name) => new Pane(this.el, name));
    this.active = this.panes[0];
    this.luts = new Luts();
    this.series = "";
    this.space = "";
    /** @type {[number, number]} */
    this.window = this.firstWindow = [0, 1];
    this.invert = this.firstInvert = false;
    /** @type {Lps | null} */
    this.focus = null;
    this.tool = NO_TOOL;
    /** @type {Map<string, import("./echoes.js").Echo>} */
    this.echoes = new Map();
    /** @type {Lps[]} */
    this.trail = [];
    /** @type {Pane | null} */
    this.trailPane = null;
    /** @type {{pane: Pane, x: number, y: number} | null} */
    this.hovered = null;
    this.frames = new Frames((pane) => this.compose(pane), with_.watch);
  }

  get shown() {
    return this.panes.filter((pane) => pane.visible);
  }

  /** @param {string} name */
  paneNamed(name) { return this.panes.find((pane) => pane.name === name); }

  // -- content -----------------------------------------------------------------
  /** @param {any} scene a SCENE message */
  setScene({ series, frame, shapes, window, invert }) {
    const same = series === this.series && this.active?.shape;
    Object.assign(this, { series, space: frame });
    if (!same) {
      Object.assign(this, { window, firstWindow: window, invert, firstInvert: invert, focus: null });
      this.echoes.clear();
      for (const pane of this.panes) {
        pane.measure();
        pane.setShape(shapes[pane.name]);
      }
      this.showWhatThereIs();
      const { shape, index } = this.panes[0];
      this.focus = pane_geometry.lpsFromPlane(shape, index, (shape.cols * shape.du) / 2, (shape.rows * shape.dv) / 2);
    }
    this.redraw();
  }

  /** A single picture has one plane: show that pane alone, and all panes again for the next volume. */
  showWhatThereIs() {
    const single = this.panes.filter((pane) => pane.shape?.count === 1);
    if (single.length === 1) this.showAlone(single[0]);
    else if (this.flat) this.showAlone(null);
    this.flat = single.length === 1;
  }

  /** @param {any} message an ECHO message @param {DataView} [buffer] its bit mask */
  setEcho(message, buffer) {
    const bits = buffer?.byteLength ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : undefined;
    const before = this.echoes.get(message.uid);
    this.echoes.set(message.uid, { ...message, bits: message.keep ? before?.bits : bits });
    this.refresh();
  }

  /** @param {string} uid */
  forget(uid) {
    this.echoes.delete(uid);
    this.refresh();
  }

  /** @param {ToolMessage} tool */
  setTool(tool) {
    this.tool = tool;
    this.refresh();
  }

  setWindow(window, invert = this.invert) {
    this.timed(() => {
      Object.assign(this, { window, invert });
      for (const pane of this.shown) this.draw(pane, "window");
    });
    this.moved();
  }

  resetViews() {
    for (const pane of this.shown) pane.reset();
    this.setWindow(this.firstWindow, this.firstInvert);
  }

  /** @param {Lps} point */
  jumpTo(point) {
    this.focus = point;
    for (const pane of this.panes) if (pane.shape) pane.bring(point);
    this.redraw();
    this.moved();
  }

  /** Give a pane the keyboard focus. @param {Pane} pane */
  activate(pane) {
    this.active = pane;
    for (const each of this.panes) {
      if (each.active === (each === pane)) continue;
      each.active = each === pane;
      if (each.shape) this.mark(each);
    }
  }

  /** Name of the pane that is shown alone; empty: all panes are shown. */
  get alone() { return this.el.dataset.alone ?? ""; }

  /** @param {Pane | null} pane the pane to show alone; null: all */
  showAlone(pane) {
    this.el.dataset.alone = pane?.name ?? "";
    for (const each of this.panes) each.el.hidden = pane !== null && each !== pane;
  }

  /** Extend the stroke shown, according to the tool's feedback. @param {{do: string, points: number[]}} event */
  follow(event, pane) {
    if (event.do === "press") this.trail = [];
    this.trailPane = pane;
    for (let n = 0; n < event.points.length; n += 3) this.trail.push(/** @type {Lps} */ (event.points.slice(n, n + 3)));
    if (this.tool.feedback === "none") this.trail = [];
    if (this.tool.feedback === "ring") this.trail = this.trail.slice(-TAIL);
    this.mark(pane, "stroke-echo");
  }

  // -- drawing -------------------------------------------------------------------
  /** Update slice and window of a pane; the screen follows at the next frame. @param {Pane} pane */
  draw(pane, why) {
    const slice = this.loader.held(this.series, pane.name, pane.index);
    pane.setImage(slice, slice && this.luts.of(this.window, this.invert, slice));
    this.lay(pane, why);
  }

  lay(pane, why) {
    pane.laid = "";
    this.mark(pane, why);
    this.write(pane);
  }

  write(pane) {
    const [low, high] = this.window;
    const text = `W ${Math.round(high - low)}  L ${Math.round((low + high) / 2)}${this.invert ? "  inverted" : ""}`;
    pane.write(text, this.focus);
  }

  redraw(why) {
    for (const pane of this.shown) this.draw(pane, why);
    this.fill();
  }

  fill() { this.loader.fill(this.series, this.shown); }

  /** Redraw after the overlays changed. */
  refresh(why) {
    for (const pane of this.shown) this.mark(pane, why);
  }

  /** @param {Pane} pane */
  mark(pane, why) { this.frames.mark(pane, why); }

  compose(pane) {
    const { tool, hovered, series, focus } = this;
    const colour = tool.erase ? "rgb(255,255,255)" : `rgb(${tool.colour.join()})`;
    const here = hovered?.pane === pane && !tool.read_only && tool.feedback === "ring";
    const ring = here ? { x: hovered.x, y: hovered.y, radius: tool.radius_mm * pane.view.zoom, colour } : null;
    const trail = this.trailPane === pane ? this.trail : [];
    pane.compose({ series, echoes: this.echoes.values(), focus, ring, trail, colour });
  }

  /** @param {() => void} work its time is added to the frame that shows it */
  timed(work) { this.frames.timed(work); }

  /** @returns {boolean} whether the size of a pane changed */
  measure() {
    let changed = false;
    for (const pane of this.panes) changed = pane.measure() || changed;
    return changed && this.series !== "";
  }
}
