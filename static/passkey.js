// Passkeys. A button with data-passkey asks the browser for one, puts its answer into the field “credential” of the
// button's form and sends the form. The options are in data-options, or come from the address in data-from.
const said = (form) => form.querySelector("[data-passkey-failed]");

async function options(button) {
  if (button.dataset.options) return JSON.parse(button.dataset.options);
  const headers = { Accept: "application/json", "X-CSRFToken": button.form.querySelector("[name=csrfmiddlewaretoken]").value };
  const answer = await fetch(button.dataset.from, { method: button.dataset.method || "POST", headers });
  if (!answer.ok) throw new Error(String(answer.status));
  const found = await answer.json();
  return found.request_options || found;
}

async function create({ publicKey }) {
  // A passkey: found without a name, and opened by face, finger or PIN.
  const wanted = { residentKey: "required", requireResidentKey: true, userVerification: "required" };
  const asked = { ...publicKey, authenticatorSelection: { ...publicKey.authenticatorSelection, ...wanted } };
  return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) });
}

const get = ({ publicKey }) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });

async function act(button) {
  const { form } = button;
  const made = await (button.dataset.passkey === "create" ? create : get)(await options(button));
  form.elements.credential.value = JSON.stringify(made.toJSON());
  form.noValidate = true; // the password is not needed
  form.requestSubmit();
}

for (const button of document.querySelectorAll("[data-passkey]")) {
  const known = Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON); // older browsers do not
  button.hidden = !known;
  button.form.querySelector("[data-passkey-none]")?.toggleAttribute("hidden", known);
  button.addEventListener("click", () => {
    said(button.form).hidden = true;
    button.disabled = true;
    act(button).catch(() => { said(button.form).hidden = false; }).finally(() => { button.disabled = false; });
  });
}
