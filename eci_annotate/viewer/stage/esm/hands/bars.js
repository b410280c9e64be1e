// The controls of the active pane in the line below the images: the stacks of its series, and what lies over it.

import { element } from "../eyes/pane.js";
import { FusionBar } from "../sections/fusion_bar.js";
import { StackSlider } from "./stack_slider.js";

export class Bars {
  /** @param {HTMLElement} parent @param {import("../eyes/board.js").Board} board
   * @param {(pane: string, series: string) => void} put shows a series in a pane @param {any} model anywidget's model */
  constructor(parent, board, put, model) {
    this.stacks = new StackSlider(parent, board, put);
    this.fusion = new FusionBar(parent, board, model);
    element("div", "eci-bars", parent).append(this.fusion.el, this.stacks.el);
  }

  /** @param {Record<string, any>} series of a SCENE message */
  setScene(series) {
    this.stacks.setScene(series);
    this.fusion.show();
  }

  show() {
    this.stacks.show();
    this.fusion.show();
  }
}
