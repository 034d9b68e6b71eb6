/* Drop what forms keep in this browser: what was saved, and after log-out all of it. */
(function () {
  "use strict";

  const PREFIX = "ecosphere:form:";

  /** Drop the drafts of which `stays` does not hold (name, draft). */
  function forget(stays) {
    try {
      Object.keys(window.localStorage)
        .filter((name) => name.startsWith(PREFIX))
        .forEach((name) => {
          let draft = null;
          try {
            draft = JSON.parse(window.localStorage.getItem(name));
          } catch (error) {
            draft = null;
          }
          if (!draft || !stays(name, draft)) window.localStorage.removeItem(name);
        });
    } catch (error) {
      // A browser that keeps nothing.
    }
  }

  window.ecosphere = Object.assign(window.ecosphere || {}, { forget });
  const mark = document.querySelector("[data-ecosphere-forget]");
  // A form that came back with errors was not saved.
  if (mark && !document.getElementById("form-errors")) forget((_name, draft) => mark.dataset.ecosphereForget === "saved" && !draft.sent);
})();
