/* A new description that starts from an address: the page that waits for a service, and the list of its layers. */
(function () {
  "use strict";

  const { fold } = window.ecosphere.form;

  /** Enter submits the addresses, as in a single-line field; Shift+Enter starts a new line. */
  ckan.module("ecosphere-addresses", function () {
    return {
      initialize: function () {
        const field = this.el[0].querySelector("textarea");
        field.addEventListener("keydown", (event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          field.form.requestSubmit();
        });
      },
    };
  });

  /** Reload automatically a few times, every few seconds; without a script, the button does the same. */
  ckan.module("ecosphere-wait", function () {
    return {
      initialize: function () {
        const form = this.el[0];
        if (Number(form.elements.tries.value) < this.options.most) {
          window.setTimeout(() => form.requestSubmit(), this.options.seconds * 1000);
        }
      },
    };
  });

  /** Add a filter box above a long list of layers. */
  ckan.module("ecosphere-layers", function () {
    return {
      initialize: function () {
        const list = this.el[0].querySelector("ul");
        const items = Array.from(list.children);
        if (items.length < 8) return;
        const search = document.createElement("input");
        const status = document.createElement("p");
        search.type = "search";
        search.className = "form-control";
        search.placeholder = this.options.label;
        search.setAttribute("aria-label", this.options.label);
        status.className = "visually-hidden";
        status.setAttribute("role", "status");
        list.before(search, status);
        const texts = items.map((item) => fold(item.textContent));
        search.addEventListener("keydown", (event) => {
          if (event.key === "Enter") event.preventDefault();
        });
        search.addEventListener("input", () => {
          const words = fold(search.value).split(" ");
          let shown = 0;
          items.forEach((item, number) => {
            item.hidden = !item.querySelector("input").checked && !words.every((word) => texts[number].includes(word));
            shown += item.hidden ? 0 : 1;
          });
          status.textContent = shown + " " + this.options.found;
        });
      },
    };
  });
})();
