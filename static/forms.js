// Sends a form only when the server answers. Else the page stays with all that was typed, says so, and offers
// to try again, where the browser would replace it by an error page of its own. Some requests wait for the
// connection instead (later.js).
import { sendLater } from "./later.js";

const toasts = document.getElementById("toasts");
const PATIENCE = 8000; // ms
let asking = null; // the form that waits for the server's answer
let passed = null; // the form that is sent next, as the server has answered

async function answers() {
  const options = { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(PATIENCE) };
  return fetch("/healthz", options).then((answer) => answer.ok, () => false);
}

function tell(form, button) {
  const note = Object.assign(document.createElement("div"), { className: "toast unsent" });
  const text = Object.assign(document.createElement("span"), { textContent: toasts.dataset.unsent });
  const again = Object.assign(document.createElement("button"), { type: "button", className: "chip-btn", textContent: toasts.dataset.again });
  again.addEventListener("click", () => form.requestSubmit(button));
  note.append(text, again);
  toasts.append(note);
  again.focus({ preventScroll: true });
}

async function send(form, button) {
  asking = form;
  const reached = await answers();
  asking = null;
  toasts.querySelector(".unsent")?.remove();
  if (!reached) return (!button?.hasAttribute("formaction") && await sendLater(form, toasts.dataset.user)) || tell(form, button);
  passed = form;
  form.requestSubmit(button);
}

addEventListener("submit", (event) => { // before the form's own listeners: they see what is really sent
  const form = event.target;
  if (form.getAttribute("method")?.toLowerCase() !== "post" || form.id === "drop") return; // upload.js sends that one
  if (form === passed) {
    passed = null;
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation();
  if (form !== asking) send(form, event.submitter);
}, true);
addEventListener("pageshow", () => { asking = null; passed = null; });
