// Controls of what lies in colour over the active pane: on or off, opacity, colours. Below the images; nothing is shown of
// a pane that has nothing over it.

import { element } from "../eyes/pane.js";

export class FusionBar {
  /** @param {HTMLElement} parent @param {import("../eyes/board.js").Board} board @param {any} model anywidget's model */
  constructor(parent, board, model) {
    this.board = board;
    this.fusion = board.looks.fusion;
    this.fusion.maps = model.get("colours") ?? {};
    this.el = element("div", "eci-fusion", parent);
    this.switch = /** @type {HTMLInputElement} */ (this.add("input", "Show the fused series (J)", { type: "checkbox" }));
    this.title = element("span", "", this.el);
    const range = { type: "range", min: "0", max: "100", step: "5" };
    this.range = /** @type {HTMLInputElement} */ (this.add("input", "Opacity of the fused series (Alt+↑ and Alt+↓)", range));
    this.colours = /** @type {HTMLSelectElement} */ (this.add("select", "Colours of the fused series (Alt+J)", {}));
    for (const [name, { title }] of Object.entries(this.fusion.maps)) this.colours.append(new Option(title, name));
    this.switch.addEventListener("change", () => this.turn());
    this.range.addEventListener("input", () => this.change({ opacity: Number(this.range.value) / 100 }));
    this.colours.addEventListener("change", () => this.change({ colours: this.colours.value }));
    for (const each of [this.switch, this.colours]) each.addEventListener("change", () => parent.focus({ preventScroll: true }));
    this.range.addEventListener("pointerup", () => parent.focus({ preventScroll: true }));
    this.show();
  }

  add(tag, title, what) {
    const control = element(tag, "", this.el);
    Object.assign(control, { title, ariaLabel: title, ...what });
    control.addEventListener("keydown", (event) => event.stopPropagation()); // keys change the control here, not the panes
    return control;
  }

  /** What lies over the active pane, shown or not. */
  get fuse() { return this.board.active?.fuse?.series ? this.board.active.fuse : null; }

  show() {
    const { fuse, fusion } = this;
    this.el.hidden = !fuse;
    if (!fuse) return;
    const { opacity, colours } = fusion.of(fuse.series);
    this.switch.checked = fusion.over(this.board.active) !== null;
    this.title.textContent = fuse.title;
    this.range.value = String(Math.round(opacity * 100));
    this.range.ariaValueText = `${this.range.value} %`;
    this.colours.value = colours;
  }

  /** Show or hide what lies over the active pane. @returns {string} what to say, if there is nothing to show */
  turn() {
    if (!this.fuse) return this.board.active?.fuse?.why || "Nothing is fused in this pane. Choose a series in the menu “Fuse …”.";
    this.fusion.turn(this.board.active);
    this.redraw();
    return "";
  }

  /** @param {Partial<{opacity: number, colours: string}>} look */
  change(look) {
    if (!this.fuse) return;
    this.fusion.set(this.fuse.series, look);
    this.redraw();
  }

  /** @param {number} by steps */
  fade(by) {
    if (!this.fuse) return;
    this.fusion.fade(this.fuse.series, by);
    this.redraw();
  }

  /** The next colours. */
  recolour() {
    if (!this.fuse) return;
    const names = Object.keys(this.fusion.maps);
    this.change({ colours: names[(names.indexOf(this.fusion.of(this.fuse.series).colours) + 1) % names.length] });
  }

  redraw() {
    this.show();
    this.board.redraw("window");
  }
}
