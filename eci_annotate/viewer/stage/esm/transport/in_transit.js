// How many frames may be in transit at a time: one that is drawn and one that waits, and over a long line as many more as
// the kernel draws until an answer arrives. More would only wait there, where they cannot be merged.

const [LEAST, MOST] = [2, 8];
/** Pointer events arrive with the screen's frames. */
const FRAME_MS = 16;
const REMEMBERED = 20;

export class InTransit {
  constructor() {
    /** @type {number[]} time on the line of the last frames, ms */
    this.lines = [];
    /** @type {number[]} time in the kernel of the last frames, ms */
    this.works = [];
    this.most = LEAST;
  }

  /** A frame came back. @param {number} roundTrip ms @param {number} work of it in the kernel */
  note(roundTrip, work) {
    keep(this.lines, roundTrip - work);
    keep(this.works, work);
    const line = Math.min(...this.lines); // the longer ones have waited for others
    const mean = this.works.reduce((sum, each) => sum + each, 0) / this.works.length;
    const more = Math.floor(line / Math.max(mean, FRAME_MS));
    this.most = Math.min(Math.max(1 + more, LEAST), MOST);
  }
}

function keep(values, value) {
  values.push(value);
  if (values.length > REMEMBERED) values.shift();
}
