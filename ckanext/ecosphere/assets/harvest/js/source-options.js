/*
 * Form fields for the options of a harvest source. They are written into the configuration field (JSON), which is what
 * the form sends. Without this script the JSON is edited by hand.
 *
 * data-module-types: {type of source: [names of its options]}
 */
this.ckan.module("ecosphere-source-options", function () {
  "use strict";

  return {
    initialize: function () {
      const place = this.el[0];
      this.place = place;
      this.form = place.closest("form");
      this.config = this.form.querySelector("#field-config");
      this.types = this.options.types;
      this.rows = place.querySelector("[data-filters]");
      this.row = place.querySelector("template");
      try {
        this.settings = JSON.parse(this.config.value || "{}");
      } catch (error) {
        return; // written by hand and not valid: left as it is, to be put right
      }
      this.kept = (this.settings.filters || []).filter((each) => "any" in each);
      this.read();
      place.addEventListener("input", () => this.write());
      place.addEventListener("change", () => this.write());
      place.querySelector("[data-add]").addEventListener("click", () => {
        this.addRow({}).querySelector("select").focus();
      });
      this.form.addEventListener("change", (event) => {
        if (event.target.name === "source_type") {
          this.showType();
          this.write();
        }
      });
      this.showType();
    },

    type: function () {
      const chosen = this.form.querySelector("[name=source_type]:checked");
      return chosen ? chosen.value : "";
    },

    showType: function () {
      const known = this.types[this.type()];
      this.place.hidden = !known;
      this.config.closest(".form-group, .mb-3, .control-group").hidden = Boolean(known);
      this.place.querySelectorAll("[data-for]").forEach((each) => {
        each.hidden = !(known && known.includes(each.dataset.for));
      });
    },

    read: function () {
      this.place.querySelectorAll("[data-option]").forEach((field) => {
        if (field.type === "checkbox") {
          field.checked = Boolean(this.settings[field.dataset.option]);
        } else {
          this.offer(field, this.settings[field.dataset.option] || "");
        }
      });
      (this.settings.filters || []).filter((each) => !("any" in each)).forEach((each) => this.addRow(each));
      this.place.querySelector("[data-kept]").hidden = !this.kept.length;
    },

    /** Show a value that is set, and add it to the list if it is not offered: it would be lost on save otherwise. */
    offer: function (field, value) {
      if (field.options && !Array.from(field.options).some((each) => each.value === String(value))) {
        field.add(new Option(value, value));
      }
      field.value = value;
    },

    addRow: function (filter) {
      const row = this.row.content.firstElementChild.cloneNode(true);
      const comparison = Object.keys(filter).find((key) => key !== "property" && key !== "not");
      if (comparison) {
        row.querySelector("[data-part=property]").value = filter.property;
        row.querySelector("[data-part=comparison]").value = (filter.not ? "not " : "") + comparison;
        row.querySelector("[data-part=value]").value = filter[comparison];
      }
      row.querySelector("button").addEventListener("click", () => {
        row.remove();
        this.write();
        this.place.querySelector("[data-add]").focus();
      });
      this.rows.append(row);
      return row;
    },

    filters: function () {
      const written = Array.from(this.rows.children).map((row) => {
        const part = (name) => row.querySelector("[data-part=" + name + "]").value;
        const words = part("comparison").split(" ");
        const filter = { property: part("property") };
        filter[words[words.length - 1]] = part("value");
        if (words.length > 1) {
          filter.not = true;
        }
        return filter;
      });
      return written.filter((each) => Object.values(each).every((value) => value !== "")).concat(this.kept);
    },

    write: function () {
      const known = this.types[this.type()];
      if (!known) {
        return;
      }
      const settings = {};
      this.place.querySelectorAll("[data-option]").forEach((field) => {
        const name = field.dataset.option;
        if (field.type === "checkbox") {
          if (known.includes(name) && field.checked) {
            settings[name] = true;
          }
        } else if (known.includes(name) && field.value.trim()) {
          settings[name] = field.dataset.number === undefined ? field.value.trim() : Number(field.value);
        }
      });
      const filters = known.includes("filters") ? this.filters() : [];
      if (filters.length) {
        settings.filters = filters;
      }
      this.config.value = Object.keys(settings).length ? JSON.stringify(settings, null, 2) : "";
    },
  };
});
