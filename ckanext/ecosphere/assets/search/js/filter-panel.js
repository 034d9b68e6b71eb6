/*
 * On a phone the search filters cover the page: make them a modal dialog that traps the focus and restores it on close.
 * CKAN shows and hides them with a class. A panel that htmx replaces while open remains the same dialog.
 */
(function () {
  "use strict";

  const CLASS = "filters-modal";
  const REACHED = "a[href], button:not([disabled]), input:not([type=hidden]), select, summary, [tabindex='0']";

  const panel = () => document.getElementById("search-facets");
  const button = () => document.querySelector(".show-filters");
  const isOpen = () => document.body.classList.contains(CLASS);

  function reached() {
    return Array.from(panel().querySelectorAll(REACHED)).filter((each) => each.offsetParent !== null);
  }

  function mark(open) {
    const place = panel();
    if (open) {
      place.setAttribute("role", "dialog");
      place.setAttribute("aria-modal", "true");
      place.setAttribute("aria-label", place.dataset.label);
    } else {
      ["role", "aria-modal", "aria-label"].forEach((name) => place.removeAttribute(name));
    }
    if (button()) {
      button().setAttribute("aria-expanded", String(open));
    }
  }

  function show() {
    document.body.classList.add(CLASS);
    mark(true);
    const [first] = reached();
    if (first) {
      first.focus();
    }
  }

  function hide() {
    document.body.classList.remove(CLASS);
    mark(false);
    if (button()) {
      button().focus();
    }
  }

  function keep(event) {
    const places = reached();
    const [first, last] = [places[0], places[places.length - 1]];
    const inside = panel().contains(document.activeElement);
    if (event.shiftKey && (document.activeElement === first || !inside)) {
      event.preventDefault();
      last.focus();
    } else if (!event.shiftKey && (document.activeElement === last || !inside)) {
      event.preventDefault();
      first.focus();
    }
  }

  document.addEventListener("click", (event) => {
    if (!panel()) {
      return;
    }
    if (event.target.closest(".show-filters")) {
      show();
    } else if (event.target.closest(".hide-filters")) {
      hide();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (!isOpen() || !panel()) {
      return;
    }
    if (event.key === "Escape") {
      hide();
    } else if (event.key === "Tab" && reached().length) {
      keep(event);
    }
  });

  document.addEventListener("htmx:afterSettle", () => {
    if (isOpen() && panel()) {
      mark(true);
    }
  });
})();
