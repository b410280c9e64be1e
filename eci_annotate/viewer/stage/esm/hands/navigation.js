// Moving around: scrolling, zooming, panning, windows, the crosshair, and one pane alone. All of it is handled in the
// browser; the kernel receives where the views are once they rest.

import { lookAt, lookOf } from "../eyes/link.js";
import { autoWindow, draggedWindow, EXACT, LINEAR } from "../eyes/lut.js";
import * as pane_geometry from "../eyes/pane_geometry.js";
import { nextSlab, slabText } from "../eyes/slab.js";
import { nextTurn } from "../eyes/turn.js";
import { Cine } from "./cine.js";
import { moveCross, stepPane } from "./key_moves.js";

/** @typedef {import("../eyes/pane.js").Pane} Pane */
/** @typedef {{x: number, y: number}} Point in CSS pixels of a pane */

const WHEEL_STEP = 60; // of a touch pad, whose small moves add up
const NOTCH = 99; // of a mouse: 100 or 120 in Chromium, three lines in Firefox; quick ones come as one event

/**
 * One slice for each notch of a mouse: a reader who turns it slowly sees every slice.
 * @param {number} rolled what is left of earlier moves @param {number} lines
 * @returns {{ steps: number, rest: number }} slices to turn, and what is left
 */
function turned(rolled, lines) {
  if (Math.abs(lines) >= WHEEL_STEP) return { steps: Math.sign(lines) * Math.max(1, Math.floor(Math.abs(lines) / NOTCH)), rest: 0 };
  const sum = Math.sign(lines) === Math.sign(rolled) ? rolled + lines : lines;
  const steps = Math.trunc(sum / WHEEL_STEP);
  return { steps, rest: sum - steps * WHEEL_STEP };
}

export class Navigation {
  /** @param {import("../stage.js").Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.board = stage.board;
    this.rolled = 0;
    this.cine = new Cine((pane, by) => this.scroll(pane, by));
  }

  /** @param {Pane} pane @param {number} by slices, positive toward the feet in a stack of axial slices */
  scroll(pane, by) {
    const { board } = this;
    const index = pane_geometry.clampIndex(pane.shape, pane.index + (pane_geometry.isUpward(pane.shape) ? -by : by));
    if (index === pane.index) return;
    board.timed(() => {
      pane.travel = Math.sign(index - pane.index);
      pane.index = index;
      const cross = pane_geometry.onSlice(pane.shape, board.crosses.get(pane.space), index);
      board.crosses.set(pane.space, cross);
      board.draw(pane, "scroll");
      const parallel = board.followersOf(pane);
      for (const other of board.shown) if (other !== pane) this.follows(other, parallel.includes(other), cross);
    });
    board.fill();
    board.moved();
  }

  /** Make another pane show the same crosshair, and a parallel one the same position. */
  follows(other, parallel, cross) {
    const { board } = this;
    const index = parallel ? pane_geometry.clampIndex(other.shape, pane_geometry.planeFromLps(other.shape, cross).index) : other.index;
    if (index !== other.index) {
      other.travel = Math.sign(index - other.index);
      other.index = index;
      return board.draw(other, "scroll");
    }
    board.write(other);
    board.mark(other, "scroll");
  }

  wheel(pane, lines) {
    const { steps, rest } = turned(this.rolled, lines);
    this.rolled = rest;
    if (steps) this.scroll(pane, steps);
  }

  moveView(pane, view, name) {
    const { board } = this;
    board.timed(() => {
      pane.setView(view);
      board.lay(pane, name);
      for (const other of board.followersOf(pane)) {
        const { centre, span, fitted } = lookOf(pane);
        lookAt(other, { centre: pane_geometry.onSlice(other.shape, centre, other.index), span, fitted });
        board.lay(other, name);
      }
    });
    board.moved();
  }

  /** @param {Pane} pane @param {Point} at @param {number} factor */
  zoom(pane, { x, y }, factor) {
    this.moveView(pane, pane_geometry.zoomedAt(pane.view, x, y, factor), "zoom");
  }

  pan(pane, dx, dy) {
    this.moveView(pane, pane_geometry.panned(pane.view, dx, dy), "pan");
  }

  /** @param {Pane} pane @param {boolean} above whether of what lies over it */
  windowBy(pane, dx, dy, above = false) {
    const { looks } = this.board;
    const series = (above && looks.fusion.over(pane)?.series) || pane.series;
    const { window, invert, voi } = looks.of(series);
    this.board.setWindow(draggedWindow(window, dx, dy), invert, series, voi === LINEAR ? EXACT : voi);
  }

  /** @param {Pane} pane @param {Point} at */
  jump(pane, { x, y }) {
    const [u, v] = pane_geometry.planeFromPx(pane.view, x, y);
    this.board.jumpTo(pane_geometry.lpsFromPlane(pane.shape, pane.index, u, v));
  }

  /** The patient point under the pointer, or else the crosshair. */
  pointedAt() {
    const { hovered, focus } = this.board;
    if (!hovered?.pane.shape) return focus;
    const { pane, x, y } = hovered;
    return pane_geometry.lpsFromPlane(pane.shape, pane.index, ...pane_geometry.planeFromPx(pane.view, x, y));
  }

  /** Flip or rotate the picture of a pane. @param {Pane} pane @param {import("../eyes/turn.js").TurnStep} step */
  turn(pane, step) {
    this.board.timed(() => {
      pane.setTurn(nextTurn(pane.turn, step));
      this.board.lay(pane, "turn");
    });
    this.board.moved();
  }

  /** @param {boolean} on whether the picture is enlarged around the pointer */
  magnify(on) {
    const { looks } = this.board;
    if (looks.magnified === on) return;
    looks.magnified = on;
    this.board.refresh("ring");
  }

  /** Show the next kind of slab in all panes. */
  thicken() {
    const { looks, shown } = this.board;
    const slab = (looks.slab = nextSlab(looks.slab));
    const single = slab && shown.some(({ shape }) => !slabText(shape, slab)) ? " Panes whose slices are too thick for it show single slices." : "";
    this.stage.say(slab ? `Slab: ${slab.title}.${single}` : "Each pane shows single slices.", "note", true);
    this.board.redraw("window");
  }

  /** Show this pane alone, or all panes if it already is. @param {Pane} pane */
  maximise(pane) {
    this.stage.arrange(this.board.alone === pane.name ? "" : pane.name);
  }

  /** Have the blue frame on a pane that shows a series, and the crosshair at a point; alone, the pane takes the place of the other. */
  turnTo(series, point) {
    const { board, stage } = this;
    const pane = !series || board.series === series ? null : board.panes.find((each) => each.shape && each.series === series);
    if (pane) {
      if (board.alone) stage.arrange(pane.name);
      board.activate(pane);
      stage.reports.soon(0);
    }
    if (point) board.jumpTo(point);
  }

  // -- keyboard -------------------------------------------------------------------------
  viewCommand(name, value) {
    const { board } = this;
    const pane = board.active;
    if (!pane || (!pane.shape && name !== "view-pane")) return;
    const centre = { x: pane.size.width / 2, y: pane.size.height / 2 };
    switch (name) {
      case "view-scroll": return this.scroll(pane, value);
      case "view-zoom": return this.zoom(pane, centre, value);
      case "view-pane": return stepPane(this.stage, value);
      case "view-cross": return moveCross(board, value);
      case "view-graphics": return this.graphics();
      case "view-preset": return this.preset(value);
      case "view-invert": return board.setWindow(board.window, !board.invert);
      case "view-maximise": return this.maximise(pane);
      case "view-full": return this.fullScreen();
      case "view-slab": return this.thicken();
      case "view-cine": return this.cine.turn(pane);
      case "view-link": return this.relink();
      case "view-magnify": return this.magnify(true);
      case "view-stack": return this.stage.bars.stacks.step(value);
      case "view-fuse": return this.stage.say(this.stage.bars.fusion.turn(), "note", true);
      case "view-fade": return this.stage.bars.fusion.fade(value);
      case "view-recolour": return this.stage.bars.fusion.recolour();
      case "view-flip-x": return this.turn(pane, "flip-x");
      case "view-flip-y": return this.turn(pane, "flip-y");
      case "view-rotate": return this.turn(pane, "right");
      case "view-rotate-back": return this.turn(pane, "left");
      case "view-reset": return board.resetViews();
    }
  }

  /** The whole application on the full screen, or back; panels and tools stay with the images. */
  fullScreen() {
    const { el } = this.stage;
    if (document.fullscreenElement) void document.exitFullscreen();
    else void (el.closest(".eci-app") ?? el).requestFullscreen?.();
  }

  /** Show or hide the overlays of the files. */
  graphics() {
    const { board, stage } = this;
    board.looks.graphics = !board.looks.graphics;
    board.redraw("window");
    stage.say(board.looks.graphics ? "Graphics of the files are shown." : "Graphics of the files are hidden.", "note", true);
  }

  /** Parallel panes follow each other, or no longer. */
  relink() {
    const { board, stage } = this;
    board.linked = !board.linked;
    stage.say(board.linked ? "Parallel panes scroll and zoom together." : "Each pane scrolls and zooms alone.", "note", true);
  }

  /** @param {string} name of a preset, of a window of the file, or `auto`: derived from the slice of the active pane */
  preset(name) {
    const { board } = this;
    const { active } = board;
    const slice = active?.shape && this.stage.loader.held(active.series, active.plane, active.index);
    const { windows = [] } = board.looks.of(board.series);
    const own = windows.find((each) => each.name === name);
    const window = name === "auto" ? slice && autoWindow(slice.values, slice) : this.stage.model.get("presets")[name];
    if (own) board.setWindow(own.window, board.invert, board.series, own.voi);
    else if (window) board.setWindow(window, board.invert, board.series, EXACT);
  }
}
