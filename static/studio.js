// Shows the price on the button and suggestions during typing. The page works without both.
const form = document.getElementById("prompt-form");
const prompt = document.getElementById("prompt");
const box = document.getElementById("suggestions");
const create = document.getElementById("create");
const prices = JSON.parse(form.dataset.prices);

function price() {
  const n = prices[form.elements.quality.value] * Number(form.elements.count.value);
  create.textContent = n === 1 ? create.dataset.one : create.dataset.many.replace("#", String(n));
}
form.addEventListener("change", price);
form.addEventListener("submit", () => setTimeout(() => { create.disabled = true; }, 0)); // ignores the second click of a double click
addEventListener("pageshow", () => { // a page restored by the back button sends a new request, with a new key
  create.disabled = false;
  form.elements.key.value = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("");
});
price();

// Keeps the draft of the prompt until a request is accepted: a lost session or a closed tab loses nothing.
const DRAFT = `photoflux-prompt-${form.dataset.user}`;
if (!prompt.value && !location.search) prompt.value = localStorage.getItem(DRAFT) ?? "";
prompt.addEventListener("input", () => localStorage.setItem(DRAFT, prompt.value));
if (location.search) { // the form was filled from the address, so the draft and the query can go
  localStorage.removeItem(DRAFT);
  history.replaceState(null, "", location.pathname);
}

let chosen = -1;
let timer = 0;
function close() { box.hidden = true; chosen = -1; ["aria-activedescendant", "aria-controls"].forEach((name) => prompt.removeAttribute(name)); }
function take(text) { prompt.value = text; localStorage.setItem(DRAFT, text); close(); prompt.focus(); }
function mark(n) {
  const rows = [...box.children];
  chosen = (n + rows.length) % rows.length;
  rows.forEach((row, i) => row.setAttribute("aria-selected", String(i === chosen)));
  prompt.setAttribute("aria-activedescendant", rows[chosen].id);
  rows[chosen].scrollIntoView({ block: "nearest" });
}
function narrow() { // Enter must take nothing that was suggested for another text
  const typed = prompt.value.toLowerCase();
  for (const row of [...box.children]) if (!row.textContent.toLowerCase().startsWith(typed)) row.remove();
  chosen = -1;
  if (!box.children.length) close();
}
async function suggest() {
  const asked = prompt.value;
  const answer = await fetch(`/api/v1/prompts/suggest?q=${encodeURIComponent(asked)}`).catch(() => null);
  const texts = answer?.ok ? await answer.json() : [];
  // Somebody who typed on, or has already gone down the list, keeps what they see.
  if (document.activeElement !== prompt || prompt.value !== asked || chosen >= 0) return;
  const found = texts.filter((text) => text !== asked);
  box.replaceChildren(...found.map((text, i) => {
    const row = Object.assign(document.createElement("li"), { id: `suggestion-${i}`, textContent: text });
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", "false");
    row.addEventListener("mousedown", (event) => { event.preventDefault(); take(text); });
    return row;
  }));
  box.hidden = !found.length;
  if (found.length) prompt.setAttribute("aria-controls", box.id);
  chosen = -1;
}
prompt.addEventListener("input", () => {
  narrow();
  clearTimeout(timer);
  timer = setTimeout(suggest, 150);
});
prompt.addEventListener("focus", () => { if (!prompt.value) suggest(); });
if (document.activeElement === prompt && prompt.value) suggest(); // typed before this script was loaded
prompt.addEventListener("blur", close);
prompt.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && chosen < 0) { event.preventDefault(); form.requestSubmit(); }
  if (box.hidden) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); mark(chosen + (event.key === "ArrowDown" ? 1 : -1)); }
  if (event.key === "Enter" && chosen >= 0) { event.preventDefault(); take(box.children[chosen].textContent); }
  if (event.key === "Escape") close();
});
