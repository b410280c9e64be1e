// Actions of pointer and keyboard: strokes and commands are queued for the kernel; the rest is navigation.

import * as wire from "../messages.js";
import { slabText } from "../eyes/slab.js";
import { sliceNumber } from "../eyes/pane_geometry.js";
import { ENDED, whyNothingIsDrawn } from "./aim.js";
import { HeldClick } from "./held_click.js";
import { bindingOf } from "./keys.js";
import { Navigation } from "./navigation.js";
import { Tilt } from "../sections/tilt.js";

/** @typedef {import("../eyes/pane.js").Pane} Pane */
/** @typedef {{x: number, y: number}} Point in CSS pixels of a pane */

const HERE_MS = 20000;
const REST_MS = 120;
/** Keys that change what is under the pointer. */
const MOVES = /^(tip$|view-(?!help|magnify))/;
const TYPED_INTO = "textarea, [contenteditable='true'], input:not([type=button], [type=checkbox], [type=radio], [type=range], [type=color])";

export class Interaction extends Navigation {
  /** @param {import("../stage.js").Stage} stage @param {import("./keys.js").Binding[]} keys */
  constructor(stage, keys) {
    super(stage);
    const { loader, queue, help, el } = stage;
    this.loader = loader;
    this.queue = queue;
    this.help = help;
    this.el = el;
    this.keys = keys;
    this.space = false;
    /** @type {{clientX: number, clientY: number} | null} */
    this.pointer = null;
    this.lastHere = -Infinity;
    /** When the kernel last changed what the panes show, ms. */
    this.changedAt = -Infinity;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.resting = undefined;
    this.tilt = new Tilt(this.board, (message) => queue.command(message));
    this.click = new HeldClick((event, stamp) => this.stroke(event, stamp));
  }

  /** @param {Pane} pane */
  touched(pane, focus = true) {
    if (focus) this.el.focus({ preventScroll: true });
    if (this.board.active !== pane) this.stage.reports.soon(0); // what is chosen next, in menus or by keys, is for this pane
    this.board.activate(pane);
    this.stage.bars?.show();
    this.here();
  }

  /** Report that the user is present, even if only looking around: this renews the lease. */
  here() {
    const now = performance.now();
    if (now - this.lastHere < HERE_MS) return;
    this.lastHere = now;
    this.stage.send(wire.hereMessage());
  }

  /** Whether a stroke is running in any pane. */
  get drawing() { return this.stage.hands.some((hands) => hands.drawing); }

  /** Whether a stroke is running in another pane. @param {import("./hands.js").Hands} own */
  drawsBeside(own) { return this.stage.hands.some((hands) => hands !== own && hands.drawing); }

  /** Whether a press draws; says why if it does not, and where it draws if that is not what is seen.
   * @param {Pane} pane @param {boolean} moved whether the pane moved on the screen @param {number} stamp of the press, ms */
  aims(pane, moved, stamp) {
    const why = whyNothingIsDrawn(pane, { moved, sinceChange: stamp - this.changedAt, playing: this.cine.playing !== null });
    this.cine.stop();
    const { slab } = this.board.looks;
    if (why) this.warn(why);
    else if (slabText(pane.shape, slab)) {
      const slice = `${sliceNumber(pane.shape, pane.index)} of ${pane.shape.count}`;
      this.warn(`This pane shows a slab (${slab.title}), and you draw on slice ${slice}. T shows single slices.`);
    }
    return !why;
  }

  /** @param {string} text shown until the next stroke */
  warn(text) { this.stage.say(text, "warning", true); }

  /** @param {string} text shown until the next stroke */
  note(text) { this.stage.say(text, "note", true); }

  /** A stroke has ended: what waited for that is shown. */
  ended() { this.stage.ended?.(); }

  /** @param {import("../messages.js").WireEvent} event @param {number} stamp when it happened, ms */
  stroke(event, stamp) {
    const { board, loader } = this;
    const { read_only, tool, why } = board.tool;
    if (read_only || !tool) return event.do === "press" && this.stage.say(why || "Choose a tool first.", "warning");
    if (event.do === "press" && this.stage.passing) this.stage.say("");
    loader.busy = event.do === "press" || event.do === "drag";
    this.queue.push(event, stamp);
    board.timed(() => board.follow(event, board.paneNamed(event.pane), stamp));
    if (!loader.busy) board.fill();
    if (event.do === "release") this.lifted = stamp;
  }

  /** The panes have moved under a pointer that rests: the ring stays with the pointer. */
  hoverAgain() {
    const { pointer } = this;
    if (!pointer || !this.board.hovered) return;
    const below = this.stage.hands.find(({ el }) => covers(el, pointer));
    this.hover(below?.pane ?? this.board.hovered.pane, below ? below.place(pointer) : null, pointer);
  }

  /** @param {Pane} pane @param {Point | null} at @param {{clientX: number, clientY: number} | null} pointer on the page */
  hover(pane, at, pointer = null) {
    const { board } = this;
    this.pointer = pointer;
    if (at) this.here();
    if (at && !board.hovered) this.takeKeys();
    const before = board.hovered?.pane;
    board.hovered = at && { pane, ...at };
    pane.keyed = false; // the pointer shows the place again
    if (before && before !== pane) board.mark(before, "ring");
    board.mark(pane, "ring");
    if (board.tool.hovers) tellRest(this);
  }

  /** The pointer comes from elsewhere: keys are for the images under it from here on, unless the user types somewhere. */
  takeKeys() {
    const { activeElement } = this.el.ownerDocument;
    if (this.el.contains(activeElement) || activeElement?.closest(TYPED_INTO)) return;
    this.el.focus({ preventScroll: true });
  }

  /** @param {number} lines @param {"brush" | "flow"} what radius or flow of the brush, by the wheel */
  turnBrush(lines, what) {
    this.queue.command(wire.commandMessage(what, lines < 0 ? 1.15 : 1 / 1.15));
    this.stage.forecast?.show();
  }

  /** Show a series in a pane. @param {string} pane @param {string} series */
  put(pane, series) {
    this.finish();
    this.queue.command(wire.commandMessage("put", { pane, series }));
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
    if (MOVES.test(binding.does)) this.settle();
    if (binding.does === "view-help") this.help.toggle();
    else if (binding.does === "tip") this.stage.say(this.tilt.tip(this.board.active, binding.value), "note", true);
    else if (binding.does.startsWith("view-")) this.viewCommand(binding.does, binding.value);
    else if (binding.does === "cancel") this.cancel();
    else this.command(binding);
  }

  /** Send a command to the kernel; a running stroke is finished first. @param {import("./keys.js").Binding} binding */
  command(binding) {
    this.finish();
    this.board.ink.backlog.command(binding.does);
    this.queue.command(wire.commandMessage(binding.does, binding.does === "mark" ? this.pointedAt() : binding.value));
    this.stage.forecast?.show();
  }

  /** @param {KeyboardEvent} event */
  keyup(event) {
    if (event.key === " ") this.space = false;
    if (event.key.toLowerCase() === "z") this.magnify(false);
  }

  /** End a running stroke where it is, and the magnifier, and send a click that is held. */
  finish() {
    this.magnify(false);
    this.settle();
  }

  /** End a running stroke where it is, and send a click that is held. */
  settle() {
    if (this.stage.hands.some(({ grip }) => grip.kind === "stroke")) this.note(ENDED);
    this.stage.hands.forEach((hands) => hands.settle());
    this.click.release();
  }

  /** Cancel the running stroke, or begin again with a tool that suggests. */
  cancel() {
    if (this.board.tool.hovers && this.help.el.hidden) this.queue.command(wire.commandMessage("decide", "discard"));
    this.help.toggle(false);
    this.cine.stop();
    this.stage.hands.forEach((hands) => hands.cancel());
    this.click.drop();
    this.board.ink.trail.clear();
    this.board.refresh();
  }
}

/** Whether a place on the page is in an element. @param {HTMLElement} el @param {{clientX: number, clientY: number}} place */
function covers(el, { clientX, clientY }) {
  const { left, right, top, bottom } = el.getBoundingClientRect();
  return clientX >= left && clientX < right && clientY >= top && clientY < bottom;
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
