// What the keyboard does instead of the pointer: choose the pane that keys and menus are for, and move the crosshair.

import { lpsFromPlane, planeFromLps } from "../eyes/pane_geometry.js";

/** Make the next pane that shows something the active one, around the end; alone, it takes the place of the other.
 * @param {import("../stage.js").Stage} stage @param {number} by 1 or -1 */
export function stepPane(stage, by) {
  const { board } = stage;
  const panes = board.panes.filter(({ shape }) => shape);
  if (!panes.length) return;
  const pane = panes[(panes.indexOf(board.active) + by + panes.length) % panes.length];
  if (board.alone) stage.arrange(pane.name);
  board.activate(pane);
  stage.bars?.show();
  stage.reports.soon(0);
  stage.say(`Active pane: ${pane.el.ariaLabel}`, "note", true);
}

/** Move the crosshair by pixels of the active pane, as it is shown; it stays on the slice, and inside the picture.
 * @param {import("../eyes/board.js").Board} board @param {number[]} by right, down */
export function moveCross(board, [right, down]) {
  const { shape, index } = board.active;
  board.active.keyed = true;
  const { u, v } = planeFromLps(shape, board.focus ?? board.active.middle());
  const [width, height] = [shape.cols * shape.du, shape.rows * shape.dv];
  const inside = (at, step, size) => Math.min(Math.max(at, step / 2), size - step / 2);
  board.jumpTo(lpsFromPlane(shape, index, inside(u + right * shape.du, shape.du, width), inside(v + down * shape.dv, shape.dv, height)));
}
