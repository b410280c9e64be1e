// Monitors the connection to the kernel. While it is broken the viewer shows since when nothing has been saved, and
// drawing continues; it retries for as long as the page is open, since Jupyter itself gives up after a while. A kernel that
// is busy answers late too: then the connection is left alone, because messages in transit would be lost.

import { START, step, TRY_MS } from "./connection_state.js";
import { TextLimit } from "../hands/text_limit.js";
import { WidgetOutbox } from "./widget_outbox.js";

const LOOK_MS = 1000;
const SILENT_MS = 5000;

const clock = (at) => at.toTimeString().slice(0, 8);

/** Shown while the connection is broken. @param {Date} since @param {boolean} unsent whether this page holds unsent work */
export const toldOf = (since, unsent) =>
  `${unsent ? "Not saved since" : "No connection since"} ${clock(since)}: the server does not answer. ` +
  "Keep working: your changes are kept in this page and sent when the connection is back. Keep the page open.";

/** Shown while the kernel is busy. @param {Date} since */
export const lateOf = (since) =>
  `Not saved since ${clock(since)}: the kernel is busy. ` +
  "Keep working: your changes wait until it is free. Keep the page open.";

/** Whether the kernel answers on its control channel, which it does even while busy. @param {any} kernel */
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
  /** @param {any} stage @param {any} kernel a Jupyter kernel connection; undefined if there is none */
  constructor(stage, kernel) {
    this.stage = stage;
    this.kernel = kernel;
    this.state = START;
    this.patienceMs = SILENT_MS;
    this.look = () => this.observe("look");
    this.statusChanged = () => this.observe("status");
    this.keepOpen = this.keepOpen.bind(this);
    this.texts = new TextLimit((text) => stage.say(text, "error"));
  }

  start() {
    this.texts.start();
    if (!this.kernel?.connectionStatusChanged) return;
    this.widgetOutbox = WidgetOutbox.of(this.kernel);
    this.kernel.connectionStatusChanged.connect(this.statusChanged);
    this.timer = setInterval(this.look, LOOK_MS);
    window.addEventListener("beforeunload", this.keepOpen);
  }

  stop() {
    this.texts.stop();
    clearInterval(this.timer);
    this.kernel?.connectionStatusChanged?.disconnect(this.statusChanged);
    window.removeEventListener("beforeunload", this.keepOpen);
  }

  /** Whether the kernel cannot be reached. */
  get cut() { return this.state.is === "cut"; }

  get silent() {
    return Math.max(this.stage.outbox.waits, this.widgetOutbox.waits) > this.patienceMs;
  }

  /** Whether this page holds messages that the kernel does not have. */
  get unsent() {
    const { outbox, queue, interaction } = this.stage;
    return outbox.kept.length > 0 || this.widgetOutbox?.kept.size > 0 || queue.busy || interaction.click.events.length > 0;
  }

  /** @param {"look" | "status" | "reply"} type @param {boolean} [works] */
  observe(type, works) {
    if (this.kernel.isDisposed) return this.stop(); // the page is being closed or reloaded
    const connected = this.kernel.connectionStatus === "connected";
    const { state, actions } = step(this.state, { type, connected, silent: this.silent, now: performance.now(), works });
    this.state = state;
    for (const action of actions) this.carryOut(action);
  }

  /** @param {import("./connection_state.js").Action} action */
  carryOut(action) {
    const { stage, kernel } = this;
    switch (action) {
      case "ask": return void answers(kernel).then((works) => this.observe("reply", works));
      case "say-cut": return stage.say(toldOf(stage.outbox.heardAt, this.unsent), "error");
      case "say-late": return stage.say(lateOf(stage.outbox.heardAt), "error");
      case "say-caught-up": return stage.say("The kernel has caught up with your work.", "note", true);
      case "reconnect": return void kernel.reconnect().catch(() => {});
      case "repeat": return this.widgetOutbox.repeat(this.patienceMs);
      case "resume": return this.resume();
    }
  }

  resume() {
    this.stage.forecast.show();
    this.stage.say("Connected again; your changes were sent.", "note", true);
    this.widgetOutbox.again().then((late) => late && this.reload());
    this.stage.resume();
  }

  /** Jupyter requests the widgets' state from the kernel once, and gives up after 4 s if it is busy. */
  reload() {
    this.stage.model.widget_manager._loadFromKernel?.().catch(() => {});
  }

  /** The browser asks before it closes a page with unsent changes. @param {BeforeUnloadEvent} event */
  keepOpen(event) {
    if (this.state.is !== "open" && this.unsent) event.preventDefault();
  }
}
