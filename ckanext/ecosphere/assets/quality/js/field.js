/* "Improve" leads to the very field: the keyboard lands in it, not only the eye. Without script the browser scrolls there. */
"use strict";

(function () {
  const TYPABLE = "input:not([type=hidden]), select, textarea";
  const FOCUSABLE = "input:not([type=hidden]), select, textarea, button, a[href], [tabindex]";
  const GROUP = ".form-group, .control-group, .mb-3, fieldset";
  const MARK = "ecosphere-field-to-improve";

  const usable = (element) => element.matches(FOCUSABLE) && !element.disabled && element.getClientRects().length > 0;

  /* Widgets hide the field that they replace: what they show in its place is near. */
  function entrance(target) {
    const within = target.matches(TYPABLE) ? null : Array.from(target.querySelectorAll(TYPABLE)).find(usable);
    if (within) { return within; }
    if (usable(target)) { return target; }
    // An address that a choice still hides is in a group of its own, inside that of the choice.
    for (let group = target.closest(GROUP); group; group = group.parentElement.closest(GROUP)) {
      const found = Array.from(group.querySelectorAll(FOCUSABLE)).find(usable);
      if (found) { return found; }
    }
    return null;
  }

  function lead() {
    const target = /^#field-[\w-]+$/.test(window.location.hash) && document.getElementById(window.location.hash.slice(1));
    if (!target || !target.closest("form")) { return; }
    document.querySelectorAll("." + MARK).forEach((each) => each.classList.remove(MARK));
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) { fold.open = true; }
    const here = document.activeElement;
    // Who types in the field already stays where they are.
    const place = here !== target && target.contains(here) ? here : entrance(target);
    if (!place) { return; }
    (place.closest(".form-group, .control-group, .mb-3") || place).classList.add(MARK);
    place.focus({ preventScroll: true });
    place.scrollIntoView({ block: "center" });
  }

  window.addEventListener("hashchange", lead);
  // The panel's links lead to the field again when its address is already the page's.
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[href^='#field-']");
    if (link && link.getAttribute("href") === window.location.hash) { window.setTimeout(lead, 0); }
  });
  // After the modules of the page, which build their widgets when it is ready.
  window.addEventListener("load", () => window.setTimeout(lead, 50));
})();
