/* Field for several entries of a long list (communes, datasets): a search box with a listbox of proposals, and a remove
 * button for each chosen entry. The original field keeps the values, so the form sends the same as without a script.
 *
 * data-module-url:       URL that returns {items: [{value, label}]}
 * data-module-separator: separator of values in the field
 * data-module-titles:    JSON object of value -> label
 * data-module-add, -remove, -chosen, -hint, -none: translated texts
 */
"use strict";

ckan.module("ecosphere-request-pick", function () {
  const PAUSE = 200; // milliseconds without typing before asking
  let lists = 0;

  return {
    options: { url: null, titles: {}, separator: ", ", add: "", remove: "", chosen: "", hint: "", none: "" },

    initialize: function () {
      this.field = this.el[0];
      lists += 1;
      this.titles = Object.assign({}, this.options.titles);
      this.entries = this.read();
      this.items = [];
      this.active = -1;
      this.turn = 0;
      this.build();
      this.showChosen();
    },

    /** Values of the field: communes as "Belley – Ain (01034)", datasets by name. */
    read: function () {
      return this.field.value.split(/[\n,;]+/).map((text) => text.trim()).filter(Boolean);
    },

    build: function () {
      const part = (tag, name) => Object.assign(document.createElement(tag), { className: name });
      const root = part("div", "eco-req-pick");
      this.chosen = part("ul", "eco-req-pick__chosen");
      this.chosen.setAttribute("aria-label", this.options.chosen);
      this.search = part("input", "form-control");
      this.search.type = "text";
      this.search.placeholder = this.options.add;
      this.list = part("ul", "eco-req-pick__list");
      this.list.id = "eco-req-pick-" + lists;
      this.list.hidden = true;
      this.list.setAttribute("role", "listbox");
      this.list.setAttribute("aria-label", this.options.add);
      this.status = part("p", "visually-hidden");
      this.status.setAttribute("role", "status");
      const attributes = {
        role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.list.id
      };
      Object.entries(attributes).forEach(([name, value]) => this.search.setAttribute(name, value));
      ["aria-describedby", "aria-invalid", "aria-required"].forEach((name) => {
        if (this.field.hasAttribute(name)) { this.search.setAttribute(name, this.field.getAttribute(name)); }
      });
      // The label and the links of the error summary must lead to the search box.
      this.search.id = this.field.id;
      this.field.id += "-value";
      this.field.hidden = true;
      this.field.after(root);
      root.append(this.chosen, this.search, this.list, this.status);
      this.search.addEventListener("input", () => this.later());
      this.search.addEventListener("keydown", (event) => this.key(event));
      this.search.addEventListener("blur", () => this.leave());
      this.list.addEventListener("mousedown", (event) => event.preventDefault());
      this.field.form.addEventListener("submit", () => this.leave());
    },

    later: function () {
      window.clearTimeout(this.timer);
      const text = this.search.value.trim();
      if (!text) { this.close(); return; }
      this.timer = window.setTimeout(() => this.ask(text), PAUSE);
    },

    ask: async function (text) {
      this.turn += 1;
      const turn = this.turn;
      try {
        const url = this.options.url + (this.options.url.includes("?") ? "&" : "?") + "q=" + encodeURIComponent(text);
        const answer = await fetch(url, { credentials: "same-origin" });
        if (answer.ok && turn === this.turn && document.activeElement === this.search) {
          this.show((await answer.json()).items);
        }
      } catch (error) {
        // The typed text is added when the box loses the focus.
        this.close();
      }
    },

    show: function (items) {
      this.items = items;
      this.active = -1;
      this.list.replaceChildren(...items.map((item, rank) => {
        const line = document.createElement("li");
        line.id = this.list.id + "-" + rank;
        line.textContent = item.label;
        line.setAttribute("role", "option");
        line.setAttribute("aria-selected", "false");
        line.addEventListener("click", () => this.choose(item));
        return line;
      }));
      this.list.hidden = items.length === 0;
      this.search.setAttribute("aria-expanded", String(items.length > 0));
      this.search.removeAttribute("aria-activedescendant");
      this.status.textContent = items.length ? this.options.hint.replace("{number}", items.length) : this.options.none;
    },

    key: function (event) {
      if (event.key === "Enter") {
        event.preventDefault();
        if (this.items[this.active]) { this.choose(this.items[this.active]); } else { this.keep(); }
      } else if (event.key === "Escape") {
        this.close();
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        if (this.list.hidden) { return; }
        event.preventDefault();
        this.move(event.key === "ArrowDown" ? 1 : -1);
      } else if (event.key === "Backspace" && !this.search.value && this.entries.length) {
        this.take(this.entries.length - 1);
      }
    },

    move: function (step) {
      const places = this.items.length + 1;
      this.active = ((this.active + 1 + step + places) % places) - 1;
      Array.from(this.list.children).forEach((line, rank) => line.setAttribute("aria-selected", String(rank === this.active)));
      if (this.active >= 0) {
        this.search.setAttribute("aria-activedescendant", this.list.children[this.active].id);
      } else {
        this.search.removeAttribute("aria-activedescendant");
      }
    },

    choose: function (item) {
      // Communes are stored by their label, which contains the code; datasets by name.
      if (!item.label.includes("(" + item.value + ")")) { this.titles[item.value] = item.label; }
      this.add(item.label.includes("(" + item.value + ")") ? item.label : item.value);
      this.search.focus();
    },

    /** Add the typed text although no proposal was chosen: the server also accepts names and codes. */
    keep: function () {
      const text = this.search.value.trim();
      if (text) { text.split(/[\n,;]+/).map((each) => each.trim()).filter(Boolean).forEach((each) => this.add(each)); }
    },

    leave: function () {
      this.keep();
      this.close();
    },

    add: function (text) {
      if (!this.entries.includes(text)) { this.entries.push(text); }
      this.search.value = "";
      this.close();
      this.showChosen();
    },

    take: function (rank) {
      this.entries.splice(rank, 1);
      this.showChosen();
      this.search.focus();
    },

    showChosen: function () {
      this.field.value = this.entries.join(this.options.separator);
      this.chosen.hidden = this.entries.length === 0;
      this.chosen.replaceChildren(...this.entries.map((text, rank) => {
        const line = document.createElement("li");
        const button = document.createElement("button");
        button.type = "button";
        button.className = "btn btn-secondary btn-sm";
        const title = Object.hasOwn(this.titles, text) ? this.titles[text] : text;
        button.textContent = title + " ×";
        button.setAttribute("aria-label", this.options.remove + " " + title);
        button.addEventListener("click", () => this.take(rank));
        line.append(button);
        return line;
      }));
    },

    close: function () {
      window.clearTimeout(this.timer);
      this.turn += 1;
      this.items = [];
      this.active = -1;
      this.list.hidden = true;
      this.status.textContent = "";
      this.search.setAttribute("aria-expanded", "false");
      this.search.removeAttribute("aria-activedescendant");
    }
  };
});
