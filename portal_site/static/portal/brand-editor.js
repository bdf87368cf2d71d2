// The samples follow what is typed. Without this file, saving shows the same.
(() => {
  const form = document.querySelector("#brand-form");
  if (!form) return;
  const roots = [...document.querySelectorAll("[data-sample]")].map((frame) => frame.shadowRoot).filter(Boolean);
  const colour = form.elements.colour;
  const radius = form.elements.radius;

  for (const name of ["name", "tagline", "lead", "company"]) {
    form.elements[name].addEventListener("input", (event) => {
      for (const root of roots) root.querySelector(`[data-word="${name}"]`).textContent = event.target.value;
    });
  }

  const picker = document.createElement("input");
  picker.type = "color";
  picker.setAttribute("aria-label", "Pick the brand colour");
  colour.after(picker);

  const reshade = () => {
    if (!/^#[0-9a-f]{6}$/i.test(colour.value) || !/^\d{1,2}$/.test(radius.value)) return;
    picker.value = colour.value;
    for (const root of roots) {
      const link = root.querySelector("[data-shades]");
      const address = new URL(link.href);
      address.searchParams.set("colour", colour.value);
      address.searchParams.set("radius", radius.value);
      if (address.href !== link.href) link.href = address.href;
    }
  };
  picker.addEventListener("change", () => { colour.value = picker.value; reshade(); });
  for (const input of [colour, radius]) input.addEventListener("change", reshade);
  reshade();
})();
