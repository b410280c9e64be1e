// Entry point for anywidget: one stage for each place where the widget is shown.

import { element } from "./eyes/pane.js";
import { ControlNames } from "./hands/control_names.js";
import { EnterKey } from "./hands/enter_key.js";
import { ToolRow } from "./hands/tool_row.js";
import { Stage } from "./stage.js";

export async function render({ model, el }) {
  const stage = new Stage(model, element("div", "", el));
  const around = [new ToolRow(stage.el), new ControlNames(stage.el), new EnterKey(stage.el)];
  Object.assign(stage.el, { stage });
  await stage.start();
  model.set("language", navigator.languages.join(","));
  model.save_changes();
  return () => {
    for (const each of around) each.stop();
    stage.stop();
  };
}

export default { render };
