// The keyboard in one table: it controls the viewer and generates the help. The keys of tools come from the kernel,
// which knows all tools. Keys without a command are left to the browser.

/** @typedef {{keys: string[], does: string, value?: any, text: string, shown?: string, repeats?: boolean, feedback?: any}} Binding
 * `does`: `view` commands are handled in the browser, all others go to the kernel; `repeats`: also while held down;
 * `feedback`: of the tool that a key selects */

/** @type {Binding[]} */
export const KEYS = [
  { keys: ["n"], does: "new", text: "New annotation with the current tool, label and colour" },
  { keys: ["x"], does: "toggle-erase", text: "Add or erase" },
  { keys: ["["], does: "brush", value: 1 / 1.15, text: "Smaller brush, or smaller outline", repeats: true },
  { keys: ["]"], does: "brush", value: 1.15, text: "Larger brush, or larger outline", repeats: true },
  { keys: [","], does: "flow", value: 1 / 1.15, text: "Weaker brush (flow)", repeats: true },
  { keys: ["."], does: "flow", value: 1.15, text: "Stronger brush (flow)", repeats: true },
  { keys: [";"], does: "sensitivity", value: -1, text: "Brush follows intensities less" },
  { keys: ["'"], does: "sensitivity", value: 1, text: "Brush follows intensities more" },
  { keys: ["e"], does: "toggle-zone", text: "Mark zones that no stroke enters" },
  { keys: ["2"], does: "dimension", value: 2, text: "SmartPaint on this slice only", shown: "2" },
  { keys: ["3"], does: "dimension", value: 3, text: "SmartPaint through the slices", shown: "3" },
  { keys: ["enter"], does: "decide", value: "accept", text: "Accept what the tool suggests", shown: "Enter" },
  { keys: ["backspace"], does: "decide", value: "discard", text: "Discard what the tool suggests", shown: "⌫" },
  { keys: ["mod+z"], does: "undo", text: "Undo", shown: "Ctrl+Z", repeats: true },
  { keys: ["mod+shift+z", "mod+y"], does: "redo", text: "Redo", shown: "Ctrl+Shift+Z", repeats: true },
  { keys: ["h"], does: "toggle-hidden", text: "Hide or show the selected annotation" },
  { keys: ["delete"], does: "delete", text: "Delete the selected annotation (can be undone)", shown: "Delete" },
  { keys: ["p"], does: "mark", text: "In a review: mark the place under the pointer" },
  { keys: ["escape"], does: "cancel", text: "Cancel this stroke or click; close the help", shown: "Esc" },
  { keys: ["arrowup", "arrowright"], does: "view-scroll", value: -1, text: "Previous slice", shown: "↑", repeats: true },
  { keys: ["arrowdown", "arrowleft"], does: "view-scroll", value: 1, text: "Next slice", shown: "↓", repeats: true },
  { keys: ["pageup"], does: "view-scroll", value: -10, text: "Ten slices back", shown: "PgUp", repeats: true },
  { keys: ["pagedown"], does: "view-scroll", value: 10, text: "Ten slices forward", shown: "PgDn", repeats: true },
  { keys: ["home"], does: "view-scroll", value: -1e6, text: "First slice", shown: "Home", repeats: true },
  { keys: ["end"], does: "view-scroll", value: 1e6, text: "Last slice", shown: "End", repeats: true },
  { keys: ["alt+pagedown"], does: "view-pane", value: 1, text: "Next pane: the one with the blue frame is active", shown: "Alt+PgDn" },
  { keys: ["alt+pageup"], does: "view-pane", value: -1, text: "Previous pane", shown: "Alt+PgUp" },
  { keys: ["shift+arrowleft"], does: "view-cross", value: [-1, 0], text: "Crosshair by one pixel to the left", shown: "Shift+←", repeats: true },
  { keys: ["shift+arrowright"], does: "view-cross", value: [1, 0], text: "Crosshair by one pixel to the right", shown: "Shift+→", repeats: true },
  { keys: ["shift+arrowup"], does: "view-cross", value: [0, -1], text: "Crosshair by one pixel up", shown: "Shift+↑", repeats: true },
  { keys: ["shift+arrowdown"], does: "view-cross", value: [0, 1], text: "Crosshair by one pixel down", shown: "Shift+↓", repeats: true },
  { keys: ["alt+arrowright"], does: "view-stack", value: 1, text: "Next time point, b-value or echo", shown: "Alt+→", repeats: true },
  { keys: ["alt+arrowleft"], does: "view-stack", value: -1, text: "Previous time point, b-value or echo", shown: "Alt+←", repeats: true },
  { keys: ["i"], does: "view-invert", text: "Invert grey values" },
  { keys: ["o"], does: "view-graphics", text: "Show or hide graphics of the files (overlays)" },
  { keys: ["j"], does: "view-fuse", text: "Show or hide what is fused with this pane" },
  { keys: ["alt+arrowup"], does: "view-fade", value: 1, text: "More of the fused series", shown: "Alt+↑", repeats: true },
  { keys: ["alt+arrowdown"], does: "view-fade", value: -1, text: "Less of the fused series", shown: "Alt+↓", repeats: true },
  { keys: ["alt+j"], does: "view-recolour", text: "Next colours of the fused series", shown: "Alt+J" },
  { keys: ["r"], does: "view-reset", text: "Reset view, window, flips and rotation" },
  { keys: ["y"], does: "view-flip-x", text: "Flip this pane left-right" },
  { keys: ["u"], does: "view-flip-y", text: "Flip this pane top-bottom" },
  { keys: ["w"], does: "view-rotate", text: "Rotate this pane by 90° clockwise" },
  { keys: ["q"], does: "view-rotate-back", text: "Rotate this pane by 90° back" },
  { keys: ["7"], does: "tip", value: { axis: "down", degrees: -5 }, text: "Turn an oblique pane to the left by 5°", repeats: true },
  { keys: ["8"], does: "tip", value: { axis: "down", degrees: 5 }, text: "Turn an oblique pane to the right by 5°", repeats: true },
  { keys: ["9"], does: "tip", value: { axis: "right", degrees: 5 }, text: "Turn an oblique pane upward by 5°", repeats: true },
  { keys: ["0"], does: "tip", value: { axis: "right", degrees: -5 }, text: "Turn an oblique pane downward by 5°", repeats: true },
  { keys: ["t"], does: "view-slab", text: "Thick slabs: mean, MIP, MinIP, or single slices" },
  { keys: ["z"], does: "view-magnify", text: "Magnifier at the pointer, while held down" },
  { keys: ["k"], does: "view-cine", text: "Play the slices, or stop" },
  { keys: ["l"], does: "view-link", text: "Parallel panes together, or each alone" },
  { keys: ["v"], does: "layout", value: 1, text: "Next layout" },
  { keys: ["alt+v"], does: "layout", value: -1, text: "Previous layout", shown: "Alt+V" },
  { keys: ["f"], does: "view-full", text: "Full screen" },
  { keys: ["m"], does: "view-maximise", text: "This pane alone, or all panes" },
  { keys: ["+", "="], does: "view-zoom", value: 1.2, text: "Zoom in", shown: "+", repeats: true },
  { keys: ["-"], does: "view-zoom", value: 1 / 1.2, text: "Zoom out", shown: "−", repeats: true },
  { keys: ["?"], does: "view-help", text: "This help" },
];

export const MOUSE = [
  ["Left drag", "Draw with the selected tool"],
  ["Right drag", "Window: right wider, up brighter"],
  ["Shift + right drag", "Window of the fused series"],
  ["Drag a handle of a blue line", "Turn the oblique plane"],
  ["Alt + right drag", "Turn the oblique plane"],
  ["Middle drag, Space + drag", "Move the image"],
  ["Wheel", "Scroll through the slices"],
  ["Ctrl + wheel, two fingers", "Zoom"],
  ["Shift + wheel, Alt + wheel", "Radius of the brush, its flow"],
  ["Shift + click", "All panes to this point"],
  ["Drag from the list", "Show a series in a pane"],
  ["Double click", "This pane alone, or all panes"],
  ["Alt + corner of a box", "Rotate it in this plane"],
];

/** @typedef {{name: string, title: string, key: string, feedback?: string}} ToolKey */

/**
 * @param {ToolKey[]} tools @param {string[]} presets names of windows
 * @returns {Binding[]} the keys that select tools, then all others
 */
export function bindings(tools, presets) {
  const choose = tools.map(({ name, title, key, feedback }) => ({ keys: [key], does: "tool", value: name, text: title, feedback }));
  return [...choose, ...KEYS, ...[...presets, "auto"].map(windowKey)];
}

/** @param {string} name @param {number} n */
function windowKey(name, n) {
  const text = `Window: ${name === "auto" ? "fitted to this slice" : name}`;
  return { keys: [`shift+${n + 1}`], does: "view-preset", value: name, text, shown: `Shift+${n + 1}` };
}

/**
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean, code?: string}} event
 * @param {Binding[]} table
 */
export function bindingOf(event, table) {
  const digit = /^Digit\d$/.test(event.code ?? "") && event.shiftKey ? event.code.slice(5) : null;
  const mod = event.ctrlKey || event.metaKey ? "mod+" : "";
  const shift = (mod || digit || event.key.startsWith("Arrow")) && event.shiftKey ? "shift+" : "";
  const name = `${mod}${event.altKey ? "alt+" : ""}${shift}${digit ?? event.key.toLowerCase()}`;
  return table.find((binding) => binding.keys.includes(name)) ?? null;
}

/** @param {Binding[]} table @returns {string[][]} */
export function helpRows(table) {
  const keys = table.map(({ keys, text, shown }) => [shown ?? keys[0].toUpperCase(), text]);
  return [...MOUSE, ...keys];
}
