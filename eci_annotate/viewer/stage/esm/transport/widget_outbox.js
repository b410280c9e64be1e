// Messages of fields and buttons beside the panes are ipywidgets' own and carry no number: they are kept until the
// kernel has answered, and resent after a broken connection. The kernel handles each once (`comm_order.py`).

const MOST = 2000;
const AGAIN_MS = 500;
const LONG_MS = 2500;

export class WidgetOutbox {
  /** One instance for all stages of a page with the same kernel. @param {any} kernel a Jupyter kernel connection */
  static of(kernel) {
    const known = (globalThis.eciWidgetOutboxes ??= new WeakMap());
    if (!known.has(kernel)) known.set(kernel, new WidgetOutbox(kernel));
    return known.get(kernel);
  }

  constructor(kernel) {
    this.kernel = kernel;
    this.sentAgain = -Infinity;
    this.times = 0;
    /** @type {Map<string, {message: any, since: number, begun?: boolean}>} by the message's id, oldest first */
    this.kept = new Map();
    if (!kernel.anyMessage || !kernel._sendMessage) return; // neither JupyterLab nor Voilà
    kernel.anyMessage.connect((_, { msg, direction }) => (direction === "send" ? this.sent(msg) : this.came(msg)));
    kernel.statusChanged.connect((_, status) => /restarting|dead/.test(status) && this.kept.clear());
  }

  /** Age of the oldest message that the kernel has not started to handle, ms. */
  get waits() {
    for (const { since, begun } of this.kept.values()) if (!begun) return performance.now() - since;
    return 0;
  }

  sent(message) {
    if (!changesWidget(message)) return;
    this.kept.set(message.header.msg_id, { message, since: performance.now() });
    if (this.kept.size > MOST) this.kept.delete(this.kept.keys().next().value);
  }

  /** The kernel reports that it is busy with a message, and idle after it. */
  came({ header, content, parent_header: parent }) {
    const known = header.msg_type === "status" && this.kept.get(parent?.msg_id);
    if (!known) return;
    known.begun = true;
    if (content.execution_state === "idle") this.kept.delete(parent.msg_id);
  }

  /** Resend all unanswered messages, before Jupyter's own queue; and once more when the kernel has answered
   * this page, since earlier replies may have had no recipient. @returns whether that took long */
  async again() {
    if (performance.now() - this.sentAgain < AGAIN_MS) return false;
    const begun = (this.sentAgain = performance.now());
    for (const each of this.kept.values()) Object.assign(each, { since: begun, begun: false });
    this.resend();
    try {
      await this.kernel.requestKernelInfo();
    } catch {
      return false;
    }
    this.resend();
    return performance.now() - begun > LONG_MS;
  }

  /** Resend to a busy kernel: while a cell awaits (`await`) it handles a message without
   * confirming it, and ipywidgets would wait for the confirmation forever. */
  repeat(everyMs) {
    if (performance.now() - this.sentAgain < everyMs) return;
    this.sentAgain = performance.now();
    this.resend();
  }

  resend() {
    if (this.kernel.connectionStatus !== "connected") return;
    for (const each of this.kept.values()) {
      const metadata = { ...each.message.metadata, again: ++this.times }; // the kernel ignores repeated signatures
      this.kernel._sendMessage({ ...each.message, metadata }, false); // `sendShellMessage` would lose the waiter
    }
  }
}

/** A field's new value or a click; a stage's own messages have a `kind`, and `outbox.js` keeps them. */
function changesWidget({ header, content }) {
  if (header.msg_type !== "comm_msg") return false;
  const { method, content: custom } = content.data ?? {};
  return method === "update" || (method === "custom" && !custom?.kind);
}
