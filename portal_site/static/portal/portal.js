// Small comforts. Every page works without this file.
(() => {
  const status = document.querySelector("[data-status]");
  const say = (words) => { if (status) status.textContent = words; };

  // Copy buttons stay hidden where the browser has no clipboard (plain http, no script).
  const source = (button) => button.dataset.copy
    ? document.querySelector(button.dataset.copy)
    : button.closest(".code").querySelector("pre");
  const copy = async (button, label, before) => {
    let words = "Copied";
    try {
      await navigator.clipboard.writeText(source(button).textContent.trim());
    } catch {
      words = "Blocked: select the text";
    }
    label.textContent = words;
    say(words);
    setTimeout(() => { label.textContent = before; say(""); }, 2500);
  };
  for (const button of document.querySelectorAll("[data-copy]")) {
    const label = button.querySelector("span");
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", copy.bind(null, button, label, label.textContent));
  }

  // Times in the reader's own zone. The server writes UTC, and says so on hover.
  const now = new Date();
  const clock = (when) => `${when.getHours()}:${when.getMinutes()}`.replace(/\b\d\b/g, "0$&");
  const day = (when, year) => `${when.getDate()} ${when.toLocaleString("en-US", { month: "short" })}${year ? ` ${when.getFullYear()}` : ""}`;
  const zone = (when) => when.toLocaleTimeString("en-GB", { timeZoneName: "short" }).split(" ").pop();
  for (const time of document.querySelectorAll("time[datetime]")) {
    const when = new Date(time.dateTime);
    const words = time.textContent;
    if (!when.getTimezoneOffset() || !(when.getTime() > 0)) continue;
    time.title = `${day(when, true)}, ${clock(when)} ${zone(when)} (${time.title})`;
    if (!/\d\d:\d\d$/.test(words)) continue;
    const today = words.length === 5 && when.toDateString() === now.toDateString();
    const year = words.length > 5 ? / \d{4},/.test(words) : when.getFullYear() !== now.getFullYear();
    time.textContent = today ? clock(when) : `${day(when, year)}, ${clock(when)}`;
  }

  // The theme changes in place, so that a half-filled form is not lost.
  const form = document.querySelector("[data-theme-form]");
  form?.addEventListener("submit", (event) => {
    const chosen = event.submitter?.value;
    if (!chosen) return;
    event.preventDefault();
    const body = new FormData(form);
    body.set("theme", chosen);
    fetch(form.action, { method: "POST", body, redirect: "manual", credentials: "same-origin" });
    const root = document.documentElement;
    if (chosen === "system") delete root.dataset.theme; else root.dataset.theme = chosen;
    for (const button of form.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.value === chosen));
    }
  });

  // After a refused form the reader starts at the list of what to mend.
  document.querySelector("[data-summary]")?.focus();

  // The account menu closes like a menu.
  const menu = document.querySelector("[data-menu]");
  if (menu) {
    document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  }
})();
