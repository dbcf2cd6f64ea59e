// Keys of staff's queue: A it stays, R then a digit removes it for that reason, E leaves it to a superuser,
// U takes the last decision back, L writes why one looks. No key works while one types.
const form = document.getElementById("queue-decide");
let removing = false;

function typing(target) { return target.matches("input:not([type=radio], [type=checkbox]), textarea, select"); }
function send(act) {
  const button = form.querySelector(`button[value=${act}]`);
  form.requestSubmit(button);
}
function removeFor(digit) {
  const choice = form.querySelectorAll("[name=reason_remove]")[digit - 1];
  if (!choice) return;
  choice.checked = true;
  send("remove");
}
addEventListener("keydown", (event) => {
  if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  if (key === "u") document.getElementById("queue-undo")?.click();
  if (!form) return;
  if (key === "a") send("keep");
  else if (key === "e") send("escalate");
  else if (key === "l") { document.getElementById("queue-why")?.focus(); event.preventDefault(); }
  else if (key === "r") { removing = true; form.querySelector("[name=reason_remove]").focus(); }
  else if (removing && /^[1-9]$/.test(key)) removeFor(Number(key));
});
