// The panes in the page: elements in a grid, kept by name when the layout changes, and one of them alone if wanted.

import { element, Pane } from "./pane.js";

export class PaneGrid {
  /** @param {HTMLElement} parent @param {(pane: Pane) => void} joins @param {(pane: Pane) => void} leaves */
  constructor(parent, joins, leaves) {
    this.el = element("div", "eci-board", parent);
    this.joins = joins;
    this.leaves = leaves;
    /** @type {Pane[]} */
    this.panes = [];
  }

  /** Have panes with these names, in this order. @param {{rows: number, columns: number[]}} layout @param {string[]} names */
  arrange({ rows, columns }, names) {
    for (const pane of this.panes) if (!names.includes(pane.name)) this.remove(pane);
    this.panes = names.map((name) => this.panes.find((pane) => pane.name === name) ?? this.add(name));
    this.el.append(...this.panes.map((pane) => pane.el));
    const widths = columns.map((n) => `minmax(0, ${n}fr)`).join(" ");
    this.el.style.gridTemplate = `repeat(${rows}, minmax(0, 1fr)) / ${widths}`;
  }

  /** The pane with the largest picture of a series, or if none shows it, of all; the first of several. @param {string} [drawn] */
  largest(drawn) {
    const known = this.panes.some(({ shape, series }) => shape && series === drawn);
    const area = ({ shape, size, series }) => (shape && (!known || series === drawn) ? size.width * size.height : -1);
    return this.panes.reduce((best, pane) => (area(pane) > area(best) ? pane : best), this.panes[0]);
  }

  add(name) {
    const pane = new Pane(this.el, name);
    this.joins(pane);
    return pane;
  }

  remove(pane) {
    pane.el.remove();
    this.leaves(pane);
  }

  /** Name of the pane that is shown alone; empty: all panes are shown. */
  get alone() {
    return this.el.dataset.alone ?? "";
  }

  /** @param {Pane | null} pane the pane to show alone; null: all */
  showAlone(pane) {
    this.el.dataset.alone = pane?.name ?? "";
    for (const each of this.panes) each.el.hidden = pane !== null && each !== pane;
  }
}
