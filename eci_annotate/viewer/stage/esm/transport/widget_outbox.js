// What the fields and buttons beside the panes send is ipywidgets' own and carries no number: it is kept until the kernel
// has answered it, and sent again after a broken connection. The kernel takes each once (`comm_order.py`).

const MOST = 2000;
const AGAIN_MS = 500;
const LONG_MS = 2500;

export class WidgetOutbox {
  /** One for all stages of a page that talk to the same kernel. @param {any} kernel a Jupyter kernel connection */
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
    if (!kernel.anyMessage || !kernel._sendMessage) return; // another page than JupyterLab's or Voilà's
    kernel.anyMessage.connect((_, { msg, direction }) => (direction === "send" ? this.sent(msg) : this.came(msg)));
    kernel.statusChanged.connect((_, status) => /restarting|dead/.test(status) && this.kept.clear());
  }

  /** For how long the oldest message waits that the kernel has not begun with, ms. */
  get waits() {
    for (const { since, begun } of this.kept.values()) if (!begun) return performance.now() - since;
    return 0;
  }

  sent(message) {
    if (!changesWidget(message)) return;
    this.kept.set(message.header.msg_id, { message, since: performance.now() });
    if (this.kept.size > MOST) this.kept.delete(this.kept.keys().next().value);
  }

  /** The kernel says that it is busy with a message, and idle after it. */
  came({ header, content, parent_header: parent }) {
    const known = header.msg_type === "status" && this.kept.get(parent?.msg_id);
    if (!known) return;
    known.begun = true;
    if (content.execution_state === "idle") this.kept.delete(parent.msg_id);
  }

  /** Send all that was not answered once more, before what Jupyter itself has queued; and when the kernel has answered
   * this page, since what it said before that may have met nobody. @returns whether that took long */
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

  /** The same to a kernel that is at work: beside a cell that waits (`await`) it does what a message says, but does not
   * tell that it did, and ipywidgets would wait for that for ever. */
  repeat(everyMs) {
    if (performance.now() - this.sentAgain < everyMs) return;
    this.sentAgain = performance.now();
    this.resend();
  }

  resend() {
    if (this.kernel.connectionStatus !== "connected") return;
    for (const each of this.kept.values()) {
      const metadata = { ...each.message.metadata, again: ++this.times }; // the kernel answers no signature twice
      this.kernel._sendMessage({ ...each.message, metadata }, false); // `sendShellMessage` would forget who waits
    }
  }
}

/** A field's new value or a click; what a stage says for itself has a `kind`, and `outbox.js` keeps it. */
function changesWidget({ header, content }) {
  if (header.msg_type !== "comm_msg") return false;
  const { method, content: custom } = content.data ?? {};
  return method === "update" || (method === "custom" && !custom?.kind);
}
