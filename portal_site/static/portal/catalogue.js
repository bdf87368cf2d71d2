// The languages of a sample change in place; without this file each is a page.
(() => {
  for (const box of document.querySelectorAll("[data-samples]")) {
    const tabs = [...box.querySelectorAll("nav a")];
    const panel = (tab) => document.getElementById(`sample-${new URL(tab.href).searchParams.get("code")}`);
    box.addEventListener("click", (event) => {
      const chosen = event.target.closest("nav a");
      if (!chosen || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      for (const tab of tabs) {
        const current = tab === chosen;
        panel(tab).hidden = !current;
        if (current) tab.setAttribute("aria-current", "true"); else tab.removeAttribute("aria-current");
      }
    });
  }
})();
