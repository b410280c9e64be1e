// What pointer and keyboard send: clicks, double clicks, strokes whose end is lost, keys during a stroke.
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { at, LATER, World } from "./hands_world.mjs";

const { limited, MOST_CHARACTERS } = await at("hands/text_limit");

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

test("a double click maximises the pane and draws nothing", () => {
  const world = new World();
  world.click(100, 100);
  world.wait(150);
  world.click(101, 100);
  world.wait(LATER);
  assert.deepEqual([world.names, world.alone], [[], 1]);
});

test("a click draws at its place, once the time of a double click is over", () => {
  const world = new World();
  world.click(100, 120);
  assert.deepEqual(world.names, []);
  world.hands.pane.index = 2; // scrolled on meanwhile
  world.wait(LATER);
  assert.deepEqual(world.names, ["press", "release"]);
  assert.deepEqual([world.sent[0].points, world.sent[0].index, world.alone], [[100, 120, 3], 1, 0]);
});

test("clicks at different places, or with a pause between, all draw", () => {
  const world = new World();
  world.click(100, 100);
  world.click(200, 100);
  world.wait(LATER);
  world.click(200, 100);
  world.wait(LATER);
  assert.deepEqual([world.names, world.alone], [["press", "release", "press", "release", "press", "release"], 0]);
});

test("a drag begins where it was pressed, as soon as it moves", () => {
  const world = new World();
  world.pointer("pointerdown", 100, 100);
  world.pointer("pointermove", 110, 100);
  assert.deepEqual(world.names, ["press", "drag"]);
  assert.deepEqual(world.sent[0].points, [100, 100, 3]);
  world.pointer("pointerup", 120, 100);
  world.click(120, 100);
  world.wait(LATER);
  assert.deepEqual(world.names, ["press", "drag", "release", "press", "release"]);
});

test("the small moves before a stroke are sent with it, and none with a click", () => {
  const world = new World();
  world.pointer("pointerdown", 100, 100);
  for (const x of [100.5, 101, 101.5, 104, 110]) world.pointer("pointermove", x, 100);
  world.pointer("pointerup", 110, 100);
  const drawn = world.sent.flatMap(({ points }) => points.filter((_, n) => n % 3 === 0));
  assert.deepEqual(drawn, [100, 100.5, 101, 101.5, 104, 110, 110]);
  world.pointer("pointerdown", 200, 100);
  world.pointer("pointermove", 201, 100);
  world.pointer("pointerup", 201, 100);
  world.wait(LATER);
  assert.deepEqual(world.names.slice(-3), ["release", "press", "release"]);
});

test("a stroke whose pane gets other images ends, and that is said", async () => {
  const { Stage } = await at("stage");
  const world = new World();
  world.stage.board.panes = [world.hands.pane];
  const stage = { ...world.stage, interaction: world.interaction };
  const cell = { name: "axial", series: "s", plane: "axial" };
  world.pointer("pointerdown", 100, 100);
  world.pointer("pointermove", 140, 100);
  Stage.prototype.leaveWhatChanges.call(stage, [cell]);
  assert.deepEqual([world.names, world.said], [["press", "drag"], []]);
  Stage.prototype.leaveWhatChanges.call(stage, [{ ...cell, series: "t" }]);
  assert.deepEqual(world.names, ["press", "drag", "release"]);
  assert.ok(world.said.at(-1).startsWith("This pane shows other images now"));
});

test("a slow press keeps its small moves for the stroke that follows", () => {
  const world = new World();
  world.pointer("pointerdown", 100, 100);
  world.pointer("pointermove", 101, 100);
  world.wait(LATER);
  assert.deepEqual(world.names, ["press"]);
  world.pointer("pointermove", 120, 100);
  assert.deepEqual(world.sent.slice(1).map(({ points }) => points[0]), [101, 120]);
});

test("the crosshair of the keyboard goes when the pointer moves", () => {
  const world = new World();
  world.stage.board.jumpTo = () => {};
  world.key("ArrowRight", { shiftKey: true });
  assert.ok(world.hands.pane.keyed);
  world.pointer("pointermove", 10, 10, { buttons: 0 });
  assert.ok(!world.hands.pane.keyed);
});

test("a button that stays down draws without moving, and a finger may still become the first of two", () => {
  const world = new World();
  world.pointer("pointerdown", 100, 100);
  world.wait(LATER);
  assert.deepEqual(world.names, ["press"]);
  world.pointer("pointerup", 100, 100);
  const finger = { pointerType: "touch" };
  world.pointer("pointerdown", 200, 100, finger);
  world.wait(LATER);
  assert.deepEqual(world.names, ["press", "release"]);
  world.pointer("pointerup", 200, 100, finger);
  world.wait(LATER);
  assert.deepEqual(world.names, ["press", "release", "press", "release"]);
});

test("a key during a stroke ends the stroke first, and a held click is sent before it", () => {
  const world = new World();
  world.pointer("pointerdown", 100, 100);
  world.pointer("pointermove", 140, 100);
  world.key("]");
  world.pointer("pointermove", 180, 100);
  world.pointer("pointerup", 180, 100);
  assert.deepEqual(world.names, ["press", "drag", "release", "brush"]);
  assert.deepEqual(world.sent[2].points, [140, 100, 3]);
  assert.deepEqual(world.said, ["The stroke ended here. Press again to go on."]);
  world.click(50, 50);
  world.key("n");
  assert.deepEqual(world.names.slice(4), ["press", "release", "new"]);
});

test("Escape cancels a stroke, and a click that is held", () => {
  const world = new World();
  world.click(100, 100);
  world.key("Escape");
  world.wait(LATER);
  assert.deepEqual(world.names, []);
  world.pointer("pointerdown", 100, 100);
  world.pointer("pointermove", 140, 100);
  world.key("Escape");
  assert.deepEqual(world.names, ["press", "drag", "cancel"]);
});

test("keys that switch something act once while held; brush size and scrolling continue", () => {
  const world = new World();
  for (const key of ["n", "x", "h", "Delete", "b", "2", "]"]) {
    world.key(key);
    world.key(key, { repeat: true });
  }
  assert.deepEqual(world.names, ["new", "toggle-erase", "toggle-hidden", "delete", "tool", "dimension", "brush", "brush"]);
  world.key("ArrowDown", { repeat: true });
  assert.equal(world.hands.pane.index, 0); // toward the feet
});

test("the magnifier shows while its key is held, and goes with the page's focus", () => {
  const world = new World();
  const { looks } = world.stage.board;
  world.key("z");
  assert.ok(looks.magnified);
  world.interaction.keyup({ key: "z" });
  assert.ok(!looks.magnified);
  world.key("z");
  world.interaction.finish(); // what the stage does when the window loses the focus
  assert.ok(!looks.magnified && world.names.length === 0);
});

test("the wheel toward the person and the arrow down go toward the feet, Home to the head", () => {
  const world = new World();
  const wheel = (deltaY) => world.el.listeners.wheel({
    deltaY, deltaMode: 0, clientX: 50, clientY: 50, preventDefault: () => {}, stopPropagation: () => {},
  });
  const seen = [];
  for (const act of [() => wheel(60), () => wheel(-120), () => world.key("ArrowDown"), () => world.key("Home"), () => world.key("End")]) {
    act();
    seen.push(world.hands.pane.index);
  }
  assert.deepEqual(seen, [0, 1, 0, 2, 0]);
});

test("Shift and an arrow move the crosshair as the pane is shown, and never out of the picture", () => {
  const world = new World();
  const { board } = world.stage;
  board.jumpTo = (point) => { board.focus = point; };
  board.focus = [20.5, 30.5, 3];
  for (const key of ["ArrowRight", "ArrowRight", "ArrowDown"]) world.key(key, { shiftKey: true });
  assert.deepEqual([board.focus, world.hands.pane.index], [[22.5, 31.5, 3], 1]);
  board.focus = [399.5, 0.5, 3];
  for (const key of ["ArrowRight", "ArrowUp"]) world.key(key, { shiftKey: true });
  assert.deepEqual(board.focus, [399.5, 0.5, 3]);
  world.hands.pane.shape = { ...world.hands.pane.shape, right: [-1, 0, 0], origin: [399.5, 0.5, 0] }; // flipped
  world.key("ArrowRight", { shiftKey: true });
  assert.deepEqual(board.focus, [398.5, 0.5, 3]);
});

test("a key makes the next pane with images active, from an empty one and alone too", () => {
  const world = new World();
  const { board } = world.stage;
  const [first, empty, last] = ["a", "b", "c"].map((name) => ({ name, shape: name === "b" ? null : {}, el: { ariaLabel: name }, size: {} }));
  Object.assign(board, { panes: [first, empty, last], active: first, activate: (pane) => { board.active = pane; } });
  const seen = [];
  for (const key of ["PageDown", "PageDown", "PageUp"]) {
    world.key(key, { altKey: true });
    seen.push(board.active.name);
  }
  board.active = empty;
  world.key("PageDown", { altKey: true });
  assert.deepEqual([...seen, board.active.name], ["c", "a", "c", "a"]);
  assert.deepEqual([world.said.at(-1), world.alone], ["Active pane: a", 0]);
  board.alone = "a";
  world.key("PageDown", { altKey: true });
  assert.deepEqual([board.active.name, world.alone], ["c", 1]);
});

test("one notch of any mouse is one slice, and small moves of a touch pad add up", () => {
  for (const [moves, mode, slices] of [
    [[100, 100, 100, 100, 100], 0, [1, 1, 1, 1, 1]], [[120, -120], 0, [1, -1]], [[150], 0, [1]], [[66.7], 0, [1]],
    [[3, 3, -3], 1, [1, 1, -1]], [[240], 0, [2]], [[6], 1, [2]], [[25, 25, 25, -5, 40, 40], 0, [1, 1]],
  ]) {
    const world = new World();
    const moved = [];
    world.interaction.scroll = (pane, steps) => { moved.push(steps); };
    for (const deltaY of moves) {
      world.el.listeners.wheel({ deltaY, deltaMode: mode, clientX: 50, clientY: 50, preventDefault() {}, stopPropagation() {} });
    }
    assert.deepEqual(moved, slices, String(moves));
  }
});

test("a stroke whose release was lost ends where it was", () => {
  for (const lose of [
    (world) => world.pointer("pointermove", 300, 300, { buttons: 0 }),
    (world) => world.pointer("lostpointercapture", 300, 300),
    (world) => world.interaction.finish(),
  ]) {
    const world = new World();
    world.pointer("pointerdown", 100, 100);
    world.pointer("pointermove", 140, 100);
    lose(world);
    world.pointer("pointermove", 350, 350, { buttons: 0 });
    world.pointer("pointerup", 350, 350);
    assert.deepEqual(world.names, ["press", "drag", "release"]);
    assert.deepEqual(world.sent[2].points, [140, 100, 3]);
  }
});

test("that the connection is back is said until the next stroke", () => {
  const world = new World();
  world.stage.passing = true;
  world.key("]");
  assert.deepEqual(world.said, []);
  world.click(100, 100);
  world.wait(LATER);
  assert.deepEqual(world.said, [""]);
});

test("the zoom of the page does not move strokes", () => {
  for (const zoom of [0.67, 1, 1.5]) {
    const world = new World(zoom);
    world.pointer("pointerdown", 100, 200);
    world.pointer("pointermove", 300, 200);
    world.pointer("pointerup", 300, 200);
    const points = world.sent.map((event) => event.points.map((x) => Math.round(x)));
    assert.deepEqual(points, [[100, 200, 3], [300, 200, 3], [300, 200, 3]]);
  }
});

test("texts that are too long are cut in our fields only", () => {
  const field = (length, ours) => ({ value: "x".repeat(length), closest: () => ours });
  const long = field(MOST_CHARACTERS + 1, {});
  assert.ok(limited(long));
  assert.equal(long.value.length, MOST_CHARACTERS);
  assert.ok(!limited(field(MOST_CHARACTERS, {})));
  assert.ok(!limited(field(1e7, null)), "a widget of somebody else");
  assert.ok(!limited({ value: 3 }));
});

test("keys are for the images once the pointer comes to them, unless somebody types", () => {
  for (const [typing, taken] of [[null, true], [{ closest: () => null }, true], [{ closest: () => ({}) }, undefined]]) {
    const one = new World();
    one.page.activeElement = typing;
    one.interaction.hover(one.stage.board.active, { x: 1, y: 1 });
    assert.equal(one.focused, taken);
  }
});

test("the ring stays with a pointer that rests while the panes move under it", () => {
  const world = new World();
  world.pointer("pointermove", 100, 100, { buttons: 0 });
  const { board } = world.stage;
  assert.deepEqual([board.hovered.x, board.hovered.y], [100, 100]);
  Object.assign(world.el.box, { left: 40, top: 30, right: 440, bottom: 430 });
  world.interaction.hoverAgain();
  assert.deepEqual([board.hovered.x, board.hovered.y], [70, 90]);
  Object.assign(world.el.box, { left: 200, right: 600 }); // another place is under the pointer
  world.interaction.hoverAgain();
  assert.equal(board.hovered, null);
});
