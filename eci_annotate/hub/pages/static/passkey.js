// Passkeys: asks the browser, puts its answer into the form, and submits the form. The service makes all decisions.

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const form = document.getElementById("confirm") || document.getElementById("change");

/** @param {string} said */
function trouble(said) {
  const place = document.getElementById("trouble");
  place.textContent = said;
  place.hidden = false;
}

/** The response of an authenticator as JSON, in the format that the service reads. */
function told(credential) {
  const response = {};
  for (const name of ["attestationObject", "clientDataJSON", "authenticatorData", "signature", "userHandle"])
    if (credential.response[name]) response[name] = text(credential.response[name]);
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
}

async function get() {
  const options = JSON.parse(form.dataset.get);
  options.challenge = bytes(options.challenge);
  for (const each of options.allowCredentials || []) each.id = bytes(each.id);
  return told(await navigator.credentials.get({ publicKey: options }));
}

async function create() {
  const options = JSON.parse(form.dataset.create);
  options.challenge = bytes(options.challenge);
  options.user.id = bytes(options.user.id);
  for (const each of options.excludeCredentials || []) each.id = bytes(each.id);
  return told(await navigator.credentials.create({ publicKey: options }));
}

/** Run when the button is pressed; errors are shown. */
function on(id, work) {
  const button = document.getElementById(id);
  if (button) button.addEventListener("click", () => work().catch((error) => trouble(`The passkey was not used: ${error.message}`)));
}

on("passkey", async () => {
  if (!form.reportValidity()) return;
  form.elements.credential.value = await get();
  form.requestSubmit();
});
on("passkey-proof", async () => {
  form.elements.credential.value = await get();
});
on("add-passkey", async () => {
  form.elements.created.value = await create();
  form.submit();
});
