// Pointer events of one pane become strokes, pans, windows, zooms and jumps. What a drag does is decided once,
// when it starts; a second finger turns a stroke into a pinch.

import { lpsFromPlane, planeFromPx } from "../eyes/pane_geometry.js";

/** @typedef {{kind: "none"} | {kind: "stroke" | "pan" | "window", id: number, x: number, y: number}
 *   | {kind: "touch", id: number, x: number, y: number, press: PointerEvent}
 *   | {kind: "pinch", span: number, x: number, y: number}} Grip */

const REACH_PX = 9;
/** A finger draws once it has moved this far: until then it may be the first of two. */
const STILL_PX = 6;
const round = (x) => Math.round(x * 1000) / 1000;

/** What a press starts. @returns {"stroke" | "pan" | "window" | "jump" | "none"} */
export function gripOf({ button, shiftKey, space }) {
  if (button === 1 || (button === 0 && space)) return "pan";
  if (button === 2) return "window";
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
    on("pointerleave", () => interaction.hover(pane, null));
    on("wheel", this.wheel);
    on("dblclick", () => interaction.maximise(pane));
  }

  place(event) {
    const box = this.el.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  down(event) {
    this.interaction.touched(this.pane);
    const at = this.place(event);
    if (event.pointerType === "touch" && this.pinches(event, at)) return;
    if (this.grip.kind !== "none") return;
    const kind = gripOf({ button: event.button, shiftKey: event.shiftKey, space: this.interaction.space });
    if (kind === "jump") return void this.interaction.jump(this.pane, at);
    if (kind === "none" || event.detail > 1) return;
    this.el.setPointerCapture(event.pointerId);
    this.grip = { kind, id: event.pointerId, ...at };
    if (kind !== "stroke") return;
    if (event.pointerType === "touch") this.grip = { ...this.grip, kind: "touch", press: event };
    else this.press(event);
  }

  press(event) {
    this.grip = { kind: "stroke", id: event.pointerId, ...this.place(event) };
    this.stroke("press", event, [event], { button: event.button, reach_mm: REACH_PX / this.pane.view.zoom });
  }

  move(event) {
    const at = this.place(event);
    if (this.fingers.has(event.pointerId)) this.fingers.set(event.pointerId, at);
    if (this.grip.kind === "pinch") return this.pinch();
    this.interaction.hover(this.pane, at);
    if (this.grip.kind === "none" || this.grip.id !== event.pointerId) return;
    if (this.grip.kind === "touch") {
      if (Math.hypot(at.x - this.grip.x, at.y - this.grip.y) < STILL_PX) return;
      this.press(this.grip.press);
    }
    if (this.grip.kind === "stroke") return this.stroke("drag", event, coalesced(event), {});
    const [dx, dy] = [at.x - this.grip.x, at.y - this.grip.y];
    Object.assign(this.grip, at);
    if (this.grip.kind === "pan") this.interaction.pan(this.pane, dx, dy);
    else this.interaction.windowBy(dx, dy);
  }

  up(event) {
    this.fingers.delete(event.pointerId);
    if (this.grip.kind === "pinch") {
      if (!this.fingers.size) this.grip = { kind: "none" };
      return;
    }
    if (this.grip.kind === "none" || this.grip.id !== event.pointerId) return;
    if (this.grip.kind === "touch") this.press(this.grip.press);
    if (this.grip.kind === "stroke") this.stroke("release", event, [event], {});
    this.grip = { kind: "none" };
  }

  lost(event) {
    this.fingers.delete(event.pointerId);
    this.cancel(event.timeStamp);
  }

  /** Cancel the current stroke, if there is one. */
  cancel(stamp = performance.now()) {
    if (this.grip.kind === "stroke") this.interaction.stroke(this.event("cancel", [], { modifiers: [] }), stamp);
    this.grip = { kind: "none" };
  }

  wheel(event) {
    event.preventDefault();
    event.stopPropagation();
    const at = this.place(event);
    const lines = event.deltaY * (event.deltaMode === 1 ? 33 : 1);
    this.interaction.touched(this.pane, false);
    if (event.ctrlKey || event.metaKey) this.interaction.zoom(this.pane, at, Math.exp(-lines / 400));
    else this.interaction.wheel(this.pane, lines);
  }

  stroke(what, event, events, more) {
    const touched = this.event(what, events, { modifiers: modifiersOf(event), ...more });
    this.interaction.stroke(touched, event.timeStamp);
  }

  event(what, events, more) {
    const { pane } = this;
    const points = events.flatMap((e) => {
      const { x, y } = this.place(e);
      return lpsFromPlane(pane.shape, pane.index, ...planeFromPx(pane.view, x, y)).map(round);
    });
    const pressures = events.map((e) => (e.pointerType === "pen" ? round(e.pressure) : 1));
    const time_s = round((events.at(-1)?.timeStamp ?? performance.now()) / 1000);
    return { do: what, pane: pane.shape.name, index: pane.index, points, pressures, time_s, ...more };
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
