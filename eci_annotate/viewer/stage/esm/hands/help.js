// The help overlay, generated from the same table that controls the keyboard.

import { helpRows } from "./keys.js";
import { element } from "../eyes/pane.js";

export class Help {
  /** @param {HTMLElement} parent @param {import("./keys.js").Binding[]} table */
  constructor(parent, table) {
    this.el = element("div", "eci-help", parent);
    this.el.hidden = true;
    const rows = helpRows(table);
    const half = Math.ceil(rows.length / 2);
    for (const part of [rows.slice(0, half), rows.slice(half)]) this.addTable(part);
    this.el.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      this.toggle(false);
    });
  }

  addTable(rows) {
    const table = element("table", "", this.el);
    for (const [keys, text] of rows) {
      const row = element("tr", "", table);
      element("th", "", row).textContent = keys;
      element("td", "", row).textContent = text;
    }
  }

  toggle(on = this.el.hidden) {
    this.el.hidden = !on;
  }
}
