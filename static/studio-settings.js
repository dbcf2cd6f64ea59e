// The settings of the studio: their headline says what is chosen, the browser remembers whether they are folded,
// a preset fills them without leaving the page.
const form = document.getElementById("prompt-form");
const settings = document.getElementById("settings");
const FOLDED = "photoflux-settings";
if (localStorage.getItem(FOLDED)) settings.open = localStorage.getItem(FOLDED) === "open";
settings.addEventListener("toggle", () => localStorage.setItem(FOLDED, settings.open ? "open" : "folded"));

const textOf = (field) => (field instanceof RadioNodeList ? [...field].find((each) => each.checked)?.nextElementSibling?.nextElementSibling ?? [...field].find((each) => each.checked)?.parentElement : field?.selectedOptions?.[0])?.textContent.trim();
function say() {
  for (const place of settings.querySelectorAll("[data-said]")) {
    const text = textOf(form.elements[place.dataset.said]);
    if (text) place.textContent = text;
  }
}
form.addEventListener("change", () => setTimeout(say, 0)); // after studio.js has named the qualities
say();

function fill(query) { // what a preset leaves out becomes as it was at first
  const wanted = new URLSearchParams(query);
  for (const name of ["style", "aspect_ratio", "quality", "count", "engine", "negative_prompt", "steps", "era"]) {
    const field = form.elements[name];
    if (!field || (!wanted.has(name) && ["style", "aspect_ratio", "quality", "count", "engine"].includes(name))) continue;
    field.value = wanted.get(name) ?? "";
  }
  form.dispatchEvent(new Event("change", { bubbles: true }));
}
settings.addEventListener("click", (event) => {
  const preset = event.target.closest("[data-preset]");
  if (!preset || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  fill(preset.dataset.preset);
});
document.getElementById("preset-name").addEventListener("keydown", (event) => { // Enter saves, and makes no pictures
  if (event.key !== "Enter") return;
  event.preventDefault();
  settings.querySelector(".studio-save button").click();
});
