// Everything drawn over the images: the kernel's last state of each annotation, the running stroke, and strokes that the
// kernel has not drawn yet.

import { Echoes } from "./echoes.js";
import { StrokeBacklog } from "./stroke_backlog.js";
import { Trail } from "./trail.js";

export class Ink {
  /** @param {() => void} refresh redraws the panes */
  constructor(refresh) {
    this.echoes = new Echoes();
    this.trail = new Trail();
    this.backlog = new StrokeBacklog(refresh);
  }

  /** Forget annotations that are not on these series; strokes that the kernel does not have yet stay. @param {Record<string, any>} series */
  keepOn(series) {
    this.echoes.keepOn(series);
  }

  /**
   * Extend the stroke shown.
   * @param {{do: string, points: number[]}} event @param {any} pane
   * @param {import("../messages.js").ToolMessage} tool @param {number} stamp ms
   */
  follow(event, pane, tool, stamp) {
    this.trail.follow(event, pane, tool.feedback);
    this.backlog.follow(event, pane, tool, stamp);
  }

  /** The kernel has drawn the events of these times, or `all`. @param {number[]} stamps */
  drawn(stamps, all) {
    if (all) this.trail.clear();
    this.backlog.drawn(stamps, all);
  }

  /** What a pane shows. @param {any} pane */
  on(pane) {
    return { echoes: this.echoes.on(pane.series), trail: this.trail.on(pane), pending: this.backlog.on(pane, performance.now()) };
  }
}
