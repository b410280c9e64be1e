// Keeps the last measurements by name, so that benchmarks can read the durations a user experienced.

const KEEP = 4000;

export class Stopwatch {
  constructor() {
    /** @type {Record<string, number[]>} */
    this.samples = {};
  }

  note(name, ms) {
    const kept = (this.samples[name] ??= []);
    kept.push(ms);
    if (kept.length > KEEP) kept.shift();
  }

  /** Run and time. @template T @param {string} name @param {() => T} work @returns {T} */
  time(name, work) {
    const start = performance.now();
    const result = work();
    this.note(name, performance.now() - start);
    return result;
  }
}
