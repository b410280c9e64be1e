// Watches the line to the kernel. While it is cut the person is told since when nothing is saved, and goes on; it is
// tried again for as long as the page is open, since Jupyter itself gives up after a while. A kernel that is at work on
// something else answers late too: then the line is left alone, for what travels on it would be lost.

import { WidgetOutbox } from "./widget_outbox.js";

const LOOK_MS = 1000;
const TRY_MS = 4000;
const SILENT_MS = 15000;

const clock = (at) => at.toTimeString().slice(0, 8);

/** What is said while the line is cut. @param {Date} since @param {boolean} unsent whether work waits in this page */
export const toldOf = (since, unsent) =>
  `${unsent ? "Not saved since" : "No connection since"} ${clock(since)}: the server does not answer. ` +
  "Go on; what you draw and answer is kept in this page and sent when the line is back. Keep the page open.";

/** What is said while the kernel is at work. */
export const lateOf = (since) =>
  `Not saved since ${clock(since)}: the kernel is at work on something else. ` +
  "Go on; what you draw and answer waits for it. Keep the page open.";

/** Whether the kernel answers on its control channel, which it does while it is at work. @param {any} kernel */
export function answers(kernel, withinMs = TRY_MS) {
  const header = {
    msg_id: `${kernel.clientId}-${performance.now()}`, msg_type: "kernel_info_request", version: "5.3",
    session: kernel.clientId, username: kernel.username, date: new Date().toISOString(),
  };
  return new Promise((resolve) => {
    setTimeout(resolve, withinMs, false);
    const message = { header, parent_header: {}, metadata: {}, content: {}, buffers: [], channel: "control" };
    try {
      kernel.sendControlMessage(message, true, true).onReply = () => resolve(true);
    } catch {
      resolve(false);
    }
  });
}

export class Connection {
  /** @param {any} stage @param {any} kernel a Jupyter kernel connection, or nothing where there is none to be had */
  constructor(stage, kernel) {
    Object.assign(this, { stage, kernel, cut: false, late: false, asking: false, tried: -Infinity, patienceMs: SILENT_MS });
    this.look = this.look.bind(this);
    this.turned = this.turned.bind(this);
    this.keepOpen = this.keepOpen.bind(this);
  }

  start() {
    if (!this.kernel?.connectionStatusChanged) return;
    this.unheard = WidgetOutbox.of(this.kernel);
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

  async look() {
    if (this.connected && !this.silent) return this.answered();
    if (this.connected && !this.cut && (await this.isLate())) return;
    this.cut = true;
    this.late = false;
    this.stage.say(toldOf(this.stage.post.heardAt, this.unsent), "error");
    if (performance.now() - this.tried < TRY_MS) return;
    this.tried = performance.now();
    this.kernel.reconnect().catch(() => {});
  }

  /** Whether the silence has another reason than the line, or is over; the person is told. */
  async isLate() {
    if (this.asking) return true;
    this.asking = true;
    const works = await answers(this.kernel);
    this.asking = false;
    if (!this.connected) return false;
    if (!this.silent) return true;
    this.late = works;
    if (!works) return false;
    this.stage.say(lateOf(this.stage.post.heardAt), "error");
    this.unheard.repeat(this.patienceMs);
    return true;
  }

  answered() {
    if (this.cut) return this.mended();
    if (this.late) this.stage.say("The kernel has caught up with what you did.");
    this.late = false;
  }

  /** Whether this page holds what the kernel has not. */
  get unsent() {
    return this.stage.post.kept.length > 0 || this.unheard?.kept.size > 0 || this.stage.courier.busy;
  }

  mended() {
    this.cut = false;
    this.stage.say("Connected again; what you did meanwhile is sent.");
    this.unheard.again().then((late) => late && this.reload());
    this.stage.anew();
  }

  /** Jupyter asks the kernel once for what widgets show, and gives up after 4 s if it is at work then. */
  reload() {
    this.stage.model.widget_manager._loadFromKernel?.().catch(() => {});
  }

  /** A browser asks before it closes a page that holds what nobody else has. */
  keepOpen(event) {
    if ((this.cut || this.late) && this.unsent) event.preventDefault();
  }
}
