// All message formats, the browser's side; `messages.py` is the same list in the kernel.
// The browser uses millimetres (LPS) and device pixels, and never sends pixel data.

/** @typedef {[number, number, number]} Lps */
/** @typedef {{name: string, title: string, unit: string, axis: number, count: number, cols: number, rows: number, du: number, dv: number,
 *   origin: Lps, right: Lps, down: Lps, step: Lps, per: Lps, alone: boolean, axes: [number, number], flips: [boolean, boolean],
 *   letters: {left: string, right: string, top: string, bottom: string}}} Shape   a pane's plane stack */
/** @typedef {{pane: string, seq: number, index: number, left_mm: number, top_mm: number, px_per_mm: number, turn: number,
 *   width: number, height: number, ratio: number}} WireView */
/** @typedef {{do: string, pane: string, index: number, points: number[], pressures: number[], time_s: number,
 *   button?: number, modifiers: string[], reach_mm?: number, series?: string, plane?: string, window?: [number, number]}} WireEvent
 *   `series`, `plane`, `window`: with a press, what the pane shows */

/** @typedef {{kind: "tool", tool: string | null, feedback: "none" | "trail" | "ring" | "around", radius_mm: number, erase: boolean,
 *   colour: number[], read_only: boolean, why: string, hovers?: boolean}} ToolMessage   the current tool; `why`: why
 *   drawing is disabled; `hovers`: the kernel wants to know where the pointer rests */

// kernel -> browser
export const SCENE = "scene";
export const SLICE = "slice";
export const ECHO = "echo";
export const FORGET = "forget";
export const DRAWN = "drawn";
export const TOOL = "tool";
export const STATUS = "status";
export const LOOK = "look";
export const HEARD = "heard";
export const PLANE = "plane";
export const SUGGESTED = "suggested";

// browser -> kernel
export const readyMessage = () => ({ kind: "ready" });
export const byeMessage = () => ({ kind: "bye" });
/** @param {string} series @param {string} plane @param {number} index */
export const wantMessage = (series, plane, index) => ({ kind: "want", series, plane, index });
/** @param {WireView[]} views @param {Record<string, [number, number]>} windows by series
 * @param {string} active pane with the keyboard focus @param {Lps | null} focus its crosshair @param {boolean} redraw */
export const viewsMessage = (views, windows, active, focus, redraw = false) => ({ kind: "views", views, windows, active, focus, redraw });
/** @param {number} frame @param {WireEvent[]} events */
export const handsMessage = (frame, events) => ({ kind: "hands", frame, events });
/** @param {string} name @param {any} value */
export const commandMessage = (name, value = null) => ({ kind: "command", name, value });
export const hereMessage = () => ({ kind: "here" });
