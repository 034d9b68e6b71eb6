/*
 * Suggestions below a text box, following the combobox pattern of the ARIA Authoring Practices: the focus stays in the
 * box, the arrow keys move through the list, Enter takes the chosen suggestion or submits the form, Escape closes the
 * list. The only type-ahead of the suite; without a script the box is a plain text box.
 *
 * data-module-url:       URL that returns {groups: [{title, items}]}, {items}, a list, or {result} as actions of CKAN do.
 *                        An item has a label (or title, or name), and may have a value (or name), a url and a count.
 *                        An item with a url is followed. Of another one, the value is written into the box, which then
 *                        dispatches "ecosphere:suggested" with the item.
 * data-module-label:     name of the list
 * data-module-hint:      announcement, with {number} for the number of suggestions
 * data-module-none:      announcement if there is no suggestion
 * data-module-first:     Enter takes the first suggestion; if there is none, the event has no item
 * data-module-separator: separator, if the field holds several values: a search box is added, and a button that removes
 *                        it for each value. The field itself keeps the values, and is sent.
 * data-module-titles:    of several values: JSON object of value -> label
 * data-module-remove, data-module-chosen: of several values: text of the buttons, name of their list
 */
"use strict";

ckan.module("ecosphere-suggest", function () {
  const PAUSE = 180; // milliseconds without typing before asking
  const SHORTEST = 2;
  const BETWEEN = /[\n,;]+/;
  let lists = 0;

  const part = (tag, className, attributes) => {
    const made = Object.assign(document.createElement(tag), { className });
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    return made;
  };

  const labelOf = (item) => item.label || item.title || item.name;
  const valueOf = (item) => item.value || item.name || labelOf(item);
  const itemsOf = (answer) => (Array.isArray(answer) ? answer : answer.items || answer.result || []);

  return {
    options: { url: null, label: "", hint: "", none: "", first: false, separator: "", titles: {}, remove: "", chosen: "" },

    initialize: function () {
      lists += 1;
      this.box = this.el[0];
      this.items = [];
      this.active = -1;
      this.turn = 0;
      this.several = this.options.separator !== "";
      if (this.several) { this.prepareSeveral(); }
      this.build();
      this.listen();
      // CKAN initialises modules after fetching its translations: the person may already be typing.
      if (document.activeElement === this.box) { this.later(); }
    },

    build: function () {
      const id = "eco-suggest-" + lists;
      this.list = part("div", "eco-suggest", { id, role: "listbox", "aria-label": this.options.label });
      this.list.hidden = true;
      this.status = part("div", "visually-hidden", { role: "status" });
      this.box.after(this.list, this.status);
      this.box.parentElement.classList.add("eco-suggest-place");
      const roles = { role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": id };
      Object.entries(roles).forEach(([name, value]) => this.box.setAttribute(name, value));
    },

    listen: function () {
      this.box.addEventListener("input", () => this.later());
      this.box.addEventListener("keydown", (event) => this.key(event));
      this.box.addEventListener("blur", () => {
        if (this.several) { this.keep(); }
        window.setTimeout(() => this.close(), 150);
      });
      // CKAN submits the search form when the box changes: prevent this while a suggestion is being followed.
      this.box.addEventListener("change", (event) => this.leaving && event.stopPropagation());
      // A click on the list must not move the focus out of the box.
      this.list.addEventListener("mousedown", (event) => event.preventDefault());
      this.list.addEventListener("click", (event) => {
        const option = event.target.closest("[role=option]");
        if (option) { this.take(this.items[Number(option.dataset.rank)]); }
      });
    },

    later: function () {
      window.clearTimeout(this.timer);
      const text = this.box.value.trim();
      if (text.length < SHORTEST) { this.close(); return; }
      this.timer = window.setTimeout(() => this.ask(text), PAUSE);
    },

    ask: async function (text) {
      this.turn += 1;
      const turn = this.turn;
      const url = new URL(this.options.url, window.location.href);
      url.searchParams.set("q", text);
      try {
        const answer = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } });
        if (answer.ok && turn === this.turn && document.activeElement === this.box) { this.show(await answer.json()); }
      } catch (error) {
        // The box works without suggestions.
        this.close();
      }
    },

    show: function (answer) {
      const groups = answer.groups || [{ title: "", items: itemsOf(answer) }];
      this.items = [];
      this.active = -1;
      this.box.removeAttribute("aria-activedescendant");
      this.list.replaceChildren(...groups.flatMap((group) => this.group(group)));
      const number = this.items.length;
      this.list.hidden = number === 0;
      this.box.setAttribute("aria-expanded", String(number > 0));
      this.status.textContent = number ? this.options.hint.replace("{number}", number) : this.options.none;
    },

    group: function (group) {
      const options = group.items.map((item) => this.option(item));
      if (!group.title) { return options; }
      const title = part("div", "eco-suggest__title", { id: options[0].id + "-title" });
      title.textContent = group.title;
      const whole = part("div", "", { role: "group", "aria-labelledby": title.id });
      whole.append(title, ...options);
      return [whole];
    },

    option: function (item) {
      const rank = this.items.length;
      const roles = { id: this.list.id + "-" + rank, role: "option", "aria-selected": "false", tabindex: "-1", "data-rank": rank };
      const option = part(item.url ? "a" : "div", "eco-suggest__option", item.url ? { ...roles, href: item.url } : roles);
      option.append(labelOf(item));
      if (item.count) {
        const count = part("span", "eco-count", {});
        count.textContent = item.count;
        option.append(" ", count);
      }
      this.items.push(item);
      return option;
    },

    key: function (event) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && !this.list.hidden) {
        event.preventDefault();
        this.move(step);
      } else if (event.key === "Escape" && !this.list.hidden) {
        event.preventDefault();
        this.close();
      } else if (event.key === "Backspace" && this.several && !this.box.value && this.values.length) {
        this.drop(this.values.length - 1);
      } else if (event.key === "Enter") {
        this.enter(event);
      }
    },

    enter: function (event) {
      const item = this.items[this.active];
      if (!item && !this.several && !this.options.first) { return; }
      event.preventDefault();
      event.stopPropagation();
      if (item && item.url) { window.location.assign(item.url); }
      if (item) { this.take(item); } else if (this.several) { this.keep(); } else { this.takeFirst(); }
    },

    takeFirst: async function () {
      window.clearTimeout(this.timer);
      await this.ask(this.box.value.trim());
      if (this.items.length) { this.take(this.items[0]); } else { this.tell(null); }
    },

    /** Follow the link of a suggestion (the browser does, once it is clicked), or write its value. */
    take: function (item) {
      if (item.url) {
        this.leaving = true;
      } else if (this.several) {
        this.add(item);
      } else {
        this.box.value = valueOf(item);
        this.close();
        this.tell(item);
      }
    },

    tell: function (item) {
      this.box.dispatchEvent(new CustomEvent("ecosphere:suggested", { detail: item, bubbles: true }));
      this.box.dispatchEvent(new Event("change", { bubbles: true }));
    },

    move: function (step) {
      // One more position than options: past either end, no option is active and the box is.
      const options = Array.from(this.list.querySelectorAll("[role=option]"));
      const places = options.length + 1;
      this.active = ((this.active + 1 + step + places) % places) - 1;
      options.forEach((option, rank) => option.setAttribute("aria-selected", String(rank === this.active)));
      this.box.removeAttribute("aria-activedescendant");
      if (this.active < 0) { return; }
      this.box.setAttribute("aria-activedescendant", options[this.active].id);
      options[this.active].scrollIntoView({ block: "nearest" });
    },

    close: function () {
      window.clearTimeout(this.timer);
      this.turn += 1;
      this.items = [];
      this.active = -1;
      this.list.hidden = true;
      this.status.textContent = "";
      this.box.setAttribute("aria-expanded", "false");
      this.box.removeAttribute("aria-activedescendant");
    },

    // Fields of several values.

    prepareSeveral: function () {
      this.field = this.box;
      this.values = this.split(this.field.value);
      this.titles = { ...this.options.titles };
      this.shown = part("ul", "eco-suggest-chosen", { "aria-label": this.options.chosen });
      this.box = part("input", "form-control", { type: "text", placeholder: this.options.label });
      ["aria-describedby", "aria-invalid", "aria-required"].forEach((name) => {
        if (this.field.hasAttribute(name)) { this.box.setAttribute(name, this.field.getAttribute(name)); }
      });
      // The label and the links of the error summary must lead to the search box.
      this.box.id = this.field.id;
      this.field.id += "-value";
      this.field.hidden = true;
      const place = part("div", "", {});
      place.append(this.shown, this.box);
      this.field.after(place);
      this.field.form.addEventListener("submit", () => this.keep());
      this.showValues();
    },

    split: (text) => text.split(BETWEEN).map((value) => value.trim()).filter(Boolean),

    add: function (item) {
      // Communes are stored by their label, which contains the code; datasets by name.
      const named = labelOf(item).includes("(" + valueOf(item) + ")");
      const value = named ? labelOf(item) : valueOf(item);
      this.titles[value] = labelOf(item);
      this.hold([value]);
      this.box.focus();
    },

    /** Keep what is typed although no suggestion was chosen: the server also accepts names and codes. */
    keep: function () {
      const typed = this.split(this.box.value);
      if (typed.length) { this.hold(typed); }
    },

    hold: function (values) {
      this.values = Array.from(new Set([...this.values, ...values]));
      this.box.value = "";
      this.close();
      this.showValues();
    },

    drop: function (rank) {
      this.values.splice(rank, 1);
      this.showValues();
      this.box.focus();
    },

    showValues: function () {
      this.field.value = this.values.join(this.options.separator);
      this.shown.hidden = this.values.length === 0;
      this.shown.replaceChildren(...this.values.map((value, rank) => {
        const title = Object.hasOwn(this.titles, value) ? this.titles[value] : value;
        const button = part("button", "btn btn-secondary btn-sm", { type: "button", "aria-label": this.options.remove + " " + title });
        button.textContent = title + " ×";
        button.addEventListener("click", () => this.drop(rank));
        const line = document.createElement("li");
        line.append(button);
        return line;
      }));
    }
  };
});
