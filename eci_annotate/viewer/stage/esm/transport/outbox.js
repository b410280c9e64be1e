// Messages that change something are numbered and kept until the kernel has answered; after a broken connection they are
// sent again, in order. The kernel takes each number once (`inbox.py`).

const KEPT = new Set(["hands", "command"]);
const AGAIN_MS = 500;

export class Outbox {
  /** @param {(message: any) => void} carry @param {string} page a name that no other page has */
  constructor(carry, page = `${Date.now()}-${Math.random()}`) {
    this.carry = carry;
    this.page = page;
    this.serial = 0;
    this.sentAgain = -Infinity;
    /** @type {{message: any, since: number}[]} what the kernel has not answered yet, oldest first */
    this.kept = [];
    /** When the kernel was last heard of, by the clock. */
    this.heardAt = new Date();
  }

  /** For how long the oldest message waits, ms. */
  get waits() {
    return this.kept.length ? performance.now() - this.kept[0].since : 0;
  }

  send(message) {
    if (!KEPT.has(message.kind)) return this.carry(message);
    const numbered = { ...message, page: this.page, serial: ++this.serial };
    this.kept.push({ message: numbered, since: performance.now() });
    this.carry(numbered);
  }

  /** The kernel has taken all up to a number. @returns those that were not known to have arrived */
  heard([page, serial]) {
    if (page !== this.page) return [];
    this.heardAt = new Date();
    const gone = this.kept.filter(({ message }) => message.serial <= serial);
    this.kept = this.kept.filter(({ message }) => message.serial > serial);
    return gone.map(({ message }) => message);
  }

  /** Send all that was not heard once more. */
  again() {
    if (performance.now() - this.sentAgain < AGAIN_MS) return;
    this.sentAgain = performance.now();
    for (const each of this.kept) {
      each.since = this.sentAgain;
      this.carry(each.message);
    }
  }
}
