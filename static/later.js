// What a form asks for, as a request to the API that can wait for the connection (data-later names its kind).
// resend.js sends it. The key makes it one request, however often it is sent.
import { add } from "./outbox.js";

const NOT_SENT = ["csrfmiddlewaretoken", "key", "anyway", "album_name", "preset_name"];
const random = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("");
const filled = (form) => [...new FormData(form)].filter(([name, value]) => value !== "" && !NOT_SENT.includes(name));

const KINDS = {
  image(form) {
    // A new album and a consent are more than one request: those forms wait on the page.
    if (form.elements.album?.value === "new" || form.querySelector("[type=checkbox]:checked")) return null;
    const key = form.elements.key.value;
    form.elements.key.value = random(); // what is asked for next is another request
    return { method: "POST", url: "/api/v1/generations", body: Object.fromEntries(filled(form)), key, name: key, words: form.elements.prompt.value };
  },
  favourite(form) {
    const { api, words } = form.dataset;
    return { method: "PATCH", url: api, body: { favourite: form.elements.favourite.value === "on" }, key: random(), name: `favourite ${api}`, words };
  },
};

// Whether the form's request waits now.
export async function sendLater(form, user) {
  const request = KINDS[form.dataset.later]?.(form);
  return Boolean(request) && add({ ...request, user, kind: form.dataset.later, words: request.words.slice(0, 80), at: Date.now() });
}
