// The picture of one slice: its pixels as sent, upright, drawn through a view. At first directly onto the screen, since
// the view may move on; once it has rested for a frame, onto a backdrop, which costs little when only the pointer moves.

import { layOver } from "../sections/fusion.js";
import { paintColours, paintGraphics, paintSlice } from "./lut.js";
import * as pane_geometry from "./pane_geometry.js";
import { turnMatrix } from "./turn.js";

export class SlicePicture {
  constructor() {
    this.voxels = document.createElement("canvas");
    this.backdrop = document.createElement("canvas");
    /** @type {"" | "screen" | "backdrop"} where it is drawn for this view */
    this.laid = "";
    this.held = false;
    /** @type {import("./cache.js").Slice | null} */
    this.slice = null;
    /** @type {import("../sections/fusion.js").Layer | null} */
    this.over = null;
  }

  /** @param {import("../messages.js").Shape} shape upright */
  setShape(shape) {
    this.shape = shape;
    [this.voxels.width, this.voxels.height] = [shape.cols, shape.rows];
    this.paper = this.voxels.getContext("2d", { alpha: false, willReadFrequently: true });
    this.pixels = this.paper.createImageData(shape.cols, shape.rows);
    this.words = new Uint32Array(this.pixels.data.buffer);
  }

  /** @param {import("./cache.js").Slice | null | undefined} slice nothing is drawn without one
   * @param {import("../sections/fusion.js").Layer | null} over what lies over it */
  setSlice(slice, lut, graphics = true, over = null) {
    this.held = Boolean(slice);
    this.slice = slice ?? null;
    this.over = over;
    if (!slice) return;
    if (slice.colour) paintColours(/** @type {Uint8Array} */ (slice.values), this.words);
    else paintSlice(/** @type {Int16Array | Uint16Array} */ (slice.values), lut, this.words);
    layOver(over, this.words);
    if (slice.graphics && graphics) paintGraphics(slice.graphics, this.words);
    this.paper.putImageData(this.pixels, 0, 0);
  }

  /** Draw below the overlays. @param {CanvasRenderingContext2D} context @param {pane_geometry.View} view @param {number} turn @param {number} ratio */
  layOn(context, view, turn, ratio) {
    if (this.laid === "backdrop") return void context.drawImage(this.backdrop, 0, 0);
    if (this.laid === "screen") {
      const behind = this.backdrop.getContext("2d", { alpha: false });
      behind.setTransform(1, 0, 0, 1, 0, 0);
      this.drawOn(behind, view, turn, ratio);
      this.laid = "backdrop";
      return void context.drawImage(this.backdrop, 0, 0);
    }
    this.drawOn(context, view, turn, ratio);
    this.laid = "screen";
  }

  drawOn(context, view, turn, ratio) {
    const { shape } = this;
    context.fillStyle = "#000";
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    if (!this.held) return;
    const scale = view.zoom * ratio;
    const [x, y] = pane_geometry.pxFromPlane(view, 0, 0);
    const [a, b, c, d, e, f] = turnMatrix(shape, turn).map((n) => n * scale);
    context.save();
    context.setTransform(a, b, c, d, e + x * ratio, f + y * ratio);
    context.imageSmoothingEnabled = scale * Math.min(shape.du, shape.dv) < 12;
    context.drawImage(this.voxels, 0, 0, shape.cols * shape.du, shape.rows * shape.dv);
    context.restore();
  }
}
