/* The dataset form: dates from a calendar. */
(function () {
  "use strict";

  /** Calendar button beside a text input that also takes a month or a year. */
  ckan.module("ecosphere-date", function () {
    return {
      initialize: function () {
        const text = this.el[0].querySelector("input");
        const native = document.createElement("input");
        if (!("showPicker" in native)) return;
        native.type = "date";
        native.className = "ecosphere-date-native";
        native.tabIndex = -1;
        native.setAttribute("aria-hidden", "true");
        const button = document.createElement("button");
        button.type = "button";
        button.className = "btn btn-outline-secondary";
        button.innerHTML = '<i class="fa fa-calendar" aria-hidden="true"></i>';
        button.setAttribute("aria-label", this.options.label);
        button.addEventListener("click", () => {
          native.value = /^\d{4}-\d{2}-\d{2}$/.test(text.value) ? text.value : "";
          native.showPicker();
        });
        native.addEventListener("change", () => {
          text.value = native.value;
          text.focus();
        });
        this.el[0].append(native, button);
      },
    };
  });
})();
