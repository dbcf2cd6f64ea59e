// Shows the price on the button and suggestions during typing. The page works without both.
import { watch } from "./create.js";

const form = document.getElementById("prompt-form");
const prompt = document.getElementById("prompt");
const box = document.getElementById("suggestions");
const engines = JSON.parse(form.dataset.engines); // fitting, prices, qualities: see generation/picking.py
const odd = document.getElementById("odd"); // says that the price is rounded up

const engine = () => form.elements.engine?.value || engines.fitting[""][0];
function each() { // as billing/prices.py: steps cost as much as the cheapest quality that takes as many
  const prices = engines.prices[engine()], steps = engines.steps[engine()], wanted = Number(form.elements.steps.value);
  if (!wanted) return prices[form.elements.quality.value];
  const enough = Object.keys(prices).find((quality) => steps[quality] >= wanted);
  return enough ? prices[enough] : (prices.high * wanted) / steps.high;
}
const eras = form.querySelector("#eras");
function offerEras() { // those that the chosen engine knows
  if (!eras) return;
  const known = engines.eras[engine()] ?? [];
  for (const one of eras.querySelectorAll("[name=era]")) {
    one.closest("label").hidden = Boolean(one.value) && !known.includes(one.value);
    if (one.checked && one.closest("label").hidden) eras.querySelector("[value='']").checked = true;
  }
  eras.hidden = !known.length;
}
let before = ""; // the quality that was chosen before the free drafts
function offerFree() { // the demonstration person: drafts only, which cost nothing
  const free = form.elements.twin?.value === engines.free, quality = form.elements.quality;
  if (free && quality.value !== "draft") before = quality.value;
  if (free) [quality.value, form.elements.steps.value] = ["draft", ""];
  else if (form.classList.contains("studio-free")) quality.value = before || "standard";
  form.classList.toggle("studio-free", free);
  return free;
}
watch(form, engines, () => form.elements.twin?.value ?? "", () => {
  offerEras();
  const free = offerFree();
  for (const option of form.elements.quality.options) option.textContent = engines.qualities[engine()][option.value];
  const exact = free ? 0 : each() * Number(form.elements.count.value);
  odd.hidden = Number.isInteger(exact);
  return Math.ceil(exact);
});

// Keeps the draft of the prompt until a request is accepted: a lost session or a closed tab loses nothing.
const DRAFT = `photoflux-prompt-${form.dataset.user}`;
const example = "example" in prompt.dataset ? prompt.defaultValue : ""; // filled in where nothing was made yet
if (new URLSearchParams(location.search).has("prompt")) localStorage.removeItem(DRAFT); // it came in the address
else if (prompt.value === example) prompt.value = localStorage.getItem(DRAFT) || example;
prompt.addEventListener("input", () => localStorage.setItem(DRAFT, prompt.value));
if (location.search) history.replaceState(null, "", location.pathname);

// A fixed seed is shown beside the button, with a way to get rid of it.
const seed = form.elements.seed;
const fixed = document.getElementById("fixed-seed");
function showSeed() {
  fixed.hidden = !seed.value;
  fixed.querySelector("b").textContent = seed.value;
}
seed.addEventListener("input", showSeed);
fixed.querySelector("button").addEventListener("click", () => { seed.value = ""; showSeed(); prompt.focus(); });
showSeed();

// Tells before the request how far the base reads the prompts.
const unread = document.getElementById("unread");
const LEAST = 40; // characters: no base stops before
function readOnlyTo(text, until) { // the last words, like _tail in generation/views.py
  const read = text.slice(0, until), longer = read.slice(-31);
  const words = longer.includes(" ") ? longer.slice(longer.indexOf(" ") + 1) : "";
  return (read.length > 30 && words) || read.slice(-30);
}
async function measure() {
  const fields = Object.fromEntries(["twin", "prompt", "negative_prompt", "style", "engine", "era"].map((name) => [name, form.elements[name]?.value ?? ""]));
  const sentences = [];
  if (fields.prompt.trim() && (fields.prompt.length > LEAST || fields.negative_prompt)) {
    const answer = await fetch("/api/v1/quote", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
      body: JSON.stringify({ kind: "image", ...fields, twin: fields.twin || null, era: fields.era || null }),
    }).catch(() => null);
    if (!answer?.ok || form.elements.prompt.value !== fields.prompt) return;
    const { prompt_read_until: until, negative_prompt_read_until: negative } = await answer.json();
    if (until !== undefined) sentences.push(unread.dataset.prompt.replace("%(end)s", () => readOnlyTo(fields.prompt, until)));
    if (negative) sentences.push(unread.dataset.negative.replace("%(end)s", () => readOnlyTo(fields.negative_prompt, negative)));
    if (negative === 0) sentences.push(unread.dataset.none);
  }
  unread.replaceChildren(...sentences.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
  unread.hidden = !sentences.length;
  form.elements.anyway.value = sentences.length ? "1" : "";
}
let measuring = 0;
function measureSoon() { clearTimeout(measuring); measuring = setTimeout(measure, 300); }
form.addEventListener("input", (event) => { form.elements.anyway.value = ""; if (event.target.name !== "seed") measureSoon(); });
if (prompt.value) measureSoon();

let chosen = -1;
let timer = 0;
function close() { box.hidden = true; chosen = -1; ["aria-activedescendant", "aria-controls"].forEach((name) => prompt.removeAttribute(name)); }
function take(text) { prompt.value = text; measureSoon(); localStorage.setItem(DRAFT, text); close(); prompt.focus(); }
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
let entered = false; // by this click; the next one sets the cursor
prompt.addEventListener("focus", () => {
  entered = true;
  if (!prompt.value) suggest();
  else if (prompt.value === example) prompt.select(); // what is typed takes its place
});
prompt.addEventListener("click", () => { // it undid the selection
  if (entered && example && prompt.value === example) prompt.select();
  entered = false;
});
if (document.activeElement === prompt && prompt.value) suggest(); // typed before this script was loaded
prompt.addEventListener("blur", close);
prompt.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && chosen < 0) { event.preventDefault(); form.requestSubmit(); }
  if (box.hidden) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); mark(chosen + (event.key === "ArrowDown" ? 1 : -1)); }
  if (event.key === "Enter" && chosen >= 0) { event.preventDefault(); take(box.children[chosen].textContent); }
  if (event.key === "Escape") close();
});
