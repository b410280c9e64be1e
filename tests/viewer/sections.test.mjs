// Unit tests of what lies over panes; `node --test`, run from test_esm.py.
import assert from "node:assert/strict";
import { test } from "node:test";

const at = (name) => import(new URL(`../../eci_annotate/viewer/stage/esm/${name}.js`, import.meta.url));
const { blend, colourAt, colourTable } = await at("sections/colour_table");
const { Fusion, onto, overPanes, shows } = await at("sections/fusion");
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
  loader.arrived({ ...arrived, dtype: "uint16", slope: 2, intercept: 1 }, new DataView(new Uint16Array([0, 7]).buffer));
  looks.fusion.maps = { two: map };
  assert.deepEqual([...looks.fusion.layer(pane(), "axial", { loader, looks }).values], [0, 7]);
});

test("texts are wrapped between words", () => {
  const context = { measureText: (text) => ({ width: text.length }) };
  assert.deepEqual(wrapped(context, "one two three", 8), ["one two", "three"]);
});
