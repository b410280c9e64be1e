// What is drawn is what the user aimed at, whatever moves, changes or is pressed meanwhile.
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { at, LATER, World } from "./hands_world.mjs";

const { Board } = await at("eyes/board");
const { Hands } = await at("hands/hands");
const { StrokeQueue } = await at("transport/stroke_queue");
const { Ink } = await at("ink/ink");
const { SLABS } = await at("eyes/slab");
const { Stage } = await at("stage");

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
});

/** A stroke from (100, 100) to (140, 100) that goes on. */
function drawn(world = new World()) {
  world.pointer("pointerdown", 100, 100);
  world.pointer("pointermove", 140, 100);
  return world;
}

const wheel = (world) => world.el.listeners.wheel({
  deltaY: 100, deltaMode: 0, clientX: 50, clientY: 50, preventDefault() {}, stopPropagation() {},
});

/** The stroke has ended where it was, and nothing follows. */
function endsThere(world) {
  world.pointer("pointermove", 300, 300);
  world.pointer("pointerup", 300, 300);
  assert.deepEqual(world.names, ["press", "drag", "release"]);
  assert.deepEqual(world.sent[2].points, [140, 100, 3]);
}

test("a stroke ends with its own button, whatever other button is down", () => {
  const world = drawn();
  world.pointer("pointermove", 140, 100, { buttons: 3 });
  world.sent.pop(); // a drag of no length
  world.pointer("pointermove", 200, 100, { buttons: 2 }); // the left button is up, the right one still down
  endsThere(world);
});

test("a stroke ends where it was when the images move under it, and that is said", () => {
  for (const box of [{ top: 54 }, { left: 40 }, { height: 380 }]) {
    const world = drawn();
    world.el.box = { ...world.el.box, ...box };
    endsThere(world);
    assert.match(world.said.at(-1), /images moved while you drew/);
  }
  const world = drawn();
  world.el.box = { ...world.el.box, top: 54 };
  world.pointer("pointerup", 140, 66); // the same place on the screen is another one of the image
  assert.deepEqual(world.sent.at(-1).points, [140, 100, 3]);
});

test("a press draws nothing if the images moved just before it, and draws if that was long ago", () => {
  const world = new World();
  world.pointer("pointermove", 100, 100, { buttons: 0 });
  world.el.box = { ...world.el.box, top: 54 };
  drawn(world);
  assert.deepEqual(world.names, []);
  assert.match(world.said.at(-1), /moved as you pressed/);
  world.pointer("pointerup", 140, 100);
  world.el.box = { ...world.el.box, top: 20 };
  world.wait(LATER);
  assert.deepEqual(drawn(world).names, ["press", "drag"]);
});

test("a press draws nothing just after the kernel changed the images, on a slice that loads, or while slices play", () => {
  const changed = new World();
  changed.interaction.changedAt = -50;
  const loading = new World();
  loading.hands.pane.waits = true;
  const playing = new World();
  playing.interaction.cine.turn({ visible: true });
  for (const [world, why] of [[changed, /changed as you pressed/], [loading, /still loading/], [playing, /were playing/]]) {
    assert.deepEqual(drawn(world).names, []);
    assert.match(world.said.at(-1), why);
  }
  assert.equal(playing.interaction.cine.playing, null);
  playing.pointer("pointerup", 140, 100);
  assert.deepEqual(drawn(playing).names, ["press", "drag"]);
});

test("the slice stays during a stroke: the wheel waits, and keys that move the images end it first", () => {
  const still = drawn();
  wheel(still);
  assert.equal(still.hands.pane.index, 1);
  assert.match(still.said.at(-1), /stays while you draw/);
  for (const key of ["ArrowDown", "PageUp", "y", "w", "+", "r", "m", "t", "k"]) {
    const world = drawn();
    Object.assign(world.interaction, { viewCommand() { world.hands.pane.index = 2; } });
    world.key(key);
    endsThere(world);
  }
});

test("the magnifier and the help leave a stroke alone", () => {
  const world = drawn();
  world.interaction.viewCommand = () => {};
  world.key("z");
  world.key("?");
  world.pointer("pointermove", 180, 100);
  assert.deepEqual(world.names, ["press", "drag", "drag"]);
});

test("a stroke that is ended for another reason ends where its pane showed it", () => {
  const world = drawn();
  world.hands.pane.index = 2;
  world.hands.pane.view = { ...world.hands.pane.view, left: 50 };
  world.interaction.finish();
  assert.deepEqual([world.sent[2].points, world.sent[2].index], [[140, 100, 3], 1]);
});

test("a pointer in another pane draws nothing while a stroke runs", () => {
  const world = drawn();
  const other = { ...world.el, listeners: {}, addEventListener: world.el.addEventListener };
  const palm = new Hands(other, { ...world.hands.pane, name: "coronal" }, world.interaction);
  world.stage.hands.push(palm);
  const event = { pointerId: 2, pointerType: "touch", button: 0, buttons: 1, clientX: 60, clientY: 60, timeStamp: 20 };
  other.listeners.pointerdown({ type: "pointerdown", ...event });
  other.listeners.pointermove({ type: "pointermove", ...event, clientX: 90 });
  assert.deepEqual([palm.grip.kind, world.names], ["none", ["press", "drag"]]);
});

test("a press says what the pane shows, and that a slab is drawn on its middle slice", () => {
  const world = new World();
  drawn(world);
  const { series, plane, window } = world.sent[0];
  assert.deepEqual([series, plane, window], ["s", "axial", [-160, 240]]);
  const thick = new World();
  thick.stage.board.looks.slab = SLABS[2];
  drawn(thick);
  assert.match(thick.said[0], /slab \(MIP 10 mm\), and you draw on slice 2 of 3/);
});

test("what a pane says of a slab is what it shows, and the key says where slices are too thick", () => {
  const world = new World();
  const { board } = world.stage;
  const { pane: axial } = world.hands;
  board.redraw = () => {};
  const said = [];
  axial.write = (text) => said.push(text);
  const window = { window: [0, 100], invert: false };
  const write = () => Board.prototype.write.call({ looks: { ...board.looks, of: () => window, fusion: { describe: () => "" } }, crosses: new Map() }, axial);
  axial.shape = { ...axial.shape, step: [0, 0, 2] };
  world.interaction.thicken();
  write();
  axial.shape = { ...axial.shape, step: [0, 0, 6] };
  write();
  world.interaction.thicken();
  world.interaction.thicken();
  assert.deepEqual(said, ["mean 5 mm  W 100  L 50", "W 100  L 50"]);
  assert.deepEqual(world.said.slice(-2), ["Slab: MIP 10 mm. Panes whose slices are too thick for it show single slices.", "Slab: MIP 20 mm."]);
});

test("slices stop playing in a pane that another layout took away", () => {
  const world = new World();
  const pane = { ...world.hands.pane, visible: true, el: { isConnected: true } };
  const seen = [];
  world.interaction.cine.scroll = () => seen.push(1);
  world.interaction.cine.turn(pane);
  mock.timers.tick(100);
  pane.el.isConnected = false;
  mock.timers.tick(1000);
  assert.deepEqual([seen.length, world.interaction.cine.playing], [1, null]);
});

/** A stage without a page around a world. */
function stageOf(world) {
  const stage = Object.assign(Object.create(Stage.prototype), world.stage, { later: [], looked: [], interaction: world.interaction });
  stage.look = (message) => stage.looked.push(message);
  world.interaction.stage = stage;
  return stage;
}

test("what the kernel wants shown waits for the end of a stroke", () => {
  const world = new World();
  const stage = stageOf(world);
  drawn(world);
  stage.receive({ kind: "look", focus: [0, 0, 0] });
  assert.deepEqual(stage.looked, []);
  world.pointer("pointerup", 140, 100);
  assert.equal(stage.looked.length, 1);
  stage.receive({ kind: "look", focus: [1, 1, 1] });
  assert.equal(stage.looked.length, 2);
});

test("another series or plane in a pane ends its stroke, and what other panes show does not", () => {
  const world = drawn();
  const stage = stageOf(world);
  stage.board.panes = [world.hands.pane];
  const cell = { name: "axial", series: "s", plane: "axial" };
  stage.leaveWhatChanges([cell, { name: "other", series: "t", plane: "axial" }]);
  assert.deepEqual(world.names, ["press", "drag"]);
  stage.leaveWhatChanges([{ ...cell, series: "t" }]);
  endsThere(world);
  assert.ok(world.interaction.changedAt > 0);
});

test("only what changes the images stops a press for a moment", () => {
  const world = new World();
  const stage = stageOf(world);
  delete stage.look;
  const pane = { name: "axial", series: "s", plane: "axial", index: 4, view: { left: 0, top: 0, zoom: 1 } };
  stage.board.shown = [pane];
  Object.assign(world.interaction, { changedAt: -Infinity, turnTo: (series, focus) => { if (focus) pane.index = focus[2]; } });
  stage.look({ series: "s", focus: [0, 0, 4] });
  assert.equal(world.interaction.changedAt, -Infinity);
  stage.look({ series: "s", focus: [0, 0, 5] });
  assert.ok(world.interaction.changedAt > 0);
});

test("strokes that wait for the kernel are kept when another layout comes", async () => {
  const sent = [];
  const queue = new StrokeQueue((frame, events) => sent.push(events.map((each) => each.do)), () => {}, { most: 1, note() {} });
  const pane = { name: "axial", series: "s", shape: { name: "axial" }, index: 0 };
  const ink = new Ink(() => {});
  const world = new World();
  const stage = Object.assign(stageOf(world), {
    queue, loader: { asked: new Map() }, model: { get: () => ({}) }, outbox: { page: "" }, bars: { setScene() {} }, reports: { soon() {} },
    hands: [], board: { panes: [pane], flat: true, ink, setScene: ({ series }) => ink.keepOn(series) },
  });
  for (const [n, what] of ["press", "drag", "release"].entries()) {
    const event = { do: what, pane: "axial", index: 0, points: [1, 1, 1], pressures: [1] };
    queue.push(event, n);
    ink.backlog.follow(event, pane, { feedback: "ring", colour: [0, 0, 0] }, n);
  }
  await stage.setScene({ kind: "scene", panes: [], series: {} });
  queue.acknowledged(1);
  assert.deepEqual(sent, [["press"], ["drag", "release"]]);
  assert.equal(ink.backlog.strokes.length, 1);
});

test("a suggestion is reported as seen once the screen shows it", () => {
  const world = new World();
  const stage = stageOf(world);
  const [frames, sent] = [[], []];
  globalThis.requestAnimationFrame = (work) => frames.push(work);
  stage.send = (message) => sent.push(message);
  stage.receive({ kind: "suggested", number: 7 });
  assert.deepEqual(sent, []);
  frames.forEach((work) => work());
  assert.deepEqual([sent[0].name, sent[0].value], ["seen", 7]);
});
