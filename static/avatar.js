// The avatar: every change is drawn by the server at once, and kept when the control is let go. Without this
// script the form is sent by its button.
const picture = () => document.getElementById("avatar-picture");
const said = (text) => { const line = document.getElementById("avatar-said"); if (line) line.textContent = text; };
let wanted = null; // the newest address to draw, while another is being drawn
let drawing = false;

function address(form) {
  const fields = [...new FormData(form)].filter(([name]) => !name.startsWith("was_") && name !== "csrfmiddlewaretoken");
  return `${form.dataset.api}/picture?${new URLSearchParams(fields)}`;
}

async function draw(url) { // one at a time: a slider asks for more than can be drawn
  wanted = url;
  if (drawing) return;
  drawing = true;
  while (wanted) {
    const next = Object.assign(new Image(), { src: wanted });
    wanted = null;
    await next.decode().then(() => { const shown = picture(); if (shown) shown.src = next.src; }, () => {});
  }
  drawing = false;
}

const value = (field) => (field.type === "range" ? Number(field.value) : field.value);
let last = Promise.resolve(); // corrections are kept in the order in which they were made

async function keep(form, field) {
  const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value, "Content-Type": "application/json", Accept: "application/json" };
  const body = JSON.stringify({ [field.name]: value(field) });
  try {
    const answer = await fetch(form.dataset.api, { method: "PATCH", headers, body });
    const text = answer.ok ? form.dataset.kept : (await answer.json()).detail;
    if (answer.ok) form.elements[`was_${field.name}`].value = field.value;
    said(text || form.dataset.lost);
  } catch {
    said(form.dataset.lost);
  }
}

const ours = (event) => event.target.closest?.(".avatar-form");
addEventListener("input", (event) => { if (ours(event)) draw(address(ours(event))); });
addEventListener("change", (event) => {
  const form = ours(event);
  if (form && event.target.name) last = last.then(() => keep(form, event.target));
});
