// The desk: what hands and keys may ask of the stage. Scrolling, windowing, zooming and panning are answered here,
// without the kernel; strokes and commands are passed on.

import * as geometry from "../eyes/geometry.js";
import { bindingOf } from "./keys.js";
import { autoWindow, draggedWindow, PRESETS } from "../eyes/lut.js";
import * as wire from "../messages.js";

const HERE_MS = 20000;
const WHEEL_STEP = 60;

export class Interaction {
  /** @param {import("./stage.js").Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.space = false;
    this.lastHere = -Infinity;
    this.rolled = 0;
  }

  touched(pane, focus = true) {
    this.stage.active = pane;
    if (focus) this.stage.el.focus({ preventScroll: true });
    for (const each of this.stage.panes) if (each.active !== (each === pane)) this.activate(each, each === pane);
    this.here();
  }

  /** The person is there, also when she only looks around: that keeps the task hers. */
  here() {
    const now = performance.now();
    if (now - this.lastHere < HERE_MS) return;
    this.lastHere = now;
    this.stage.send(wire.hereMessage());
  }

  activate(pane, active) {
    pane.active = active;
    if (pane.shape) this.stage.mark(pane);
  }

  stroke(event, stamp) {
    if (this.stage.tool.read_only || !this.stage.tool.tool) return event.do === "press" && this.stage.say(this.stage.tool.why ?? "Choose a tool first.", "warning");
    this.stage.loader.busy = event.do === "press" || event.do === "drag";
    this.stage.courier.push(event, stamp);
    const pane = this.stage.panes.find((p) => p.name === event.pane);
    this.stage.timed(() => this.follow(event, pane));
    if (!this.stage.loader.busy) this.stage.loader.fill(this.stage.series, this.stage.shown);
    if (event.do === "release") this.lifted = stamp;
  }

  follow(event, pane) {
    if (event.do === "press") this.stage.trail = [];
    this.stage.trailPane = pane;
    for (let n = 0; n < event.points.length; n += 3) this.stage.trail.push(event.points.slice(n, n + 3));
    if (this.stage.tool.tool === "box") this.stage.trail = [];
    if (this.stage.tool.tool === "smartpaint") this.stage.trail = this.stage.trail.slice(-24);
    this.stage.mark(pane, "stroke-echo");
  }

  hover(pane, at) {
    if (at) this.here();
    const before = this.stage.hovered?.pane;
    this.stage.hovered = at && { pane, ...at };
    if (before && before !== pane) this.stage.mark(before, "ring");
    this.stage.mark(pane, "ring");
  }

  scroll(pane, by) {
    const index = geometry.clampIndex(pane.shape, pane.index + by);
    if (index === pane.index) return;
    this.stage.timed(() => {
      pane.travel = Math.sign(by);
      pane.index = index;
      this.stage.focus = geometry.onSlice(pane.shape, this.stage.focus, index);
      this.stage.draw(pane, "scroll");
      for (const other of this.stage.shown) if (other !== pane) this.follows(other, "scroll");
    });
    this.stage.loader.fill(this.stage.series, this.stage.shown);
    this.stage.moved();
  }

  /** Another pane shows the same crosshair. */
  follows(other, why) {
    this.stage.write(other);
    this.stage.mark(other, why);
  }

  wheel(pane, lines) {
    this.rolled = Math.sign(lines) === Math.sign(this.rolled) ? this.rolled + lines : lines;
    const steps = Math.trunc(this.rolled / WHEEL_STEP);
    this.rolled -= steps * WHEEL_STEP;
    if (steps) this.scroll(pane, steps);
  }

  moveView(pane, view, name) {
    this.stage.timed(() => {
      pane.setView(view);
      this.stage.lay(pane, name);
    });
    this.stage.moved();
  }

  zoom(pane, { x, y }, factor) {
    this.moveView(pane, geometry.zoomedAt(pane.view, x, y, factor), "zoom");
  }

  pan(pane, dx, dy) {
    this.moveView(pane, geometry.panned(pane.view, dx, dy), "pan");
  }

  windowBy(dx, dy) {
    this.stage.setWindow(draggedWindow(this.stage.window, dx, dy));
  }

  jump(pane, { x, y }) {
    const [u, v] = geometry.planeFromPx(pane.view, x, y);
    this.stage.jumpTo(geometry.lpsFromPlane(pane.shape, pane.index, u, v));
  }

  /** The patient's point under the pointer, or else the crosshair's. */
  pointedAt() {
    const { hovered, focus } = this.stage;
    if (!hovered?.pane.shape) return focus;
    const { pane, x, y } = hovered;
    return geometry.lpsFromPlane(pane.shape, pane.index, ...geometry.planeFromPx(pane.view, x, y));
  }

  /** This pane alone, or if it is that already (or none is given) all panes. */
  maximise(pane) {
    const alone = pane !== null && this.stage.board.dataset.alone !== pane.name;
    this.stage.board.dataset.alone = alone ? pane.name : "";
    for (const each of this.stage.panes) each.el.hidden = alone && each !== pane;
    this.stage.link.tell();
  }

  /** Show what is shown elsewhere: this pane alone, or (an empty name) all. */
  arrange(name) {
    if ((this.stage.board.dataset.alone ?? "") !== name) this.maximise(name ? this.stage.paneNamed(name) : null);
  }

  // -- keyboard -------------------------------------------------------------------------
  keydown(event) {
    event.stopPropagation();
    if (event.key === " ") {
      this.space = true;
      return event.preventDefault();
    }
    const binding = bindingOf(event);
    if (!binding) return;
    event.preventDefault();
    this.touched(this.stage.active, false);
    if (binding.does.startsWith("view-")) this.viewCommand(binding.does, binding.value);
    else if (binding.does === "cancel") this.cancel();
    else this.stage.courier.command(wire.commandMessage(binding.does, binding.does === "mark" ? this.pointedAt() : binding.value));
  }

  cancel() {
    this.stage.help.toggle(false);
    this.stage.hands.forEach((hands) => hands.cancel());
    this.stage.trail = [];
    this.stage.glass();
  }

  viewCommand(name, value) {
    const pane = this.stage.active;
    const centre = { x: pane.size.width / 2, y: pane.size.height / 2 };
    switch (name) {
      case "view-scroll": return this.scroll(pane, value);
      case "view-zoom": return this.zoom(pane, centre, value);
      case "view-preset": return this.preset(value);
      case "view-invert": return this.stage.setWindow(this.stage.window, !this.stage.invert);
      case "view-maximise": return this.maximise(pane);
      case "view-help": return this.stage.help.toggle();
      case "view-reset":
        for (const each of this.stage.shown) each.reset();
        return this.stage.setWindow(this.stage.firstWindow, this.stage.firstInvert);
    }
  }

  preset(name) {
    const slice = this.stage.loader.held(this.stage.series, this.stage.active.name, this.stage.active.index);
    if (name !== "auto") this.stage.setWindow(PRESETS[name]);
    else if (slice) this.stage.setWindow(autoWindow(slice.values, slice));
  }
}
