// The row of tools above the images stays one row: what does not fit is in a menu, opened by a button at its end.
// If even the tools do not fit, all but the chosen one show their icon only. Controls in the closed menu cannot be reached by the keyboard either.

import { element } from "../eyes/pane.js";

/** Which controls are below the first row. @param {{top: number, height: number}[]} boxes those of height 0 are not shown */
export function belowFirstRow(boxes) {
  const shown = boxes.filter(({ height }) => height > 0);
  const first = Math.min(...shown.map(({ top, height }) => top + height / 2));
  return boxes.map(({ top, height }) => height > 0 && top > first);
}

export class ToolRow {
  /** @param {HTMLElement} stage the row is found in its application, once it is on the page */
  constructor(stage) {
    this.stage = stage;
    this.open = false;
    /** @type {HTMLElement | null} */
    this.row = null;
    this.sizes = new ResizeObserver(() => this.update());
    this.children = new MutationObserver(() => this.follow());
    this.sizes.observe(stage);
  }

  /** Find the row, and add the button of the menu. */
  find() {
    const bar = this.stage.closest(".eci-app")?.querySelector(".eci-toolbar");
    const row = /** @type {HTMLElement | null} */ (bar?.querySelector(".eci-tools"));
    if (!bar || !row || bar.querySelector(".eci-more")) return;
    this.row = row;
    this.button = /** @type {HTMLButtonElement} */ (element("button", "eci-more jupyter-widgets jupyter-button widget-button"));
    Object.assign(this.button, { type: "button", textContent: "More ▾", title: "More tools and options" });
    row.after(this.button);
    this.button.addEventListener("click", () => this.show(!this.open));
    bar.addEventListener("keydown", (event) => void (/** @type {KeyboardEvent} */ (event).key === "Escape" && this.show(false)));
    this.children.observe(row, { childList: true });
    this.follow();
  }

  /** Watch the sizes of all controls: a tool shows and hides its options. */
  follow() {
    for (const each of [this.row, ...this.row.children]) this.sizes.observe(each);
  }

  /** @param {boolean} open */
  show(open) {
    this.open = open;
    this.update();
  }

  update() {
    if (!this.row) this.find();
    const { row, button } = this;
    if (!row) return;
    const controls = /** @type {HTMLElement[]} */ ([...row.children]);
    row.classList.remove("eci-compact");
    let below = this.below(controls);
    if (controls.some((each, n) => below[n] && each.classList.contains("eci-tool"))) {
      row.classList.add("eci-compact");
      below = this.below(controls);
    }
    const some = below.includes(true);
    if (!some) this.open = false;
    button.hidden = !some;
    button.ariaExpanded = String(this.open);
    row.classList.toggle("eci-open", this.open);
    controls.forEach((each, n) => { each.inert = below[n] && !this.open; });
  }

  below(controls) {
    return belowFirstRow(controls.map(({ offsetTop, offsetHeight }) => ({ top: offsetTop, height: offsetHeight })));
  }

  stop() {
    this.sizes.disconnect();
    this.children.disconnect();
    this.button?.remove();
  }
}
