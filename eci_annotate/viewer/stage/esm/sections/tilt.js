// Turns oblique panes about the crosshair: by the handles of their lines in other panes, by Alt and the right button, and
// by keys. The kernel answers each step with the new planes; the next step waits for it.

import * as wire from "../messages.js";
import { lpsFromPlane, onSlice, planeFromLps, planeFromPx, pxFromPlane } from "../eyes/pane_geometry.js";
import { handleAt, isOblique, linesIn } from "./reference_lines.js";

/** @typedef {import("../eyes/pane.js").Pane} Pane */
/** @typedef {import("../messages.js").Lps} Lps */
/** @typedef {{x: number, y: number}} Point in CSS pixels of a pane */
/** @typedef {{right: Lps, down: Lps, through: Lps}} Turned */

const DEGREES = Math.PI / 180;
const PER_PX = 0.3 * DEGREES;
const PATIENCE_MS = 2000;
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** A vector turned about a unit axis, right-handed (Rodrigues). @returns {Lps} */
export function turned(vector, axis, angle) {
  const [c, s, along] = [Math.cos(angle), Math.sin(angle), dot(axis, vector)];
  const across = cross(axis, vector);
  const part = (n) => vector[n] * c + across[n] * s + axis[n] * along * (1 - c);
  return [part(0), part(1), part(2)];
}

export class Tilt {
  /** @param {import("../eyes/board.js").Board} board @param {(message: any) => void} send sends a command */
  constructor(board, send) {
    this.board = board;
    this.send = send;
    /** @type {{pane: Pane, by: (at: Point) => Turned} | null} what a drag turns */
    this.drag = null;
    /** @type {{pane: string, turned: Turned} | null} the step that waits for the answer to the one before */
    this.next = null;
    this.since = -Infinity;
  }

  /** Whether a press turns a plane: on a handle, or with Alt and the right button.
   * @param {Pane} pane @param {Point} at @param {{button: number, altKey: boolean}} event */
  grips(pane, at, { button, altKey }) {
    const { board } = this;
    const lines = linesIn(pane, board.shown, board.crosses);
    const free = button === 2 && altKey;
    const line = free ? lines[0] : button === 0 && handleAt(lines, at);
    if (free && isOblique(pane.shape)) this.drag = this.tipping(pane, at);
    else this.drag = line ? this.swinging(pane, line, at) : null;
    return this.drag !== null;
  }

  /** Turn a plane within another pane: its line follows the pointer. */
  swinging(pane, line, from) {
    const now = this.now(line.of);
    const axis = cross(pane.shape.right, pane.shape.down);
    const angle = (at) => Math.atan2(at.y - line.y, at.x - line.x);
    return { pane: line.of, by: (at) => about(now, axis, angle(at) - angle(from)) };
  }

  /** Tip the plane of a pane: rightward about its columns, downward about its rows. */
  tipping(pane, from) {
    const now = this.now(pane);
    const by = (at) => about(about(now, now.down, (at.x - from.x) * PER_PX), now.right, (from.y - at.y) * PER_PX);
    return { pane, by };
  }

  /** @param {Point} at */
  move(at) {
    if (this.drag) this.turn(this.drag.pane, this.drag.by(at));
  }

  /** Tip an oblique pane by keys. @param {Pane} pane @param {{axis: "right" | "down", degrees: number}} by */
  tip(pane, { axis, degrees }) {
    if (!isOblique(pane.shape)) return "This pane is not oblique. Choose the plane “Oblique”, or the layout “Three planes and oblique”.";
    const now = this.now(pane);
    this.turn(pane, about(now, now[axis], degrees * DEGREES));
    return "";
  }

  /** How a pane is turned now, upright; the crosshair, on its slice, is the pivot. @param {Pane} pane @returns {Turned} */
  now({ upright, shape, index, space }) {
    const { right, down } = upright;
    const point = this.board.crosses.get(space) ?? lpsFromPlane(shape, index, 0, 0);
    const [x, y, z] = onSlice(shape, point, index);
    return { right, down, through: [x, y, z] };
  }

  /** @param {Pane} pane @param {Turned} to */
  turn(pane, to) {
    this.next = { pane: pane.name, turned: to };
    if (performance.now() - this.since > PATIENCE_MS) this.go();
  }

  go() {
    const { next } = this;
    this.since = next ? performance.now() : -Infinity;
    this.next = null;
    if (next) this.send(wire.commandMessage("tilt", { pane: next.pane, ...next.turned }));
  }

  /** Show the new planes of a pane; the crosshair stays where it is on the screen.
   * @param {{pane: string, series: string, shape: import("../messages.js").Shape}} message a PLANE message */
  receive({ pane: name, series, shape }) {
    const { board } = this;
    const pane = board.paneNamed(name);
    this.go();
    if (!pane?.shape || pane.series !== series || !isOblique(pane.upright)) return;
    const { [pane.plane]: _, ...others } = board.loader.shapes[series];
    board.loader.shapes[series] = { ...others, [shape.name]: shape };
    board.loader.forget(pane.plane);
    pane.plane = shape.name;
    showShape(pane, shape, board.crosses.get(pane.space));
    board.draw(pane, "turn");
    board.refresh("turn");
    board.fill();
    board.moved();
  }
}

/** @returns {Turned} */
const about = ({ right, down, through }, axis, angle) =>
  ({ right: turned(right, axis, angle), down: turned(down, axis, angle), through });

/** @param {any} pane @param {import("../messages.js").Shape} shape @param {Lps | undefined} point that keeps its place on the screen */
function showShape(pane, shape, point) {
  const { turn, view } = pane;
  const at = point ?? pane.middle();
  const before = planeFromLps(pane.shape, at);
  const [x, y] = pxFromPlane(view, before.u, before.v);
  pane.setShape(shape, false);
  pane.setTurn(turn);
  pane.turnTo(at);
  const [u0, v0] = planeFromPx({ ...view, left: 0, top: 0 }, x, y);
  const { u, v } = planeFromLps(pane.shape, at);
  pane.setView({ ...view, left: u - u0, top: v - v0 });
}
