// What the kernel says it has drawn: which strokes, and for which views. The browser's own lines can go then.

import { drawnBy } from "../eyes/layers.js";

export class DrawnReports {
  /** @param {import("../stage.js").Stage} stage */
  constructor(stage) {
    this.stage = stage;
  }

  /** @param {{frame: number, views: {pane: string, seq: number, series: string}[], open: boolean, touched: string[], work_ms: number}} message */
  async receive({ frame, views, open, touched, work_ms }) {
    const { board, watch, queue, aLayer } = this.stage;
    const received = performance.now();
    if (frame) watch.note("kernel", work_ms);
    const { stamps, since } = queue.acknowledged(frame, work_ms);
    if (frame) watch.note("round-trip", received - since);
    await drawnBy(aLayer);
    if (frame) watch.note("decode", performance.now() - received);
    for (const { pane, seq, series } of views) this.setView(series, board.paneNamed(pane), seq);
    for (const pane of board.panes) if (touched.includes(pane.name)) board.mark(pane, "paint");
    const { pane: drawing } = board.ink.trail;
    if (drawing) board.mark(drawing, "paint");
    board.ink.drawn(stamps, !queue.busy && !open);
    board.frames.waitingStamps.push(...stamps);
  }

  /** The kernel's layers of a pane now show the view that was sent as `seq`. */
  setView(series, pane, seq) {
    const { reports, board } = this.stage;
    const sent = pane && reports.of(pane.name, seq);
    if (!sent || sent.plane !== pane.plane || pane.series !== series || (pane.drawn?.seq === seq && pane.drawn.series === series)) return;
    pane.drawn = { series, seq, index: sent.index, turn: sent.turn, view: sent.view };
    board.mark(pane, "paint");
  }
}
