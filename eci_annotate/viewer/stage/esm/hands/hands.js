// Pointer events of one pane become strokes, pans, windows, zooms and jumps. What a drag does is decided once,
// when it starts; a second finger turns a stroke into a pinch, a second click maximises the pane.

import { lpsFromPlane, planeFromPx } from "../eyes/pane_geometry.js";
import { holds, MOVED, ScreenPlace, STAYS } from "./aim.js";

/** @typedef {{kind: "stroke" | "pan" | "window" | "tilt" | "poised" | "double", id: number, button: number, x: number, y: number, touch: boolean}} Drag
 *   `poised`: the press of a stroke is held until the pointer moves
 * @typedef {{kind: "none"} | {kind: "pinch", span: number, x: number, y: number} | Drag} Grip */

const REACH_PX = 9;
/** A finger draws once it has moved this far: until then it may be the first of two. */
const STILL_PX = 6;
const STILL_MOUSE_PX = 2;
const round = (x) => Math.round(x * 1000) / 1000;

/** What a press starts; `turns`: it is on what turns a plane. @returns {"stroke" | "pan" | "window" | "jump" | "tilt" | "none"} */
export function gripOf({ button, shiftKey, space, turns }) {
  if (turns) return "tilt";
  if (button === 1 || (button === 0 && space)) return "pan";
  if (button === 2) return "window";
  if (button === 5) return "stroke"; // the other end of a pen
  if (button === 0) return shiftKey ? "jump" : "stroke";
  return "none";
}

export const modifiersOf = (event) =>
  [["alt", event.altKey], ["shift", event.shiftKey], ["control", event.ctrlKey || event.metaKey]]
    .filter(([, on]) => on).map(([name]) => name);

export class Hands {
  /** @param {HTMLElement} el @param {import("../eyes/pane.js").Pane} pane @param {import("./interaction.js").Interaction} interaction */
  constructor(el, pane, interaction) {
    this.el = el;
    this.pane = pane;
    this.interaction = interaction;
    /** @type {Grip} */
    this.grip = { kind: "none" };
    /** @type {Map<number, {x: number, y: number}>} */
    this.fingers = new Map();
    const on = (name, handler) => el.addEventListener(name, handler.bind(this), { passive: false });
    on("pointerdown", this.down);
    on("pointermove", this.move);
    on("pointerup", this.up);
    on("pointercancel", this.lost);
    on("lostpointercapture", this.up);
    on("pointerleave", () => interaction.hover(pane, null));
    on("wheel", this.wheel);
    this.screen = new ScreenPlace(el);
    /** @type {{release: any, stamp: number} | null} the end of the stroke, if it ended where it was last */
    this.last = null;
  }

  /** Whether a stroke is running, or its press is held. */
  get drawing() { return this.grip.kind === "stroke" || this.grip.kind === "poised"; }

  place(event) {
    const box = this.el.getBoundingClientRect();
    const scale = this.el.offsetWidth / box.width || 1; // CSS zoom or transform of the page
    return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
  }

  down(event) {
    if (this.interaction.drawsBeside(this)) return; // a palm, or another pen
    const moved = this.screen.moved(event.timeStamp, this.drawing);
    this.interaction.touched(this.pane);
    if (!this.pane.shape) return;
    const at = this.place(event);
    if (event.pointerType === "touch" && this.pinches(event, at)) return;
    if (this.grip.kind !== "none") return;
    const { space, tilt } = this.interaction;
    const kind = gripOf({ button: event.button, shiftKey: event.shiftKey, space, turns: tilt.grips(this.pane, at, event) });
    if (kind === "jump") return void this.interaction.jump(this.pane, at);
    if (kind === "none" || (kind === "stroke" && !this.interaction.aims(this.pane, moved, event.timeStamp))) return;
    this.el.setPointerCapture(event.pointerId);
    const grip = { kind, id: event.pointerId, button: event.button, touch: event.pointerType === "touch", ...at };
    this.grip = grip;
    if (kind === "stroke") this.poise(event, at, grip);
  }

  /** Hold the press of a stroke: it may be the first of a double click, or of two fingers. @param {Drag} grip */
  poise(event, at, grip) {
    const { interaction: { click, board }, pane } = this;
    if (click.isDouble(pane, at, event.timeStamp)) {
      click.drop();
      return void (grip.kind = "double");
    }
    const { series, plane } = pane;
    const { window } = board.looks.of(series);
    const press = this.wire("press", event, [event], { button: event.button, reach_mm: REACH_PX / pane.view.zoom, series, plane, window });
    this.note(event);
    grip.kind = "poised";
    click.hold(press, { pane, at, stamp: event.timeStamp }, () => {
      if (this.grip !== grip) return true; // released meanwhile
      if (!grip.touch) grip.kind = "stroke";
      return !grip.touch;
    });
  }

  /** Remember where the stroke would end: what the pane shows may change before it does. */
  note(event) {
    this.last = { release: this.wire("release", event, [event], {}), stamp: event.timeStamp };
  }

  move(event) {
    if (!this.pane.shape) return;
    if (this.screen.moved(event.timeStamp, this.drawing) && this.drawing) return this.interrupt();
    const at = this.place(event);
    if (this.fingers.has(event.pointerId)) this.fingers.set(event.pointerId, at);
    if (this.grip.kind === "pinch") return this.pinch();
    this.interaction.hover(this.pane, at, event);
    if (this.grip.kind === "none" || this.grip.id !== event.pointerId) return;
    if (!this.grip.touch && !holds(event, this.grip.button)) return this.finish(); // the release was lost, or another button is down
    if (this.drawing) {
      this.note(event);
      this.interaction.click.follow(this.wire("drag", event, coalesced(event), {}), event.timeStamp);
    }
    if (this.grip.kind === "double") return;
    if (this.grip.kind === "poised") {
      const still = this.grip.touch ? STILL_PX : STILL_MOUSE_PX;
      if (Math.hypot(at.x - this.grip.x, at.y - this.grip.y) < still) return;
      this.grip.kind = "stroke";
      this.interaction.click.release();
    }
    if (this.grip.kind === "stroke") return this.interaction.click.catchUp();
    if (this.grip.kind === "tilt") return this.interaction.tilt.move(at);
    const [dx, dy] = [at.x - this.grip.x, at.y - this.grip.y];
    Object.assign(this.grip, at);
    if (this.grip.kind === "pan") this.interaction.pan(this.pane, dx, dy);
    else this.interaction.windowBy(this.pane, dx, dy, event.shiftKey);
  }

  up(event) {
    this.fingers.delete(event.pointerId);
    if (this.grip.kind === "pinch") {
      if (!this.fingers.size) this.grip = { kind: "none" };
      return;
    }
    if (this.grip.kind === "none" || this.grip.id !== event.pointerId) return;
    if (this.drawing && this.screen.moved(event.timeStamp, true)) return this.interrupt();
    if (this.drawing && event.type === "pointerup") this.note(event);
    this.finish();
  }

  /** End a stroke where it was, because the images moved under it. */
  interrupt() {
    this.finish();
    this.interaction.warn(MOVED);
  }

  /** End a running stroke; panning and windowing go on. */
  settle() {
    if (this.drawing) this.finish();
  }

  /** End what the pointer does, where it was last: a stroke is kept, a click stays held. */
  finish() {
    const { grip, last } = this;
    this.grip = { kind: "none" };
    if (grip.kind === "stroke") this.interaction.stroke(last.release, last.stamp);
    if (grip.kind === "poised") this.interaction.click.add(last.release, last.stamp);
    if (grip.kind === "double") this.interaction.maximise(this.pane);
    this.interaction.ended();
  }

  lost(event) {
    this.fingers.delete(event.pointerId);
    this.cancel(event.timeStamp);
  }

  /** Cancel the current stroke, if there is one. */
  cancel(stamp = performance.now()) {
    if (this.grip.kind === "stroke") this.interaction.stroke(this.event("cancel", [], { modifiers: [] }), stamp);
    if (this.grip.kind === "poised") this.interaction.click.drop();
    this.grip = { kind: "none" };
    this.interaction.ended();
  }

  wheel(event) {
    event.preventDefault();
    event.stopPropagation();
    if (!this.pane.shape) return;
    if (this.interaction.drawing) return this.interaction.note(STAYS);
    const at = this.place(event);
    const lines = (event.deltaY || event.deltaX) * (event.deltaMode === 1 ? 33 : 1);
    if (this.grip.kind === "none") this.interaction.click.release(); // a click before belongs to the slice before
    this.interaction.touched(this.pane, false);
    if (event.ctrlKey || event.metaKey) this.interaction.zoom(this.pane, at, Math.exp(-lines / 400));
    else if (event.shiftKey || event.altKey) this.interaction.turnBrush(lines, event.altKey ? "flow" : "brush");
    else this.interaction.wheel(this.pane, lines);
  }

  wire(what, event, events, more) {
    return this.event(what, events, { modifiers: modifiersOf(event), ...more });
  }

  event(what, events, more) {
    const { pane } = this;
    const points = events.flatMap((e) => {
      const { x, y } = this.place(e);
      return lpsFromPlane(pane.shape, pane.index, ...planeFromPx(pane.view, x, y)).map(round);
    });
    const pressures = events.map((e) => (e.pointerType === "pen" ? round(e.pressure) : 1));
    const time_s = round((events.at(-1)?.timeStamp ?? performance.now()) / 1000);
    return { do: what, pane: pane.name, index: pane.index, points, pressures, time_s, ...more };
  }

  pinches(event, at) {
    this.fingers.set(event.pointerId, at);
    if (this.fingers.size < 2) return false;
    this.cancel(event.timeStamp);
    this.grip = { kind: "pinch", ...this.spread() };
    return true;
  }

  spread() {
    const [a, b] = [...this.fingers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, span: Math.hypot(a.x - b.x, a.y - b.y) };
  }

  pinch() {
    const { grip } = this;
    if (this.fingers.size < 2 || grip.kind !== "pinch") return;
    const now = this.spread();
    this.interaction.pan(this.pane, now.x - grip.x, now.y - grip.y);
    if (grip.span > 0 && now.span > 0) this.interaction.zoom(this.pane, now, now.span / grip.span);
    Object.assign(grip, now);
  }
}

const coalesced = (event) => {
  const all = event.getCoalescedEvents?.() ?? [];
  return all.length ? all : [event];
};
