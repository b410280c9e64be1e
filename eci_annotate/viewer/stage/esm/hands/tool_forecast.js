// Keys and the wheel change the tool at once: the browser shows what it expects of the commands that the kernel has not
// answered yet, and what the kernel says replaces it. So the ring of the brush never waits for the line.

/** @typedef {import("../messages.js").ToolMessage} ToolMessage */

/** Limits of the radius of a brush, mm, as in `shortcuts.py`. */
const [LEAST_MM, MOST_MM] = [0.5, 80];
/** An answer consists of several messages: the tool is among those that come within this time. */
const ANSWER_MS = 100;

const brush = (radius_mm) => Math.round(Math.min(Math.max(radius_mm, LEAST_MM), MOST_MM) * 100) / 100;

/**
 * The tool after a key, as far as the browser knows it.
 * @param {ToolMessage} tool @param {{does: string, value?: any, feedback?: any}} binding @returns {ToolMessage}
 */
export function toolAfter(tool, { does, value, feedback }) {
  if (tool.read_only) return tool;
  if (does === "tool") return { ...tool, tool: value, feedback: feedback ?? tool.feedback };
  if (does === "toggle-erase") return { ...tool, erase: !tool.erase };
  if (does === "brush") return { ...tool, radius_mm: brush(tool.radius_mm * value) };
  return tool;
}

export class ToolForecast {
  /** @param {import("../stage.js").Stage} stage */
  constructor(stage) {
    this.stage = stage;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** Show the tool that the kernel named last, after the commands that it has not answered. */
  show() {
    const { board, outbox, queue, interaction } = this.stage;
    clearTimeout(this.timer);
    const commands = [...outbox.kept.map(({ message }) => message), ...queue.waiting.map(({ command }) => command)];
    const open = commands.filter((each) => each?.kind === "command");
    const feedback = (value) => interaction.keys.find((key) => key.does === "tool" && key.value === value)?.feedback;
    board.setTool(open.reduce((tool, { name, value }) => toolAfter(tool, { does: name, value, feedback: feedback(value) }), board.toolHeard), false);
  }

  /** The kernel has answered messages: if it refused a command, no tool follows. @param {{kind: string}[]} answered */
  answered(answered) {
    if (!answered.some(({ kind }) => kind === "command")) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show(), ANSWER_MS);
  }
}
