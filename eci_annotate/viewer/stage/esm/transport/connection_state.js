// The connection to the kernel as a pure state machine: its known state, and the effect of an observation.
//
//   open ──silent──▶ asking ──kernel answers on its control channel──▶ late ──silent──▶ asking-late ──▶ late
//                       └──no answer──▶ cut ──connected again──▶ open ◀──messages answered── asking, late, asking-late
//   any state ──not connected──▶ cut

/** @typedef {{is: "open" | "asking" | "late" | "asking-late" | "cut", tried: number}} State   `tried`: time of the last reconnection attempt */
/** @typedef {{type: "look" | "status" | "reply", connected: boolean, silent: boolean, now: number, works?: boolean}} Observation
 * `silent`: messages have been waiting too long; `works`: the kernel answered on its control channel */
/** @typedef {"ask" | "say-cut" | "say-late" | "say-caught-up" | "reconnect" | "repeat" | "resume"} Action */

export const TRY_MS = 4000;
/** @type {State} */
export const START = { is: "open", tried: -Infinity };

/**
 * @param {State} state @param {Observation} seen
 * @returns {{state: State, actions: Action[]}}
 */
export function step(state, seen) {
  if (!seen.connected) return cut(state, seen);
  if (!seen.silent || (seen.type === "status" && state.is === "cut")) return opened(state);
  if (seen.type === "status") return { state, actions: [] };
  if (state.is === "cut") return cut(state, seen);
  if (seen.type === "look") return ask(state);
  return seen.works ? { state: { ...state, is: "late" }, actions: ["say-late", "repeat"] } : cut(state, seen);
}

/** @param {State} state @returns {{state: State, actions: Action[]}} */
function ask(state) {
  if (state.is === "open") return { state: { ...state, is: "asking" }, actions: ["ask"] };
  if (state.is === "late") return { state: { ...state, is: "asking-late" }, actions: ["ask"] };
  return { state, actions: [] };
}

/** @param {State} state @returns {{state: State, actions: Action[]}} */
function opened(state) {
  const open = /** @type {State} */ ({ ...state, is: "open" });
  if (state.is === "cut") return { state: open, actions: ["resume"] };
  return { state: open, actions: state.is.endsWith("late") ? ["say-caught-up"] : [] };
}

/** @param {State} state @param {Observation} seen @returns {{state: State, actions: Action[]}} */
function cut(state, { now }) {
  if (now - state.tried < TRY_MS) return { state: { ...state, is: "cut" }, actions: ["say-cut"] };
  return { state: { is: "cut", tried: now }, actions: ["say-cut", "reconnect"] };
}
