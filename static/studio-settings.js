// The settings of the studio: their headline says what is chosen, the browser remembers whether they are folded,
// a preset fills them without leaving the page.
import { headline } from "./create.js";

const form = document.getElementById("prompt-form");
const settings = document.getElementById("settings");
headline(form, settings, "photoflux-settings");

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
