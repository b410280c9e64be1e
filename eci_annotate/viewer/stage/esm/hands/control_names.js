// Gives the controls around the stage names that screen readers read: ipywidgets sets tooltips, but neither names nor
// texts in place of pictures.

const UNNAMED = "select, input, textarea";

/** The name of a control: its tooltip, or that of its widget, the question before it, or what is to be typed. @param {any} control */
export function nameOf(control) {
  const widget = control.closest(".jupyter-widgets");
  const before = widget?.previousElementSibling?.textContent?.trim();
  const typed = (control.placeholder ?? "").replace("\u200b", "").trim();
  return control.title || widget?.title || before || typed || (control.type === "color" ? "Colour" : "");
}

export class ControlNames {
  /** @param {HTMLElement} stage controls are those of its application, once it is on the page */
  constructor(stage) {
    this.stage = stage;
    this.changes = new MutationObserver(() => this.set());
    this.shown = new ResizeObserver(() => this.begin());
    this.shown.observe(stage);
  }

  begin() {
    const app = this.stage.closest(".eci-work") ?? this.stage.closest(".eci-app");
    if (!app) return;
    this.shown.disconnect();
    this.app = app;
    this.changes.observe(app, { childList: true, subtree: true, attributes: true, attributeFilter: ["title"] });
    this.set();
  }

  set() {
    for (const control of this.app.querySelectorAll(UNNAMED)) {
      if (this.stage.contains(control)) continue;
      const name = nameOf(control);
      if (name && control.ariaLabel !== name) control.ariaLabel = name;
    }
    for (const picture of this.app.querySelectorAll(".eci-series img:not([alt])")) /** @type {any} */ (picture).alt = ""; // its button says more
  }

  stop() {
    this.changes.disconnect();
    this.shown.disconnect();
  }
}
