// The kernel's canvases, found through the widget manager. The pane itself draws their content over the image,
// so none of them needs a view of its own.

/** @param {any} model @param {Record<string, string[]>} references pane -> widget references, bottom first */
export async function findLayers(model, references) {
  const found = {};
  for (const [pane, names] of Object.entries(references))
    found[pane] = await Promise.all(names.map((name) => model.widget_manager.get_model(name.replace("IPY_MODEL_", ""))));
  return found;
}

/** Resolves when all drawing commands received so far are on the canvases. */
export async function drawnBy(canvas) {
  const courier = await canvas?.get("_canvas_manager");
  if (courier?.currentProcessing) await courier.currentProcessing;
}
