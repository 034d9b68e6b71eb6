/* The dataset form: what its scripts share, as window.ecosphere.form. Without scripts everything shows and works:
 * lists are plain check boxes, one empty row stands ready. */
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

  /** Open every folded part that an element stands in. */
  function reveal(element) {
    for (let parent = element.closest("details"); parent; parent = parent.parentElement.closest("details")) {
      parent.open = true;
    }
  }

  /** Go to the field that an address names, and put the focus where one can type. */
  function goTo(hash) {
    const target = hash.length > 1 && document.getElementById(decodeURIComponent(hash.slice(1)));
    if (!target) return;
    reveal(target);
    const typable = target.matches("input, select, textarea") ? target : target.querySelector("input:not([type=hidden]), select, textarea");
    target.scrollIntoView({ block: "start" });
    (typable || target).focus({ preventScroll: true });
  }

  /** What the inputs of a field hold, wherever they stand in the form. */
  function read(form, name) {
    const inputs = Array.from(form.elements).filter((element) => element.name === name && !element.closest("template"));
    return inputs
      .filter((element) => !["checkbox", "radio"].includes(element.type) || element.checked)
      .map((element) => element.value.trim())
      .filter(Boolean);
  }

  window.ecosphere = Object.assign(window.ecosphere || {}, { form: { fold, goTo, read } });
})();
