/* Links of an advice ("Improve") move the keyboard focus to their field. Without script the browser only scrolls to it. */
"use strict";

(function () {
  const TYPABLE = "input:not([type=hidden]), select, textarea";
  const FOCUSABLE = "input:not([type=hidden]), select, textarea, button, a[href], [tabindex]";
  const GROUP = ".form-group, .control-group, .mb-3, fieldset";
  const MARK = "ecosphere-field-to-improve";

  const usable = (element) => element.matches(FOCUSABLE) && !element.disabled && element.getClientRects().length > 0;

  /* Element to focus: the field itself or, if a widget has hidden it, the widget's visible control near it. */
  function entrance(target) {
    const within = target.matches(TYPABLE) ? null : Array.from(target.querySelectorAll(TYPABLE)).find(usable);
    if (within) { return within; }
    if (usable(target)) { return target; }
    // A URL field that a select still hides is in a group of its own within the group of the select.
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
    // Do not move a focus that is already in the field.
    const place = here !== target && target.contains(here) ? here : entrance(target);
    if (!place) { return; }
    (place.closest(".form-group, .control-group, .mb-3") || place).classList.add(MARK);
    place.focus({ preventScroll: true });
    place.scrollIntoView({ block: "center" });
  }

  window.addEventListener("hashchange", lead);
  // The form has fetched the part of the field, after the address named it.
  document.addEventListener("ecosphere:field", lead);
  // No hashchange event is fired if the link's hash is already that of the page.
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[href^='#field-']");
    if (link && link.getAttribute("href") === window.location.hash) { window.setTimeout(lead, 0); }
  });
  // Run after the page's modules, which build their widgets when the document is ready.
  window.addEventListener("load", () => window.setTimeout(lead, 50));
})();
