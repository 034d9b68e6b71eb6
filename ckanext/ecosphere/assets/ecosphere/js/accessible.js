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
