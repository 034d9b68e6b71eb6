/* Filter the values of a facet while a person types; without this script the form asks the server.
 * Listens on the document because the facets are replaced with each search. */
"use strict";

(function () {
  const fold = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, " ").trim();

  const show = function (item, words) {
    const below = Array.from(item.querySelectorAll(":scope > details > ul > li")).map((each) => show(each, words)).some(Boolean);
    const label = " " + fold(item.querySelector(".eco-facet__label").textContent);
    const fits = words.every((word) => label.includes(" " + word));
    item.hidden = !fits && !below;
    const details = item.querySelector(":scope > details");
    if (details && words.length) { details.open = below; }
    if (fits && !below) { item.querySelectorAll("li").forEach((each) => { each.hidden = false; }); }
    return fits || below;
  };

  document.addEventListener("input", function (event) {
    const form = event.target.closest(".eco-facet__find");
    const list = form && form.parentElement.querySelector(".eco-facet__list");
    if (!list) { return; }
    const words = fold(event.target.value).split(" ").filter(Boolean);
    const any = Array.from(list.children).map((item) => show(item, words)).some(Boolean);
    form.querySelector("[role=status]").textContent = any ? "" : form.dataset.none;
  });
})();
