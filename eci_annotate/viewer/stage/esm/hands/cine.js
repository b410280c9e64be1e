// Plays the slices of one pane in a loop.

import { isUpward } from "../eyes/pane_geometry.js";

/** @typedef {import("../eyes/pane.js").Pane} Pane */

const CINE_MS = 80;

export class Cine {
  /** @param {(pane: Pane, by: number) => void} scroll by slices */
  constructor(scroll) {
    this.scroll = scroll;
    /** @type {Pane | null} */
    this.playing = null;
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.timer = undefined;
  }

  /** Play, or stop if this pane is playing. @param {Pane} pane */
  turn(pane) {
    const { playing } = this;
    this.stop();
    if (playing === pane) return;
    this.playing = pane;
    this.timer = setInterval(() => {
      if (!pane.visible || !pane.el.isConnected) return this.stop(); // hidden, or not in this layout
      const last = isUpward(pane.shape) ? 0 : pane.shape.count - 1;
      this.scroll(pane, pane.index === last ? -pane.shape.count : 1);
    }, CINE_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.playing = null;
  }
}
