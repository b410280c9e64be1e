// A series dragged from the list at the left into a pane is shown there. The list is found in the application around the
// stage; the UID of a series is in its card.

const KIND = "application/x-eci-series";

/** UID of the series whose card holds an element; empty if none does. @param {any} target */
export const seriesOf = (target) => target?.closest?.(".eci-series")?.querySelector("[data-series]")?.dataset.series ?? "";

export class SeriesDrop {
  /** @param {HTMLElement} stage @param {(pane: string, series: string) => void} put shows a series in a pane */
  constructor(stage, put) {
    this.stage = stage;
    this.put = put;
    this.listeners = { pointerdown: this.ready, dragstart: this.start };
    for (const [name, listener] of Object.entries(this.listeners)) document.addEventListener(name, listener, true);
    stage.addEventListener("dragover", (event) => this.over(event));
    stage.addEventListener("dragleave", () => this.light(null));
    stage.addEventListener("drop", (event) => this.drop(event));
  }

  /** Cards can be dragged as soon as they are pressed. @param {PointerEvent} event */
  ready = ({ target }) => {
    if (seriesOf(target)) /** @type {any} */ (target).closest(".eci-series").draggable = true;
  };

  /** @param {DragEvent} event */
  start = ({ target, dataTransfer }) => {
    const series = seriesOf(target);
    if (!series) return;
    dataTransfer.setData(KIND, series);
    dataTransfer.effectAllowed = "copy";
  };

  /** @param {DragEvent} event @returns {HTMLElement | null} the pane that a series is over */
  paneOf({ target, dataTransfer }) {
    return dataTransfer?.types.includes(KIND) ? /** @type {any} */ (target).closest(".eci-pane") : null;
  }

  over(event) {
    const pane = this.paneOf(event);
    this.light(pane);
    if (!pane) return;
    event.preventDefault();
    event.stopPropagation();
    event.dataTransfer.dropEffect = "copy";
  }

  /** @param {HTMLElement | null} pane */
  light(pane) {
    this.stage.querySelector(".eci-drop")?.classList.remove("eci-drop");
    pane?.classList.add("eci-drop");
  }

  drop(event) {
    const pane = this.paneOf(event);
    this.light(null);
    if (!pane) return;
    event.preventDefault();
    event.stopPropagation();
    this.put(pane.dataset.pane, event.dataTransfer.getData(KIND));
  }

  stop() {
    for (const [name, listener] of Object.entries(this.listeners)) document.removeEventListener(name, listener, true);
  }
}
