// Watches the line to the kernel. While it is cut the person is told since when nothing is saved, and goes on; it is
// tried again for as long as the page is open, since Jupyter itself gives up after a while.

import { Unheard } from "./unheard.js";

const LOOK_MS = 1000;
const TRY_MS = 4000;
const SILENT_MS = 15000;

const clock = (at) => at.toTimeString().slice(0, 8);

/** What is said while the line is cut. @param {Date} since @param {boolean} unsent whether work waits in this page */
export const toldOf = (since, unsent) =>
  `${unsent ? "Not saved since" : "No connection since"} ${clock(since)}: the server does not answer. ` +
  "Go on; what you draw and answer is kept in this page and sent when the line is back. Keep the page open.";

export class Lifeline {
  /** @param {any} stage @param {any} kernel a Jupyter kernel connection, or nothing where there is none to be had */
  constructor(stage, kernel) {
    Object.assign(this, { stage, kernel, cut: false, tried: -Infinity, patienceMs: SILENT_MS });
    this.look = this.look.bind(this);
    this.turned = this.turned.bind(this);
    this.keepOpen = this.keepOpen.bind(this);
  }

  start() {
    if (!this.kernel?.connectionStatusChanged) return;
    this.unheard = Unheard.of(this.kernel);
    this.kernel.connectionStatusChanged.connect(this.turned);
    this.timer = setInterval(this.look, LOOK_MS);
    window.addEventListener("beforeunload", this.keepOpen);
  }

  stop() {
    clearInterval(this.timer);
    this.kernel?.connectionStatusChanged?.disconnect(this.turned);
    window.removeEventListener("beforeunload", this.keepOpen);
  }

  get silent() {
    return Math.max(this.stage.post.waits, this.unheard.waits) > this.patienceMs;
  }

  get connected() {
    return this.kernel.connectionStatus === "connected";
  }

  /** Jupyter says that its connection changed. */
  turned() {
    if (!this.connected) this.look();
    else if (this.cut) this.mended();
  }

  look() {
    if (this.connected && !this.silent) return this.cut && this.mended();
    this.cut = true;
    this.tell();
    if (performance.now() - this.tried < TRY_MS) return;
    this.tried = performance.now();
    this.kernel.reconnect().catch(() => {});
  }

  /** Whether this page holds what the kernel has not. */
  get unsent() {
    return this.stage.post.kept.length > 0 || this.unheard.kept.size > 0 || this.stage.courier.busy;
  }

  tell() {
    this.stage.say(toldOf(this.stage.post.heardAt, this.unsent), "error");
  }

  mended() {
    this.cut = false;
    this.stage.say("Connected again; what you did meanwhile is sent.");
    this.unheard.again();
    this.stage.anew();
  }

  /** A browser asks before it closes a page that holds what nobody else has. */
  keepOpen(event) {
    if (this.cut && this.unsent) event.preventDefault();
  }
}
