/* The dataset form: the fields of a closed part, fetched when it is opened. The page has its values in hidden inputs. */
(function () {
  "use strict";

  const loading = new WeakMap();

  /** Replace the hidden inputs of a part by its fields, with their values; nothing if it has them. */
  function complete(part) {
    if (!part.dataset.part) return Promise.resolve();
    if (!loading.has(part)) {
      const asked = fetch(part.dataset.part, { method: "POST", credentials: "same-origin", body: new FormData(part.closest("form")) })
        .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(answer.status))))
        .then((text) => {
          const found = new DOMParser().parseFromString(text, "text/html").getElementById(part.id);
          part.replaceChildren(part.querySelector("summary"), ...Array.from(found.children).filter((child) => child.tagName !== "SUMMARY"));
          delete part.dataset.part;
          part.querySelectorAll("[data-module]").forEach((element) => ckan.module.initializeElement(element));
          part.dispatchEvent(new CustomEvent("ecosphere:rows", { bubbles: true }));
        });
      asked.catch(() => loading.delete(part));
      loading.set(part, asked);
    }
    return loading.get(part);
  }

  /** Return the part that has a field, by the name of its input. */
  function partOf(name) {
    const field = name.split("__")[0];
    const counts = Array.from(document.querySelectorAll("[data-part] [data-fields]"));
    const count = counts.find((each) => JSON.parse(each.dataset.fields).includes(field));
    return count ? count.closest("[data-part]") : null;
  }

  ckan.module("ecosphere-part", function () {
    return {
      initialize: function () {
        const part = this.el[0];
        const told = () => complete(part).catch(() => {
          part.querySelector("[data-part-status]").textContent = this.options.failed;
        });
        part.addEventListener("toggle", () => { if (part.open) told(); });
        if (part.open) told();
      },
    };
  });

  Object.assign(window.ecosphere.form, { complete, partOf });
})();
