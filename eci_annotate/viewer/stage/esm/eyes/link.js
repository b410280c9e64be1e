// Linked stages show the same position in the patient: when one is scrolled, zoomed or windowed, the others follow
// immediately, in the browser. They find each other by name on the page, since each widget loads its own copy of this
// module.

import * as pane_geometry from "./pane_geometry.js";

const stages = () => (globalThis.eciLinkedStages ??= new Set());

export class Link {
  /** @param {any} stage @param {string} name empty: not linked */
  constructor(stage, name) {
    this.stage = stage;
    this.name = name;
    this.following = false;
    if (name) stages().add(stage);
  }

  /** Kind of stage: stages that started with the same panes keep showing the same ones. */
  get kind() {
    return this.stage.model.get("alone") ?? "";
  }

  leave() {
    stages().delete(this.stage);
  }

  /** Send the position of this stage to the others. */
  tell() {
    if (!this.name || this.following || !this.stage.board.series) return;
    const state = this.state();
    for (const other of stages()) if (other !== this.stage && other.link.name === this.name) other.link.follow(state);
  }

  state() {
    const { series, space, window, invert, focus, alone, shown, looks } = this.stage.board;
    const panes = shown.map((pane) => ({ name: pane.name, space: pane.space, turn: pane.turn, ...lookOf(pane) }));
    return { series, space, window, invert, voi: looks.of(series).voi, focus, kind: this.kind, alone, panes };
  }

  follow(state) {
    const { stage, stage: { board } } = this;
    if (!board.series || state.space !== board.space || stage.interaction?.drawing) return;
    this.following = true;
    if (state.kind === this.kind) stage.arrange(state.alone);
    board.focus = state.focus;
    if (board.looks.has(state.series)) board.looks.set(state.series, state.window, state.invert, state.voi);
    for (const look of state.panes) {
      const pane = board.paneNamed(look.name);
      if (!pane?.shape || pane.space !== look.space) continue;
      if (pane.turn !== look.turn) pane.setTurn(look.turn);
      lookAt(pane, look);
    }
    board.redraw("scroll");
    stage.reports.soon();
    this.following = false;
  }
}

const breadth = ({ width, height }) => Math.min(width, height);

/** Patient point at the centre of a pane, millimetres shown, and whether the view is fitted. */
export function lookOf({ shape, index, view, fitted, size }) {
  const [u, v] = pane_geometry.planeFromPx(view, size.width / 2, size.height / 2);
  return { centre: pane_geometry.lpsFromPlane(shape, index, u, v), span: breadth(size) / view.zoom, fitted: Boolean(fitted) };
}

/** Show that point at the centre of another pane, which may have another size. */
export function lookAt(pane, { centre, span, fitted }) {
  const { u, v, index } = pane_geometry.planeFromLps(pane.shape, centre);
  pane.index = pane_geometry.clampIndex(pane.shape, index);
  if (fitted) return pane.fit();
  const { width, height } = pane.size;
  const zoom = breadth(pane.size) / span || pane.view.zoom;
  pane.setView({ zoom, left: u - width / 2 / zoom, top: v - height / 2 / zoom, width, height });
}
