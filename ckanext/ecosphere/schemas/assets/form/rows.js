/* The dataset form: rows that are added and removed. */
(function () {
  "use strict";

  /** Rows of a field that holds several values or groups of subfields. */
  ckan.module("ecosphere-rows", function () {
    return {
      initialize: function () {
        const root = this.el[0];
        this.rows = root.querySelector(":scope > [data-rows]");
        this.template = root.querySelector(":scope > template");
        this.add = root.querySelector(":scope > [data-add]");
        this.next = this.rows.children.length;
        this.add.hidden = false;
        this.add.addEventListener("click", () => this._addRow());
        Array.from(this.rows.children).forEach((row) => this._prepare(row));
        this._limit();
      },

      _prepare: function (row) {
        const button = row.querySelector("[data-remove]");
        button.hidden = false;
        button.addEventListener("click", () => {
          const neighbour = row.nextElementSibling || row.previousElementSibling;
          row.remove();
          this._limit();
          this._tell();
          ((neighbour && neighbour.querySelector("input:not([type=hidden]), select, textarea")) || this.add).focus();
        });
      },

      _addRow: function () {
        const mark = this.add.dataset.mark;
        const holder = document.createElement("template");
        holder.innerHTML = mark ? this.template.innerHTML.split(mark).join(String(this.next)) : this.template.innerHTML;
        this.next += 1;
        const row = holder.content.firstElementChild;
        this.rows.append(row);
        this._prepare(row);
        row.querySelectorAll("[data-module]").forEach((element) => ckan.module.initializeElement(element));
        this._limit();
        this._tell();
        row.querySelector("input:not([type=hidden]), select, textarea").focus();
      },

      /** Which subfields apply may depend on the values of the row. */
      _tell: function () {
        this.el[0].dispatchEvent(new CustomEvent("ecosphere:rows", { bubbles: true }));
      },

      /** Allow a single row where the field is limited to one. */
      _limit: function () {
        this.add.hidden = String(this.options.once) === "true" && this.rows.children.length > 0;
      },
    };
  });
})();
