// Ends typing with Enter: the next keys are for the images again, not for the field that was typed into.

const ONE_LINE = "input[type=text], input[type=number], input:not([type])";

export class EnterKey {
  /** @param {HTMLElement} stage fields are those of its application */
  constructor(stage) {
    this.pressed = (/** @type {any} */ event) => {
      const field = event.target;
      const app = stage.closest(".eci-work") ?? stage.closest(".eci-app");
      if (event.key !== "Enter" || event.isComposing || !app?.contains(field) || !field.matches(ONE_LINE)) return;
      setTimeout(() => field.blur()); // after the field has sent what was typed
    };
    document.addEventListener("keydown", this.pressed, true);
  }

  stop() { document.removeEventListener("keydown", this.pressed, true); }
}
