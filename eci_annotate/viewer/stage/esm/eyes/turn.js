// Flipped and rotated panes. A turn is a number 0..7: the quarter turns clockwise, plus 4 if the picture was flipped
// left-right before (`ink/pane_turn.py` is the same in the kernel). The shape that it gives is an ordinary shape, so that all
// geometry holds in it; only the pixels, which are kept upright, are drawn and read through it.

/** @typedef {import("../messages.js").Shape} Shape */
/** @typedef {"flip-x" | "flip-y" | "right" | "left"} TurnStep   flip left-right, top-bottom; rotate by 90 degrees */

const FLIPPED = 4;

/** The turn after one more step, as seen on the screen. @param {number} turn @param {TurnStep} step */
export function nextTurn(turn, step) {
  const [quarters, flipped] = [turn % FLIPPED, turn >= FLIPPED];
  const made = (n, flip) => ((n + 8) % FLIPPED) + (flip ? FLIPPED : 0);
  if (step === "right") return made(quarters + 1, flipped);
  if (step === "left") return made(quarters - 1, flipped);
  return made(step === "flip-x" ? -quarters : 2 - quarters, !flipped);
}

/** @param {number} turn */
export const turnText = (turn) =>
  [turn >= FLIPPED ? "flipped" : "", turn % FLIPPED ? `rotated ${(turn % FLIPPED) * 90}°` : ""].filter(Boolean).join(", ");

const negative = (a) => a.map((x) => -x);
const further = (point, along, mm) => point.map((x, n) => x + along[n] * mm);

/** @param {Shape} shape @returns {Shape} */
function flippedShape(shape) {
  const { letters, flips, right, cols, du, origin } = shape;
  return /** @type {Shape} */ ({
    ...shape, origin: further(origin, right, (cols - 1) * du), right: negative(right), flips: [flips[0], !flips[1]],
    letters: { ...letters, left: letters.right, right: letters.left },
  });
}

/** By 90 degrees clockwise: what was on the left is at the top. @param {Shape} shape @returns {Shape} */
function rotatedShape(shape) {
  const { letters, axes, flips, right, down, cols, rows, du, dv, origin } = shape;
  return /** @type {Shape} */ ({
    ...shape, origin: further(origin, down, (rows - 1) * dv), right: negative(down), down: right, cols: rows, rows: cols, du: dv, dv: du,
    axes: [axes[1], axes[0]], flips: [flips[1], !flips[0]],
    letters: { top: letters.left, right: letters.top, bottom: letters.right, left: letters.bottom },
  });
}

/** The shape that a pane shows. @param {Shape} shape upright @param {number} turn @returns {Shape} */
export function turnedShape(shape, turn) {
  let found = turn >= FLIPPED ? flippedShape(shape) : shape;
  for (let n = turn % FLIPPED; n > 0; n--) found = rotatedShape(found);
  return found;
}

/** The point in the plane of the upright shape (mm) that is shown at a point of the turned one. @param {Shape} shape upright */
export function uprightPoint(shape, turn, u, v) {
  const size = [shape.cols * shape.du, shape.rows * shape.dv];
  let [x, y] = [u, v];
  for (let n = turn % FLIPPED; n > 0; n--) [x, y] = [y, size[n % 2] - x];
  return [turn >= FLIPPED ? size[0] - x : x, y];
}

/** Coefficients of the affine map from upright millimetres to turned ones, for a canvas: [a, b, c, d, e, f].
 * @param {Shape} shape upright @param {number} turn */
export function turnMatrix(shape, turn) {
  const [w, h] = [shape.cols * shape.du, shape.rows * shape.dv];
  const map = (x, y) => {
    let [p, q, width, height] = [turn >= FLIPPED ? w - x : x, y, w, h];
    for (let n = turn % FLIPPED; n > 0; n--) [p, q, width, height] = [height - q, p, height, width];
    return [p, q];
  };
  const [[e, f], [x0, y0], [x1, y1]] = [map(0, 0), map(1, 0), map(0, 1)];
  return [x0 - e, y0 - f, x1 - e, y1 - f, e, f];
}
