/* The save bar: repeats the score of the form's panel, which may be out of sight, and publishes with one click. */
(function () {
  "use strict";

  ckan.module("ecosphere-form-bar", function () {
    return {
      initialize: function () {
        const bar = this.el[0].closest("form").querySelector(":scope > .form-actions");
        const content = document.querySelector("[data-quality-content]");
        if (!bar || !content) return;
        const score = document.createElement("span");
        score.className = "ecosphere-bar-score";
        score.setAttribute("aria-hidden", "true"); // the panel says it aloud
        bar.prepend(score);
        const show = () => {
          const badge = content.querySelector(".ecosphere-badge-line");
          score.replaceChildren(...(badge ? Array.from(badge.children).map((part) => part.cloneNode(true)) : []));
          score.querySelectorAll("[id]").forEach((part) => part.removeAttribute("id"));
        };
        new MutationObserver(show).observe(content, { childList: true, subtree: true });
        show();
      },
    };
  });

  /** A button that chooses the visibility “Published” and saves. */
  ckan.module("ecosphere-publish", function () {
    return {
      initialize: function () {
        const button = this.el[0];
        const visibility = button.form.elements.private;
        if (!visibility) return;
        button.hidden = false;
        button.addEventListener("click", () => {
          visibility.value = "False";
          button.form.requestSubmit(button.form.querySelector("button[name=save]"));
        });
      },
    };
  });
})();
