/* Filters the values of a facet at once while a person types; without it the form asks the server. */
"use strict";

ckan.module("ecosphere-facet-find", function () {
  const fold = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, " ").trim();

  return {
    initialize: function () {
      const form = this.el[0];
      const input = form.querySelector("input[type=search]");
      const status = form.querySelector("[role=status]");
      const list = form.parentElement.querySelector(".eco-facet__list");
      if (!list) { return; }
      const show = (item, words) => {
        const below = Array.from(item.querySelectorAll(":scope > details > ul > li")).map((each) => show(each, words)).some(Boolean);
        const label = " " + fold(item.querySelector(".eco-facet__label").textContent);
        const fits = words.every((word) => label.includes(" " + word));
        item.hidden = !fits && !below;
        const details = item.querySelector(":scope > details");
        if (details && words.length) { details.open = below; }
        if (fits && !below) { item.querySelectorAll("li").forEach((each) => { each.hidden = false; }); }
        return fits || below;
      };
      input.addEventListener("input", () => {
        const words = fold(input.value).split(" ").filter(Boolean);
        const any = Array.from(list.children).map((item) => show(item, words)).some(Boolean);
        status.textContent = any ? "" : this.options.none;
      });
    }
  };
});
