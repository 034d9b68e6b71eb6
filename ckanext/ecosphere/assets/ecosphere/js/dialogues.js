/* Dialogues and notices of CKAN's confirm.js and toast.js: the button that closes them has an English name, and the
   dialogues have none. Named when they open, as CKAN's translations are loaded by then. */
"use strict";

(() => {
  const nameParts = (event) => {
    const box = event.target;
    const title = box.querySelector(".modal-title");
    box.querySelectorAll(".btn-close[aria-label='Close']").forEach((button) => {
      button.setAttribute("aria-label", ckan.i18n._("Close"));
    });
    if (title && !box.hasAttribute("aria-labelledby")) {
      title.id = title.id || `${box.id}-title`;
      box.setAttribute("aria-labelledby", title.id);
    }
  };
  document.addEventListener("show.bs.modal", nameParts);
  document.addEventListener("show.bs.toast", nameParts);
})();
