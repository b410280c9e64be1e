// Thick slabs: what is shown is the mean, maximum or minimum of the slices around. A slab is part of a plane's name in
// requests and in the cache ("axial~max5": the maximum of five slices).

/** @typedef {{mode: "mean" | "max" | "min", mm: number, title: string}} Slab */

/** @type {(Slab | null)[]} in the order in which a key steps through them; null: single slices */
export const SLABS = [
  null,
  { mode: "mean", mm: 5, title: "mean 5 mm" },
  { mode: "max", mm: 10, title: "MIP 10 mm" },
  { mode: "max", mm: 20, title: "MIP 20 mm" },
  { mode: "min", mm: 10, title: "MinIP 10 mm" },
];

/** @param {Slab | null} slab */
export const nextSlab = (slab) => SLABS[(SLABS.indexOf(slab) + 1) % SLABS.length];

/** Number of slices in a slab, odd, so that the slice itself is in the middle; slices that lean or are separate pictures
 * have no slabs. @param {{step: number[], alone?: boolean}} shape @param {Slab} slab */
export const countOf = (shape, { mm }) => (shape.alone ? 1 : 2 * Math.floor(mm / Math.hypot(...shape.step) / 2 + 1e-9) + 1);

/** Name of a plane with its slab. @param {any} shape @param {Slab | null} slab */
export function planeName(shape, slab) {
  const count = slab ? countOf(shape, slab) : 1;
  return slab && count > 1 && shape.count > 1 ? `${shape.name}~${slab.mode}${count}` : shape.name;
}

/** What a pane shows in place of single slices; empty if it shows those: its slices may be too thick, or separate pictures.
 * @param {any} shape @param {Slab | null} slab */
export const slabText = (shape, slab) => (slab && planeName(shape, slab) !== shape.name ? slab.title : "");
