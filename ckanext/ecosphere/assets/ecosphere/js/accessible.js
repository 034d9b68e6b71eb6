/* Names what scripts of CKAN add without a name. `names` is an object: selector -> name. */
"use strict";

ckan.module("ecosphere-names", function () {
  return {
    initialize: function () {
      this.name = this.name.bind(this);
      this.name();
      // The other script may come after this one.
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
