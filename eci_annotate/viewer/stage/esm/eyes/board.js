// The board: a grid of panes, and what each shows. Panes of one series share its window; panes of one frame of
// reference share the crosshair. It knows neither the kernel nor the pointer.

import { Ink } from "../ink/ink.js";
import { linesIn } from "../sections/reference_lines.js";
import { overPanes } from "../sections/fusion.js";
import { Frames } from "./frames.js";
import { followers } from "./groups.js";
import * as pane_geometry from "./pane_geometry.js";
import { Looks } from "./looks.js";
import { Luts } from "./lut.js";
import { PaneGrid } from "./pane_grid.js";
import { planeName, slabText } from "./slab.js";

/** @typedef {import("../messages.js").Lps} Lps */
/** @typedef {import("../messages.js").ToolMessage} ToolMessage */
/** @typedef {import("./pane.js").Pane} Pane */

/** @type {ToolMessage} */
const NO_TOOL = { kind: "tool", tool: null, feedback: "none", radius_mm: 8, erase: false, colour: [255, 255, 255], read_only: true, why: "" };

const VOI = { SIGMOID: "  sigmoid" };

function windowText([low, high]) {
  const number = (value) => (high - low < 10 ? +value.toPrecision(3) : Math.round(value));
  return `W ${number(high - low)}  L ${number((low + high) / 2)}`;
}

export class Board {
  /**
   * @param {HTMLElement} parent
   * @param {{loader: import("./loader.js").Loader, watch: import("../stopwatch.js").Stopwatch, moved: () => void,
   *   joins: (pane: Pane) => void, leaves: (pane: Pane) => void}} with_
   *   source of slices, recorder of durations, callbacks after the user moved something and when panes come and go
   */
  constructor(parent, with_) {
    this.loader = with_.loader;
    this.moved = with_.moved;
    this.grid = new PaneGrid(parent, with_.joins, (pane) => {
      this.forgetPane(pane);
      with_.leaves(pane);
    });
    /** @type {Pane | null} the pane with the keyboard focus */
    this.active = null;
    this.luts = new Luts();
    this.layout = "";
    /** Whether parallel panes of one frame of reference follow each other. */
    this.linked = true;
    this.looks = new Looks();
    /** @type {Map<string, Lps>} crosshair by frame of reference */
    this.crosses = new Map();
    this.tool = this.toolHeard = NO_TOOL;
    this.ink = new Ink(() => this.refresh());
    /** @type {{pane: Pane, x: number, y: number} | null} */
    this.hovered = null;
    this.frames = new Frames((pane) => this.compose(pane), with_.watch);
  }

  /** From left to right, row by row. */
  get panes() { return this.grid.panes; }
  get shown() { return this.panes.filter((pane) => pane.visible); }

  /** @param {string} name */
  paneNamed(name) { return this.panes.find((pane) => pane.name === name); }

  /** Series, frame of reference, window and crosshair of the active pane. */
  get series() { return this.active?.series ?? ""; }
  get space() { return this.active?.space ?? ""; }
  get window() { return this.looks.of(this.series).window; }
  get invert() { return this.looks.of(this.series).invert; }
  get focus() { return this.crosses.get(this.space) ?? null; }
  set focus(point) { if (point) this.crosses.set(this.space, point); }

  // -- content -----------------------------------------------------------------
  /** @param {any} scene a SCENE message */
  setScene({ layout, panes, series, drawn }) {
    const before = this.layout;
    this.layout = layout.name;
    this.grid.arrange(layout, panes.map(({ name }) => name));
    this.looks.add(series, panes);
    for (const each of panes) this.setPane(this.paneNamed(each.name), each, series[each.series]);
    this.ink.keepOn(series);
    if (before !== this.layout) this.showAlone(null);
    this.showWhatThereIs();
    const left = before !== this.layout && this.series !== drawn && this.panes.some(({ series }) => series === drawn);
    if (!this.active?.shape || left) this.activate(this.grid.largest(drawn));
    this.redraw();
  }

  forgetPane(pane) {
    if (this.active === pane) this.active = null;
    if (this.hovered?.pane === pane) this.hovered = null;
    this.ink.trail.leave(pane);
  }

  /** @param {Pane} pane @param {any} cell a pane of a SCENE message @param {any} series its series, if it shows one */
  setPane(pane, cell, series) {
    pane.place(cell);
    pane.measure();
    const space = series?.frame ?? "";
    if (pane.series === cell.series && pane.plane === cell.plane && pane.space === space && (pane.shape || !series)) return;
    const same = pane.space === space && space !== "";
    pane.take(cell, space, series);
    if (!series) return pane.clear();
    pane.setShape(series.shapes[cell.plane], same);
    const cross = this.crosses.get(space);
    if (cross) pane.turnTo(cross);
    else this.crosses.set(space, pane.middle());
  }

  /** A single picture or a tilted series has one plane: show that pane alone, and all panes again for the next volume. */
  showWhatThereIs() {
    const single = this.panes.filter(({ shape }) => shape?.count === 1 || shape?.alone);
    const one = this.panes.length > 1 && single.length === 1 && this.panes.every((pane) => !pane.shape || pane.series === single[0].series);
    if (one) this.showAlone(single[0]);
    else if (this.flat) this.showAlone(null);
    this.flat = one;
  }

  /** @param {any} message an ECHO or FORGET message @param {DataView} [buffer] its bit mask */
  setEcho(message, buffer) {
    this.ink.echoes.receive(message, buffer);
    this.refresh();
  }

  /** @param {ToolMessage} tool @param {boolean} heard whether the kernel said so, or is only expected to */
  setTool(tool, heard = true) {
    this.tool = tool;
    if (heard) this.toolHeard = tool;
    this.refresh();
  }

  /** @param {[number, number]} window @param {boolean} invert @param {string} series @param {import("./lut.js").Voi} [voi] */
  setWindow(window, invert = this.invert, series = this.series, voi) {
    this.timed(() => {
      this.looks.set(series, window, invert, voi);
      for (const pane of this.shown) if (this.looks.fusion.seriesIn(pane).includes(series)) this.draw(pane, "window");
    });
    this.moved();
  }

  resetViews() {
    for (const pane of this.shown) pane.reset();
    this.looks.reset();
    this.redraw();
    this.moved();
  }

  /** @param {Lps} point in the frame of the active pane */
  jumpTo(point) {
    this.focus = point;
    for (const pane of this.panes) if (pane.shape && pane.space === this.space) pane.bring(point);
    this.redraw();
    this.moved();
  }

  /** Parallel panes of the same frame of reference, which follow a pane. @param {Pane} pane */
  followersOf(pane) { return this.linked ? followers(pane, this.panes) : []; }

  /** Give a pane the keyboard focus. @param {Pane} pane */
  activate(pane) {
    this.active = pane;
    for (const each of this.panes.filter((one) => one.active !== (one === pane))) {
      each.active = each === pane;
      if (each.shape) this.mark(each);
    }
  }

  get alone() { return this.grid.alone; }
  showAlone(pane) { this.grid.showAlone(pane); }

  /** Extend the stroke shown. @param {{do: string, points: number[]}} event @param {Pane} pane @param {number} stamp ms */
  follow(event, pane, stamp) {
    this.ink.follow(event, pane, this.tool, stamp);
    this.mark(pane, "stroke-echo");
  }

  // -- drawing -------------------------------------------------------------------
  /** Update slice and window of a pane; the screen follows at the next frame. @param {Pane} pane */
  draw(pane, why) {
    const plane = planeName(pane.shape, this.looks.slab);
    const slice = this.loader.held(pane.series, plane, pane.index);
    const { window, invert, voi } = this.looks.of(pane.series);
    pane.setImage(slice, slice && !slice.colour && this.luts.of(window, invert, slice, voi), this.looks.graphics, this.looks.fusion.layer(pane, plane, this));
    this.lay(pane, why);
  }

  lay(pane, why) {
    pane.picture.laid = "";
    this.mark(pane, why);
    this.write(pane);
  }

  write(pane) {
    const { window, invert, colour, voi } = this.looks.of(pane.series);
    const text = colour ? "colour" : `${windowText(window)}${VOI[voi] ?? (Array.isArray(voi) ? "  table" : "")}${invert ? "  inverted" : ""}`;
    pane.write([slabText(pane.shape, this.looks.slab), text].filter(Boolean).join("  "), this.crosses.get(pane.space), this.looks.fusion.describe(pane, this.looks));
  }

  redraw(why) {
    for (const pane of this.shown) this.draw(pane, why);
    this.fill();
  }
  fill() { this.loader.fill(this.shown, this.looks.slab, overPanes(this.shown, this.looks.fusion)); }

  /** Redraw after the overlays changed. */
  refresh(why) { for (const pane of this.shown) this.mark(pane, why); }

  mark(pane, why) { this.frames.mark(pane, why); }

  compose(pane) {
    const { tool, hovered } = this;
    const colour = tool.erase ? "rgb(255,255,255)" : `rgb(${tool.colour.join()})`;
    const here = hovered?.pane === pane && pane.shape.axis >= 0 && !tool.read_only && tool.feedback === "ring";
    const ring = here ? { x: hovered.x, y: hovered.y, radius: tool.radius_mm * pane.view.zoom, colour } : null;
    pane.compose({ ...this.ink.on(pane), focus: this.crosses.get(pane.space) ?? null, ring, colour, hovered, magnified: this.looks.magnified, lines: linesIn(pane, this.shown, this.crosses) });
  }

  /** @param {() => void} work its time is added to the frame that shows it */
  timed(work) { this.frames.timed(work); }

  /** @returns {boolean} whether the size of a pane changed */
  measure() {
    let changed = false;
    for (const pane of this.panes) changed = pane.measure() || changed;
    return changed && this.panes.length > 0;
  }
}
