// "Would I be rung?": every step of a push to the person's own devices, and which
// is broken.
const names = { permission: "permission", registered: "registered", rules: "own rules", target: "token", fcm: "FCM" };
const $ = (id) => document.getElementById(id);

/** selfTest has the button walk the steps. */
export function selfTest(complain) {
  $("self-test").addEventListener("click", async ({ target: button }) => {
    button.disabled = true;
    try {
      const { steps } = await ZPNs.getInstance().selfTest({ allDevices: true });
      $("steps").replaceChildren(...steps.map(line));
    } catch (err) {
      complain(err);
    } finally {
      button.disabled = false;
    }
  });
}

function line({ platform, step, ok, text }) {
  const item = document.createElement("li");
  item.className = ok ? "silent" : "failed";
  const verdict = document.createElement("b");
  verdict.textContent = ok ? "ok" : "broken";
  const device = platform === "web" ? "browser" : "phone"; // everybody here has one of each
  item.append(verdict, ` ${device}, ${names[step] ?? step}: ${text}`);
  return item;
}
