// Push messages on this device: asks for the permission, subscribes with the browser's push service and tells the server.
const box = document.getElementById("push");
const part = (name) => box.querySelector(`[data-${name}]`);
const show = (...names) => ["here", "start", "stop", "blocked", "unfit", "failed"].forEach((name) => { part(name).hidden = !names.includes(name); });

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

async function call(method, body) {
  const headers = { "Content-Type": "application/json", "X-CSRFToken": box.querySelector("[name=csrfmiddlewaretoken]").value };
  const answer = await fetch(box.dataset.api, { method, headers, body: JSON.stringify(body) });
  if (!answer.ok && !(method === "DELETE" && answer.status === 404)) throw new Error(String(answer.status));
}

const current = async () => (await navigator.serviceWorker.getRegistration("/"))?.pushManager.getSubscription();

async function start() {
  if (await Notification.requestPermission() !== "granted") return show("blocked");
  await navigator.serviceWorker.register("/sw.js");
  const { pushManager } = await navigator.serviceWorker.ready;
  await (await pushManager.getSubscription())?.unsubscribe(); // the server's key may have changed
  const found = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(box.dataset.key) });
  const { endpoint, keys } = found.toJSON();
  try {
    await call("POST", { endpoint, keys });
  } catch (error) {
    await found.unsubscribe();
    throw error;
  }
  location.reload();
}

async function stop() {
  const found = await current();
  if (found) {
    await call("DELETE", { endpoint: found.endpoint });
    await found.unsubscribe();
  }
  location.reload();
}

async function look() {
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return show("unfit");
  if (Notification.permission === "denied") return show("blocked");
  return await current() ? show("here", "stop") : show("start");
}

if (box) {
  for (const [name, act] of [["start", start], ["stop", stop]]) {
    part(name).addEventListener("click", (event) => {
      event.target.disabled = true;
      act().catch(() => show(name, "failed")).finally(() => { event.target.disabled = false; });
    });
  }
  look().catch(() => show("unfit"));
  box.hidden = false;
}
