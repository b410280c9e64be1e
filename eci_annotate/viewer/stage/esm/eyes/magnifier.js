// The magnifier: a round piece of the picture around the pointer, enlarged, with the annotations on it.

import { zoomedAt } from "./pane_geometry.js";

const FACTOR = 2.5;
const RADIUS_PX = 90;

/** @param {import("./pane.js").Pane} pane @param {{x: number, y: number}} at CSS pixels
 * @param {Iterable<import("../ink/echoes.js").Echo>} echoes */
export function drawMagnifier(pane, { x, y }, echoes) {
  const { context, picture, turn, size: { ratio } } = pane;
  const view = zoomedAt(pane.view, x, y, FACTOR);
  context.save();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.beginPath();
  context.arc(x * ratio, y * ratio, RADIUS_PX * ratio, 0, 7);
  context.clip();
  picture.drawOn(context, view, turn, ratio);
  pane.composeInk(view, echoes);
  context.restore();
  context.lineWidth = 2;
  context.strokeStyle = "#e8eaee";
  context.beginPath();
  context.arc(x, y, RADIUS_PX, 0, 7);
  for (const [dx, dy] of [[1, 0], [0, 1]]) {
    context.moveTo(x - 5 * dx, y - 5 * dy);
    context.lineTo(x + 5 * dx, y + 5 * dy);
  }
  context.stroke();
}
