// Passwords: show what is typed, and tick off rules. The server judges; this only helps.
(() => {
  for (const input of document.querySelectorAll("input[type=password]")) {
    const label = document.querySelector(`label[for="${input.id}"]`)?.textContent.trim().toLowerCase() ?? "password";
    const box = document.createElement("div");
    const button = document.createElement("button");
    box.className = "reveal-pw";
    button.type = "button";
    button.className = "btn btn-s btn-text";
    const show = (shown) => {
      input.type = shown ? "text" : "password";
      button.textContent = shown ? "Hide" : "Show";
      button.setAttribute("aria-label", `${button.textContent} ${label}`);
    };
    button.addEventListener("click", () => { show(input.type === "password"); input.focus(); });
    // Nobody's password is kept as a form entry, or read by the one who sits down next.
    input.form?.addEventListener("submit", () => show(false));
    input.autocapitalize = "none";
    input.spellcheck = false;
    input.replaceWith(box);
    box.append(input, button);
    show(false);
  }

  const fold = (text) => text.normalize("NFKC").toLowerCase();
  for (const group of document.querySelectorAll("[data-password]")) {
    const input = group.querySelector("input");
    const strength = group.querySelector("[data-strength]");
    const own = [...new Set(fold(group.dataset.owner).split(/[^\p{L}\p{N}]+/u))].filter((part) => part.length > 3);
    const judge = () => {
      const typed = fold(input.value);
      const rest = own.reduce((left, part) => left.replaceAll(part, ""), typed);
      const length = [...input.value].length;
      const met = {
        length: length >= Number(group.dataset.shortest),
        owner: length > 0 && (rest === typed || rest.length >= 8),
      };
      for (const [name, yes] of Object.entries(met)) {
        group.querySelector(`[data-rule=${name}]`)?.classList.toggle("met", yes);
      }
      // Length counts most; the same few characters over and over count little.
      const sorts = new Set(rest).size;
      const points = met.length && met.owner ? Math.min(rest.length, sorts * 2) : 0;
      const level = points >= 20 ? 3 : points >= 12 ? 2 : 1;
      strength.hidden = length === 0;
      strength.dataset.strength = level;
      strength.textContent = ["", "Easy to guess so far", "Good", "Strong"][level];
    };
    input.addEventListener("input", judge);
    judge();
  }
})();
