// The stage connects board, input and connection. While anything moves, the browser draws it alone; at rest, the
// kernel receives where the views are.

import { Board } from "./eyes/board.js";
import { findLayers } from "./eyes/layers.js";
import { Link } from "./eyes/link.js";
import { Loader } from "./eyes/loader.js";
import { EXACT } from "./eyes/lut.js";
import { element } from "./eyes/pane.js";
import { shows } from "./sections/fusion.js";
import { REPLACED, seenIn } from "./hands/aim.js";
import { Hands } from "./hands/hands.js";
import { Help } from "./hands/help.js";
import { SeriesDrop } from "./hands/series_drop.js";
import { Bars } from "./hands/bars.js";
import { Interaction } from "./hands/interaction.js";
import { bindings } from "./hands/keys.js";
import { ToolForecast } from "./hands/tool_forecast.js";
import { DrawnReports } from "./ink/drawn_reports.js";
import * as wire from "./messages.js";
import { Stopwatch } from "./stopwatch.js";
import { Connection } from "./transport/connection.js";
import { Outbox } from "./transport/outbox.js";
import { StrokeQueue } from "./transport/stroke_queue.js";
import { ViewReports } from "./transport/view_reports.js";

const KEPT_INSIDE = ["mousedown", "contextmenu", "dblclick", "keyup"];

export class Stage {
  /** @param {any} model anywidget's model @param {HTMLElement} el */
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.watch = new Stopwatch();
    this.outbox = new Outbox((message) => model.send(message));
    this.queue = new StrokeQueue((frame, events) => this.send(wire.handsMessage(frame, events)), (command) => this.send(command));
    this.loader = new Loader((series, plane, index) => this.send(wire.wantMessage(series, plane, index)));
    /** @type {import("./hands/hands.js").Hands[]} */
    this.hands = [];
    /** @type {any[]} LOOK messages that wait for the end of a stroke */
    this.later = [];
    this.build();
    this.reports = new ViewReports(this.board, (message) => this.send(message));
    this.drawn = new DrawnReports(this);
    this.link = new Link(this, model.get("link") ?? "");
    this.connection = new Connection(this, model.widget_manager?.kernel);
  }

  build() {
    const { el, model, loader, watch } = this;
    el.classList.add("eci-stage");
    Object.assign(el, { tabIndex: 0, role: "application", ariaLabel: "Images. Press ? for the list of keys." });
    el.dataset.lmSuppressShortcuts = "true";
    el.style.height = model.get("height");
    const [joins, leaves] = [(pane) => this.joins(pane), (pane) => this.leaves(pane)];
    this.board = new Board(el, { loader, watch, moved: () => this.moved(), joins, leaves });
    this.status = element("div", "eci-status", el);
    this.status.setAttribute("role", "status"); // screen readers read what changes
    this.passing = false;
    const keys = bindings(model.get("tools"), Object.keys(model.get("presets")));
    this.help = new Help(el, keys);
    this.interaction = new Interaction(this, keys);
    this.forecast = new ToolForecast(this);
    const put = (pane, series) => this.interaction.put(pane, series);
    this.bars = new Bars(el, this.board, put, model);
    this.drop = new SeriesDrop(el, put);
    for (const name of KEPT_INSIDE) el.addEventListener(name, (event) => event.stopPropagation());
    el.addEventListener("contextmenu", (event) => event.preventDefault());
    el.addEventListener("keydown", (event) => this.interaction.keydown(event));
    el.addEventListener("keyup", (event) => this.interaction.keyup(event));
    this.onBlur = () => this.interaction.finish();
    this.onElsewhere = (event) => void (el.contains(event.target) || this.interaction.finish());
    this.observer = new ResizeObserver(() => void (this.resized(), this.interaction.hoverAgain()));
  }

  joins(pane) {
    this.hands.push(new Hands(pane.el, pane, this.interaction));
    this.observer.observe(pane.el);
  }

  leaves(pane) {
    this.hands = this.hands.filter((hands) => hands.pane !== pane);
    this.observer.unobserve(pane.el);
  }

  async start() {
    const { model } = this;
    this.onMessage = (message, buffers) => this.receive(message, buffers);
    this.onHeight = () => { this.el.style.height = model.get("height"); };
    model.on("msg:custom", this.onMessage);
    model.on("change:height", this.onHeight);
    window.addEventListener("blur", this.onBlur);
    this.onHide = () => this.send(wire.byeMessage());
    window.addEventListener("pagehide", this.onHide);
    window.addEventListener("pointerdown", this.onElsewhere, true);
    this.connection.start();
    this.send(wire.readyMessage());
  }

  stop() {
    this.model.off("msg:custom", this.onMessage);
    this.model.off("change:height", this.onHeight);
    window.removeEventListener("blur", this.onBlur);
    window.removeEventListener("pagehide", this.onHide);
    window.removeEventListener("pointerdown", this.onElsewhere, true);
    this.interaction.finish();
    this.send(wire.byeMessage());
    this.observer.disconnect();
    this.drop.stop();
    this.link.leave();
    this.connection.stop();
    this.reports.stop();
  }

  send(message) { this.outbox.send(message); }

  // -- from the kernel ---------------------------------------------------------
  receive(message, buffers) {
    const { board } = this;
    const received = message.heard ? this.outbox.heard(message.heard) : [];
    this.forecast?.answered(received);
    if (message.page !== undefined && message.page !== this.outbox.page) return; // for another page of this kernel
    switch (message.kind) {
      case wire.HEARD: return this.caughtUp(received, message.gap);
      case wire.SCENE: return this.setScene(message);
      case wire.SLICE: return this.setSlice(message, buffers);
      case wire.DRAWN: return this.drawn.receive(message);
      case wire.ECHO:
      case wire.FORGET: return board.setEcho(message, buffers[0]);
      case wire.PLANE: return this.interaction.tilt.receive(message);
      case wire.TOOL: return board.setTool(message), this.forecast.show();
      case wire.STATUS: return this.say(message.text, message.level, message.passing);
      case wire.LOOK: return this.interaction.drawing ? void this.later.push(message) : this.look(message);
      case wire.SUGGESTED: return void requestAnimationFrame(() => this.send(wire.commandMessage("seen", message.number)));
    }
  }

  /** Complete frames whose replies were lost; resend what the kernel is missing. */
  caughtUp(received, gap) {
    for (const { kind, frame } of received) if (kind === "hands") this.board.ink.drawn(this.queue.acknowledged(frame).stamps, !this.queue.busy);
    if (gap) this.outbox.again();
  }

  async setScene(message) {
    const { board, loader, model } = this;
    const first = !board.panes.length;
    loader.shapes = Object.fromEntries(Object.entries(message.series).map(([uid, { shapes }]) => [uid, shapes]));
    loader.asked.clear(); // what is no longer shown is not answered
    this.leaveWhatChanges(message.panes);
    board.setScene(message);
    this.bars.setScene(message.series);
    if (first && !board.flat) this.arrange(model.get("alone") ?? "");
    if (first) takeFocus(this.el);
    const found = await findLayers(model, model.get("layers")[this.outbox.page] ?? {});
    for (const pane of board.panes) pane.layers = (found[pane.name] ?? []).map((layer) => layer.canvas);
    this.aLayer = found[board.panes[0].name]?.[0];
    this.reports.soon(0);
  }

  /** End strokes in panes that show something else from now on. @param {{name: string, series: string, plane: string}[]} cells */
  leaveWhatChanges(cells) {
    const same = ({ name, series, plane }) => cells.some((cell) => cell.name === name && cell.series === series && cell.plane === plane);
    for (const hands of this.hands.filter((each) => each.drawing && !same(each.pane))) {
      hands.settle();
      this.interaction.warn(REPLACED);
    }
    if (!this.board.panes.every(same)) this.interaction.changedAt = performance.now();
  }

  /** A stroke has ended: show what the kernel wanted shown meanwhile. */
  ended() {
    if (!this.interaction.drawing) for (const message of this.later.splice(0)) this.look(message);
  }

  setSlice(message, buffers) {
    const { board } = this;
    this.loader.arrived(message, buffers[0], buffers[1]);
    for (const pane of board.shown) if (shows(pane, message, board.looks)) board.draw(pane);
    board.fill();
  }

  look({ window, focus, preset, layout, view, series }) {
    const { board } = this;
    const before = seenIn(board.shown);
    if (layout && board.layout === layout) this.arrange("");
    if (view) this.interaction.viewCommand(view, null);
    if (preset) this.interaction.preset(preset);
    if (window) board.setWindow(window, undefined, undefined, EXACT);
    this.interaction.turnTo(series, focus);
    if (seenIn(board.shown) !== before) this.interaction.changedAt = performance.now();
  }

  // -- to the user ---------------------------------------------------------------
  /** @param {boolean} passing whether the text is over as soon as the user draws again */
  say(text, level = "note", passing = false) {
    this.passing = passing;
    this.status.textContent = this.status.title = text; // the line may be too short for it
    this.status.dataset.level = level;
  }

  /** Show one pane alone, or (an empty name) all; linked stages follow. */
  arrange(name) {
    const { board } = this;
    if (board.alone === name) return;
    board.showAlone((name && board.paneNamed(name)) || null);
    this.link.tell();
  }

  resized() {
    if (!this.board.measure()) return;
    this.board.redraw();
    this.reports.soon();
  }

  /** The user moved something: linked stages follow immediately. */
  moved() {
    this.link.tell();
    this.reports.soon();
  }

  /** After a broken connection: resend unanswered messages, and redraw everything. */
  resume() {
    this.outbox.again();
    this.loader.asked.clear();
    this.board.fill();
    this.reports.soon(0, true);
  }
}

/** Keys are for the images at once: in a notebook only if nothing else has the focus, in the task app unless the user types.
 * @param {HTMLElement} el */
function takeFocus(el) {
  const { activeElement: has, body } = document;
  const free = !has || has === body || (el.closest(".eci-work") && !has.closest("input, textarea, select"));
  if (free) el.focus({ preventScroll: true });
}
