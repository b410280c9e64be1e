// A press is held back until the pointer moves or the time of a double click has passed: a double click then draws
// nothing. What is held keeps the place and time at which it happened.

/** A second press within this time, at the same place, makes a double click. */
export const DOUBLE_MS = 350;
/** The timer waits longer, so that a second press that is still being delivered counts. */
const SLACK_MS = 50;
const NEAR_PX = 6;

/** @typedef {{x: number, y: number}} Point */

export class HeldClick {
  /** @param {(event: any, stamp: number) => void} send */
  constructor(send) {
    this.send = send;
    /** @type {{event: any, stamp: number}[]} */
    this.events = [];
    /** @type {{event: any, stamp: number}[]} moves since the press that were not sent */
    this.moves = [];
    /** @type {{pane: any, at: Point, stamp: number} | null} the last press */
    this.last = null;
    this.late = false;
  }

  /**
   * Hold a press.
   * @param {any} event message of the press @param {{pane: any, at: Point, stamp: number}} press
   * @param {() => boolean} expired called when the time is over; returns whether to send the press now
   */
  hold(event, press, expired) {
    this.release();
    this.last = press;
    this.events = [{ event, stamp: press.stamp }];
    this.moves = [];
    this.timer = setTimeout(() => {
      if (expired()) this.release();
      else this.late = true;
    }, DOUBLE_MS + SLACK_MS);
  }

  /** Hold what follows the press; sent at once if the time is over. */
  add(event, stamp) {
    this.events.push({ event, stamp });
    if (this.late) this.release();
  }

  /** Keep a move: it is sent once it belongs to a stroke, and never with a click. @param {any} event @param {number} stamp */
  follow(event, stamp) {
    this.moves.push({ event, stamp });
  }

  /** Send the moves that were kept. */
  catchUp() {
    for (const { event, stamp } of this.moves.splice(0)) this.send(event, stamp);
  }

  /** Whether a press is the second of a double click. @param {any} pane @param {Point} at @param {number} stamp */
  isDouble(pane, at, stamp) {
    const { last } = this;
    return last !== null && last.pane === pane && stamp - last.stamp <= DOUBLE_MS
      && Math.hypot(at.x - last.at.x, at.y - last.at.y) <= NEAR_PX;
  }

  /** Send what is held. */
  release() {
    const { events } = this;
    this.drop();
    for (const { event, stamp } of events) this.send(event, stamp);
  }

  /** Forget what is held: it was a double click, or was cancelled. */
  drop() {
    clearTimeout(this.timer);
    this.events = [];
    this.last = null;
    this.late = false;
  }
}
