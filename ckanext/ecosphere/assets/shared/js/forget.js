/* Delete autosaved drafts from the browser: those of saved forms and, after log-out, all of them. A form whose submission
 * led to the log-in page or to an error was not saved: its draft is kept. */
(function () {
  "use strict";

  const PREFIX = "ecosphere:form:";

  /** Delete the drafts for which `stays(name, draft)` is false. */
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
      // Local storage is not available.
    }
  }

  /** Mark submitted drafts as not saved. */
  function keep() {
    try {
      Object.keys(window.localStorage)
        .filter((name) => name.startsWith(PREFIX))
        .forEach((name) => {
          const draft = JSON.parse(window.localStorage.getItem(name));
          if (draft && draft.sent) window.localStorage.setItem(name, JSON.stringify(Object.assign(draft, { sent: false })));
        });
    } catch (error) {
      // Local storage is not available, or holds another value under this prefix.
    }
  }

  window.ecosphere = Object.assign(window.ecosphere || {}, { forget });
  const mark = document.querySelector("[data-ecosphere-forget]");
  // A form that is shown again with errors was not saved.
  if (!mark || document.getElementById("form-errors")) return;
  if (mark.dataset.ecosphereForget === "none") keep();
  else forget((_name, draft) => mark.dataset.ecosphereForget === "saved" && !draft.sent);
})();
