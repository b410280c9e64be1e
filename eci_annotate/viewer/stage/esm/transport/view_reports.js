// Reports the views to the kernel once they are at rest, and remembers them until it has drawn them.

import * as wire from "../messages.js";

const REST_MS = 120;
const REMEMBERED = 50;

export class ViewReports {
  /** @param {import("../eyes/board.js").Board} board @param {(message: any) => void} send */
  constructor(board, send) {
    this.board = board;
    this.send = send;
    this.sent = new Map();
    this.redraw = false;
  }

  /** Send the views to the kernel when nothing has moved for a while; `redraw`: it must redraw all of them. */
  soon(ms = REST_MS, redraw = false) {
    this.redraw = this.redraw || redraw;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(), ms);
  }

  stop() {
    clearTimeout(this.timer);
  }

  tell() {
    const { board } = this;
    const views = board.shown.map((pane) => this.view(pane));
    const windows = Object.fromEntries(board.shown.map(({ series }) => [series, board.looks.of(series).window]));
    if (views.length) this.send(wire.viewsMessage(views, windows, board.active?.name ?? "", board.focus, this.redraw));
    this.redraw = false;
  }

  view(pane) {
    const { view, size, index, name, screen, turn, plane } = pane;
    const seq = ++pane.seq;
    this.sent.set(`${name}${seq}`, { view, index, turn, plane });
    this.sent.delete(`${name}${seq - REMEMBERED}`);
    const place = { turn, left_mm: view.left, top_mm: view.top, px_per_mm: view.zoom * size.ratio };
    return { pane: name, seq, index, ...place, width: screen.width, height: screen.height, ratio: size.ratio };
  }

  /** The view sent as `seq`, if it is still remembered. */
  of(name, seq) {
    return this.sent.get(`${name}${seq}`);
  }
}
