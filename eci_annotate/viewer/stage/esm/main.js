// Entry point for anywidget: one stage for each place where the widget is shown.

import { element } from "./eyes/pane.js";
import { ToolRow } from "./hands/tool_row.js";
import { Stage } from "./stage.js";

export async function render({ model, el }) {
  const stage = new Stage(model, element("div", "", el));
  const row = new ToolRow(stage.el);
  Object.assign(stage.el, { stage });
  await stage.start();
  return () => {
    row.stop();
    stage.stop();
  };
}

export default { render };
