// Whether a press lands on what the user sees. Nobody aims anew within a fifth of a second: nothing is drawn on images
// that moved or changed just before, or that are still loading, and a stroke ends when they move.

/** Bit of each button in `buttons` of a pointer event. */
const BITS = [1, 4, 2, 8, 16, 32];
const MOVED_PX = 1;
/** Where a pane was longer ago says nothing of what the user aimed at. */
const SEEN_MS = 500;
export const AIM_MS = 200;

export const MOVED = "The images moved while you drew: the stroke ends where it was. Check it.";
export const REPLACED = "This pane shows other images now: the stroke ends where it was. Check it.";
export const ENDED = "The stroke ended here. Press again to go on.";
export const STAYS = "The slice stays while you draw.";
const MOVED_BEFORE = "The images moved as you pressed: nothing was drawn. Press again.";
const CHANGED_BEFORE = "The images changed as you pressed: nothing was drawn. Press again.";
const LOADING = "This slice is still loading: nothing was drawn. Draw when it is shown.";
const PLAYING = "The slices were playing: nothing was drawn. They are stopped now.";

/** Whether a button is still down. @param {{buttons: number}} event @param {number} button */
export const holds = ({ buttons }, button) => (buttons & (BITS[button] ?? 1)) !== 0;

/** The place of a pane on the screen at its last pointer event. */
export class ScreenPlace {
  /** @param {HTMLElement} el */
  constructor(el) {
    this.el = el;
    /** @type {number[] | null} */
    this.box = null;
    this.stamp = -Infinity;
  }

  /** Whether the pane is elsewhere than at the event before. @param {number} stamp of this event, ms
   * @param {boolean} always however long ago that was */
  moved(stamp, always) {
    const { left, top, width, height } = this.el.getBoundingClientRect();
    const [before, known] = [this.box, always || stamp - this.stamp < SEEN_MS];
    this.box = [left, top, width, height];
    this.stamp = stamp;
    return known && before !== null && this.box.some((x, n) => Math.abs(x - before[n]) > MOVED_PX);
  }
}

/** What panes show, and where, as a text to compare. @param {import("../eyes/pane.js").Pane[]} panes */
export const seenIn = (panes) =>
  JSON.stringify(panes.map(({ name, series, plane, index, turn, view }) => [name, series, plane, index, turn, view?.left, view?.top, view?.zoom]));

/** Why a press draws nothing; empty if it draws. @param {{waits?: boolean}} pane
 * @param {{moved: boolean, sinceChange: number, playing: boolean}} what `sinceChange`: ms since the kernel changed the images */
export function whyNothingIsDrawn(pane, { moved, sinceChange, playing }) {
  if (playing) return PLAYING;
  if (moved) return MOVED_BEFORE;
  if (sinceChange < AIM_MS) return CHANGED_BEFORE;
  return pane.waits ? LOADING : "";
}
