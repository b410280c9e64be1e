// Unit tests of the browser's half; `node --test`, run from test_esm.py.
import assert from "node:assert/strict";
import { test } from "node:test";

const at = (name) => import(new URL(`../../eci_annotate/viewer/stage/esm/${name}.js`, import.meta.url));
const geometry = await at("eyes/pane_geometry");
const { SliceCache, nextWanted, sliceKey } = await at("eyes/cache");
const { buildLut, paintSlice, draggedWindow, autoWindow } = await at("eyes/lut");
const { section, outline } = await at("ink/echoes");
const { bindingOf, bindings, helpRows } = await at("hands/keys");
const { START, step } = await at("transport/connection_state");
const { StrokeQueue } = await at("transport/stroke_queue");
const { InTransit } = await at("transport/in_transit");
const { Outbox } = await at("transport/outbox");
const { WidgetOutbox } = await at("transport/widget_outbox");
const { answers, Connection } = await at("transport/connection");
const { cut, Loader } = await at("eyes/loader");
const { gripOf, modifiersOf } = await at("hands/hands");

const { lookAt, lookOf } = await at("eyes/link");
const { planeName, slabText } = await at("eyes/slab");
const { probeText } = await at("eyes/probe");
const { followers } = await at("eyes/groups");
const { nextTurn, turnedShape, turnMatrix, turnText, uprightPoint } = await at("eyes/turn");
const { StackSlider } = await at("hands/stack_slider");
const { nameOf } = await at("hands/control_names");
const { belowFirstRow } = await at("hands/tool_row");

const axial = {
  name: "axial", axis: 0, axes: [1, 2], flips: [false, false], count: 3, rows: 4, cols: 5, du: 0.5, dv: 2,
  origin: [10, 20, 30], right: [1, 0, 0], down: [0, 1, 0], step: [0, 0, 3], per: [0, 0, 1 / 3], letters: {},
};
const coronal = { ...axial, name: "coronal", axis: 1, axes: [0, 2], flips: [true, false], count: 4, rows: 3 };
const near = (a, b) => a.forEach((x, n) => assert.ok(Math.abs(x - b[n]) < 1e-9, `${a} is not ${b}`));

test("plane and patient millimetres are inverse", () => {
  const point = geometry.lpsFromPlane(axial, 2, 1.75, 5);
  near(point, [11.5, 24, 36]);
  const { u, v, index } = geometry.planeFromLps(axial, point);
  near([u, v, index], [1.75, 5, 2]);
});

test("zooming keeps the point under the pointer, and fit shows all", () => {
  const view = geometry.fit(axial, 300, 200);
  const zoomed = geometry.zoomedAt(view, 40, 60, 3);
  near(geometry.planeFromPx(zoomed, 40, 60), geometry.planeFromPx(view, 40, 60));
  const [x, y] = geometry.pxFromPlane(view, 2.5, 8);
  assert.ok(x <= 300 && y <= 200.001);
});

test("a box is cut where its edges cross the slice", () => {
  const corners = [];
  for (const a of [10, 12]) for (const b of [20, 24]) for (const c of [31, 34]) corners.push([a, b, c]);
  assert.equal(geometry.boxSection(axial, 1, corners).length, 4);
  assert.equal(geometry.boxSection(axial, 0, corners).length, 0);
});

test("scrolling moves the focus along the normal only", () => {
  near(geometry.onSlice(axial, [11, 22, 30], 2), [11, 22, 36]);
});

test("slices are counted from the head, whatever the order of the stack", () => {
  const downward = { ...axial, step: [0, 0, -3] };
  assert.deepEqual([0, 1, 2].map((n) => geometry.sliceNumber(axial, n)), [3, 2, 1]);
  assert.deepEqual([0, 1, 2].map((n) => geometry.sliceNumber(downward, n)), [1, 2, 3]);
  assert.ok(!geometry.isUpward({ step: [0, 3, 0] }) && geometry.isUpward({ step: [0, 1, 2.8] }));
});

test("the cache is bounded by bytes and keeps what was used last", () => {
  const cache = new SliceCache(30);
  for (const n of [0, 1, 2]) cache.put(`${n}`, { bytes: 10 });
  cache.get("0");
  cache.put("3", { bytes: 10 });
  assert.deepEqual([...cache.held.keys()], ["2", "0", "3"]);
  assert.equal(cache.bytes, 30);
});

test("what is shown is fetched first, then outward in the direction of travel", () => {
  const held = new Set();
  const panes = [{ series: "s", plane: "axial", shape: axial, index: 1, travel: 1, reach: 2 }, { series: "s", plane: "coronal", shape: coronal, index: 3, travel: -1, reach: 1 }];
  const order = [];
  for (let next; (next = nextWanted(panes, (s, p, n) => !held.has(sliceKey(s, p, n)))); held.add(sliceKey("s", next.plane, next.index)))
    order.push(`${next.plane}${next.index}`);
  assert.deepEqual(order, ["axial1", "coronal3", "axial2", "axial0", "coronal2"]);
});

test("window and level: below is black, above white, signed values too, and invert", () => {
  const stored = { slope: 1, intercept: 0, signed: true };
  const out = new Uint32Array(4);
  const values = Int16Array.from([-1000, -100, 0, 100]);
  const greys = (wanted) => wanted.forEach((grey, n) => assert.ok(Math.abs((out[n] & 255) - grey) <= 0.5));
  paintSlice(values, buildLut([-100, 100], false, stored), out);
  greys([0, 0, 127.5, 255]);
  paintSlice(values, buildLut([-100, 100], true, stored), out);
  greys([255, 255, 127.5, 0]);
  assert.ok(draggedWindow([0, 100], 30, 0)[1] > 100 && draggedWindow([0, 100], 0, 30)[0] > 0);
  assert.deepEqual(autoWindow(Int16Array.from({ length: 101 }, (_, n) => n), stored), [1, 99]);
});

test("the automatic window ignores padding, and keeps a background that belongs to the image", () => {
  const stored = { slope: 1, intercept: 0 };
  const tissue = Array.from({ length: 700 }, (_, n) => (n % 200) - 50);
  const padded = Int16Array.from([...Array(300).fill(-3024), ...tissue]);
  assert.deepEqual(autoWindow(padded, stored), autoWindow(Int16Array.from(tissue), stored));
  const mr = Int16Array.from([...Array(300).fill(0), ...Array.from({ length: 700 }, (_, n) => n)]);
  assert.equal(autoWindow(mr, stored)[0], 0);
  assert.deepEqual(autoWindow(Int16Array.from([7, 7, 7]), stored), [7, 8]);
});

test("an echo shows its slice in each pane, flips included", () => {
  const voxels = new Uint8Array(2 * 2 * 2); // k, j, i from corner (1, 1, 3): only (1, 1, 4) and (2, 2, 3)
  voxels[1] = voxels[6] = 1;
  const bits = Uint8Array.from([voxels.reduce((s, v, n) => s | (v << (7 - n)), 0)]);
  const echo = { uid: "u", colour: [255, 0, 0], visible: true, corner: [1, 1, 3], size: [2, 2, 2], bits };
  const a = section(echo, axial, 1);
  assert.deepEqual([a.left, a.top, [...a.inside]], [3, 1, [0, 1, 0, 0]]);
  const c = section(echo, coronal, 2);
  assert.deepEqual([c.left, c.top, [...c.inside]], [3, 0, [1, 0, 0, 0]]);
  assert.equal(section(echo, axial, 0), null);
  assert.equal(outline(a).edges.length, 4);
  assert.deepEqual(outline(a).runs, [[1, 4, 5]]);
});

test("slices of other panes are cut from the acquired ones", () => {
  const slice = (k) => ({ values: Int16Array.from({ length: 20 }, (_, n) => 100 * k + n), bytes: 40 });
  assert.deepEqual([...cut(axial, coronal, 2, slice).values], [210, 211, 212, 213, 214, 110, 111, 112, 113, 114, 10, 11, 12, 13, 14]);
  const sagittal = { ...axial, name: "sagittal", axis: 2, axes: [0, 1], flips: [true, false], count: 5, rows: 3, cols: 4 };
  assert.deepEqual([...cut(axial, sagittal, 1, slice).values], [201, 206, 211, 216, 101, 106, 111, 116, 1, 6, 11, 16]);
});

test("nothing but what is shown is fetched while a hand draws", () => {
  const asked = [];
  const loader = new Loader((series, pane, index) => asked.push(`${pane}${index}`));
  loader.shapes = { s: { axial, coronal } };
  loader.busy = true;
  loader.fill([{ series: "s", shape: axial, index: 1, travel: 1 }]);
  assert.deepEqual(asked, ["axial1"]);
});

test("a slab is part of the plane's name, odd, and none where one slice is as thick", () => {
  const slab = { mode: "max", mm: 10, title: "MIP 10 mm" };
  assert.equal(planeName(axial, slab), "axial~max3"); // 3 mm apart
  assert.equal(planeName({ ...axial, step: [0, 0, 12] }, slab), "axial");
  assert.equal(planeName(axial, null), "axial");
  const said = [axial, { ...axial, step: [0, 0, 12] }, { ...axial, alone: true }].map((shape) => slabText(shape, slab));
  assert.deepEqual([...said, slabText(axial, null)], ["MIP 10 mm", "", "", ""]);
  const loader = new Loader(() => {});
  loader.shapes = { s: { axial, coronal } };
  const bytes = new DataView(new Int16Array(20).buffer);
  loader.arrived({ series: "s", plane: "axial~max3", index: 1, dtype: "int16", slope: 1, intercept: 0 }, bytes);
  assert.ok(loader.held("s", "axial~max3", 1) && !loader.held("s", "axial", 1) && !loader.held("s", "coronal~max3", 0));
});

test("the value under the pointer is that of the pixel, and none outside", () => {
  const slice = { values: Int16Array.from({ length: 20 }, (_, n) => n), slope: 2, intercept: -10 };
  const pane = { picture: { held: true, slice }, upright: axial, turn: 0, shape: axial, quantity: "HU", view: { left: 0, top: 0, zoom: 10 } };
  assert.equal(probeText(pane, { pane, x: 12, y: 25 }), "4 HU"); // column 2, row 1
  assert.equal(probeText(pane, { pane, x: -1, y: 25 }), "");
  assert.equal(probeText(pane, { pane: null, x: 12, y: 25 }), "");
  const rotated = { ...pane, turn: 1, shape: turnedShape(axial, 1) }; // by 90 degrees: row 1 is the third column from the left
  assert.equal(probeText(rotated, { pane: rotated, x: 55, y: 12 }), "4 HU");
});

test("panes with parallel planes of one frame of reference follow, others do not", () => {
  const pane = (name, shape, space) => ({ name, shape, upright: shape, space, visible: true });
  const [a, b, c, d] = [pane("a", axial, "f"), pane("b", { ...axial, du: 3 }, "f"), pane("c", { ...coronal, down: [0, 0, 1] }, "f"), pane("d", axial, "g")];
  assert.deepEqual(followers(a, [a, b, c, d]).map(({ name }) => name), ["b"]);
});

const TURNS = [0, 1, 2, 3, 4, 5, 6, 7];
const lettered = { ...axial, letters: { left: "R", right: "L", top: "A", bottom: "P" } };

test("screen, patient and screen again is the identity however a pane is flipped and rotated", () => {
  for (const shape of [axial, { ...coronal, down: [0, 0, -1], step: [0, 2, 0], per: [0, 0.5, 0] }])
    for (const turn of TURNS)
      for (let n = 0; n < 50; n++) {
        const turned = turnedShape(shape, turn);
        const view = { left: Math.random() * 3 - 1, top: Math.random() * 3 - 1, zoom: 0.5 + Math.random() * 9, width: 300, height: 200 };
        const px = [Math.random() * 300, Math.random() * 200];
        const [u, v] = geometry.planeFromPx(view, ...px);
        const point = geometry.lpsFromPlane(turned, 1, u, v);
        const on = geometry.planeFromLps(turned, point);
        near(geometry.pxFromPlane(view, on.u, on.v), px);
        const [p, q] = uprightPoint(shape, turn, u, v);
        near(geometry.lpsFromPlane(shape, 1, p, q), point); // the same place as upright
        const [a, b, c, d, e, f] = turnMatrix(shape, turn);
        near([a * p + c * q + e, b * p + d * q + f], [u, v]); // where the pixels are drawn
      }
});

test("each step turns what is on the screen, whatever way it was before", () => {
  const sides = ({ letters: { left, top, right, bottom } }) => [left, top, right, bottom];
  for (const turn of TURNS) {
    const [left, top, right, bottom] = sides(turnedShape(lettered, turn));
    const after = (step) => sides(turnedShape(lettered, nextTurn(turn, step)));
    assert.deepEqual(after("flip-x"), [right, top, left, bottom]);
    assert.deepEqual(after("flip-y"), [left, bottom, right, top]);
    assert.deepEqual(after("right"), [bottom, left, top, right]);
    assert.deepEqual(after("left"), [top, right, bottom, left]);
    for (const step of ["flip-x", "flip-y"]) assert.equal(nextTurn(nextTurn(turn, step), step), turn);
    assert.equal(nextTurn(nextTurn(turn, "right"), "left"), turn);
  }
  assert.deepEqual([0, 3, 4, 5].map(turnText), ["", "rotated 270°", "flipped", "flipped, rotated 90°"]);
});

test("echoes lie on their voxels in a turned pane", () => {
  const bits = Uint8Array.from([0b10110000]); // two rows of two columns: the first, and the second row
  const echo = { corner: [1, 2, 1], size: [1, 2, 2], bits };
  const voxels = [[2, 1], [3, 1], [3, 2]]; // row, column of the volume
  for (const turn of TURNS) {
    const shape = turnedShape(axial, turn);
    const { left, top, cols, inside } = section(echo, shape, 1);
    const shown = [...inside.keys()].filter((n) => inside[n]).map((n) => {
      const [col, row] = [left + (n % cols), top + Math.floor(n / cols)];
      const [x, y] = geometry.lpsFromPlane(shape, 1, (col + 0.5) * shape.du, (row + 0.5) * shape.dv);
      return [Math.round((y - axial.origin[1]) / axial.dv), Math.round((x - axial.origin[0]) / axial.du)];
    });
    assert.deepEqual(shown.sort(), voxels);
  }
});

test("controls that wrapped below the first row are in the menu", () => {
  const box = (top, height = 28) => ({ top, height });
  assert.deepEqual(belowFirstRow([box(2), box(0, 32), box(0, 0), box(34), box(36)]), [false, false, false, true, true]);
  assert.deepEqual(belowFirstRow([box(2), box(0, 0)]), [false, false]);
});

const oneByOne = { most: 1, note() {} };

test("the courier merges what waits and never builds a queue", () => {
  const sent = [];
  const courier = new StrokeQueue((frame, events) => sent.push([frame, events]), (command) => sent.push(command), oneByOne);
  const drag = (x) => ({ do: "drag", pane: "axial", index: 0, points: [x, 0, 0], pressures: [1] });
  courier.push({ ...drag(0), do: "press" }, 1);
  for (const x of [1, 2, 3]) courier.push(drag(x), x + 1);
  assert.equal(sent.length, 1);
  assert.deepEqual(courier.acknowledged(1).stamps, [1]);
  assert.deepEqual(sent[1][1][0].points, [1, 0, 0, 2, 0, 0, 3, 0, 0]);
  courier.push({ ...drag(4), do: "release" }, 9);
  assert.deepEqual(courier.acknowledged(2).stamps, [2, 3, 4]);
  assert.equal(sent.at(-1)[1][0].do, "release");
});

test("over a long line more frames are in transit, as many as the kernel draws meanwhile", () => {
  for (const [roundTrip, work, most] of [[8, 5, 2], [75, 5, 5], [90, 30, 3], [260, 200, 2], [2000, 1, 8]]) {
    const pace = new InTransit();
    for (let n = 0; n < 30; n++) pace.note(roundTrip + (n % 5) * 20, work);
    assert.equal(pace.most, most, `${roundTrip} ms, ${work} in the kernel`);
  }
});

test("a command keeps its place among strokes that wait", () => {
  const sent = [];
  const courier = new StrokeQueue((frame, events) => sent.push(events.map((e) => e.do).join()), (command) => sent.push(command), oneByOne);
  const event = (what) => ({ do: what, pane: "axial", index: 0, points: [0, 0, 0], pressures: [1] });
  courier.command("tool");
  for (const what of ["press", "release"]) courier.push(event(what), 1);
  courier.command("undo");
  courier.push(event("press"), 1);
  assert.deepEqual(sent, ["tool", "press"]);
  courier.acknowledged(1);
  assert.deepEqual(sent, ["tool", "press", "release", "undo"]);
  courier.acknowledged(2);
  assert.deepEqual(sent, ["tool", "press", "release", "undo", "press"]);
});

test("after a long cut what waits travels in pieces", () => {
  const sizes = [];
  const courier = new StrokeQueue((frame, events) => sizes.push(events.reduce((sum, e) => sum + e.points.length, 0)), () => {}, oneByOne);
  const drag = () => ({ do: "drag", pane: "axial", index: 0, points: Array(300).fill(0), pressures: Array(100).fill(1) });
  for (let n = 0; n < 1000; n++) courier.push(drag(), n);
  for (let frame = 1; courier.busy; frame++) courier.acknowledged(frame);
  assert.equal(sizes.reduce((a, b) => a + b), 300_000);
  assert.ok(Math.max(...sizes) <= 60_300);
});

test("what was not heard is sent again, and only that", () => {
  const sent = [];
  const post = new Outbox((message) => sent.push(message.serial), "me");
  for (const kind of ["command", "views", "hands"]) post.send({ kind });
  assert.deepEqual(sent, [1, undefined, 2]);
  assert.deepEqual(post.heard(["another", 2]), []);
  assert.deepEqual(post.heard(["me", 1]).map((each) => each.kind), ["command"]);
  post.again();
  assert.deepEqual(sent, [1, undefined, 2, 2]);
  post.heard(["me", 2]);
  assert.equal(post.waits, 0);
});

test("a field's value and a click are kept until the kernel has them, and a stage's own messages are not", async () => {
  const [listeners, carried] = [{}, []];
  const signal = (name) => ({ connect: (listener) => { listeners[name] = listener; } });
  const kernel = {
    anyMessage: signal("any"), statusChanged: signal("status"), _sendMessage: (msg) => carried.push(msg.header.msg_id),
    requestKernelInfo: () => Promise.resolve(), connectionStatus: "connected",
  };
  const unheard = WidgetOutbox.of(kernel);
  assert.equal(unheard, WidgetOutbox.of(kernel));
  const sent = (id, data, type = "comm_msg") =>
    listeners.any(kernel, { direction: "send", msg: { header: { msg_id: id, msg_type: type }, content: { data } } });
  const told = (id, state = "idle", type = "status") => {
    const msg = { header: { msg_type: type }, parent_header: { msg_id: id }, content: { execution_state: state } };
    listeners.any(kernel, { direction: "recv", msg });
  };
  sent("field", { method: "update", state: {} });
  sent("click", { method: "custom", content: { event: "click" } });
  sent("stroke", { method: "custom", content: { kind: "hands" } });
  sent("state", { method: "request_states" });
  sent("cell", undefined, "execute_request");
  assert.deepEqual([...unheard.kept.keys()], ["field", "click"]);
  told("field");
  told("click", "", "stream");
  assert.ok(unheard.waits > 0);
  told("click", "busy");
  assert.equal(unheard.waits, 0);  // it is at work on it, but ipywidgets wait for the end
  unheard.again();
  unheard.again();
  assert.deepEqual(carried, ["click"]);
  await null;
  assert.deepEqual(carried, ["click", "click"]);
  listeners.status(kernel, "restarting");
  assert.equal(unheard.waits, 0);
});

test("a kernel is asked on its control channel whether the line is there", async () => {
  const asked = [];
  const kernel = (reply) => ({
    clientId: "c", username: "u",
    sendControlMessage: (message) => { asked.push([message.channel, message.header.msg_type]); return reply(); },
  });
  const future = {};
  const answer = answers(kernel(() => future));
  future.onReply();
  assert.equal(await answer, true);
  assert.equal(await answers(kernel(() => ({})), 5), false);
  assert.equal(await answers(kernel(() => { throw new Error("dead"); })), false);
  assert.deepEqual(asked, Array(3).fill(["control", "kernel_info_request"]));
});

test("the connection of a closed page is left alone", () => {
  const timers = [];
  globalThis.window = { addEventListener: () => {}, removeEventListener: () => {} };
  const kernel = {
    isDisposed: true, connectionStatus: "disconnected", connectionStatusChanged: { disconnect: () => timers.push("off") },
    reconnect: () => { throw new Error("Kernel connection is disposed"); },
  };
  const stage = { outbox: { waits: 0, kept: [], heardAt: new Date() }, say: (text) => timers.push(text) };
  const connection = new Connection(stage, kernel);
  connection.widgetOutbox = { waits: 0, kept: new Map() };
  connection.observe("look");
  assert.deepEqual(timers, ["off"]);
  delete globalThis.window;
});

test("every key of the table is found, and only once", () => {
  const table = bindings([{ name: "box", title: "BoundingBox", key: "b" }], ["liver"]);
  const names = table.flatMap((b) => b.keys);
  assert.equal(new Set(names).size, names.length);
  const press = (key, more = {}) => bindingOf({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more }, table);
  assert.equal(press("b").value, "box");
  assert.equal(press("Z", { ctrlKey: true, shiftKey: true }).does, "redo");
  assert.equal(press("z", { metaKey: true }).does, "undo");
  assert.equal(press("!", { shiftKey: true, code: "Digit1" }).value, "liver");
  assert.equal(press("2", { code: "Digit2" }).does, "dimension");
  assert.equal(press("?", { shiftKey: true, code: "Slash" }).does, "view-help");
  assert.equal(press("#"), null);
  assert.ok(helpRows(table).every(([keys, text]) => keys && text));
});

test("what a press begins is decided by its button", () => {
  assert.equal(gripOf({ button: 0 }), "stroke");
  assert.equal(gripOf({ button: 0, space: true }), "pan");
  assert.equal(gripOf({ button: 0, shiftKey: true }), "jump");
  assert.equal(gripOf({ button: 1 }), "pan");
  assert.equal(gripOf({ button: 2 }), "window");
  assert.deepEqual(modifiersOf({ altKey: true, metaKey: true }), ["alt", "control"]);
});

const paneOf = (shape, width, height) => {
  const pane = { shape, index: 1, size: { width, height }, view: geometry.fit(shape, width, height), fitted: true };
  pane.fit = () => Object.assign(pane, { view: geometry.fit(shape, width, height), fitted: true });
  pane.setView = (view) => Object.assign(pane, { view, fitted: false });
  return pane;
};

test("linked panes show the same point and as many millimetres, whatever their size", () => {
  const [one, other] = [paneOf(axial, 300, 200), paneOf({ ...axial, origin: [8, 20, 30], cols: 9 }, 600, 500)];
  one.setView(geometry.panned(geometry.zoomedAt(one.view, 10, 10, 3), 40, -20));
  one.index = 2;
  lookAt(other, lookOf(one));
  assert.equal(other.index, 2);
  const seen = lookOf(other);
  near(seen.centre, lookOf(one).centre);
  near([seen.span], [lookOf(one).span]);
  lookAt(one, { ...seen, fitted: true });
  assert.ok(one.fitted);
});

/** Actions of a whole story; each observation may name what differs from a connected, answering kernel. */
const story = (...observations) => {
  let state = START;
  return observations.map((seen, n) => {
    const { state: after, actions } = step(state, { type: "look", connected: true, silent: false, now: 1000 * n, ...seen });
    state = after;
    return [after.is, ...actions];
  });
};

test("a broken connection is said, tried again every few seconds, and resumed once", () => {
  const lost = { connected: false };
  assert.deepEqual(story({}, lost, lost, { ...lost, now: 6000 }, { type: "status", silent: true }, {}), [
    ["open"], ["cut", "say-cut", "reconnect"], ["cut", "say-cut"], ["cut", "say-cut", "reconnect"], ["open", "resume"], ["open"],
  ]);
});

test("a busy kernel is asked once at a time, and its connection is left alone", () => {
  const silent = { silent: true };
  assert.deepEqual(story(silent, silent, { ...silent, type: "reply", works: true }, silent, {}), [
    ["asking", "ask"], ["asking"], ["late", "say-late", "repeat"], ["asking-late", "ask"], ["open", "say-caught-up"],
  ]);
  assert.deepEqual(story({ ...silent, type: "reply", works: true }, {}), [["late", "say-late", "repeat"], ["open", "say-caught-up"]]);
});

test("a kernel that does not answer at all is behind a broken connection", () => {
  const silent = { silent: true };
  assert.deepEqual(story(silent, { ...silent, type: "reply", works: false }, silent), [
    ["asking", "ask"], ["cut", "say-cut", "reconnect"], ["cut", "say-cut"],
  ]);
});

test("a sigmoid and a table become grey as DICOM defines them", () => {
  const stored = { slope: 2, intercept: -100, signed: true };
  const level = (voi, value, invert = false) => buildLut([0, 200], invert, stored, undefined, voi)[((value + 100) / 2) & 0xffff] & 255;
  for (const value of [-50, 0, 30, 100, 170, 260])
    assert.ok(Math.abs(level("SIGMOID", value) - 255 / (1 + Math.exp((-4 * (value - 100)) / 200))) <= 0.5);
  assert.deepEqual([0, 100, 200, 900].map((value) => level([10, 40, 90], value)), [10, 40, 90, 90]);
  assert.equal(level([10, 40, 90], 100, true), 215);
  assert.deepEqual([0, 98, 198, 200].map((value) => level("LINEAR", value)), [0, 126, 254, 255]);
  assert.deepEqual([0, 98, 198, 200].map((value) => level("LINEAR_EXACT", value)), [0, 125, 252, 255]);
  const step = (value) => buildLut([0, 1], false, { slope: 1, intercept: 0, signed: true }, undefined, "LINEAR")[value & 0xffff] & 255;
  assert.deepEqual([-1, 0, 1, 2].map(step), [0, 0, 255, 255]);
});

test("the slider steps through the stacks of the active pane, and hides where there is one only", () => {
  const asked = [];
  const board = { series: "b", active: { name: "1-1" } };
  const slider = Object.assign(Object.create(StackSlider.prototype), {
    board, put: (...what) => asked.push(what), el: {}, title: {}, range: { setAttribute: () => {} },
  });
  const stacks = [["a", "b = 0"], ["b", "b = 400"], ["c", "b = 800"]];
  slider.setScene({ a: { stacks }, b: { stacks }, x: {} });
  assert.equal(slider.title.textContent, "b = 400 (2 / 3)");
  slider.step(1);
  slider.step(-5);
  assert.deepEqual(asked, [["1-1", "c"], ["1-1", "a"]]);
  board.series = "a";
  slider.step(-1);
  assert.equal(asked.length, 2);
  board.series = "x";
  slider.show();
  slider.step(1);
  assert.ok(slider.el.hidden && asked.length === 2);
});

test("a control is named by its tooltip, the question before it, or what is typed into it", () => {
  const control = (more, before) => ({ closest: () => ({ previousElementSibling: before && { textContent: before } }), ...more });
  assert.equal(nameOf(control({ title: "Layout" }, "Title")), "Layout");
  assert.equal(nameOf(control({ placeholder: "0 to 10" }, " Size [mm] * ")), "Size [mm] *");
  assert.equal(nameOf(control({ placeholder: "next label" })), "next label");
  assert.equal(nameOf(control({ type: "color", placeholder: "\u200b" })), "Colour");
});

test("the crosshair is shown on its slice only, and a pane says the place of the slice that it shows", async () => {
  const { showsCross } = await at("eyes/glass");
  const shape = { unit: "mm", origin: [0, 0, 0], right: [1, 0, 0], down: [0, 1, 0], step: [0, 0, 4], per: [0, 0, 0.25], du: 1, dv: 1 };
  assert.deepEqual([[1, 2, 21.9], [1, 2, 22.1]].map((point) => showsCross({ shape, index: 5 }, point)), [true, false]);
  assert.deepEqual(geometry.placeOnSlice(shape, [1, 2, 21], 5), [1, 2, 21]);
  assert.deepEqual(geometry.placeOnSlice(shape, [1, 2, 30], 5), [1, 2, 20]);
  const projection = { ...shape, unit: "px" };
  assert.deepEqual([true, undefined].map((keyed) => showsCross({ shape: projection, index: 0, keyed }, [1, 2, 0])), [true, false]);
});
