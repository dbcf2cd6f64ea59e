// Keys of staff's queue: A it stays, R then a digit removes it for that reason, E leaves it to a superuser,
// U takes the last decision back, L writes why one looks. No key works while one types.
// The next case takes the place of the last one without a new page: that alone takes longer than the server.
const find = (selector) => document.querySelector(`.queue ${selector}`);
let removing = false, sending = false, whole = false;

function typing(target) { return target.matches("input:not([type=radio], [type=checkbox]), textarea, select"); }
function send(act) { find("#queue-decide").requestSubmit(find(`#queue-decide button[value=${act}]`)); }
function removeFor(digit) {
  const choice = document.querySelectorAll("#queue-decide [name=reason_remove]")[digit - 1];
  if (!choice) return;
  choice.checked = true;
  send("remove");
}
addEventListener("keydown", (event) => {
  if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  if (key === "u") find("#queue-undo")?.click();
  if (!find("#queue-decide")) return;
  if (key === "a") send("keep");
  else if (key === "e") send("escalate");
  else if (key === "l") { find("#queue-why")?.focus(); event.preventDefault(); }
  else if (key === "r") { removing = true; find("[name=reason_remove]").focus(); }
  else if (removing && /^[1-9]$/.test(key)) removeFor(Number(key));
});

// What is not the next case (a log-in, a refusal of the server) is left to a whole page, as is a request that
// did not get through: the browser tells of that, and "back" leads to what was typed.
async function answerTo(form, button) {
  const body = new FormData(form, button);
  const answer = await fetch(location.href, { method: "POST", body, headers: { "X-Part": "1" } });
  const found = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".queue");
  if (!found) return location.assign(location.pathname);
  document.querySelector(".queue").replaceWith(found);
  found.focus({ preventScroll: true });
  scrollTo(0, 0);
  const done = find("[name=decision]");
  history.replaceState(null, "", done ? `?done=${done.value}` : location.pathname);
}
addEventListener("submit", async (event) => {
  if (whole || !event.target.closest(".queue")) return;
  event.preventDefault();
  if (sending) return;
  sending = true;
  removing = false;
  const { target, submitter } = event;
  try { await answerTo(target, submitter); } catch { whole = true; target.requestSubmit(submitter); }
  sending = false;
});
