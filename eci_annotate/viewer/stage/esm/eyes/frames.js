// Changed panes are marked, and each animation frame composes the marked panes once; the stopwatch records durations.

/** @typedef {import("./pane.js").Pane} Pane */

export class Frames {
  /** @param {(pane: Pane) => void} compose @param {import("../stopwatch.js").Stopwatch} watch */
  constructor(compose, watch) {
    this.compose = compose;
    this.watch = watch;
    /** @type {number[]} times of the events that the next frame shows */
    this.waitingStamps = [];
    /** @type {Map<Pane, string>} panes to compose at the next frame, and why */
    this.dirty = new Map();
    this.spent = 0;
    this.lastPaint = 0;
    /** For benchmarks: each frame waits until the browser has drawn it. */
    this.strict = false;
  }

  /** Mark a pane for composing; several reasons in one frame cost one drawing. @param {Pane} pane */
  mark(pane, why = "other") {
    if (!this.dirty.size) requestAnimationFrame(() => this.draw());
    if (!this.dirty.has(pane) || why !== "other") this.dirty.set(pane, why);
  }

  draw() {
    const panes = [...this.dirty.keys()].filter((pane) => pane.visible);
    const why = [...this.dirty.values()].find((w) => w !== "other") ?? "other";
    this.dirty.clear();
    const start = performance.now();
    for (const pane of panes) {
      this.compose(pane);
      if (this.strict) pane.context.getImageData(0, 0, 1, 1);
    }
    const end = performance.now();
    this.watch.note(why, end - start + this.spent);
    this.spent = 0;
    for (const stamp of this.waitingStamps) this.watch.note("event-paint", end - stamp);
    if (this.waitingStamps.length) this.lastPaint = end;
    this.waitingStamps = [];
  }

  /** Run work caused by user input; its time is added to the frame that shows it. @param {() => void} work */
  timed(work) {
    const start = performance.now();
    work();
    this.spent += performance.now() - start;
  }
}
