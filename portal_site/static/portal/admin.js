// Django names the icons of its two-box pickers on a plain span, where a name is not
// allowed; as a picture they may have one. It draws them when the page has loaded.
addEventListener("load", () => setTimeout(() => {
  for (const icon of document.querySelectorAll("span.help-tooltip[aria-label]"))
    icon.setAttribute("role", "img");
}));
