// Shows what is being sent while a browser uploads a form's files; the form works without it.

const filled = document.getElementById("confirm");
const sending = document.getElementById("sending");

/** Format a number of bytes. */
function size(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  const at = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${(bytes / 1000 ** at).toPrecision(3)} ${units[at]}`;
}

filled.addEventListener("submit", () => {
  const files = [...filled.querySelectorAll("input[type=file]")].flatMap((field) => [...field.files]);
  const bytes = files.reduce((sum, each) => sum + each.size, 0);
  const begun = Date.now();
  const tell = () => {
    const seconds = Math.round((Date.now() - begun) / 1000);
    sending.lastElementChild.textContent = `Sending ${files.length} files, ${size(bytes)}, since ${seconds} s. Keep this page open.`;
  };
  tell();
  setInterval(tell, 1000);
  sending.hidden = false;
  for (const button of filled.querySelectorAll("button")) button.disabled = true;
});
