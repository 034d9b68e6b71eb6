/* Small enhancements of the pages of data requests, which work without them. */
"use strict";

/** Ground of a refusal: of the fields that depend on it, show those that apply to the chosen one, and send no others. */
ckan.module("ecosphere-request-ground", function () {
  return {
    options: { fields: {} },
    initialize: function () {
      this.names = new Set(Object.values(this.options.fields).flat());
      this.el[0].addEventListener("change", () => this.show());
      this.show();
    },

    show: function () {
      const applying = this.options.fields[this.el[0].value] || [];
      this.names.forEach((name) => {
        const input = document.getElementById("field-" + name);
        const field = input && input.closest(".eco-field");
        if (!field) { return; }
        field.hidden = !applying.includes(name);
        field.querySelectorAll("input, textarea").forEach((each) => { each.disabled = field.hidden; });
      });
    }
  };
});

/** Collapse the filters on small screens, where they would push the list down. */
ckan.module("ecosphere-request-filters", function () {
  return {
    initialize: function () {
      if (window.matchMedia("(max-width: 767.98px)").matches) { this.el[0].open = false; }
    }
  };
});

/** Button that ticks or unticks all requests of the desk. */
ckan.module("ecosphere-request-ticks", function () {
  return {
    options: { all: "", none: "" },
    initialize: function () {
      const form = this.el[0];
      const boxes = () => Array.from(document.querySelectorAll("input[name=ids][form=" + form.id + "]"));
      if (boxes().length < 2) { return; }
      const button = document.createElement("button");
      const name = () => { button.textContent = boxes().every((box) => box.checked) ? this.options.none : this.options.all; };
      button.type = "button";
      button.className = "btn btn-link";
      button.addEventListener("click", () => {
        const tick = !boxes().every((box) => box.checked);
        boxes().forEach((box) => { box.checked = tick; });
        name();
      });
      document.addEventListener("change", name);
      form.append(button);
      name();
    }
  };
});
