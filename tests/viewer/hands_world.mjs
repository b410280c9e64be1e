// A pane with hands, and pointer events and keys as a browser sends them.
import { mock } from "node:test";

export const at = (name) => import(new URL(`../../eci_annotate/viewer/stage/esm/${name}.js`, import.meta.url));
const { Hands } = await at("hands/hands");
const { Interaction } = await at("hands/interaction");
const { bindings } = await at("hands/keys");

const SHAPE = {
  name: "axial", axis: 0, axes: [1, 2], flips: [false, false], count: 3, rows: 400, cols: 400, du: 1, dv: 1,
  origin: [0.5, 0.5, 0], right: [1, 0, 0], down: [0, 1, 0], step: [0, 0, 3], per: [0, 0, 1 / 3], letters: {},
};
export const LATER = 1000;

/** An element of 400 x 400 CSS pixels, shown `zoom` times as large at (10, 20). */
const elementOf = (zoom) => ({
  listeners: {},
  addEventListener(name, handler) { this.listeners[name] = handler; },
  box: { left: 10, top: 20, width: 400 * zoom, height: 400 * zoom },
  getBoundingClientRect() { return this.box; },
  offsetWidth: 400,
  setPointerCapture() {},
});

/** A pane with hands; `sent` holds what reaches the queue, `alone` how often a pane was maximised. */
export class World {
  constructor(zoom = 1) {
    this.zoom = zoom;
    this.sent = [];
    this.said = [];
    this.alone = 0;
    this.clock = 0;
    const pane = { name: "axial", space: "frame", series: "s", plane: "axial", shape: SHAPE, index: 1, size: { width: 400, height: 400 }, view: { zoom: 1, left: 0, top: 0, width: 400, height: 400 } };
    const nothing = () => {};
    const board = { 
      active: pane, tool: { tool: "smartpaint", read_only: false }, alone: "", ink: { trail: { clear: nothing }, backlog: { command: nothing } }, activate: nothing, mark: nothing,
      follow: nothing, paneNamed: () => pane, refresh: nothing, timed: (work) => work(), write: nothing,
      draw: nothing, moved: nothing, shown: [pane], focus: [0, 0, 0], looks: { magnified: false, slab: null, of: () => ({ window: [-160, 240] }) }, fill: nothing,
      crosses: new Map([["frame", [0, 0, 0]]]), followersOf: () => [],
    };
    const queue = {
      push: (event) => this.sent.push(event), command: (command) => this.sent.push({ do: command.name }),
    };
    this.page = { activeElement: null };
    const el = { focus: () => { this.focused = true; }, contains: (other) => other === el, ownerDocument: this.page };
    this.stage = {
      board, loader: {}, queue, reports: { soon: nothing }, help: { toggle: nothing }, el, send: nothing, say: (text) => this.said.push(text),
      arrange: () => { this.alone += 1; }, hands: [],
    };
    this.interaction = new Interaction(this.stage, bindings([{ name: "box", title: "BoundingBox", key: "b" }], []));
    this.el = elementOf(zoom);
    this.hands = new Hands(this.el, pane, this.interaction);
    this.stage.hands = [this.hands];
  }

  /** A pointer event at CSS pixels of the pane. */
  pointer(type, x, y, more = {}) {
    this.clock += 10;
    const event = {
      type, pointerId: 1, pointerType: "mouse", button: 0, buttons: type === "pointerup" ? 0 : 1, shiftKey: false,
      clientX: 10 + x * this.zoom, clientY: 20 + y * this.zoom, timeStamp: this.clock, pressure: 0.5, ...more,
    };
    this.el.listeners[type](event);
  }

  click(x, y) {
    this.pointer("pointerdown", x, y);
    this.pointer("pointerup", x, y);
  }

  wait(ms) {
    this.clock += ms;
    mock.timers.tick(ms);
  }

  key(key, more = {}) {
    const nothing = () => {};
    this.interaction.keydown({
      key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, stopPropagation: nothing, preventDefault: nothing, ...more,
    });
  }

  get names() { return this.sent.map((event) => event.do); }
}

