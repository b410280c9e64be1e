// Unit tests of what lies over panes; `node --test`, run from test_esm.py.
import assert from "node:assert/strict";
import { test } from "node:test";

const at = (name) => import(new URL(`../../eci_annotate/viewer/stage/esm/${name}.js`, import.meta.url));
const { blend, colourAt, colourTable } = await at("sections/colour_table");
const { Fusion, onto, overPanes, shows } = await at("sections/fusion");
const { handleAt, lineIn, linesIn } = await at("sections/reference_lines");
const { Tilt, turned } = await at("sections/tilt");
const { wrapped } = await at("sections/legend");
const { Loader } = await at("eyes/loader");
const { Looks } = await at("eyes/looks");

const map = { title: "Two", colours: [[0, 0, 0], [255, 0, 0], [255, 255, 255]] };
const axial = {
  name: "axial", axis: 0, axes: [1, 2], flips: [false, false], count: 3, rows: 1, cols: 2, du: 1, dv: 1, step: [0, 0, 3],
};
const pane = (more = {}) => ({ name: "1-1", series: "ct", shape: axial, index: 1, travel: 1, fuse: { series: "pet", title: "PET", why: "", opacity: 0.5, colours: "two" }, ...more });

test("colours are linear between those of a map", () => {
  assert.deepEqual(colourAt(map, 0.25), [128, 0, 0]);
  assert.deepEqual([colourAt(map, -1), colourAt(map, 2)], [[0, 0, 0], [255, 255, 255]]);
});

test("nothing known, and values below the window, have no colour; the rest has the opacity", () => {
  const table = colourTable([10, 20], map, 0.5, { slope: 1, intercept: 0 });
  assert.equal(table[0], 0);
  assert.equal(table[10], 0);
  assert.equal(table[15] >>> 24, 128);
  assert.equal(table[15] & 255, 255);
  assert.ok(table[10.5 | 0] === 0 && colourTable([10, 110], map, 1, { slope: 1, intercept: 0 })[15] >>> 24 === 128);
});

test("blending mixes by opacity and leaves the rest bit for bit", () => {
  const out = new Uint32Array([0xff646464, 0xff646464]);
  blend(new Uint16Array([0, 1]), new Uint32Array([0, ((128 << 24) | 255) >>> 0]), out);
  assert.equal(out[0], 0xff646464);
  assert.equal(out[1] & 255, 100 + Math.round((155 * 128) / 255));
  assert.equal((out[1] >>> 8) & 255, 100 - Math.round((100 * 128) / 255));
});

test("a pane shows what lies over it until it is switched off; opacity and colours belong to the series", () => {
  const looks = new Looks();
  const { fusion } = looks;
  fusion.maps = { two: map, other: map };
  fusion.setScene([pane(), pane({ fuse: null })]);
  assert.deepEqual(fusion.of("pet"), { opacity: 0.5, colours: "two" });
  assert.deepEqual(fusion.seriesIn(pane()), ["ct", "pet"]);
  fusion.fade("pet", 1);
  fusion.setScene([pane()]);
  assert.equal(fusion.of("pet").opacity, 0.6);
  fusion.turn(pane());
  assert.deepEqual([fusion.over(pane()), fusion.seriesIn(pane()), overPanes([pane()], fusion)], [null, ["ct"], []]);
  fusion.turn(pane());
  assert.equal(overPanes([pane()], fusion)[0].below, "ct");
  looks.reset();
  assert.equal(fusion.of("pet").opacity, 0.5);
  assert.equal(fusion.describe(pane(), looks).text, "+ PET  50 %");
  assert.equal(fusion.describe(pane({ fuse: { series: "", title: "PET", why: "No." } }), looks).text, "No.");
});

test("slices over panes are asked for like others, and never shown in place of another one", () => {
  const asked = [];
  const loader = new Loader((...each) => asked.push(each.join(" ")));
  loader.shapes = { ct: { axial }, pet: { axial } };
  const looks = new Looks();
  looks.fusion.setScene([pane()]);
  loader.fill([pane()], null, overPanes([pane()], looks.fusion));
  assert.deepEqual(asked.slice(0, 2), ["ct axial 1", "pet axial@ct 1"]);
  const arrived = { series: "pet", plane: onto("axial", "ct"), index: 1 };
  assert.ok(shows(pane(), arrived, looks) && !shows(pane({ index: 2 }), arrived, looks) && !shows(pane({ series: "mr" }), arrived, looks));
  assert.equal(looks.fusion.layer(pane(), "axial", { loader, looks }), null);
  loader.forget("axial@ct");
  assert.deepEqual([...loader.asked.keys()].filter((key) => key.includes("@")), []);
  loader.arrived({ ...arrived, dtype: "uint16", slope: 2, intercept: 1 }, new DataView(new Uint16Array([0, 7]).buffer));
  looks.fusion.maps = { two: map };
  assert.deepEqual([...looks.fusion.layer(pane(), "axial", { loader, looks }).values], [0, 7]);
});

const near = (a, b) => a.forEach((x, n) => assert.ok(Math.abs(x - b[n]) < 1e-9, `${a} is not ${b}`));
const shapeOf = (more) => ({ ...axial, rows: 100, cols: 100, origin: [0, 0, 0], right: [1, 0, 0], down: [0, 1, 0], step: [0, 0, 1], per: [0, 0, 1], ...more });
const view = { left: 0, top: 0, zoom: 1, width: 100, height: 100 };
const tipped = { axis: -1, count: 9, name: "oblique:1", right: [0, 0, -1], down: [0, 1, 0], step: [1, 0, 0], per: [1, 0, 0], origin: [20, 0, 0] };
const paneOf = (name, shape, more = {}) => ({ name, series: "ct", plane: shape.name, space: "f", shape, upright: shape, index: 0, turn: 0, visible: true, size: { width: 100, height: 100 }, view, ...more });

test("a vector turns right-handed about an axis, and keeps its length", () => {
  near(turned([1, 0, 0], [0, 0, 1], Math.PI / 2), [0, 1, 0]);
  assert.ok(Math.abs(Math.hypot(...turned([1, 2, 3], [0, 0.6, 0.8], 0.7)) - Math.hypot(1, 2, 3)) < 1e-12);
});

test("the line of an oblique pane is where both planes are; its handles are on it", () => {
  const [flat, of] = [paneOf("axial", shapeOf({ index: 0 })), paneOf("oblique", shapeOf(tipped), { index: 5 })];
  const line = lineIn(flat, of, [40, 30, 0]);
  near([line.x, line.y], [25.5, 30.5]); // x = 25 mm, half a pixel from the corner
  near(line.along.map(Math.abs), [0, 1]);
  assert.equal(handleAt([line], { x: 25, y: 30 + line.reach }), line);
  assert.equal(handleAt([line], { x: 25, y: 30 }), null);
  assert.deepEqual(linesIn(of, [flat, of], new Map()), []);
  assert.equal(lineIn(flat, paneOf("o", shapeOf({ axis: -1 })), [0, 0, 0]), null, "parallel planes have no line");
});

test("steps of a turn wait for the answer, and the newest wins", () => {
  const sent = [];
  const of = paneOf("oblique", shapeOf(tipped));
  const board = { shown: [of], crosses: new Map([["f", [20, 10, 0]]]), paneNamed: () => null };
  const tilt = new Tilt(board, (message) => sent.push(message));
  for (let n = 0; n < 4; n++) tilt.tip(of, { axis: "down", degrees: 5 + n });
  assert.equal(sent.length, 1);
  tilt.receive({ pane: "gone", series: "ct", shape: of.shape });
  assert.equal(sent.length, 2);
  near(sent[1].value.right, turned([0, 0, -1], [0, 1, 0], (8 * Math.PI) / 180));
  assert.deepEqual(sent[1].value.through, [20, 10, 0]);
  tilt.receive({ pane: "gone", series: "ct", shape: of.shape });
  assert.equal(sent.length, 2);
  assert.match(tilt.tip(paneOf("axial", shapeOf({})), { axis: "down", degrees: 5 }), /not oblique/);
});

test("texts are wrapped between words", () => {
  const context = { measureText: (text) => ({ width: text.length }) };
  assert.deepEqual(wrapped(context, "one two three", 8), ["one two", "three"]);
});

test("no text of a pane lies over another, however narrow the pane is and whatever is fused", async () => {
  const { drawTexts } = await at("eyes/glass");
  const { drawLegend } = await at("sections/legend");
  const WIDE = 7, TALL = 13;
  for (const width of [150, 196, 240, 318, 345, 440, 714])
    for (const slice of ["4 / 8", "12 / 120 · prior 2024-01-01"])
      for (const text of ["", "+ Perfusion 1  40 %", "+ Dynamic contrast enhanced, late phase  40 %"])
        for (const probe of ["", "20 HU + 150 HU"]) {
          const put = new Map();
          const context = {
            measureText: (words) => ({ width: words.length * WIDE }), fillRect() {}, strokeRect() {},
            fillText(words, x, y) {
              const long = words.length * WIDE, left = { left: x, right: x - long, center: x - long / 2 }[this.textAlign];
              put.set(`${words}`, { words, left, right: left + long, y }); // the last one lies over its shadow
            },
          };
          const texts = { title: "Coronal", slice, window: "W 360  L 60", place: "L 0.0", bar: { px: 40, text: "5 cm" } };
          const shape = { letters: { left: "R", right: "L", top: "H", bottom: "F" } };
          const pane = { texts, shape, size: { width, height: 400 }, waits: false, active: false, fused: { text, legend: null } };
          drawTexts(context, pane, probe);
          drawLegend(context, pane);
          const top = put.get("H"), others = [...put.values()].filter((each) => each !== top);
          const over = others.find((each) => Math.abs(each.y - top.y) < TALL && each.left < top.right && top.left < each.right);
          assert.equal(over, undefined, `${over?.words} and the letter, ${width} px, ${text}`);
        }
});
