/* Shared functions of the dataset form, as window.ecosphere.form. Without scripts, everything is shown and works:
 * lists are plain check boxes, with one empty row;
 * a button asks for the long ones. */
(function () {
  "use strict";

  /** Fold a text as the server does: no case, accents or punctuation. */
  function fold(text) {
    return text
      .toLowerCase()
      .replace(/œ/g, "oe")
      .replace(/æ/g, "ae")
      .normalize("NFKD")
      .replace(/[\u0300-\u036f]/g, "")
      .replace(/[^0-9a-z]+/g, " ")
      .trim();
  }

  /** Open every collapsed section that contains an element. */
  function reveal(element) {
    for (let parent = element.closest("details"); parent; parent = parent.parentElement.closest("details")) {
      parent.open = true;
    }
  }

  /** Scroll to the field named by the URL fragment, and focus its input. */
  function goTo(hash) {
    const name = decodeURIComponent(hash.slice(1));
    const target = name && document.getElementById(name);
    const { complete, partOf } = window.ecosphere.form;
    const part = target ? null : partOf(name.replace("field-", ""));
    const arrive = () => {
      goTo(hash);
      document.dispatchEvent(new CustomEvent("ecosphere:field"));
    };
    if (part) complete(part).then(arrive, () => { part.open = true; });
    if (!target) return;
    reveal(target);
    const typable = target.matches("input, select, textarea") ? target : target.querySelector("input:not([type=hidden]), select, textarea");
    target.scrollIntoView({ block: "start" });
    (typable || target).focus({ preventScroll: true });
  }

  /** Return the values of a field's inputs, wherever they are in the form. */
  function read(form, name) {
    const inputs = Array.from(form.elements).filter((element) => element.name === name && !element.closest("template"));
    return inputs
      .filter((element) => !["checkbox", "radio"].includes(element.type) || element.checked)
      .map((element) => element.value.trim())
      .filter(Boolean);
  }

  const lists = new Map();

  /** Fetch a list of choices that the page leaves out, once for all its fields: [{ value, label, depth, terms }]. */
  function entries(url) {
    if (!lists.has(url)) {
      const asked = fetch(url, { headers: { Accept: "application/json" } })
        .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(answer.status))))
        .then((rows) => rows.map(([value, label, depth, terms]) => ({ value, label, depth, terms })));
      asked.catch(() => lists.delete(url));
      lists.set(url, asked);
    }
    return lists.get(url);
  }

  window.ecosphere = Object.assign(window.ecosphere || {}, { form: { entries, fold, goTo, read } });
})();
