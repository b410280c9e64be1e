// A slider through the stacks of one series: time points, b-values, echoes. It shows those of the active pane; the pane
// keeps its slice, zoom and position.

import { element } from "../eyes/pane.js";

export class StackSlider {
  /** @param {HTMLElement} parent @param {import("../eyes/board.js").Board} board
   * @param {(pane: string, series: string) => void} put shows a series in a pane */
  constructor(parent, board, put) {
    this.board = board;
    this.put = put;
    /** @type {Record<string, [string, string][]>} UID and title of all stacks of a series, by the UID of each */
    this.known = {};
    this.el = element("label", "eci-stacks", parent);
    this.title = element("span", "", this.el);
    this.range = /** @type {HTMLInputElement} */ (element("input", "", this.el));
    Object.assign(this.range, { type: "range", min: "0", step: "1", title: "Time point, b-value or echo (Alt+← and Alt+→)" });
    this.range.addEventListener("keydown", (event) => event.stopPropagation()); // arrows move the slider here, not the slices
    this.range.addEventListener("input", () => this.choose(Number(this.range.value)));
    this.range.addEventListener("pointerup", () => parent.focus({ preventScroll: true }));
    this.show();
  }

  /** @param {Record<string, {stacks?: [string, string][]}>} series of a SCENE message */
  setScene(series) {
    this.known = Object.fromEntries(Object.entries(series).map(([uid, { stacks }]) => [uid, stacks ?? []]));
    this.show();
  }

  get stacks() { return this.known[this.board.series] ?? []; }
  get at() { return this.stacks.findIndex(([uid]) => uid === this.board.series); }

  /** Show the stacks of the active pane; nothing if its series has one only. */
  show() {
    const { stacks, at, range } = this;
    this.el.hidden = stacks.length < 2;
    if (this.el.hidden) return;
    range.max = String(stacks.length - 1);
    range.value = String(at);
    const text = `${stacks[at][1]} (${at + 1} / ${stacks.length})`;
    this.title.textContent = text;
    range.setAttribute("aria-valuetext", text);
  }

  /** @param {number} by stacks, forward or back */
  step(by) {
    this.choose(Math.min(Math.max(this.at + by, 0), this.stacks.length - 1));
  }

  choose(n) {
    const { stacks, board } = this;
    if (stacks[n] && n !== this.at) this.put(board.active.name, stacks[n][0]);
  }
}
