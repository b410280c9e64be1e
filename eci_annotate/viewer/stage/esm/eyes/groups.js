// Which panes follow each other: those that show parallel planes of one frame of reference. Pure.

const PARALLEL = 1 - 1e-3;
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** Whether two plane stacks have the same directions right and down on the screen. */
export const areParallel = (one, other) => dot(one.right, other.right) > PARALLEL && dot(one.down, other.down) > PARALLEL;

/** Panes that follow `pane`. @param {any} pane @param {any[]} panes */
export function followers(pane, panes) {
  if (!pane.shape || !pane.space) return [];
  return panes.filter((each) => each !== pane && each.visible && each.space === pane.space && areParallel(each.upright, pane.upright));
}
