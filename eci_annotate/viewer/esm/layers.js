// The kernel's canvases: found through the widget manager, hung into their panes, and asked when they have drawn.

/** @param {any} model @param {Record<string, string[]>} references pane -> widget references, bottom first
 *  @param {(pane: string) => HTMLElement} place */
export async function hangLayers(model, references, place) {
  const manager = model.widget_manager;
  const models = [];
  for (const [pane, names] of Object.entries(references))
    for (const name of names) {
      const canvas = await manager.get_model(name.replace("IPY_MODEL_", ""));
      const view = await manager.create_view(canvas, {});
      view.el.classList.add("eci-canvas");
      place(pane).append(view.el);
      models.push(canvas);
    }
  return models;
}

/** Resolves when all drawing commands received so far are on the screen canvases. */
export async function drawnBy(models) {
  for (const canvas of models.slice(0, 1)) {
    const courier = await canvas.get("_canvas_manager");
    if (courier?.currentProcessing) await courier.currentProcessing;
  }
  await Promise.resolve();
}
