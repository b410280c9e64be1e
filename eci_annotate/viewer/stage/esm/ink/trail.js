// The stroke as the hand drew it, shown until the kernel has drawn it.

/** Number of points drawn behind the brush ring. */
const TAIL = 24;

export class Trail {
  constructor() {
    this.clear();
  }

  clear() {
    /** @type {import("../messages.js").Lps[]} */
    this.points = [];
    /** @type {any} */
    this.pane = null;
  }

  /** Clear it if it is on a pane that goes. */
  leave(pane) {
    if (this.pane === pane) this.clear();
  }

  /** Extend it, according to the tool's feedback. @param {{do: string, points: number[]}} event */
  follow(event, pane, feedback) {
    if (event.do === "press") this.clear();
    this.pane = pane;
    for (let n = 0; n < event.points.length; n += 3) this.points.push(/** @type {any} */ (event.points.slice(n, n + 3)));
    if (feedback === "none" || feedback === "around") this.points = [];
    if (feedback === "ring") this.points = this.points.slice(-TAIL);
  }

  /** The points to draw on a pane. */
  on(pane) {
    return this.pane === pane ? this.points : [];
  }
}
