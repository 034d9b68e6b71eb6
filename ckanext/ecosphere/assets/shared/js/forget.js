/* Drop what forms keep in this browser: what was saved, and after log-out all of it. A form that led to the log-in or to
 * an error was sent and not saved: what it holds stays. */
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

  /** Take what was sent for what was not saved. */
  function keep() {
    try {
      Object.keys(window.localStorage)
        .filter((name) => name.startsWith(PREFIX))
        .forEach((name) => {
          const draft = JSON.parse(window.localStorage.getItem(name));
          if (draft && draft.sent) window.localStorage.setItem(name, JSON.stringify(Object.assign(draft, { sent: false })));
        });
    } catch (error) {
      // A browser that keeps nothing, or something else under our name.
    }
  }

  window.ecosphere = Object.assign(window.ecosphere || {}, { forget });
  const mark = document.querySelector("[data-ecosphere-forget]");
  // A form that came back with errors was not saved.
  if (!mark || document.getElementById("form-errors")) return;
  if (mark.dataset.ecosphereForget === "none") keep();
  else forget((_name, draft) => mark.dataset.ecosphereForget === "saved" && !draft.sent);
})();
