// Offers to install the app where the browser can, and says how where only its menu can.
const card = document.getElementById("install");
const [button, onApple] = ["install-button", "install-apple"].map((id) => document.getElementById(id));
const installed = matchMedia("(display-mode: standalone)").matches || navigator.standalone;
const isApple = /iPad|iPhone|iPod/.test(navigator.userAgent) || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault(); // the browser's own bar; the button asks instead
  card.hidden = button.hidden = false;
  button.onclick = async () => {
    button.disabled = true; // an event can ask once
    await event.prompt();
    card.hidden = (await event.userChoice).outcome === "accepted";
  };
});
addEventListener("appinstalled", () => { card.hidden = true; });
if (isApple && !installed) card.hidden = onApple.hidden = false;
