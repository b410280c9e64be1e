// What a pane says of a series laid over it: its name and opacity, or why it is not shown, and a bar of its colours with
// the values at both ends.

import { colourAt } from "./colour_table.js";

export const LINE_PX = 16;
const TOP_PX = 50;
const BAR = { width: 10, height: 110, least: 48 };

/** Words in lines of a width. @param {CanvasRenderingContext2D} context @param {string} text @param {number} width */
export function wrapped(context, text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines[lines.length - 1] ? `${lines[lines.length - 1]} ${word}` : word;
    if (context.measureText(longer).width <= width || !lines[lines.length - 1]) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

const number = (value, range) => value.toFixed(range >= 20 ? 0 : range >= 2 ? 1 : 2);

/** What is said of the series over a pane, line by line. @param {CanvasRenderingContext2D} context @param {any} pane */
export const legendLines = (context, { fused: { text }, size: { width } }) => (text ? wrapped(context, text, Math.max(width * 0.6, 120)) : []);

/** @param {CanvasRenderingContext2D} context in CSS pixels @param {any} pane */
export function drawLegend(context, pane) {
  const { fused: { text, legend }, size: { width, height }, fuse } = pane;
  if (!text) return;
  context.font = "12px system-ui, sans-serif";
  const put = (line, x, y, align) => {
    context.textAlign = align;
    context.fillStyle = "rgba(0, 0, 0, 0.85)";
    context.fillText(line, x + 1, y + 1);
    context.fillText(line, x - 1, y);
    context.fillStyle = fuse?.why ? "#fbbf24" : "#e8eaee";
    context.fillText(line, x, y);
  };
  legendLines(context, pane).forEach((line, n) => put(line, 8, TOP_PX + n * LINE_PX, "left"));
  const room = Math.min(BAR.height, height / 2 - TOP_PX - 36);
  if (!legend || room < BAR.least) return;
  const [x, y] = [width - 8 - BAR.width, TOP_PX + 6];
  for (let n = 0; n < room; n++) {
    context.fillStyle = `rgb(${colourAt(legend.map, 1 - n / (room - 1)).join()})`;
    context.fillRect(x, y + n, BAR.width, 1);
  }
  context.strokeStyle = "rgba(232, 234, 238, 0.6)";
  context.lineWidth = 1;
  context.strokeRect(x - 0.5, y - 0.5, BAR.width + 1, room + 1);
  put(number(legend.high, legend.high - legend.low), x - 5, y + 9, "right");
  put(number(legend.low, legend.high - legend.low), x - 5, y + room, "right");
}
