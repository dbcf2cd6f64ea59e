// The price on the button, and what the chosen engine can do. The page works without it.
import { watch } from "./create.js";

const form = document.getElementById("clips-form");
const own = document.getElementById("clips-own"); // a movement in words
const engines = JSON.parse(form.dataset.engines); // fitting, words: see generation/clips/views.py

const twin = () => form.querySelector("[name=twin]:checked")?.value ?? "";
const engine = () => form.elements.engine?.value || (engines.fitting[twin()] ?? [])[0];

function offerWords() { // where the chosen engine reads them
  if (!own) return;
  own.hidden = !engines.words.includes(engine());
  if (own.hidden && own.querySelector("input").checked) form.querySelector("[name=motion]").checked = true;
  form.elements.action.disabled = !own.querySelector("input").checked; // what is hidden is not sent
}

watch(form, engines, twin, () => {
  offerWords();
  return Number(form.querySelector("[name=duration]:checked").dataset.credits);
});
if (location.search) history.replaceState(null, "", location.pathname + (form.elements.reference ? `?reference=${form.elements.reference.value}` : ""));
