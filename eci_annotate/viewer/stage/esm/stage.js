// The stage: three linked panes with one cache, one window and one courier. While anything moves, all is drawn here;
// when it rests, the kernel is told where the views stand and draws the annotations anew.

import { StrokeQueue } from "./transport/stroke_queue.js";
import { Interaction } from "./hands/interaction.js";
import * as geometry from "./eyes/geometry.js";
import { Hands } from "./hands/hands.js";
import { Help } from "./hands/help.js";
import { drawnBy, findLayers } from "./eyes/layers.js";
import { Connection } from "./transport/connection.js";
import { Link } from "./eyes/link.js";
import { Loader } from "./eyes/loader.js";
import { Luts } from "./eyes/lut.js";
import * as wire from "./messages.js";
import { element, Pane } from "./eyes/pane.js";
import { Outbox } from "./transport/outbox.js";
import { ViewReports } from "./transport/view_reports.js";
import { Stopwatch } from "./stopwatch.js";

export class Stage {
  constructor(model, el) {
    Object.assign(this, { model, el });
    this.watch = new Stopwatch();
    this.luts = new Luts();
    this.series = "";
    this.window = [0, 1];
    this.invert = false;
    this.focus = null;
    this.tool = { tool: null, radius_mm: 8, erase: false, colour: [255, 255, 255], read_only: true };
    /** @type {Map<string, import("./echoes.js").Echo>} */
    this.echoes = new Map();
    this.trail = [];
    this.post = new Outbox((message) => model.send(message));
    this.resting = new ViewReports(this);
    this.lifeline = new Connection(this, model.widget_manager?.kernel);
    /** @type {number[]} when events happened that the next frame shows */
    this.waitingStamps = [];
    /** @type {Map<any, string>} panes to put together at the next frame, and why */
    this.dirty = new Map();
    this.spent = 0;
    this.desk = new Interaction(this);
    this.link = new Link(this, model.get("link") ?? "");
    this.courier = new StrokeQueue((frame, events) => this.send(wire.handsMessage(frame, events)), (command) => this.send(command));
    this.loader = new Loader((series, pane, index) => this.send(wire.wantMessage(series, pane, index)));
    this.build();
  }

  build() {
    const { el } = this;
    el.classList.add("eci-stage");
    el.tabIndex = 0;
    el.dataset.lmSuppressShortcuts = "true";
    el.style.height = this.model.get("height");
    this.board = element("div", "eci-board", el);
    this.status = element("div", "eci-status", el);
    this.panes = this.model.get("panes").map((name) => new Pane(this.board, name));
    this.hands = this.panes.map((pane) => new Hands(pane.el, pane, this.desk));
    this.help = new Help(el);
    this.active = this.panes[0];
    for (const name of ["mousedown", "contextmenu", "dblclick", "keyup"]) el.addEventListener(name, (event) => event.stopPropagation());
    el.addEventListener("contextmenu", (event) => event.preventDefault());
    el.addEventListener("keydown", (event) => this.desk.keydown(event));
    el.addEventListener("keyup", (event) => { if (event.key === " ") this.desk.space = false; });
    this.observer = new ResizeObserver(() => this.resized());
    this.panes.forEach((pane) => this.observer.observe(pane.el));
  }

  async start() {
    this.onMessage = (message, buffers) => this.receive(message, buffers);
    this.onHeight = () => { this.el.style.height = this.model.get("height"); };
    this.model.on("msg:custom", this.onMessage);
    this.model.on("change:height", this.onHeight);
    const found = await findLayers(this.model, this.model.get("layers"));
    for (const pane of this.panes) pane.layers = found[pane.name].map((model) => model.canvas);
    this.desk.arrange(this.model.get("alone") ?? "");
    this.aLayer = found[this.panes[0].name][0];
    this.lifeline.start();
    this.send(wire.readyMessage());
  }

  stop() {
    this.model.off("msg:custom", this.onMessage);
    this.model.off("change:height", this.onHeight);
    this.observer.disconnect();
    this.link.leave();
    this.lifeline.stop();
    this.resting.stop();
  }

  send(message) { this.post.send(message); }

  // -- from the kernel ---------------------------------------------------------
  receive(message, buffers) {
    const heard = message.heard ? this.post.heard(message.heard) : [];
    switch (message.kind) {
      case wire.HEARD: return this.caughtUp(heard, message.gap);
      case wire.SCENE: return this.setScene(message);
      case wire.SLICE: return this.setSlice(message, buffers[0]);
      case wire.DRAWN: return this.setDrawn(message);
      case wire.ECHO: return this.setEcho(message, buffers[0]);
      case wire.FORGET: this.echoes.delete(message.uid); return this.glass();
      case wire.TOOL: this.tool = message; return this.glass();
      case wire.STATUS: return this.say(message.text, message.level);
      case wire.LOOK: return this.look(message);
    }
  }

  /** Frames whose answers were lost are done; what the kernel misses is sent again. */
  caughtUp(heard, gap) {
    for (const { kind, frame } of heard) if (kind === "hands") this.courier.acknowledged(frame);
    if (gap) this.post.again();
  }

  setScene({ series, frame, shapes, window, invert }) {
    const same = series === this.series && this.active?.shape;
    Object.assign(this, { series, space: frame });
    this.loader.shapes = shapes;
    this.courier.reset();
    if (!same) {
      Object.assign(this, { window, firstWindow: window, invert, firstInvert: invert, focus: null });
      this.echoes.clear();
      for (const pane of this.panes) {
        pane.measure();
        pane.setShape(shapes[pane.name]);
      }
      const { shape, index } = this.panes[0];
      const middle = (s) => [(s.cols * s.du) / 2, (s.rows * s.dv) / 2];
      this.focus = geometry.lpsFromPlane(shape, index, ...middle(shape));
    }
    this.redraw();
    this.rest(0);
  }

  setSlice(message, buffer) {
    this.loader.arrived(message, buffer);
    if (message.series !== this.series) return;
    const pane = this.panes.find((p) => p.name === message.pane);
    if (pane?.index === message.index) this.draw(pane);
    this.loader.fill(this.series, this.shown);
  }

  async setDrawn({ frame, views, series, open, touched, work_ms }) {
    const heard = performance.now();
    if (frame) this.watch.note("kernel", work_ms);
    const { stamps, since } = this.courier.acknowledged(frame);
    if (frame) this.watch.note("round-trip", heard - since);
    await drawnBy(this.aLayer);
    if (frame) this.watch.note("decode", performance.now() - heard);
    for (const { pane: name, seq } of views) this.setView(series, name, seq);
    for (const name of touched) this.mark(this.paneNamed(name), "paint");
    if (!this.courier.busy && !open) this.trail = [];
    if (this.trailPane) this.mark(this.trailPane, "paint");
    this.waitingStamps.push(...stamps);
  }

  paneNamed(name) { return this.panes.find((pane) => pane.name === name); }

  /** The kernel's layers of a pane now show the view that was sent as `seq`. */
  setView(series, name, seq) {
    const sent = this.resting.of(name, seq);
    const pane = this.paneNamed(name);
    if (!sent || (pane.drawn?.seq === seq && pane.drawn.series === series)) return;
    pane.drawn = { series, seq, index: sent.index, view: sent.view };
    this.mark(pane, "paint");
  }

  setEcho(message, buffer) {
    const bits = buffer && buffer.byteLength ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : undefined;
    const before = this.echoes.get(message.uid);
    this.echoes.set(message.uid, { ...message, bits: message.keep ? before?.bits : bits });
    this.glass();
  }

  look({ window, focus, preset, layout }) {
    if (layout) this.desk.maximise(null);
    if (preset) this.desk.preset(preset);
    if (window) this.setWindow(window);
    if (focus) this.jumpTo(focus);
  }

  say(text, level = "note") {
    this.status.textContent = text;
    this.status.dataset.level = level;
  }

  // -- drawing -------------------------------------------------------------------
  get shown() {
    return this.panes.filter((pane) => pane.visible);
  }

  /** Take the slice and window of a pane anew; the screen follows at the next frame. */
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
    this.loader.fill(this.series, this.shown);
  }

  glass(why) {
    for (const pane of this.shown) this.mark(pane, why);
  }

  /** A pane has to be put together; several reasons in one frame cost one drawing. */
  mark(pane, why = "other") {
    if (!this.dirty.size) requestAnimationFrame(() => this.frame());
    if (!this.dirty.has(pane) || why !== "other") this.dirty.set(pane, why);
  }

  frame() {
    const panes = [...this.dirty.keys()].filter((pane) => pane.visible);
    const why = [...this.dirty.values()].find((w) => w !== "other") ?? "other";
    this.dirty.clear();
    const start = performance.now();
    for (const pane of panes) this.compose(pane);
    const end = performance.now();
    this.watch.note(why, end - start + this.spent);
    this.spent = 0;
    for (const stamp of this.waitingStamps) this.watch.note("event-paint", end - stamp);
    if (this.waitingStamps.length) this.lastPaint = end;
    this.waitingStamps = [];
  }

  compose(pane) {
    const { tool, hovered, series, focus } = this;
    const colour = tool.erase ? "rgb(255,255,255)" : `rgb(${tool.colour.join()})`;
    const here = hovered?.pane === pane && !tool.read_only && tool.tool === "smartpaint";
    const ring = here ? { x: hovered.x, y: hovered.y, radius: tool.radius_mm * pane.view.zoom, colour } : null;
    const trail = this.trailPane === pane ? this.trail : [];
    pane.compose({ series, echoes: this.echoes.values(), focus, ring, trail, colour });
    if (this.strict) pane.context.getImageData(0, 0, 1, 1); // a benchmark wants the drawing done, not queued
  }

  /** Run what a hand asked for; its time counts to the frame that shows it. */
  timed(work) {
    const start = performance.now();
    work();
    this.spent += performance.now() - start;
  }

  resized() {
    let changed = false;
    for (const pane of this.panes) changed = pane.measure() || changed;
    if (!changed || !this.series) return;
    this.redraw();
    this.rest();
  }

  /** The person moved something: linked stages follow at once. */
  moved() {
    this.link.tell();
    this.rest();
  }

  rest(ms) { this.resting.soon(ms); }

  /** After a cut line: what was not heard is sent again, and all is drawn anew. */
  anew() {
    this.post.again();
    this.loader.asked.clear();
    this.loader.fill(this.series, this.shown);
    this.resting.soon(0, true);
  }

  setWindow(window, invert = this.invert) {
    this.timed(() => {
      Object.assign(this, { window, invert });
      for (const pane of this.shown) this.draw(pane, "window");
    });
    this.moved();
  }

  jumpTo(point) {
    this.focus = point;
    for (const pane of this.panes) {
      if (pane.shape) pane.bring(point);
    }
    this.redraw();
    this.moved();
  }
}
