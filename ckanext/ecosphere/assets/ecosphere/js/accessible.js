/* Accessible names for elements that CKAN's scripts add without one. `names` is an object: selector -> name. */
"use strict";

ckan.module("ecosphere-names", function () {
  return {
    initialize: function () {
      this.name = this.name.bind(this);
      this.name();
      // CKAN's script may run after this one.
      new MutationObserver(this.name).observe(this.el[0], { childList: true, subtree: true });
    },

    name: function () {
      for (const [selector, name] of Object.entries(this.options.names)) {
        this.el[0].querySelectorAll(selector).forEach((element) => {
          if (element.getAttribute("aria-label") !== name) { element.setAttribute("aria-label", name); }
        });
      }
    },
  };
});

/* The handles by which CKAN's script drags resources also move them one place up at a click, the first one to the end:
 * nothing has to be dragged (WCAG 2.2, 2.5.7). */
ckan.module("ecosphere-order", function () {
  return {
    initialize: function () {
      this.el[0].addEventListener("click", (event) => {
        const handle = event.target.closest("a.handle");
        if (!handle) { return; }
        event.preventDefault();
        const item = handle.closest(".resource-item"), above = item.previousElementSibling;
        if (above) { above.before(item); } else { item.parentElement.append(item); }
        handle.focus();
      });
    },
  };
});
