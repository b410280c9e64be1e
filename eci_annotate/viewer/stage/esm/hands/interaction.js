// Actions of pointer and keyboard. Scrolling, windowing, zooming and panning are handled here on the board, without
// the kernel; strokes and commands are queued for it.

import * as pane_geometry from "../eyes/pane_geometry.js";
import { autoWindow, draggedWindow } from "../eyes/lut.js";
import * as wire from "../messages.js";
import { HeldClick } from "./held_click.js";
import { bindingOf } from "./keys.js";

/** @typedef {import("../eyes/pane.js").Pane} Pane */
/** @typedef {{x: number, y: number}} Point in CSS pixels of a pane */

const HERE_MS = 20000;
const WHEEL_STEP = 60;
const REST_MS = 120;

export class Interaction {
  /** @param {import("../stage.js").Stage} stage @param {import("./keys.js").Binding[]} keys */
  constructor(stage, keys) {
    const { board, loader, queue, help, el } = stage;
    this.stage = stage;
    this.board = board;
    this.loader = loader;
    this.queue = queue;
    this.help = help;
    this.el = el;
    this.keys = keys;
    this.space = false;
    this.lastHere = -Infinity;
    this.rolled = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.resting = undefined;
    this.click = new HeldClick((event, stamp) => this.stroke(event, stamp));
  }

  /** @param {Pane} pane */
  touched(pane, focus = true) {
    if (focus) this.el.focus({ preventScroll: true });
    this.board.activate(pane);
    this.here();
  }

  /** Report that the user is present, even if only looking around: this renews the lease. */
  here() {
    const now = performance.now();
    if (now - this.lastHere < HERE_MS) return;
    this.lastHere = now;
    this.stage.send(wire.hereMessage());
  }

  /** @param {import("../messages.js").WireEvent} event @param {number} stamp when it happened, ms */
  stroke(event, stamp) {
    const { board, loader } = this;
    const { read_only, tool, why } = board.tool;
    if (read_only || !tool) return event.do === "press" && this.stage.say(why || "Choose a tool first.", "warning");
    if (event.do === "press" && this.stage.passing) this.stage.say("");
    loader.busy = event.do === "press" || event.do === "drag";
    this.queue.push(event, stamp);
    board.timed(() => board.follow(event, board.paneNamed(event.pane)));
    if (!loader.busy) board.fill();
    if (event.do === "release") this.lifted = stamp;
  }

  /** @param {Pane} pane @param {Point | null} at */
  hover(pane, at) {
    const { board } = this;
    if (at) this.here();
    const before = board.hovered?.pane;
    board.hovered = at && { pane, ...at };
    if (before && before !== pane) board.mark(before, "ring");
    board.mark(pane, "ring");
    if (board.tool.hovers) tellRest(this);
  }

  /** @param {Pane} pane @param {number} by slices, positive toward the feet in a stack of axial slices */
  scroll(pane, by) {
    const { board } = this;
    const index = pane_geometry.clampIndex(pane.shape, pane.index + (pane_geometry.isUpward(pane.shape) ? -by : by));
    if (index === pane.index) return;
    board.timed(() => {
      pane.travel = Math.sign(index - pane.index);
      pane.index = index;
      board.focus = pane_geometry.onSlice(pane.shape, board.focus, index);
      board.draw(pane, "scroll");
      for (const other of board.shown) if (other !== pane) this.follows(other, "scroll");
    });
    board.fill();
    board.moved();
  }

  /** Make another pane show the same crosshair. */
  follows(other, why) {
    this.board.write(other);
    this.board.mark(other, why);
  }

  wheel(pane, lines) {
    this.rolled = Math.sign(lines) === Math.sign(this.rolled) ? this.rolled + lines : lines;
    const steps = Math.trunc(this.rolled / WHEEL_STEP);
    this.rolled -= steps * WHEEL_STEP;
    if (steps) this.scroll(pane, steps);
  }

  /** @param {number} lines @param {"brush" | "flow"} what radius or flow of the brush, by the wheel */
  turnBrush(lines, what) {
    this.queue.command(wire.commandMessage(what, lines < 0 ? 1.15 : 1 / 1.15));
  }

  moveView(pane, view, name) {
    this.board.timed(() => {
      pane.setView(view);
      this.board.lay(pane, name);
    });
    this.board.moved();
  }

  /** @param {Pane} pane @param {Point} at @param {number} factor */
  zoom(pane, { x, y }, factor) {
    this.moveView(pane, pane_geometry.zoomedAt(pane.view, x, y, factor), "zoom");
  }

  pan(pane, dx, dy) {
    this.moveView(pane, pane_geometry.panned(pane.view, dx, dy), "pan");
  }

  windowBy(dx, dy) {
    this.board.setWindow(draggedWindow(this.board.window, dx, dy));
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

  /** Show this pane alone, or all panes if it already is. @param {Pane} pane */
  maximise(pane) {
    this.stage.arrange(this.board.alone === pane.name ? "" : pane.name);
  }

  // -- keyboard -------------------------------------------------------------------------
  /** @param {KeyboardEvent} event */
  keydown(event) {
    event.stopPropagation();
    if (event.key === " ") {
      this.space = true;
      return event.preventDefault();
    }
    const binding = bindingOf(event, this.keys);
    if (!binding) return;
    event.preventDefault();
    if (event.repeat && !binding.repeats) return;
    this.touched(this.board.active, false);
    if (binding.does.startsWith("view-")) this.viewCommand(binding.does, binding.value);
    else if (binding.does === "cancel") this.cancel();
    else this.command(binding);
  }

  /** Send a command to the kernel; a running stroke is finished first. @param {import("./keys.js").Binding} binding */
  command(binding) {
    this.finish();
    this.queue.command(wire.commandMessage(binding.does, binding.does === "mark" ? this.pointedAt() : binding.value));
  }

  /** @param {KeyboardEvent} event */
  keyup(event) {
    if (event.key === " ") this.space = false;
  }

  /** End a running stroke where it is, and send a click that is held. */
  finish() {
    this.stage.hands.forEach((hands) => hands.settle());
    this.click.release();
  }

  cancel() {
    this.help.toggle(false);
    this.stage.hands.forEach((hands) => hands.cancel());
    this.click.drop();
    this.board.trail = [];
    this.board.refresh();
  }

  viewCommand(name, value) {
    const { board } = this;
    const pane = board.active;
    const centre = { x: pane.size.width / 2, y: pane.size.height / 2 };
    switch (name) {
      case "view-scroll": return this.scroll(pane, value);
      case "view-zoom": return this.zoom(pane, centre, value);
      case "view-preset": return this.preset(value);
      case "view-invert": return board.setWindow(board.window, !board.invert);
      case "view-maximise": return this.maximise(pane);
      case "view-help": return this.help.toggle();
      case "view-reset": return board.resetViews();
    }
  }

  /** @param {string} name of a preset, or `auto`: derived from the slice of the active pane */
  preset(name) {
    const { board } = this;
    const slice = this.loader.held(board.series, board.active.name, board.active.index);
    if (name !== "auto") board.setWindow(this.stage.model.get("presets")[name]);
    else if (slice) board.setWindow(autoWindow(slice.values, slice));
  }
}

/** Tell the kernel where the pointer rests, for tools that say beforehand what a click would do. @param {Interaction} of */
function tellRest(of) {
  clearTimeout(of.resting);
  of.resting = setTimeout(() => {
    const { tool, hovered } = of.board;
    if (!tool.hovers || !hovered || of.loader.busy) return;
    of.queue.command(wire.commandMessage("hover", of.pointedAt()));
  }, REST_MS);
}
