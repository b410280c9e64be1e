// Strokes that wait for the kernel: what is shown of them, and when they go.
import assert from "node:assert/strict";
import { mock, test } from "node:test";

const at = (name) => import(new URL(`../../eci_annotate/viewer/stage/esm/${name}.js`, import.meta.url));
const { StrokeBacklog, LATE_MS } = await at("ink/stroke_backlog");
const { toolAfter, ToolForecast } = await at("hands/tool_forecast");

mock.timers.enable({ apis: ["setTimeout"] });

const TOOL = { tool: "smartpaint", feedback: "ring", radius_mm: 8, erase: false, colour: [1, 2, 3], read_only: false };
const PANE = { series: "s", shape: { name: "axial" }, index: 4 };

const stroke = (backlog, from, pane = PANE) => {
  backlog.follow({ do: "press", points: [0, 0, from] }, pane, TOOL, from);
  backlog.follow({ do: "drag", points: [1, 0, from, 2, 0, from] }, pane, TOOL, from + 5);
  backlog.follow({ do: "release", points: [3, 0, from] }, pane, TOOL, from + 10);
};
const shown = (backlog, now = 1e6, pane = PANE) => backlog.on(pane, now).map(({ since }) => since);

test("a stroke shows when it is late, on its slice of its series only", () => {
  const show = mock.fn();
  const backlog = new StrokeBacklog(show);
  stroke(backlog, 100);
  assert.deepEqual(shown(backlog, 100 + LATE_MS - 1), []);
  assert.deepEqual(shown(backlog, 100 + LATE_MS), [100]);
  for (const other of [{ ...PANE, index: 5 }, { ...PANE, series: "t" }, { ...PANE, shape: { name: "coronal" } }])
    assert.deepEqual(shown(backlog, 1e6, other), []);
  assert.equal(backlog.strokes[0].points.length, 4);
  mock.timers.tick(LATE_MS + 50);
  assert.equal(show.mock.callCount(), 1, "the pane is drawn again when the stroke has become late");
});

test("strokes go as the kernel draws them, and the running one stays", () => {
  const backlog = new StrokeBacklog(() => {});
  stroke(backlog, 100);
  stroke(backlog, 200);
  backlog.follow({ do: "press", points: [0, 0, 0] }, PANE, TOOL, 300);
  backlog.drawn([100, 105, 110, 200]);
  assert.deepEqual(shown(backlog), [200, 300], "the second has not ended yet for the kernel");
  backlog.drawn([], true);
  assert.deepEqual(shown(backlog), [300]);
});

test("undo and redo take strokes and other steps in their order", () => {
  const backlog = new StrokeBacklog(() => {});
  backlog.command("undo"); // about what the kernel has drawn: nothing waits
  stroke(backlog, 100);
  backlog.command("new");
  stroke(backlog, 200);
  backlog.command("undo");
  assert.deepEqual(shown(backlog), [100]);
  backlog.command("undo");
  assert.deepEqual(shown(backlog), [100], "that was the new annotation");
  backlog.command("undo");
  assert.deepEqual(shown(backlog), []);
  for (const name of ["redo", "redo", "redo"]) backlog.command(name);
  assert.deepEqual(shown(backlog), [100, 200]);
  backlog.command("undo");
  stroke(backlog, 300);
  backlog.command("redo");
  assert.deepEqual(shown(backlog), [100, 300], "a new stroke ends what can be redone");
});

test("a cancelled stroke is gone", () => {
  const backlog = new StrokeBacklog(() => {});
  backlog.follow({ do: "press", points: [0, 0, 0] }, PANE, TOOL, 0);
  backlog.follow({ do: "cancel", points: [] }, PANE, TOOL, 5);
  assert.deepEqual(shown(backlog), []);
  assert.equal(backlog.done.length, 0);
});

test("keys change the tool as the kernel would", () => {
  const free = { does: "tool", value: "freedraw", feedback: "trail" };
  assert.deepEqual(toolAfter(TOOL, free), { ...TOOL, tool: "freedraw", feedback: "trail" });
  assert.equal(toolAfter(TOOL, { does: "toggle-erase" }).erase, true);
  assert.equal(toolAfter(TOOL, { does: "brush", value: 2 }).radius_mm, 16);
  assert.equal(toolAfter({ ...TOOL, read_only: true }, free).tool, "smartpaint");
  assert.equal(toolAfter(TOOL, { does: "undo" }), TOOL);
});

test("the brush follows keys and wheel before the kernel answers, and what it refuses is taken back", () => {
  const board = { toolHeard: TOOL, setTool(tool) { this.tool = tool; } };
  const command = (name, value) => ({ kind: "command", name, value });
  const outbox = { kept: [command("brush", 1.15), command("toggle-erase")].map((message) => ({ message })) };
  const queue = { waiting: [{ do: "drag" }, { command: command("brush", 1.15) }] };
  const forecast = new ToolForecast({ board, outbox, queue, interaction: { keys: [] } });
  forecast.show();
  assert.deepEqual([board.tool.radius_mm, board.tool.erase], [10.58, true]);
  outbox.kept.length = 0;
  board.toolHeard = { ...TOOL, radius_mm: 9.2 }; // the kernel refused to erase
  forecast.answered([command("toggle-erase")]);
  assert.equal(board.tool.erase, true, "its answer may have more parts");
  mock.timers.tick(200);
  assert.deepEqual([board.tool.radius_mm, board.tool.erase], [10.58, false]);
  assert.equal(toolAfter({ ...TOOL, radius_mm: 79 }, { does: "brush", value: 2 }).radius_mm, 80);
});
