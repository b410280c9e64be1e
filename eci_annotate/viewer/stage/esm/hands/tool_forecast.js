// While the connection is broken the kernel cannot answer keys that change the tool: the browser shows what it expects.

/** @typedef {import("../messages.js").ToolMessage} ToolMessage */

/**
 * The tool after a key, as far as the browser knows it.
 * @param {ToolMessage} tool @param {import("./keys.js").Binding} binding @returns {ToolMessage}
 */
export function toolAfter(tool, { does, value, feedback }) {
  if (tool.read_only) return tool;
  if (does === "tool") return { ...tool, tool: value, feedback: feedback ?? tool.feedback };
  if (does === "toggle-erase") return { ...tool, erase: !tool.erase };
  if (does === "brush") return { ...tool, radius_mm: tool.radius_mm * value };
  return tool;
}
