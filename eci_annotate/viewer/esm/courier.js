// Carries what the hands do to the kernel: one frame is under way at a time, what happens meanwhile waits and is
// merged, so that a slow kernel never builds a queue.

/** @typedef {import("./messages.js").WireEvent} WireEvent */

export class Courier {
  /** @param {(frame: number, events: WireEvent[]) => void} send */
  constructor(send) {
    this.send = send;
    this.frame = 0;
    this.underWay = 0;
    this.sentAt = 0;
    /** @type {WireEvent[]} */
    this.waiting = [];
    /** @type {number[]} */
    this.stamps = [];
    /** @type {Map<number, number[]>} */
    this.sent = new Map();
  }

  /** @param {WireEvent} event @param {number} stamp when it happened, ms */
  push(event, stamp) {
    const last = this.waiting.at(-1);
    this.stamps.push(stamp);
    if (last && mergeable(last, event)) {
      last.points.push(...event.points);
      last.pressures.push(...event.pressures);
    } else this.waiting.push(event);
    this.flush();
  }

  flush() {
    if (this.underWay || !this.waiting.length) return;
    this.frame += 1;
    this.underWay = this.frame;
    this.sentAt = performance.now();
    this.sent.set(this.frame, this.stamps);
    const events = this.waiting;
    [this.waiting, this.stamps] = [[], []];
    this.send(this.frame, events);
  }

  /** The kernel has drawn a frame. @returns {number[]} when its events happened */
  acknowledged(frame) {
    const stamps = this.sent.get(frame) ?? [];
    this.sent.delete(frame);
    if (frame >= this.underWay) this.underWay = 0;
    this.flush();
    return stamps;
  }

  /** A new kernel, or one that lost track: what was under way is given up. */
  reset() {
    this.underWay = 0;
    this.waiting = [];
    this.stamps = [];
    this.sent.clear();
  }
}

const mergeable = (a, b) => a.do === "drag" && b.do === "drag" && a.pane === b.pane && a.index === b.index;
