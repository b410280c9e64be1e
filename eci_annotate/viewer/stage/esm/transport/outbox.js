// Messages that change something are numbered and kept until the kernel has answered; after a broken connection they are
// resent in order. The kernel accepts each number once (`inbox.py`).

const KEPT = new Set(["hands", "command"]);
const AGAIN_MS = 500;

export class Outbox {
  /** @param {(message: any) => void} carry @param {string} page a name that no other page has */
  constructor(carry, page = `${Date.now()}-${Math.random()}`) {
    this.carry = carry;
    this.page = page;
    this.serial = 0;
    this.sentAgain = -Infinity;
    /** @type {{message: any, since: number}[]} messages without an answer from the kernel yet, oldest first */
    this.kept = [];
    /** Wall-clock time of the kernel's last answer. */
    this.heardAt = new Date();
  }

  /** Age of the oldest unanswered message, ms. */
  get waits() {
    return this.kept.length ? performance.now() - this.kept[0].since : 0;
  }

  send(message) {
    if (!KEPT.has(message.kind)) return this.carry({ ...message, page: this.page });
    const numbered = { ...message, page: this.page, serial: ++this.serial };
    this.kept.push({ message: numbered, since: performance.now() });
    this.carry(numbered);
  }

  /** The kernel has received everything up to a number. @returns messages not acknowledged before */
  heard([page, serial]) {
    if (page !== this.page) return [];
    this.heardAt = new Date();
    const gone = this.kept.filter(({ message }) => message.serial <= serial);
    this.kept = this.kept.filter(({ message }) => message.serial > serial);
    return gone.map(({ message }) => message);
  }

  /** Resend all unacknowledged messages. */
  again() {
    if (performance.now() - this.sentAgain < AGAIN_MS) return;
    this.sentAgain = performance.now();
    for (const each of this.kept) {
      each.since = this.sentAgain;
      this.carry(each.message);
    }
  }
}
