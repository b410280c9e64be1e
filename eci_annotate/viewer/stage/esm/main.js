// Entry point for anywidget: one stage for each place where the widget is shown.

import { element } from "./eyes/pane.js";
import { Stage } from "./stage.js";

export async function render({ model, el }) {
  const stage = new Stage(model, element("div", "", el));
  Object.assign(stage.el, { stage });
  await stage.start();
  return () => stage.stop();
}

export default { render };
