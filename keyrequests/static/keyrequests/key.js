// Pages about a key. They work without this file: it saves a key from a double
// click, looks whether a wait is over without reloading under the reader, and makes
// the .env file in the browser (a data: address would put the key into the
// browser's list of downloads).
(() => {
  for (const form of document.querySelectorAll("form[data-once]")) {
    let sent = false;
    form.addEventListener("submit", (event) => {
      if (sent) event.preventDefault();
      sent = true;
    });
    // Back from the next page, the form may be used again.
    addEventListener("pageshow", () => { sent = false; });
  }

  const waiting = document.querySelector("[data-wait]");
  const look = async () => {
    const { wait, state } = waiting.dataset;
    const answer = await fetch(wait, { credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (page.querySelector("[data-state]")?.dataset.state !== state) location.assign(wait);
  };
  if (waiting) setInterval(() => look().catch(() => {}), 1000 * (waiting.dataset.every || 5));

  const quoted = (value) => /^[\w.\-+=:@/]*$/.test(value)
    ? value : `'${value.replaceAll("'", "'\\''")}'`;
  const button = document.querySelector("[data-download]");
  const parts = [...document.querySelectorAll("[data-env]")];
  if (!button || !parts.length) return;
  button.addEventListener("click", () => {
    const lines = parts.map((part) => `${part.dataset.env}=${quoted(part.textContent)}\n`);
    const address = URL.createObjectURL(new Blob(lines, { type: "text/plain" }));
    const link = Object.assign(document.createElement("a"), { href: address, download: "key.env" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  });
})();
