// Sends pointer events to the kernel: few frames are in transit at a time; later events wait and are
// merged, so that a slow kernel never accumulates a queue. Commands keep their order among strokes.

import { InTransit } from "./in_transit.js";

/** @typedef {import("../messages.js").WireEvent} WireEvent */

/** Numbers in an event and in a frame: much accumulates while disconnected, and messages have a size limit. */
const MOST_NUMBERS = 30_000;

export class StrokeQueue {
  /** @param {(frame: number, events: WireEvent[]) => void} send @param {(command: any) => void} order */
  constructor(send, order, pace = new InTransit()) {
    this.send = send;
    this.order = order;
    this.pace = pace;
    this.frame = 0;
    /** @type {any[]} queued items: events as WireEvent, commands as {command} */
    this.waiting = [];
    /** @type {number[]} */
    this.stamps = [];
    /** @type {Map<number, {stamps: number[], since: number}>} frames in transit */
    this.sent = new Map();
  }

  get busy() {
    return this.sent.size > 0 || this.waiting.length > 0;
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

  /** Queue a command of a key or button, sent after everything before it. */
  command(command) {
    this.waiting.push({ command });
    this.flush();
  }

  flush() {
    while (this.waiting.length) {
      if (this.waiting[0].command) this.order(this.waiting.shift().command);
      else if (this.sent.size < this.pace.most) this.next();
      else return;
    }
  }

  next() {
    this.frame += 1;
    this.sent.set(this.frame, { stamps: this.stamps, since: performance.now() });
    this.stamps = [];
    this.send(this.frame, this.waiting.splice(0, fitting(this.waiting)));
  }

  /**
   * The kernel has drawn a frame and all before it.
   * @param {number} [work] ms that it took, if known @returns when its events happened, and when it was sent
   */
  acknowledged(frame, work) {
    const stamps = [];
    const now = performance.now();
    let since = now;
    for (const [number, each] of this.sent)
      if (number <= frame) {
        stamps.push(...each.stamps);
        since = each.since;
        this.sent.delete(number);
      }
    if (stamps.length && work !== undefined) this.pace.note(now - since, work);
    this.flush();
    return { stamps, since };
  }
}

const mergeable = (a, b) =>
  a.do === "drag" && b.do === "drag" && a.pane === b.pane && a.index === b.index && a.points.length < MOST_NUMBERS;

/** How many queued events, up to the next command, fit into one message. */
function fitting(events) {
  let [many, numbers] = [0, 0];
  while (many < events.length && !events[many].command && numbers < MOST_NUMBERS) numbers += events[many++].points.length;
  return many;
}
